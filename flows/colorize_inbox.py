"""Colours every new drawing of the inbox, to the same path in the outbox, with the best checkpoint."""

from typing import Annotated

from prefect import State, flow
from prefect.exceptions import FailedRun
from pydantic import Field

from imaging.formats import LayerFile, lacking
from irodori.errors import PipelineError
from irodori.inbox import Finished, Inbox, look
from irodori.looks import looks, trained
from irodori.names import Name
from irodori.settings import settings
from tasks.batches import run_batches
from tasks.colorize import ClearJob, ColorizeJob, clear, colorize, draw_sheets, scan, waiting
from tasks.errors import plain_errors, run_task
from tasks.report import show_stages
from tasks.task_runner import task_runner

BATCH = 8


@flow(name="colorize-inbox", task_runner=task_runner())
@plain_errors
def colorize_inbox(
    model: Name = "default",
    settle_seconds: Annotated[float, Field(ge=0, le=3600)] = 2.0,
    credit: str = "",
    styles: list[Name] = [],  # noqa: B006 - Prefect's form shows it, nobody changes it
    variants: Annotated[int, Field(ge=1, le=64)] = 1,
    finished: Finished = "keep",
    recolour: bool = False,
    layers: list[LayerFile] = [],  # noqa: B006
) -> State[None] | None:
    """Colorize new drawings under inbox/ into outbox/; copies of unreadable files go to failed/ with the reason.

    Args:
        model: Name of the model that colours.
        settle_seconds: Seconds since a file's last change after which it counts as complete.
        credit: A line under the pages and contact sheets that names the artist of the drawings.
        styles: Names of several models to use instead of the one; each has its own folder in the outbox.
        variants: Number of palettes of each model; with more than one, each has its own folder in the outbox.
        finished: What becomes of a file once it is done: keep it, move it to done/ (or failed/), or delete it.
        recolour: Colour again the drawings that another checkpoint has coloured.
        layers: Files of layers beside each picture: ora, psd, labels.
    """
    if missing_package := lacking(layers):
        raise PipelineError(missing_package)
    inbox = Inbox(settings().storage)
    chosen = looks(inbox.storage_url, model, styles, variants)
    best, missing = trained(chosen)
    checkpoints = {name: served.checkpoint for name, served in best.items()} if recolour else {}
    plan = run_task(scan, inbox, list(chosen), settle_seconds, finished, checkpoints)
    problems: list[str] = []
    for name, works in plan.works.items():
        if works and name in best:
            job = ColorizeJob(inbox, best[name], settle_seconds, chosen[name].variant, recolour, credit, tuple(layers))
            try:
                run_batches(colorize, f"colorize {name}".strip(), works, BATCH, job)
            except FailedRun as error:  # the other styles may work
                problems.append(str(error))
    draw_sheets(inbox, credit)
    if any(plan.works.values()) or plan.leaving:
        leaving = look(inbox, list(chosen), settle_seconds, finished, checkpoints).leaving
        run_batches(clear, "clear inbox", leaving, 8 * BATCH, ClearJob(inbox, finished))
        show_stages("inbox", inbox.manifest.merge())
    left = [work for name, works in plan.works.items() if name not in best for work in works]
    if problems:
        raise PipelineError("; ".join(problems))
    return waiting(left, missing) if left else None
