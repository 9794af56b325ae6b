"""Measures the manifest of a million images in four stages against pandas with the whole table in memory.

Measured are recording a batch, asking which images remain, the summary and the merge. Each side runs in a new process,
one after the other, so that each has its own peak memory; pandas reads the table, adds a row and writes it. The third
side is our code again, on a SeaweedFS on this machine.
"""

import csv
import hashlib
import io
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd

from benchmarks.harness import print_result, print_table
from deploy.seaweed import SeaweedFS
from storage import Manifest, Row, open_storage
from storage.records import write_lines
from storage.row import COLUMNS

IMAGES = 1_000_000
KEY = "datasets/big/manifest.csv"
BATCH = 64
BAR = 1.5
MAX_MEGABYTES = 256


def make(path: Path, images: int) -> None:
    """Writes a manifest like that of a scraped board, with tags, addresses and fingerprints in the first stage's rows.

    Args:
        path: the file to write.
        images: number of images; half of them have a row in the last stage, too.
    """
    rng = random.Random(1)
    words = [f"some_tag_{number:03}" for number in range(400)]
    ids = sorted(f"safebooru.org:{4_000_000 + number}" for number in range(images))
    path.parent.mkdir(parents=True)
    with path.open("wb+") as ours, io.TextIOWrapper(ours, newline="") as file:
        write_lines((), ours)
        ours.seek(0, os.SEEK_END)
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        for stage in ("scrape", "dedupe", "resize", "normalize"):
            for image in ids[: images // 2] if stage == "normalize" else ids:
                table.writerow(_cells(image, stage, rng, words))


def _cells(image: str, stage: str, rng: random.Random, words: list[str]) -> dict[str, str]:
    digest = hashlib.sha256(image.encode()).hexdigest()
    cells = {"id": image, "domain": "A", "stage": stage, "status": "ok", "sha256": digest, "width": "256"}
    cells |= {"key": f"datasets/big/{stage}/A/{digest}.png", "updated_at": "2026-01-01T00:00:00.000000+00:00"}
    if stage == "scrape":
        cells |= {"tags": " ".join(rng.choices(words, k=30)), "thumb": digest * 4, "pixel_sha256": digest}
        cells |= {"file_url": f"https://safebooru.org//images/1/{digest[:32]}.jpg", "phash": digest[:16]}
    return cells


def ours(url: str) -> dict[str, float]:
    """Times each operation of a flow on its manifest and returns seconds by operation."""
    manifest = Manifest(open_storage(url), KEY)
    left: list[int] = []
    batch = [
        Row(f"safebooru.org:{9_000_000 + number}", "A", "scrape", "ok", tags="tag " * 60) for number in range(BATCH)
    ]
    steps: dict[str, Callable[[], object]] = {
        "record a batch": lambda: manifest.record(batch),
        "what is left": lambda: left.append(len(manifest.remaining("normalize", "A"))),
        "asked again": lambda: left.append(len(manifest.remaining("normalize", "A"))),
        "summary": manifest.summary,
        "merge": manifest.merge,
    }
    seconds = {name: _seconds(step) for name, step in steps.items()}
    assert left == [IMAGES // 2] * 2
    return seconds


def plain(url: str) -> dict[str, float]:
    """Times the same operations with the whole table in memory and returns seconds by operation."""
    folder = Path(urlsplit(url).path)
    path = folder / KEY
    tables: list[pd.DataFrame] = []

    def left() -> None:
        table = tables[0]
        resized = table[(table["stage"] == "resize") & (table["status"] == "ok")]
        done = table.loc[table["stage"] == "normalize", "id"]
        assert (~resized["id"].isin(done)).sum() == IMAGES // 2

    def write() -> None:
        added = pd.DataFrame({"id": ["safebooru.org:9"], "domain": "A", "stage": "scrape"}, columns=COLUMNS)
        pd.concat([tables[0], added]).to_csv(folder / "written.csv", index=False)

    def read() -> None:
        tables.append(pd.read_csv(path, dtype=str, keep_default_na=False))

    return {"read": _seconds(read), "what is left": _seconds(left), "merge": _seconds(write)}


def _seconds(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def _apart(side: str, url: str) -> dict[str, float]:
    """Measures a side in a new process and returns its seconds by operation and its peak memory in MB."""
    command = [sys.executable, "-m", "benchmarks.manifest", side, url]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    measured: dict[str, float] = json.loads(answer.splitlines()[-1])
    return measured


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="irodori-manifest-") as name, SeaweedFS(Path(name, "s3")) as s3:
        folder = Path(name)
        make(folder / KEY, IMAGES)
        size = (folder / KEY).stat().st_size
        os.environ.update(s3.environment)
        s3.create_bucket("manifest")
        open_storage("s3://manifest").upload(folder / KEY, KEY)
        whole, streamed = _apart("plain", folder.as_uri()), _apart("ours", folder.as_uri())
        remote = _apart("ours", "s3://manifest")
    rows = [
        [step, *(f"{side[step]:.2f}" if step in side else "" for side in (streamed, remote, whole))]
        for step in dict.fromkeys([*streamed, *whole])
    ]
    print(f"{IMAGES:,} images, {size / 1e6:,.0f} MB")
    print_table(["seconds, MB", "ours", "ours on S3", "pandas, whole"], rows)
    print_result(
        "manifest",
        (whole["read"] + whole["merge"]) / (streamed["record a batch"] + streamed["merge"]),
        BAR,
        holds=streamed["peak MB"] <= MAX_MEGABYTES,
        ratio_of_asking=round((whole["read"] + whole["what is left"]) / streamed["what is left"], 2),
        images=IMAGES,
        megabytes=round(size / 1e6),
        ours={name: round(value, 3) for name, value in streamed.items()},
        s3={name: round(value, 3) for name, value in remote.items()},
        pandas={name: round(value, 3) for name, value in whole.items()},
        max_megabytes=MAX_MEGABYTES,
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        figures = {"ours": ours, "plain": plain}[sys.argv[1]](sys.argv[2])
        print(json.dumps(figures | {"peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}))
    else:
        main()
