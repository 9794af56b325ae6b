"""Tests that deduplication drops copies in another frame and keeps the better one, and keeps other versions."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from prefect.logging import disable_run_logger

from benchmarks.reframed import FRAMES, VERSIONS
from demo.pictures import portrait
from irodori.datasets import Dataset
from scraping.politeness import Politeness
from scraping.post import Post
from storage import Row
from tasks.dedupe import dedupe
from tasks.scrape import ScrapeJob, scrape

PICTURE = Image.fromarray(portrait(3003, "B", 384)).crop((80, 90, 300, 310))  # without margins


def scraped(dataset: Dataset, folder: Path, pictures: dict[str, Image.Image]) -> None:
    posts = []
    for name, image in pictures.items():
        image.save(folder / f"{name}.png", compress_level=1)
        url = (folder / f"{name}.png").as_uri()
        posts.append(Post(id=url, file_url=url, post_url=url))
    scrape.fn(posts, ScrapeJob(dataset, "B", folder.as_uri(), Politeness()))


def kept(dataset: Dataset) -> dict[str, str]:
    """Dedupes; returns for each picture the one that is kept instead, "" for itself."""
    with disable_run_logger():
        dedupe.fn(dataset, "B")
    return {_name(row.id): _name(row.duplicate_of) for row in dataset.manifest.rows("dedupe", "B")}


def _name(url: str) -> str:
    return Path(url).stem


def test_copies_in_another_frame_are_dropped_and_versions_stay(dataset: Dataset, tmp_path: Path) -> None:
    copies = {
        f"copy-{number}": FRAMES[frame](PICTURE)
        for number, frame in enumerate(("mirrored", "black border", "white border", "cropped 5 %"))
    }
    another = Image.fromarray(portrait(3002, "B", 256))
    others = {"another": another, "recoloured": VERSIONS["other colours"](PICTURE)}
    scraped(dataset, tmp_path, copies | {"a-whole": PICTURE} | others)
    assert kept(dataset) == dict.fromkeys(copies, "a-whole") | dict.fromkeys(["a-whole", *others], "")
    reasons = {row.reason for row in dataset.manifest.rows("dedupe", "B") if row.status == "dropped"}
    assert reasons == {"same as another picture but for mirroring, cropping or a border"}


def _without_crops(row: Row) -> Row:
    return replace(row, crops="")


def _without_lines(row: Row) -> Row:
    return replace(row, crops="", lines="")


@pytest.mark.parametrize(("older", "dropped"), [(_without_crops, "a"), (_without_lines, "")])
def test_a_manifest_from_before_these_hashes_goes_on(
    older: Callable[[Row], Row], dropped: str, dataset: Dataset, tmp_path: Path
) -> None:
    """A picture that was kept stays; its mirrored copy is found by the hash that older rows have, if any."""
    scraped(dataset, tmp_path, {"a": PICTURE})
    assert kept(dataset) == {"a": ""}
    dataset.manifest.record([older(row) for row in dataset.manifest.rows("scrape", "B")])
    scraped(dataset, tmp_path, {"b": FRAMES["mirrored"](PICTURE)})
    assert kept(dataset) == {"a": "", "b": dropped}


def test_a_picture_once_kept_stays_even_if_it_is_the_crop(dataset: Dataset, tmp_path: Path) -> None:
    scraped(dataset, tmp_path, {"crop": FRAMES["cropped 5 %"](PICTURE)})
    assert kept(dataset) == {"crop": ""}
    scraped(dataset, tmp_path, {"whole": PICTURE})
    assert kept(dataset) == {"crop": "", "whole": "crop"}


@pytest.mark.parametrize("harm", ["gone", "cut off"])
def test_what_can_no_longer_be_read_is_kept(harm: str, dataset: Dataset, tmp_path: Path) -> None:
    scraped(dataset, tmp_path, {"a": PICTURE, "b": FRAMES["mirrored"](PICTURE)})
    for path in (tmp_path / "storage").rglob("scrape/B/*.png"):
        path.unlink() if harm == "gone" else path.write_bytes(path.read_bytes()[:200])
    assert kept(dataset) == {"a": "", "b": ""}
