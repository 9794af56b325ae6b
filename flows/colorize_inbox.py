"""Every new drawing in the inbox, to the same place in the outbox, with the best checkpoint."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from tasks.batches import run_batches, task_runner
from tasks.colorize import Inbox, colorize, draw_sheets, scan
from tasks.dataset import Name
from tasks.errors import plain_errors, run_task
from tasks.report import show_stages
from tasks.runs import Model
from tasks.settings import settings

BATCH = 16


@flow(name="colorize-inbox", task_runner=task_runner())
@plain_errors
def colorize_inbox(
    model: Name = "default",
    settle_seconds: Annotated[float, Field(ge=0, le=3600)] = 2.0,
    credit: str = "",
) -> None:
    """Colorize what is new under inbox/ into outbox/; what cannot be read goes to failed/ with its reason.

    Args:
        model: Which model colours.
        settle_seconds: How long a file must have been left alone before it counts as whole.
        credit: A line under the contact sheets, for whoever drew the drawings.
    """
    inbox = Inbox(settings().storage)
    new = run_task(scan, inbox, settle_seconds)
    if not new:
        return
    best = Model(inbox.storage_url, model).best()
    run_batches(colorize, "colorize", new, BATCH, inbox=inbox, best=best)
    draw_sheets(inbox, new, credit)
    show_stages("inbox", inbox.manifest.merge())
