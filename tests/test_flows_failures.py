"""build-dataset where downloads fail: above the limit it stops, up to the limit it goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from prefect import State

from demo.board import Board
from demo.drawings import Domain, Drawing
from demo.search import BoardPost
from flows.build_dataset import build_dataset
from storage import Manifest, open_storage
from tests.flow_factories import COLOUR, LINEART, QUICK

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.slow]

PER_DOMAIN, SIZE = 5, 48
KEY = "datasets/tiny/manifest.csv"


def posts(cut_lineart: int, cut_colour: int) -> list[BoardPost]:
    """Newest first: lineart and coloured portraits, of each so many that are cut off in the middle."""
    found: list[BoardPost] = []
    domains: tuple[tuple[Domain, int, int], ...] = (("A", 0, cut_lineart), ("B", 500, cut_colour))
    for domain, first, cut in domains:
        for place in range(PER_DOMAIN):
            drawing = Drawing(first + place)
            data = drawing.render(domain, 64)[: 900 if place < cut else None]
            tags = drawing.tags(domain).replace("sunglasses", "")
            found.append(BoardPost(id=100 + len(found), data=data, tags=tags, width=64, height=64))
    return found[::-1]


def build(cut_lineart: int, cut_colour: int, **changes: float) -> "State[None]":
    with Board(posts(cut_lineart, cut_colour)) as board:
        state: State[None] = build_dataset(
            "tiny", LINEART, COLOUR, SIZE, board.url, QUICK, **changes, return_state=True
        )
    return state


def entered(folder: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """How many of each stage and domain are ok, and how many failed."""
    summary = Manifest(open_storage(folder.as_uri()), KEY).summary()
    return {(counts["stage"], counts["domain"]): (counts["ok"], counts["failed"]) for counts in summary}


@pytest.mark.parametrize(
    ("changes", "limit"), [({}, "20%"), ({"max_failed": 0.39}, "39%"), ({"max_failed": 0.0}, "0%")]
)
def test_too_many_failed_downloads_end_the_run_in_one_line(
    tmp_path: Path, environment: Callable[..., None], changes: dict[str, float], limit: str
) -> None:
    environment(storage=tmp_path.as_uri())
    state = build(2, 0, **changes)
    assert state.is_failed()
    assert state.message == (
        f"scrape A: 2 of 5 images failed, more than the limit of {limit}: "
        "see the reasons in the manifest, then run again or raise max_failed"
    )
    assert entered(tmp_path) == {("scrape", "A"): (3, 2)}


def test_the_second_domain_counts_by_itself(tmp_path: Path, environment: Callable[..., None]) -> None:
    environment(storage=tmp_path.as_uri())
    state = build(0, 2, max_failed=0.3)
    assert state.is_failed() and str(state.message).startswith("scrape B: 2 of 5 images failed")
    assert set(entered(tmp_path)) == {("scrape", "A"), ("scrape", "B")}


@pytest.mark.parametrize(("cut", "changes"), [(2, {"max_failed": 0.4}), (1, {}), (5, {"max_failed": 1.0})])
def test_up_to_the_limit_the_run_goes_on(
    tmp_path: Path, environment: Callable[..., None], cut: int, changes: dict[str, float]
) -> None:
    environment(storage=tmp_path.as_uri())
    state = build(0, cut, **changes)
    assert state.is_completed(), state.message
    found = entered(tmp_path)
    assert found["scrape", "B"] == (PER_DOMAIN - cut, cut)
    assert found["normalize", "A"] == (PER_DOMAIN, 0)
