"""resize and normalize as Prefect runs them, beside the same functions called plainly by as many threads.

The sources are JPEGs of 1500 × 2000, as boards serve them; some files stand for all, so that the disk is not measured.
Processor time is that of this process, without the server's; it hardly depends on what else the machine does.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.harness import alternate, print_result, print_table
from benchmarks.prepare import make_file
from drills.server import prefect_server
from imaging.lineart import Normalization
from storage import Row

IMAGES = 2000
WARM_UP = 64
FILES = 12
SIZE = 256
BATCH = 128  # as in flows/build_dataset.py
WORKERS = 4
BAR = 0.95  # at most 5 % for orchestration


def new_dataset(folder: Path, name: str, images: int, files: list[bytes]) -> Any:
    """Scraped and deduplicated lineart."""
    from tasks.dataset import Dataset

    dataset = Dataset(folder.as_uri(), name)
    keys = [dataset.key("scrape", "A", f"{number:064}", "jpg") for number in range(FILES)]
    for key, data in zip(keys, files, strict=True):
        dataset.storage.write(key, data)
    size = {"width": "1500", "height": "2000"}
    dataset.manifest.record(
        Row(f"b:{number:05}", "A", "dedupe", "ok", key=keys[number % FILES], sha256=f"{number:064x}", **size)
        for number in range(images)
    )
    return dataset


def plainly(dataset: Any) -> None:
    from tasks.normalize import normalize
    from tasks.resize import resize

    def run(task: Any, stage: Any, **common: object) -> None:
        rows = list(dataset.remaining(stage, "A"))
        batches = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
        with ThreadPoolExecutor(WORKERS) as threads:
            list(threads.map(lambda batch: task.fn(batch, dataset=dataset, **common), batches))

    run(resize, "resize", size=SIZE)
    run(normalize, "normalize", normalization=Normalization())


def by_prefect(dataset: Any) -> None:
    from prefect import flow
    from prefect.task_runners import ThreadPoolTaskRunner

    from tasks.batches import run_batches
    from tasks.normalize import normalize
    from tasks.resize import resize

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=WORKERS))  # type: ignore[arg-type]
    def prepare() -> None:
        run_batches(resize, "resize A", dataset.remaining("resize", "A"), BATCH, dataset=dataset, size=SIZE)
        left = dataset.remaining("normalize", "A")
        run_batches(normalize, "normalize A", left, BATCH, dataset=dataset, normalization=Normalization())

    prepare()


def main() -> None:
    images = int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    with tempfile.TemporaryDirectory(prefix="irodori-pipeline-") as name, prefect_server(Path(name)):
        folder = Path(name)

        def side(name: str, run: Callable[[Any], None]) -> Callable[[], None]:
            def timed() -> None:
                start = time.process_time()
                run(datasets.pop(0))
                processor[name] = time.process_time() - start

            return timed

        processor: dict[str, float] = {}
        sizes = (WARM_UP, WARM_UP, images, images)
        files = [make_file(number) for number in range(FILES)]
        datasets = [new_dataset(folder / "data", f"d{number}", size, files) for number, size in enumerate(sizes)]
        seconds = alternate({"plain": side("plain", plainly), "Prefect": side("Prefect", by_prefect)}, rounds=1)
    rate = {name: images / value for name, value in seconds.items()}
    print_table(
        [f"{images:,} × 1500 × 2000 JPEG to {SIZE} and normalized", "seconds", "pictures/s", "processor seconds"],
        [[name, f"{seconds[name]:.1f}", f"{rate[name]:.1f}", f"{processor[name]:.1f}"] for name in seconds],
    )
    print_result(
        "pipeline",
        seconds["plain"] / seconds["Prefect"],
        BAR,
        images=images,
        orchestration_percent=round(100 * (1 - seconds["plain"] / seconds["Prefect"]), 1),
        processor_percent=round(100 * (1 - processor["plain"] / processor["Prefect"]), 1),
        pictures_per_second=round(rate["Prefect"], 1),
        workers=WORKERS,
    )


if __name__ == "__main__":
    main()
