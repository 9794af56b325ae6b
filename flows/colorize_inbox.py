"""Every new drawing in the inbox, to the same place in the outbox, with the best checkpoint."""

from itertools import chain
from typing import Annotated

from prefect import flow
from pydantic import Field

from tasks.batches import run_batches, task_runner
from tasks.colorize import clear, colorize, draw_sheets, scan
from tasks.dataset import Name
from tasks.errors import plain_errors, run_task
from tasks.inbox import Finished, Inbox, look
from tasks.report import show_stages
from tasks.runs import Model
from tasks.settings import settings

BATCH = 8


@flow(name="colorize-inbox", task_runner=task_runner())
@plain_errors
def colorize_inbox(
    model: Name = "default",
    settle_seconds: Annotated[float, Field(ge=0, le=3600)] = 2.0,
    credit: str = "",
    styles: list[Name] = [],  # noqa: B006 - Prefect's form shows it, nobody changes it
    finished: Finished = "keep",
    recolour: bool = False,
) -> None:
    """Colorize what is new under inbox/ into outbox/; what cannot be read goes to failed/ with its reason.

    Args:
        model: Which model colours.
        settle_seconds: How long a file must have been left alone before it counts as whole.
        credit: A line under the contact sheets, for whoever drew the drawings.
        styles: Several models in place of the one; each has its own folder in the outbox.
        finished: What becomes of a drawing in the inbox once it is coloured: keep it, move it to done/, or delete it.
        recolour: Colour again what another checkpoint has coloured.
    """
    inbox = Inbox(settings().storage)
    models = {style: Model(inbox.storage_url, style or model) for style in styles or [""]}
    checkpoints = {style: chosen.best()["checkpoint"] for style, chosen in models.items()} if recolour else {}
    plan = run_task(scan, inbox, list(models), settle_seconds, finished, checkpoints)
    if not any(plan.works.values()) and not plan.leaving:
        return
    how = {"settle_seconds": settle_seconds, "recolour": recolour}
    for style, works in plan.works.items():
        if works:
            best = models[style].best()
            run_batches(colorize, f"colorize {style}".strip(), works, BATCH, inbox=inbox, best=best, **how)
    draw_sheets(inbox, chain(*plan.works.values()), list(models), credit)
    leaving = look(inbox, list(models), settle_seconds, finished, checkpoints).leaving
    run_batches(clear, "clear inbox", leaving, 8 * BATCH, inbox=inbox, finished=finished)
    show_stages("inbox", inbox.manifest.merge())
