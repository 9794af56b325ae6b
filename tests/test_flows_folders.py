"""build-dataset from an artist's two folders, and again after the manifest went through pandas."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from prefect import State

from demo.drawings import Domain, Drawing
from flows.build_dataset import build_dataset
from scraping.filters import PostFilter
from storage import Manifest, open_storage
from tasks.scrape import Query

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.slow]

KEY = "datasets/tiny/manifest.csv"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three drawings and three pictures, beside what else lies in folders."""
    folders: tuple[tuple[str, Domain], ...] = (("ink", "A"), ("painted", "B"))
    for folder, domain in folders:
        (tmp_path / "source" / folder / "@eaDir").mkdir(parents=True)
        for number in range(3):
            path = tmp_path / "source" / folder / f"{number}.png"
            path.write_bytes(Drawing(number + 10 * (domain == "B")).render(domain, 64))
        (tmp_path / "source" / folder / "@eaDir" / "0.png").write_bytes(b"rubbish")
        (tmp_path / "source" / folder / "loop").symlink_to(tmp_path / "source")
        os.mkfifo(tmp_path / "source" / folder / "pipe.png")
    return tmp_path / "source"


def build(source: Path) -> "State[None]":
    tags = {name: Query(tags=name, filter=PostFilter(min_side=32)) for name in ("ink", "painted")}
    state: State[None] = build_dataset("tiny", tags["ink"], tags["painted"], 48, source.as_uri(), return_state=True)
    return state


def test_two_folders_are_built_whatever_lies_in_them_and_pandas_may_write_the_manifest(
    tmp_path: Path, source: Path, environment: Callable[..., None]
) -> None:
    storage = open_storage((tmp_path / "storage").as_uri())
    environment(storage=storage.url)
    assert build(source).is_completed()
    counts = {(row["stage"], row["domain"]): row for row in Manifest(storage, KEY).summary()}
    for domain in "AB":
        assert (counts["scrape", domain]["ok"], counts["scrape", domain]["failed"]) == (3, 2)
    assert counts["normalize", "A"]["ok"] == 3
    first = Manifest(storage, KEY).load().drop(columns="updated_at")
    table = pd.read_csv(io.BytesIO(storage.read(KEY)))
    storage.write(KEY, table[table.stage != "normalize"].to_csv(index=False).encode())
    assert build(source).is_completed()
    assert storage.read(KEY).startswith(b'"id",')
    again = Manifest(storage, KEY).load().drop(columns="updated_at")
    numbers = ["detail", "colour_mse", "colour_fraction"]
    for name in numbers:  # pandas writes 0.0 for 0.0000
        first[name], again[name] = (pd.to_numeric(table[name]) for table in (first, again))
    pd.testing.assert_frame_equal(again, first)


def test_a_manifest_that_a_spreadsheet_damaged_ends_the_run_in_one_line(
    tmp_path: Path, source: Path, environment: Callable[..., None]
) -> None:
    storage = open_storage((tmp_path / "storage").as_uri())
    environment(storage=storage.url)
    storage.write(KEY, b"id;domain;stage;status;phash\nx;A;scrape;ok;2.03E+15\n")
    state = build(source)
    assert state.is_failed()
    assert str(state.message).startswith(f"{KEY}, row 2, column phash: '2.03E+15' is no hash of 16 hex digits any more")
