"""full-pipeline as one small real run: what it is told reaches each of its three parts."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact

from cyclegan.painting.checkpoint import load_checkpoint
from demo.board import Board
from demo.drawings import Drawing
from flows.full_pipeline import full_pipeline
from scraping.politeness import Politeness
from storage import Manifest, Row, Storage, open_storage
from tests.flow_factories import COLOUR, LINEART, QUICK, TINY, posts

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.slow]

NAME, SIZE, CREDIT, CONTACT, SEED = "whole", 40, "drawn by nobody", "me@example.org", 5


@dataclass(frozen=True)
class Chain:
    """What one run has left: the storage, the requests that the board got."""

    storage: Storage
    board: Board

    def rows(self, stage: str, domain: str) -> list[Row]:
        return list(Manifest(self.storage, f"datasets/{NAME}/manifest.csv").rows(stage, domain))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def chain(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    from irodori.settings import settings

    storage = open_storage(tmp_path_factory.mktemp("chain").as_uri())
    storage.write("inbox/page/a.png", Drawing(3).render("A", 64))
    with Board(posts(20)) as board, pytest.MonkeyPatch.context() as patch:
        patch.setenv("IRODORI_STORAGE", storage.url)
        patch.setenv("IRODORI_SOURCE", "http://127.0.0.1:9")
        patch.setenv("IRODORI_PAGE", "http://127.0.0.1:8100/")
        settings.cache_clear()
        state = full_pipeline(
            name=NAME,
            lineart=LINEART,
            colour=COLOUR,
            size=SIZE,
            source=board.url,
            politeness=QUICK.model_copy(update={"contact": CONTACT}),
            wrong_domain="move",
            preset="paper",
            overrides=TINY.model_copy(update={"seed": SEED}),
            credit=CREDIT,
            return_state=True,
        )
        assert state.is_completed(), state.message
        yield Chain(storage, board)
    settings.cache_clear()


def test_each_query_fills_its_domain(chain: Chain) -> None:
    for domain, is_wanted in (("A", True), ("B", False)):
        found = [row for row in chain.rows("scrape", domain) if not row.moved_from]
        assert len(found) >= 20
        assert {"lineart" in row.tags.split() for row in found} == {is_wanted}
        assert sum(row.status == "ok" for row in found) >= 18


def test_size_and_wrong_domain_reach_the_dataset(chain: Chain) -> None:
    resized = [row for domain in "AB" for row in chain.rows("resize", domain) if row.status == "ok"]
    assert {min(int(row.width), int(row.height)) for row in resized} == {SIZE}
    assert [row.moved_from for row in chain.rows("scrape", "B") if row.moved_from] == ["A"]


def test_the_board_is_asked_as_politely_as_told(chain: Chain) -> None:
    assert {request.user_agent for request in chain.board.requests if request.path != "/robots.txt"} == {
        Politeness(contact=CONTACT).user_agent
    }


def test_preset_and_overrides_reach_the_training(chain: Chain) -> None:
    best = json.loads(chain.storage.read(f"models/{NAME}/best.json"))
    assert best["run"].startswith("paper-")
    checkpoint = chain.storage.open(best["checkpoint"])[0]
    with checkpoint:
        path = checkpoint.name
    config = load_checkpoint(path)["config"]
    generator = config["method"]["generator"]
    assert (config["seed"], generator["ngf"], config["data"]["crop"]) == (SEED, TINY.ngf, TINY.crop)
    assert {row.made_by for row in chain.rows("train", "A")} == {f"models/{NAME}/runs/{best['run']}/"}


def test_the_inbox_is_coloured_by_that_model_and_the_credit_is_given(chain: Chain) -> None:
    best = json.loads(chain.storage.read(f"models/{NAME}/best.json"))
    (row,) = Manifest(chain.storage, "inbox-manifest.csv").rows("colorize", "A")
    assert (row.id, row.status, row.made_by) == ("page/a.png", "ok", best["checkpoint"])
    assert f'"credit": "{CREDIT}"'.encode() in chain.storage.read("outbox/page/_before-after.html")
    sheets = artifacts(f"sheet-samples-{NAME}")
    assert sheets and all((sheet.description or "").endswith(CREDIT) for sheet in sheets)


def test_the_ui_shows_what_became_of_every_image_and_where_the_model_is(chain: Chain) -> None:
    best = json.loads(chain.storage.read(f"models/{NAME}/best.json"))
    tables = [json.loads(str(table.data)) for table in artifacts(f"stages-{NAME}")]
    summary = Manifest(chain.storage, f"datasets/{NAME}/manifest.csv").summary()
    assert [row for row in summary if row["stage"] != "train"] in tables and summary in tables
    inbox = artifacts("stages-inbox")[-1]
    assert json.loads(str(inbox.data)) == Manifest(chain.storage, "inbox-manifest.csv").summary()
    links = artifacts(f"best-checkpoint-{NAME}")
    assert any(f"{chain.storage.url}/{best['checkpoint']}" in str(link.data) for link in links)
    sheet = artifacts("sheet-outbox-page")[-1]
    assert "outbox/page/_contact-sheet.png" in str(sheet.data)
    assert "(http://127.0.0.1:8100/?inbox=page)" in str(sheet.data)


def artifacts(key: str) -> list[Artifact]:
    """The oldest first."""
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    return sorted(found, key=lambda artifact: str(artifact.created))
