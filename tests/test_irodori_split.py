"""Tests that versions of one drawing are all held out or all used for training, and nothing else changes the split."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.reframed import FRAMES
from demo.drawings import Domain, Drawing
from imaging.line_hash import line_hash
from irodori.datasets import Dataset
from irodori.split import split
from scraping.politeness import Politeness
from scraping.post import Post
from storage import Row, Stage
from tasks.scrape import ScrapeJob, scrape
from tasks.train import training_rows


def pictures(domain: Domain, number: int, **same: str) -> list[Row]:
    """Makes scrape rows whose digests begin with all hex digits equally often, in an order unrelated to the numbers."""
    return [
        Row(f"b:{domain}{n}", domain, "scrape", "ok", sha256=f"{n * 7919 % 65521:04x}{domain}", **same)
        for n in range(number)
    ]


def no_picture(key: str) -> None:
    """Stands for a storage without pictures: nothing can be laid over anything."""


def held_out(rows: Sequence[Row]) -> set[str]:
    return {row.id for row in rows if row.split == "held-out"}


def test_without_versions_the_first_by_content_are_held_out() -> None:
    origins = pictures("A", 100) + pictures("B", 50)
    rows = split(origins, origins, no_picture)
    assert [(row.id, row.domain) for row in rows] == [(row.id, row.domain) for row in origins]
    for domain, number in (("A", 8), ("B", 4)):
        mine = sorted((row for row in rows if row.domain == domain), key=lambda row: row.sha256)
        assert [row.split for row in mine] == ["held-out"] * number + ["train"] * (len(mine) - number)
    assert {row.group for row in rows} == {""}


def test_never_more_than_128_of_a_domain() -> None:
    origins = pictures("A", 2000)
    assert len(held_out(split(origins, origins, no_picture))) == 128


@pytest.mark.parametrize("link", ["id", "parent", "of_one_parent", "lines"])
def test_versions_stay_together(link: str) -> None:
    """Each of a hundred pairs of lineart and colour has one split, whatever links the two."""
    rng = np.random.default_rng(1)
    lineart, colour = pictures("A", 100), pictures("B", 100)
    for n in range(100):
        lines = rng.bytes(32).hex()
        ours, theirs = lineart[n], colour[n]
        if link == "id":
            theirs = replace(theirs, id=ours.id)
        elif link == "parent":
            theirs = replace(theirs, parent=ours.id)
        elif link == "of_one_parent":
            ours, theirs = replace(ours, parent=f"b:gone{n}"), replace(theirs, parent=f"b:gone{n}")
        else:
            ours, theirs = replace(ours, lines=lines), replace(theirs, lines=lines)
        lineart[n], colour[n] = ours, theirs
    rows = split(lineart + colour, colour + lineart, no_picture)
    assert [row.split for row in rows[:100]] == [row.split for row in rows[100:]]
    assert [row.group for row in rows[:100]] == [row.group for row in rows[100:]]
    assert len({row.group for row in rows} - {""}) == 100
    assert Counter(row.split for row in rows) == {"held-out": 16, "train": 184}


def test_the_order_of_the_rows_decides_nothing() -> None:
    rng = np.random.default_rng(2)
    origins = [replace(row, parent=f"b:parent{rng.integers(30)}") for row in pictures("A", 90) + pictures("B", 90)]
    shuffled = [origins[place] for place in rng.permutation(len(origins))]
    assert set(split(shuffled, shuffled[::-1], no_picture)) == set(split(origins, origins, no_picture))


def test_a_chain_of_resemblances_is_not_one_drawing() -> None:
    origins = [replace(row, parent=f"b:A{n + 1}") for n, row in enumerate(pictures("A", 1000))]
    rows = split(origins, origins, no_picture)
    assert max(Counter(row.group for row in rows).values()) <= 64
    assert 16 <= len(held_out(rows)) <= 80


def test_training_keeps_drawings_and_their_colourings_together(tmp_path: Path) -> None:
    """Goes from files to the rows that a training uses, with both versions of 40 drawings."""
    dataset = Dataset((tmp_path / "storage").as_uri(), "pairs")
    domains: tuple[Domain, ...] = ("A", "B")
    for domain in domains:
        posts = []
        for seed in range(3000, 3040):
            path = tmp_path / f"{domain}{seed}.png"
            path.write_bytes(Drawing(seed).render(domain, 128))
            posts.append(Post(id=path.as_uri(), file_url=path.as_uri(), post_url=path.as_uri()))
        scrape.fn(posts, ScrapeJob(dataset, domain, tmp_path.as_uri(), Politeness()))
        last: Sequence[Row] = [
            replace(row, stage="normalize" if domain == "A" else "resize", lines="")
            for row in dataset.manifest.rows("scrape", domain)
        ]
        dataset.manifest.record(last)
    rows = training_rows(dataset)
    seeds = {
        domain: {row.id[-8:-4] for row in rows if row.domain == domain and row.split == "held-out"}
        for domain in domains
    }
    assert seeds["A"] == seeds["B"] and len(seeds["A"]) >= 2
    assert [row.domain for row in rows] == ["A"] * 40 + ["B"] * 40


def test_line_hashes_are_of_the_scraped_picture(tmp_path: Path) -> None:
    dataset = Dataset((tmp_path / "storage").as_uri(), "one")
    data = Drawing(1).render("B", 128)
    (tmp_path / "a.png").write_bytes(data)
    url = (tmp_path / "a.png").as_uri()
    posts = [Post(id=url, file_url=url, post_url=url, parent="b:7")]
    scrape.fn(posts, ScrapeJob(dataset, "B", tmp_path.as_uri(), Politeness()))
    (row,) = dataset.manifest.rows("scrape", "B")
    assert row.lines == line_hash(Image.open(io.BytesIO(data)).convert("RGB")) and row.parent == "b:7"


def test_versions_in_another_frame_stay_together(tmp_path: Path) -> None:
    """Goes from files to the rows that a training uses: the colourings are mirrored, cropped and have borders."""
    dataset = Dataset((tmp_path / "storage").as_uri(), "pairs")
    frames = [FRAMES[name] for name in ("mirrored", "cropped 5 %", "black border", "mirrored, with a border")]
    domains: tuple[Domain, ...] = ("A", "B")
    for domain in domains:
        posts = []
        for number, seed in enumerate(range(3000, 3028)):
            path = tmp_path / f"{domain}{seed}.png"
            image = Image.open(io.BytesIO(Drawing(seed).render(domain, 160))).convert("RGB")
            (image if domain == "A" else frames[number % 4](image)).save(path)
            posts.append(Post(id=path.as_uri(), file_url=path.as_uri(), post_url=path.as_uri()))
        scrape.fn(posts, ScrapeJob(dataset, domain, tmp_path.as_uri(), Politeness()))
        stage: Stage = "normalize" if domain == "A" else "resize"
        last = [replace(row, stage=stage, lines="", crops="") for row in dataset.manifest.rows("scrape", domain)]
        dataset.manifest.record(last)
    group = {(row.domain, row.id[-8:-4]): row.group for row in training_rows(dataset)}
    together = [
        bool(group["A", f"{seed}"]) and group["A", f"{seed}"] == group["B", f"{seed}"] for seed in range(3000, 3028)
    ]
    assert sum(together) >= 26
