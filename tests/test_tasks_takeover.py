"""Which run a model serves when it is trained again with other settings: the better one, and never one half-trained.

Every run has two steps with a checkpoint each; its averaged weights paint as domain B, or nothing, which scores 0.
"""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import torch
from prefect import State

from flows.train_cyclegan import train_cyclegan
from irodori.models import Model
from storage import Storage, open_storage
from tests.factories import Stop
from tests.handmade import COLOURED, WHITE
from tests.reds import QUICK, fill, set_weights

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.slow]

torch.set_num_threads(1)
TWO_STEPS = {
    "constant_epochs": 0.15,
    "warm_up_epochs": 0,
    "decay_epochs": 0,
    "batch": 4,
}
TWO_STEPS |= {"checkpoint_every": 1, "log_every": 1}
Train = Callable[..., "State[str]"]


@pytest.fixture(scope="module")
def reds(tmp_path_factory: pytest.TempPathFactory) -> Storage:
    """The storage of all tests here; each has a model of its own."""
    storage = open_storage(tmp_path_factory.mktemp("reds").as_uri())
    fill(storage)
    return storage


@pytest.fixture
def train(
    reds: Storage, environment: Callable[..., None], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Train:
    """Trains this test's model; the seed makes another run of it."""
    environment(storage=reds.url)

    def run(seed: int, region: int, after: Callable[[int], None] = lambda step: None, serve: bool = False) -> Any:
        overrides = QUICK.model_copy(update=TWO_STEPS | {"seed": seed})
        with monkeypatch.context() as patch:
            set_weights(patch, lambda step: region, after)
            return train_cyclegan("reds", name_of(request), "demo", overrides, serve=serve, return_state=True)

    return run


def name_of(request: pytest.FixtureRequest) -> str:
    return request.node.name[:60]


@pytest.fixture
def model(reds: Storage, request: pytest.FixtureRequest) -> Model:
    return Model(reds.url, name_of(request))


def page(model: Model, run: str) -> dict[str, Any]:
    text = model.storage.read(f"models/{model.name}/runs/{run}/index.html").decode()
    found = re.search(r'<script type="application/json" id="run">(.*?)</script>', text, re.S)
    assert found
    standing: dict[str, Any] = json.loads(found[1])["standing"]
    return standing


def test_a_worse_run_never_takes_over_and_both_scores_are_shown(
    train: Train, model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    good = train(1, COLOURED).result()
    best = model.best()
    served: list[str] = []
    bad = train(2, WHITE, after=lambda step: served.append(model.best().run)).result()
    assert served == [good, good]
    assert model.best() == best
    both = f"run {good}, step {best.step} (score {best.score:.1f} on the same drawings)"
    assert f"Until it has finished with a higher score, the model serves {both}." in caplog.text
    assert f"The model goes on serving {both}; train again with serve (irodori train --serve)" in caplog.text
    assert "score 0.0 on drawings not used to choose" in caplog.text
    standing = page(model, bad)
    assert not standing["serves"] and both in standing["beside"]
    assert page(model, good) == {"serves": True, "beside": ""}
    # asked to do it again it has nothing to do, and does not serve but when the user says so
    assert train(2, WHITE).result() == bad and model.best() == best
    assert "serves another run" in caplog.text
    assert train(2, WHITE, serve=True).result() == bad
    assert model.best().run == bad


def test_a_better_run_takes_over_when_it_has_finished_and_not_before(
    train: Train, model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    first, served = train(1, WHITE).result(), []

    def stop(step: int) -> None:
        served.append(model.best().run)
        if step == 2:
            raise Stop

    with suppress(Stop):  # all steps are made, but it is killed before its end
        train(2, COLOURED, after=stop)
    assert served == [first, first] and model.best().run == first
    better = train(2, COLOURED).result()
    assert model.best().run == better and model.best().score > 10
    assert f"It took over from run {first}, step" in caplog.text
    assert page(model, better)["serves"] and "(score 0.0 on the same drawings)" in page(model, better)["beside"]
    # killed after best.json and before its result: the next one only writes the result
    model.storage.delete(f"models/{model.name}/runs/{better}/result.json")
    best = model.best()
    assert train(2, COLOURED).result() == better and model.best() == best
    assert model.storage.exists(f"models/{model.name}/runs/{better}/result.json")


def test_the_first_run_serves_from_its_first_checkpoint_and_another_if_the_user_says_so(
    train: Train, model: Model
) -> None:
    served: list[str] = []

    def stop(step: int) -> None:
        if step == 2:
            served.append(model.best().run)
            raise Stop

    for seed, region in ((1, COLOURED), (2, WHITE)):
        with suppress(Stop):
            train(seed, region, after=stop, serve=seed == 2)
    first, second = served
    assert first != second
    train(1, COLOURED)  # resumed, it is the better one
    assert model.best().run == first


def test_what_cannot_be_loaded_serves_until_another_run_has_finished(train: Train, model: Model) -> None:
    first, served = train(1, COLOURED).result(), []
    model.storage.write(model.best().checkpoint, b"cut off")
    second = train(2, WHITE, after=lambda step: served.append(model.best().run)).result()
    assert served == [first, first] and model.best().run == second
    assert "not a whole checkpoint" in page(model, second)["beside"]


def test_a_damaged_best_json_is_said_before_the_training(train: Train, model: Model) -> None:
    model.storage.write(model.best_key, b'{"checkpoint": "models/')
    state = train(1, COLOURED)
    assert state.is_failed() and f"{model.best_key} does not say what the model serves" in str(state.message)
    assert "\n" not in str(state.message)
    assert not [entry for entry in model.storage.list(f"models/{model.name}/") if entry.key.endswith(".pt")]
    assert model.storage.read(model.best_key) == b'{"checkpoint": "models/'
