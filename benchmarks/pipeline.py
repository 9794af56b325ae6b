"""Measures what Prefect costs: 2,000 drawings from a folder to normalized lineart, with it and with plain threads.

Both sides call the same functions with the same number of threads. The drawings are JPEGs of 1500 × 2000 px, as boards
serve them. Processor time is that of this process without the server; other load on the machine hardly changes it.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.harness import alternate, print_result, print_table
from deploy.prefect_server import prefect_server
from imaging.lineart import Normalization

IMAGES, ROUNDS, WARM_UP = 2000, 3, 64
SIZE = 256
WORKERS = 4
BAR = 0.95  # orchestration may cost at most 5 %


def draw_pages(folder: Path, count: int) -> None:
    """Draws white pages with random lines as JPEG files into a new folder."""
    folder.mkdir(parents=True)
    for number in range(count):
        rng = np.random.default_rng(number)
        page = np.full((2000, 1500), 255, np.uint8)
        for corners in rng.integers(0, (1500, 2000), (40, 6, 2)):
            cv2.polylines(page, [corners.astype(np.int32)], False, int(rng.integers(0, 120)), 5, cv2.LINE_AA)
        cv2.imwrite(str(folder / f"{number:05}.jpg"), page, [cv2.IMWRITE_JPEG_QUALITY, 90])


def chain(dataset: Any, source: str, call: Callable[..., Any], in_batches: Callable[..., Any]) -> None:
    """Runs the steps of build-dataset for one domain.

    Args:
        dataset: the dataset to build.
        source: URL of the folder of drawings.
        call: calls a task with arguments and returns its result.
        in_batches: calls a task on batches of items; takes the task, the items, the largest batch and the job that
            all batches share.
    """
    from flows.build_dataset import IMAGE_BATCH, SCRAPE_BATCH
    from scraping.politeness import Politeness
    from tasks.dedupe import dedupe
    from tasks.normalize import NormalizeJob, normalize
    from tasks.resize import ResizeJob, resize
    from tasks.scrape import Query, ScrapeJob, list_posts, scrape

    polite = Politeness()
    posts = call(list_posts, dataset, "A", source, Query(), polite)
    in_batches(scrape, posts, SCRAPE_BATCH, ScrapeJob(dataset, "A", source, polite))
    call(dedupe, dataset, "A")
    in_batches(resize, dataset.remaining("resize", "A"), IMAGE_BATCH, ResizeJob(dataset, SIZE))
    left = dataset.remaining("normalize", "A")
    in_batches(normalize, left, IMAGE_BATCH, NormalizeJob(dataset, Normalization()))
    dataset.manifest.merge()


def plainly(dataset: Any, source: str) -> None:
    from prefect.logging import disable_run_logger

    from tasks.batches import batch_size

    def call(task: Any, *arguments: Any) -> Any:
        return task.fn(*arguments)

    def in_batches(task: Any, items: Any, most: int, job: Any) -> None:
        rows, size = list(items), batch_size(items, most)
        batches = [rows[start : start + size] for start in range(0, len(rows), size)]
        with ThreadPoolExecutor(WORKERS) as threads:
            list(threads.map(partial(task.fn, job=job), batches))

    with disable_run_logger():
        chain(dataset, source, call, in_batches)


def by_prefect(dataset: Any, source: str) -> None:
    from prefect import flow
    from prefect.task_runners import ThreadPoolTaskRunner

    from tasks.batches import batch_size, run_batches
    from tasks.errors import run_task

    def in_batches(task: Any, items: Any, most: int, job: Any) -> None:
        run_batches(task, task.name, items, batch_size(items, most), job)

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=WORKERS))  # type: ignore[arg-type]
    def build() -> None:
        chain(dataset, source, run_task, in_batches)

    build()


def main() -> None:
    images = int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    processor: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="irodori-pipeline-") as name, prefect_server(Path(name)):
        from irodori.datasets import Dataset

        folder = Path(name)
        for count in (WARM_UP, images):
            draw_pages(folder / str(count), count)

        def side(name: str, run: Callable[[Any, str], None]) -> Callable[[], None]:
            def timed() -> None:
                source = (folder / str(next(counts[name]))).as_uri()
                before = time.process_time()
                run(Dataset((folder / "data").as_uri(), f"{name}-{len(processor[name])}"), source)
                processor[name].append(time.process_time() - before)

            processor[name] = []
            return timed

        counts: dict[str, Iterator[int]] = {name: iter([WARM_UP] + [images] * ROUNDS) for name in ("plain", "prefect")}
        seconds = alternate({"plain": side("plain", plainly), "prefect": side("prefect", by_prefect)}, ROUNDS)
    rate = {name: images / value for name, value in seconds.items()}
    cost = {name: statistics.median(values[1:]) for name, values in processor.items()}
    print_table(
        [f"{images:,} × 1500 × 2000 JPEG to {SIZE} and normalized", "seconds", "pictures/s", "processor seconds"],
        [[name, f"{seconds[name]:.1f}", f"{rate[name]:.1f}", f"{cost[name]:.1f}"] for name in seconds],
    )
    print_result(
        "pipeline",
        seconds["plain"] / seconds["prefect"],
        BAR,
        images=images,
        orchestration_percent=round(100 * (1 - seconds["plain"] / seconds["prefect"]), 1),
        processor_percent=round(100 * (1 - cost["plain"] / cost["prefect"]), 1),
        pictures_per_second=round(rate["prefect"], 1),
        workers=WORKERS,
    )


if __name__ == "__main__":
    main()
