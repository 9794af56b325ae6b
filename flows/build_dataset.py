"""Builds a dataset from tags on a board: scrape → dedupe → resize → normalize."""

from typing import Annotated, Literal

from prefect import flow
from pydantic import Field

from imaging.lineart import Normalization
from irodori.datasets import Dataset, Domain, Name
from irodori.settings import settings
from irodori.sources import is_stored, subfolder
from scraping.politeness import Politeness
from tasks.batches import batch_size, check_failures, run_batches
from tasks.dataset_report import write_report
from tasks.dedupe import dedupe
from tasks.errors import plain_errors, run_task
from tasks.normalize import NormalizeJob, normalize
from tasks.report import show_stages
from tasks.resize import ResizeJob, resize
from tasks.scrape import Query, ScrapeJob, list_posts, scrape
from tasks.task_runner import shared, task_runner

SCRAPE_BATCH, IMAGE_BATCH = 32, 256  # at most; small batches mean more task runs, which cost CPU time


@flow(name="build-dataset", task_runner=task_runner())
@plain_errors
def build_dataset(
    dataset: Name = "default",
    lineart: Query = Query(),  # noqa: B008 - frozen
    colour: Query = Query(),  # noqa: B008
    size: Annotated[int, Field(ge=32, le=2048)] = 286,
    source: str | None = None,
    politeness: Politeness = Politeness(),  # noqa: B008 - frozen
    max_failed: Annotated[float, Field(ge=0, le=1)] = 0.2,
    wrong_domain: Literal["drop", "move"] = "drop",
    teaches_little: Literal["drop", "keep"] = "drop",
) -> None:
    """Scrape both domains, drop copies, resize, and normalize the lineart. Another run processes only new pictures.

    Args:
        dataset: Name of the dataset; a folder under datasets/.
        lineart: Domain A, the drawings without colour: tags, or a folder within the source.
        colour: Domain B, the pictures to learn colour from: tags, or a folder within the source.
        size: Shortest side of the training pictures, in pixels; crops of 256 are taken from 286, as in the paper.
        source: Board to scrape, or file:///folder or s3://bucket/prefix; by default the value of IRODORI_SOURCE.
        politeness: Rate limits, retries and timeouts for requests to the board.
        max_failed: Share of failed downloads above which the run stops.
        wrong_domain: What becomes of grey pictures under the colour tags, and of coloured ones under the lineart tags.
        teaches_little: What becomes of colour pictures that are grey, nearly all dark, or mostly text.
    """
    target = Dataset(settings().storage, dataset)
    normalization = Normalization()
    target.fix(size, normalization)
    source = source or settings().source
    keep = teaches_little == "keep"
    target.manifest.merge()  # takes over what a killed run, pandas or a spreadsheet left, so that it is read only once
    domains: list[tuple[Domain, Query, Query]] = [("A", lineart, colour), ("B", colour, lineart)]
    for domain, query, other in domains:
        place = subfolder(source, query.tags) if is_stored(source) else source
        move_to = other.filter if wrong_domain == "move" else None
        posts = run_task(list_posts, target, domain, place, query, politeness, move_to, keep)
        job = ScrapeJob(target, domain, place, shared(politeness), move_to, keep)
        counts = run_batches(scrape, f"scrape {domain}", posts, batch_size(posts, SCRAPE_BATCH), job)
        check_failures(counts, f"scrape {domain}", max_failed)
    for domain, *_ in domains:  # after both are scraped, because pictures may move from one to the other
        run_task(dedupe, target, domain)
        scraped = target.remaining("resize", domain)
        batch = batch_size(scraped, IMAGE_BATCH)
        run_batches(resize, f"resize {domain}", scraped, batch, ResizeJob(target, size))
    resized = target.remaining("normalize", "A")
    batch = batch_size(resized, IMAGE_BATCH)
    run_batches(normalize, "normalize A", resized, batch, NormalizeJob(target, normalization))
    show_stages(dataset, target.manifest.merge())
    run_task(write_report, target)
