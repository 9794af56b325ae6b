"""What a run's identity depends on, and that every setting can be changed from forms and commands."""

import json
from typing import Any

import pytest
from pydantic import Field, ValidationError, create_model
from typer.testing import CliRunner

from cyclegan.methods.config import CycleGanConfig, LossConfig
from cyclegan.training import config as settings
from cyclegan.training.changes import changes
from cyclegan.training.config import FREE_TO_CHANGE, METHODS, MethodName, PresetName, TrainConfig, identity_of, preset
from irodori.cli.app import app
from irodori.errors import PipelineError
from irodori.overrides import OWNERS, PATHS, Overrides
from tests.factories import tiny_config


def test_an_identity_names_what_is_not_the_default_and_no_more() -> None:
    assert preset("paper").identity() == {}
    changed = preset("paper").changed({"method": {"losses": {"lambda_pseudo": 3}}, "seed": 4, "keep": 9})
    assert changed.identity() == {"method": {"losses": {"lambda_pseudo": 3.0}}, "seed": 4}
    assert changed.identity() == TrainConfig.model_validate(changed.model_dump()).identity()


def test_what_no_weights_depend_on_is_no_part_of_it() -> None:
    changed = tiny_config(device="auto", keep=7, keep_best=7, log_every=7, checkpoint_every=7, memory_gb=7, processes=2)
    assert changed.identity() == tiny_config().identity()
    assert {"device", "memory_gb"} <= FREE_TO_CHANGE


def test_a_new_setting_with_a_default_changes_no_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a later version would have it: a field in the training, and one deep inside the method."""
    before = {name: preset(name, "cyclegan").identity() for name in ("paper", "default", "small", "demo")}
    losses = create_model("LossConfig", __base__=LossConfig, lambda_new=(float, Field(0.0)))
    method = create_model("CycleGanConfig", __base__=CycleGanConfig, losses=(losses, losses()))
    later: Any = create_model("TrainConfig", __base__=TrainConfig, method=(method, method()), new=(int, 5))
    monkeypatch.setattr(settings, "TrainConfig", later)
    for name, identity in before.items():
        dumped = later.model_validate(preset(name, "cyclegan").model_dump()).model_dump()  # type: ignore[arg-type]
        assert "new" in dumped and "lambda_new" in dumped["method"]["losses"]
        assert identity_of(dumped) == identity
    assert identity_of({**later().model_dump(), "new": 6}) == {"new": 6}


def test_another_method_is_another_identity_even_with_all_its_defaults() -> None:
    dumped = TrainConfig().model_dump()
    assert identity_of({**dumped, "method": {**dumped["method"], "kind": "other"}}) == {"method": {"kind": "other"}}


def test_changes_are_named_with_both_values_and_free_ones_not() -> None:
    was = {"config": tiny_config().model_dump(), "data": {"num_a": 3}}
    now = {"config": tiny_config(seed=1, batch=4, keep=9).model_dump(), "data": {"num_a": 4}}
    assert list(changes(was, now)) == ["config.batch 2 → 4", "config.seed 0 → 1", "data.num_a 3 → 4"]


def leaves(dumped: dict[str, Any]) -> list[str]:
    found = []
    for name, value in dumped.items():
        found += leaves(value) if isinstance(value, dict) else [name] if name != "kind" else []
    return found


def test_every_setting_can_be_overridden_within_its_bounds_and_with_its_words() -> None:
    names = leaves({"method": TrainConfig().model_dump()["method"]})
    for method in METHODS:
        names += [name for name in leaves(preset("paper", method).model_dump()) if name not in names]
    assert list(Overrides.model_fields) == ["method", *PATHS]
    assert sorted(names) == sorted(PATHS)
    fields = Overrides.model_json_schema()["properties"]
    assert all(field["description"] for field in fields.values())
    assert [field["position"] for field in fields.values()] == list(range(len(names) + 1))
    assert fields["method"]["anyOf"][0] == {"enum": list(METHODS), "type": "string"}
    assert fields["lambda_l1"]["description"].endswith("; of method paired")
    assert fields["blocks"]["anyOf"][0] == {"type": "integer", "minimum": 1, "maximum": 32}
    assert fields["crop"]["anyOf"][0] == {"type": "integer", "minimum": 16, "maximum": 2048, "multipleOf": 4}
    assert fields["beta1"]["anyOf"][0] == {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
    assert fields["head"]["anyOf"][0] == {"enum": ["tanh", "line_keeping"], "type": "string"}


def test_an_override_arrives_where_it_belongs_and_an_empty_one_keeps_the_preset() -> None:
    assert Overrides().apply("paper") == preset("paper", "cyclegan")
    assert Overrides().apply("demo") == preset("demo", "paired")
    changed = Overrides(method="cyclegan", blocks=2, lambda_cycle_a=3.0, crop=64, seed=5, flip=False).apply("demo")
    section = {"generator": {"blocks": 2}, "losses": {"lambda_cycle_a": 3.0}}
    assert changed == preset("demo", "cyclegan").changed(
        {"method": section, "data": {"crop": 64, "flip": False}, "seed": 5}
    )
    assert json.loads(Overrides(blocks=2).model_dump_json(exclude_none=True)) == {"blocks": 2}


@pytest.mark.parametrize("name", list(PATHS))
def test_each_override_reaches_its_own_setting(name: str) -> None:
    schema = Overrides.model_json_schema()["properties"][name]["anyOf"][0]
    method = OWNERS[name][0]
    default: Any = preset("demo", method).model_dump()
    for part in PATHS[name]:
        default = default[part]
    other = {"boolean": not default, "integer": schema.get("maximum", 20), "number": 0.03125}.get(
        schema["type"], schema.get("enum", [0])[-1]
    )
    try:
        changed: Any = Overrides(method=method, **{name: other}).apply("demo").model_dump()
    except PipelineError as error:  # some cannot change alone
        assert "cannot go together" in str(error)
        return
    for part in PATHS[name]:
        changed = changed[part]
    assert changed == other


@pytest.mark.parametrize("name", ["paper", "default", "small", "demo"])
@pytest.mark.parametrize("method", METHODS)
def test_each_method_has_each_preset_and_its_runs_are_its_own(method: MethodName, name: PresetName) -> None:
    config = Overrides(method=method).apply(name)
    assert config == preset(name, method) == TrainConfig.model_validate(config.model_dump())
    assert config.method.kind == method and isinstance(config.method, METHODS[method])
    assert [other for other in METHODS if preset(name, other).identity() == config.identity()] == [method]


def test_a_method_is_chosen_by_one_word_and_what_it_does_not_have_is_a_line() -> None:
    assert Overrides(method="paired", lambda_l1=50.0).apply("demo").method.losses.lambda_l1 == 50.0  # type: ignore[union-attr]
    with pytest.raises(PipelineError, match=r"^lambda_cycle_a is no setting of method paired, but of cyclegan: leave"):
        Overrides(method="paired", lambda_cycle_a=3.0).apply("demo")
    with pytest.raises(PipelineError, match=r"method cyclegan has no generator.network 'unet'; choose 'resnet'"):
        Overrides(network="unet", shading=False).apply("paper")
    with pytest.raises(ValidationError, match=r"no such method.kind; choose one of cyclegan, paired"):
        TrainConfig.model_validate({"method": {"kind": "pixels"}})
    with pytest.raises(ValueError, match="no method 'pixels'; choose one of cyclegan"):
        preset("demo", "pixels")  # type: ignore[arg-type]


def test_a_config_from_before_there_were_methods_is_one_of_cyclegan() -> None:
    assert TrainConfig.model_validate({"method": {"pool": 7}}).method == CycleGanConfig(pool=7)


def test_settings_that_cannot_go_together_are_a_line() -> None:
    with pytest.raises(PipelineError, match=r"batch 1 cannot be shared by 2 processes; make it a multiple$"):
        Overrides(processes=2).apply("paper")


def call(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["train", *words], env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"})
    return done.exit_code, " ".join(done.output.split())


def test_the_command_has_every_setting_as_an_option_with_its_bounds() -> None:
    status, text = call("--help")
    assert status == 0
    assert all(f"--{name.replace('_', '-')}" in text for name in PATHS)
    assert (
        "[1<=x<=32]" in text and "<tanh|line_keeping>" in text and "(a multiple of 4)" in text and "(below 1)" in text
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--blocks", "99"], "less than or equal to 32"),
        (["--crop", "30"], "multiple of 4"),
        (["--beta1", "1"], "less than 1"),
        (["--head", "round"], "'round' is not one of 'tanh', 'line_keeping'"),
        (["--preset", "fast"], "'fast' is not one of 'paper', 'default', 'small', 'demo'"),
    ],
)
def test_the_command_refuses_what_no_training_can_have(words: list[str], told: str) -> None:
    status, text = call(*words)
    assert status == 2 and told in text and "Traceback" not in text


def test_the_command_says_what_cannot_go_together_before_anything_starts() -> None:
    done = CliRunner().invoke(app, ["train", "--processes", "2"])
    assert isinstance(done.exception, PipelineError) and "cannot be shared" in str(done.exception)
