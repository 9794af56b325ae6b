"""Tests that every backend gives the colours of the trained network."""

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cyclegan.painting import backend
from cyclegan.painting.backend import Trial, as_seen, fastest, speed_up, try_all
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.layers import Layers
from cyclegan.painting.openvino_layers import OpenVinoLayers, convert, quantize
from cyclegan.painting.painter import Painter
from cyclegan.painting.winograd import WinogradConv, with_winograd
from tests.factories import untrained

pytestmark = pytest.mark.slow

torch.set_num_threads(1)


def painter(upsample: str = "nearest", seed: int = 0) -> Painter:
    settings = {"blocks": 2, "ngf": 8, "head": "line_keeping", "upsample": upsample, "palette": 4}
    return untrained(GeneratorConfig.model_validate(settings), seed)


def lineart(count: int = 8, side: int = 48) -> Tensor:
    """Draws a few strokes on each page, (n, side, side) uint8."""
    page = np.full((count, side, side), 255, np.uint8)
    for number, (x, y) in enumerate(np.random.default_rng(0).integers(4, side - 4, (count, 2))):
        page[number, y, :], page[number, :, x] = 180, 190
    return torch.from_numpy(page)


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("size", [(3, 3), (4, 9), (33, 18), (70, 130)])
@pytest.mark.parametrize("bias", [True, False])
def test_winograd_is_a_convolution(padding: int, size: tuple[int, int], bias: bool) -> None:
    torch.manual_seed(0)
    conv, x = nn.Conv2d(5, 7, 3, padding=padding, bias=bias), torch.randn(2, 5, *size)
    torch.testing.assert_close(WinogradConv(conv)(x), conv(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("upsample", ["nearest", "transposed"])
@pytest.mark.parametrize("size", [(16, 16), (20, 36), (64, 40)])
def test_a_whole_generator_is_the_same_with_winograd(upsample: str, size: tuple[int, int]) -> None:
    layers, x = painter(upsample).network, torch.rand(2, 3, *size) * 2 - 1
    before = {name: value.clone() for name, value in layers.state_dict().items()}
    with torch.inference_mode():
        expected = layers(x)
        torch.testing.assert_close(with_winograd(layers)(x), expected, rtol=1e-3, atol=1e-3)
    assert all(torch.equal(value, before[name]) for name, value in layers.state_dict().items())


def test_all_backends_give_the_trained_colours(tmp_path: Path) -> None:
    trials = {trial.name: trial for trial in try_all(painter(), as_seen(lineart()), tmp_path, lossy=True)}
    assert list(trials) == ["torch", *backend.EXACT, *backend.LOSSY]
    for name in backend.EXACT:
        assert trials[name].levels <= 1
        assert not trials[name].refused
    assert 0 < trials["openvino int8"].distance < 10  # with random weights, which do not test the limit
    # not every processor has bfloat16
    assert all(trial.seconds > 0 for trial in trials.values() if trial.name != "openvino bfloat16")


def test_what_was_converted_takes_any_size(tmp_path: Path) -> None:
    layers = painter().network
    converted = OpenVinoLayers(convert(layers, tmp_path), "float32")
    with torch.inference_mode():
        for size in [(16, 16), (24, 60), (64, 32), (16, 16)]:
            x = torch.rand(2, 3, *size) * 2 - 1
            torch.testing.assert_close(converted(x), layers(x), rtol=1e-3, atol=1e-3)


def test_other_colours_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sepia(layers: nn.Sequential) -> nn.Module:
        return nn.Sequential(layers, nn.Hardtanh(-0.5, 0.5))

    monkeypatch.setattr(backend, "with_winograd", sepia)
    monkeypatch.setattr(backend, "MAX_DISTANCE", 1e-4)
    trials = list(try_all(painter(), as_seen(lineart()), tmp_path, lossy=True))
    refused = {trial.name: trial.refused for trial in trials}
    assert refused["winograd"] == refused["openvino int8"] == "other colours"
    assert fastest(trials).name not in ("winograd", "openvino int8")


def test_the_fastest_sound_one_serves() -> None:
    torch_, winograd = Trial("torch", 1.0), Trial("winograd", 0.7)
    assert fastest([torch_]) == torch_
    assert fastest([torch_, winograd, Trial("openvino int8", 0.1, refused="other colours")]) == winograd
    assert fastest([torch_, winograd, Trial("openvino int8", 0.2)]).name == "openvino int8"
    assert fastest([torch_, winograd, Trial("openvino float32", 0.68)]) == winograd  # no clear gain
    assert fastest([torch_, Trial("openvino float32", refused="openvino is not installed")]) == torch_


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes the cache of a machine on which int8 is the fastest."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        take_the_last(patch)
        network = painter()
        speed_up(network, 48, lineart(), cache)
    assert isinstance(network.network, OpenVinoLayers)
    return cache


def take_the_last(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(backend, "WORTH_FLOPS", 0)
    patch.setattr(backend, "_GAIN", 1e9)
    patch.setattr(backend, "MAX_DISTANCE", 10.0)  # random weights quantize badly


def test_measured_once_then_remembered(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_the_last(monkeypatch)
    monkeypatch.setattr(backend, "try_all", lambda *_, **__: pytest.fail("measured again"))
    (choice,) = memory.glob("*/choice.json")
    assert json.loads(choice.read_text())["backend"] == "openvino int8"
    network, seen = painter(), as_seen(lineart())
    expected = backend._colours(network, network.network, seen)
    speed_up(network, 48, lineart(), memory)
    assert isinstance(network.network, OpenVinoLayers)
    assert 0 < backend._difference(backend._colours(network, network.network, seen), expected)[1] < 10
    with pytest.raises(pytest.fail.Exception, match="measured again"):
        speed_up(painter(seed=1), 48, lineart(), memory)  # other weights


def test_without_openvino_torch_does_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    trials = list(try_all(painter(), as_seen(lineart()), tmp_path, lossy=True))
    assert [trial.name for trial in trials if not trial.refused] == ["torch", "winograd"]
    assert {trial.refused for trial in trials if trial.refused} == {"openvino is not installed"}


@pytest.mark.parametrize(
    "harm",
    [
        lambda home: (home / "choice.json").write_text("{"),
        lambda home: (home / "choice.json").write_text('{"backend": "abacus"}'),
        lambda home: (home / "int8.xml").write_text("<net"),
    ],
)
def test_a_damaged_memory_costs_a_line_and_speed(
    memory: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    harm: Callable[[Path], object],
) -> None:
    take_the_last(monkeypatch)
    shutil.copytree(memory, tmp_path, dirs_exist_ok=True)
    harm(next(tmp_path.iterdir()))
    network = painter()
    with caplog.at_level(logging.WARNING):
        speed_up(network, 48, lineart(), tmp_path)
    assert isinstance(network.network, nn.Sequential)
    assert len(caplog.messages) == 1
    assert "as trained" in caplog.text
    assert "\n" not in caplog.messages[0]


def test_small_networks_are_left_alone(tmp_path: Path) -> None:
    network = painter()
    layers = network.network
    speed_up(network, 48, lineart(), tmp_path / "never")
    assert network.network is layers
    assert not (tmp_path / "never").exists()


def test_a_memory_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(backend, "WORTH_FLOPS", 0)
    (tmp_path / "file").touch()
    network = painter()
    speed_up(network, 48, None, tmp_path / "file" / "cache")
    assert "as trained" in caplog.text


def test_signals_still_arrive_after_models_came_and_went(tmp_path: Path) -> None:
    script = f"""
import gc, signal, sys
from pathlib import Path
from cyclegan.painting.openvino_layers import OpenVinoLayers, convert
from tests.test_painting_backend import painter
model = convert(painter().network, Path({str(tmp_path)!r}))
first, second = OpenVinoLayers(model, "float32"), OpenVinoLayers(model, "int8")
del first
gc.collect()
del second
gc.collect()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
signal.raise_signal(signal.SIGTERM)
"""
    assert subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[1]).returncode == 7


def test_int8_is_judged_on_other_drawings_than_it_was_quantized_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told by their content: in a checkpoint all drawings differ."""
    pages = as_seen(torch.arange(12, dtype=torch.uint8)[:, None, None] * 20 + lineart(12) // 32)
    by, on = set[bytes](), set[bytes]()

    def noting(layers: nn.Module, folder: Path, drawings: Tensor) -> Path:
        by.update(page.contiguous().numpy().tobytes() for page in drawings)
        return quantize(layers, folder, drawings)

    monkeypatch.setattr(backend, "quantize", noting)
    network = painter()
    asked = network.layers

    def noting_layers(seen: Tensor, *rest: Any) -> Layers:
        on.update(page.contiguous().numpy().tobytes() for page in seen)
        return asked(seen, *rest)

    monkeypatch.setattr(network, "layers", noting_layers)
    trials = {trial.name: trial for trial in try_all(network, pages, tmp_path, lossy=True)}
    assert trials["openvino int8"].distance > 0
    assert len(on) == 4 and len(by) == 8
    assert not on & by
    assert on | by == {page.contiguous().numpy().tobytes() for page in pages}


class _Spot(nn.Module):
    """Layers with one value in a corner, the same for all channels."""

    def __init__(self, layers: nn.Module, value: float) -> None:
        super().__init__()
        self._layers, self._value = layers, value

    def forward(self, x: Tensor) -> Tensor:
        y = self._layers(x).clone()
        y[..., 0, 0] = self._value
        return y


@pytest.mark.parametrize(("levels", "exact_serve"), [(1, True), (2, False), (60, False)])
def test_exact_backends_may_differ_by_a_level_anywhere_and_the_others_by_a_distance_on_average(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, levels: int, exact_serve: bool
) -> None:
    network = untrained(GeneratorConfig(blocks=1, ngf=4))  # colours are tanh of the layers
    trained, network.network = network.network, _Spot(network.network, 0.0)
    value = float(np.arctanh((128 + levels) / 127.5 - 1))
    monkeypatch.setattr(backend, "build", lambda *_: _Spot(trained, value))
    trials = {trial.name: trial for trial in try_all(network, as_seen(lineart()), tmp_path, lossy=True)}
    assert {trial.levels for name, trial in trials.items() if name != "torch"} == {levels}
    assert all(0 < trials[name].distance < 0.1 for name in (*backend.EXACT, *backend.LOSSY))
    assert [not trials[name].refused for name in backend.EXACT] == [exact_serve] * len(backend.EXACT)
    assert not any(trials[name].refused for name in backend.LOSSY)


def test_the_others_are_judged_by_the_worst_drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three drawings as trained and one in other colours are refused, though on average they are near enough."""
    network = untrained(GeneratorConfig(blocks=1, ngf=4))

    class OneOff(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = trained(x)
            return (y.tanh() * 127.5 + 3).div(127.5).clamp(-0.999, 0.999).atanh() if torch.equal(x, pages[2:3]) else y

    trained, pages = network.network, as_seen(lineart())
    monkeypatch.setattr(backend, "build", lambda *_: OneOff())
    trials = {trial.name: trial for trial in try_all(network, pages, tmp_path, lossy=True)}
    assert 1.0 < trials["openvino int8"].distance < 4.0
    assert trials["openvino int8"].refused == trials["openvino bfloat16"].refused == "other colours"
