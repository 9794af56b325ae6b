"""Chooses the fastest backend for a painter's convolutions; measures once per checkpoint and machine.

    torch                the network as trained
    winograd             torch with a fraction of the multiplications, float32
    openvino float32     OpenVINO, if installed
    openvino bfloat16    OpenVINO with half the bits
    openvino int8        OpenVINO with a quarter of the bits, quantized on lineart that the checkpoint contains

The fastest backend serves that gives the colours of the trained network. A float32 backend may differ by rounding only.
The others may differ by at most MAX_DISTANCE, measured on drawings that were not used to quantize. The distance of two
colours is Euclidean in CIE Lab (CIE76).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cyclegan.painting.openvino_layers import BackendError, OpenVinoLayers, convert, quantize
from cyclegan.painting.painter import Painter
from cyclegan.painting.tensors import cropped, to_range, unit_to_uint8
from cyclegan.painting.winograd import with_winograd
from imaging.colour import to_lab

TRAINED = "torch"
EXACT = ("winograd", "openvino float32")
LOSSY = ("openvino bfloat16", "openvino int8")
MAX_LEVELS = 1  # largest difference of exact backends in any pixel, levels of 255
MAX_DISTANCE = 1.0  # of the other backends: mean over a drawing, on the worst drawing; the eye sees about 2
WORTH_FLOPS = 5e9  # per drawing; smaller networks are not sped up, because the rest of the work takes longer

_GAIN = 0.9  # a backend must take less than this share of the time of the best so far
_NUM_JUDGING, _NUM_QUANTIZING = 4, 8  # drawings
_ROUNDS = 2
_CHOICE = "choice.json"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trial:
    """The measurements of one backend. Differences are against the colours of the trained network.

    Attributes:
        name: of the backend.
        seconds: for one drawing.
        levels: largest difference in any pixel, levels of 255.
        distance: mean CIE Lab distance on the worst drawing.
        refused: the reason why the backend may not serve; "" if it may.
    """

    name: str
    seconds: float = 0.0
    levels: int = 0
    distance: float = 0.0
    refused: str = ""


def speed_up(painter: Painter, size: int, examples: Tensor | None, cache: Path) -> None:
    """Replaces a painter's network on a CPU by the fastest backend that keeps the colours.

    Failures are logged; the painter then keeps its network.

    Args:
        painter: the painter, changed in place.
        size: shortest side of the drawings that it will colour, px.
        examples: normalized training lineart, uint8 (n, h, w); None: only float32 backends are tried.
        cache: folder in which measurements are kept.
    """
    lineart = as_seen(examples if examples is not None else _random_curves(size))
    if count_flops(painter, lineart) < WORTH_FLOPS:
        return
    try:
        entry = cache.expanduser() / _fingerprint(painter)
        if not (entry / _CHOICE).exists():
            _measure_into(entry, painter, lineart, lossy=examples is not None)
        name = json.loads((entry / _CHOICE).read_text())["backend"]
        painter.network = build(name, painter.network, entry, lineart)
    except Exception as error:  # the optional packages fail in many ways; the trained network still works
        _log.warning("colours are computed as trained, not faster: %s", _first_line(error))


def try_all(painter: Painter, lineart: Tensor, folder: Path, *, lossy: bool) -> Iterator[Trial]:
    """Measures every backend.

    Args:
        painter: the painter, with its trained network.
        lineart: float (n, 3, H, W) in [-1, 1].
        folder: existing folder for the converted models.
        lossy: whether to try bfloat16 and int8 too.

    Yields:
        One trial per backend, the trained network first.
    """
    judging = lineart[:_NUM_JUDGING]
    expected = _colours(painter, painter.network, judging)
    yield Trial(TRAINED, _seconds(painter.network, judging))
    for name in (*EXACT, *(LOSSY if lossy else ())):
        try:
            layers = build(name, painter.network, folder, lineart)
            found = _colours(painter, layers, judging)
        except Exception as error:  # the optional packages fail in many ways
            yield Trial(name, refused=_first_line(error))
            continue
        levels, distance = _difference(found, expected)
        sound = levels <= MAX_LEVELS if name in EXACT else distance <= MAX_DISTANCE
        yield Trial(name, _seconds(layers, judging), levels, distance, "" if sound else "other colours")


def build(name: str, layers: nn.Module, folder: Path, lineart: Tensor) -> nn.Module:
    """Builds a backend.

    Args:
        name: of the backend.
        layers: the trained network, (N, 3, H, W) → (N, K, H, W).
        folder: existing folder for converted models; those already there are used.
        lineart: float (n, 3, H, W) in [-1, 1]; int8 is quantized on what follows the first _NUM_JUDGING drawings.

    Returns:
        A module that computes the same as `layers`.

    Raises:
        BackendError: the backend is unknown, or this machine lacks a package, a processor feature or the drawings that
            it needs (its text is one line).
    """
    if name == "winograd":
        return with_winograd(layers)
    if name == "openvino float32":
        return OpenVinoLayers(convert(layers, folder), "float32")
    if name == "openvino bfloat16":
        return OpenVinoLayers(convert(layers, folder), "bfloat16")
    if name == "openvino int8":
        held_out = lineart[_NUM_JUDGING:][:_NUM_QUANTIZING]
        if len(held_out) == 0:
            raise BackendError("the checkpoint carries too little lineart to quantize by")
        return OpenVinoLayers(quantize(layers, folder, held_out), "int8")
    if name != TRAINED:
        raise BackendError(f"no backend {name!r}")
    return layers


def fastest(trials: list[Trial]) -> Trial:
    """Returns the fastest trial that is not refused; a later one must beat the best so far by a clear margin.

    As trials come in the order of `try_all`, the trained network is preferred to all others, and exact backends to
    lossy ones.
    """
    best = trials[0]
    for trial in trials[1:]:
        if not trial.refused and trial.seconds < _GAIN * best.seconds:
            best = trial
    return best


def _measure_into(entry: Path, painter: Painter, lineart: Tensor, *, lossy: bool) -> None:
    _log.warning("measuring what runs this model fastest on this machine, once: a minute or two")
    entry.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=entry.parent) as scratch:
        folder = Path(scratch, "measured")
        folder.mkdir()
        trials = list(try_all(painter, lineart, folder, lossy=lossy))
        best = fastest(trials)
        choice = {"backend": best.name, "trials": [asdict(trial) for trial in trials]}
        (folder / _CHOICE).write_text(json.dumps(choice, indent=2) + "\n")
        shutil.rmtree(entry, ignore_errors=True)
        os.replace(folder, entry)
    speed = trials[0].seconds / best.seconds
    _log.info("this model runs on %s, %.1f times as fast as on torch", best.name, speed)


def as_seen(lineart: Tensor) -> Tensor:
    """Converts (n, h, w) uint8 lineart to (n, 3, h', w') float in [-1, 1], cropped to sides that networks accept."""
    return to_range(cropped(lineart))[:, None].expand(-1, 3, -1, -1)


def _random_curves(side: int) -> Tensor:
    """Draws random curves, (1, side, side) uint8, on which to measure where no lineart is given."""
    page = np.full((side, side), 255, np.uint8)
    for curve in np.random.default_rng(0).integers(0, side, (12, 4, 2)).astype(np.int32):
        cv2.polylines(page, [curve], False, 180, 1, cv2.LINE_AA)
    return torch.from_numpy(page)[None]


@torch.inference_mode()
def count_flops(painter: Painter, lineart: Tensor) -> int:
    """Counts the operations for the first of float (n, 3, H, W) drawings; a multiply-add counts as two."""
    with FlopCounterMode(display=False) as counter:
        painter.network(lineart[:1])
    return int(counter.get_total_flops())


@torch.inference_mode()
def _seconds(layers: nn.Module, lineart: Tensor) -> float:
    layers(lineart[:1])
    times = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        layers(lineart[:1])
        times.append(time.perf_counter() - start)
    return min(times)


@torch.inference_mode()
def _colours(painter: Painter, network: nn.Module, lineart: Tensor) -> np.ndarray:
    """Returns the colours, (n, h, w, 3) uint8, that the painter gives with another network."""
    original, painter.network = painter.network, network
    try:
        made = torch.cat([unit_to_uint8(painter.in_shadow(drawing)) for drawing in lineart.split(1)])
    finally:
        painter.network = original
    return made.permute(0, 2, 3, 1).numpy()


def _difference(found: np.ndarray, expected: np.ndarray) -> tuple[int, float]:
    levels = int(np.abs(found.astype(int) - expected).max())
    distances = [np.linalg.norm(to_lab(a) - to_lab(b), axis=2).mean() for a, b in zip(found, expected, strict=True)]
    return levels, float(max(distances))


def _fingerprint(painter: Painter) -> str:
    """Hashes everything on which the choice depends: weights, machine, package versions."""
    digest = hashlib.sha256(repr((platform.processor(), platform.machine(), torch.get_num_threads())).encode())
    digest.update(torch.backends.cpu.get_cpu_capability().encode())
    for package in ("torch", "openvino", "nncf"):
        digest.update(f"{package} {_version(package)}".encode())
    for weights in painter.state_dict().values():
        digest.update(weights.contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
