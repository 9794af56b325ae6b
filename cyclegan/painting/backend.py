"""Chooses what runs a painter's convolutions, for each checkpoint and machine by measuring, once.

    torch                as trained
    winograd             torch with a fraction of the multiplications, float32
    openvino float32     OpenVINO, where it is installed
    openvino bfloat16    the same with half the bits
    openvino int8        the same with a quarter, quantized on lineart that the checkpoint carries

The fastest serves whose colours are the trained network's: in float32 but for rounding; below that within MAX_DISTANCE,
on drawings that it was not quantized on. The distance of two colours is that in CIE Lab (CIE76).
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
MAX_LEVELS = 1  # grey levels by which exact backends may differ anywhere
MAX_DISTANCE = 1.0  # mean over a drawing by which the others may differ, in the worst of all; the eye sees about 2
WORTH_FLOPS = 5e9  # networks that need less for a drawing stay: what surrounds them takes longer

_GAIN = 0.9  # of the time of the best so far; less is not worth another backend
_NUM_JUDGING, _NUM_QUANTIZING = 4, 8  # drawings
_ROUNDS = 2
_CHOICE = "choice.json"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trial:
    """How a backend did on the drawings.

    seconds: for one drawing.  levels: most grey levels, distance: mean distance of the worst drawing, both from the
    trained network's colours.  refused: why it may not serve, "" if it may.
    """

    name: str
    seconds: float = 0.0
    levels: int = 0
    distance: float = 0.0
    refused: str = ""


def speed_up(painter: Painter, size: int, examples: Tensor | None, cache: Path) -> None:
    """Gives a painter on a CPU its fastest sound backend. What was measured once is kept in the folder `cache`.

    size: shortest side of the drawings it is given, px.  examples: uint8 (n, h, w) normalized training lineart; with
    none, or few, only float32 backends can be judged.
    """
    lineart = as_seen(examples if examples is not None else _scribbles(size))
    if count_flops(painter, lineart) < WORTH_FLOPS:
        return
    try:
        home = cache.expanduser() / _fingerprint(painter)
        if not (home / _CHOICE).exists():
            _measure_into(home, painter, lineart, lossy=examples is not None)
        name = json.loads((home / _CHOICE).read_text())["backend"]
        painter.network = build(name, painter.network, home, lineart)
    except Exception as error:  # the optional packages fail in many ways, and none is worth a drawing
        _log.warning("colours are computed as trained, not faster: %s", _line(error))


def try_all(painter: Painter, lineart: Tensor, folder: Path, *, lossy: bool) -> Iterator[Trial]:
    """Measures each backend on float (n, 3, H, W) lineart; models that they need are left in `folder`."""
    judging = lineart[:_NUM_JUDGING]
    expected = _colours(painter, painter.network, judging)
    yield Trial(TRAINED, _seconds(painter.network, judging))
    for name in (*EXACT, *(LOSSY if lossy else ())):
        try:
            layers = build(name, painter.network, folder, lineart)
            found = _colours(painter, layers, judging)
        except Exception as error:  # as above
            yield Trial(name, refused=_line(error))
            continue
        levels, distance = _difference(found, expected)
        sound = levels <= MAX_LEVELS if name in EXACT else distance <= MAX_DISTANCE
        yield Trial(name, _seconds(layers, judging), levels, distance, "" if sound else "other colours")


def build(name: str, layers: nn.Module, folder: Path, lineart: Tensor) -> nn.Module:
    """The backend called `name` for trained layers. Raises BackendError if this machine lacks what it needs."""
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
    """The first of the sound ones that none after it beats clearly: exact before others, trained before all."""
    best = trials[0]
    for trial in trials[1:]:
        if not trial.refused and trial.seconds < _GAIN * best.seconds:
            best = trial
    return best


def _measure_into(home: Path, painter: Painter, lineart: Tensor, *, lossy: bool) -> None:
    _log.warning("measuring what runs this model fastest on this machine, once: a minute or two")
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
        folder = Path(scratch, "measured")
        folder.mkdir()
        trials = list(try_all(painter, lineart, folder, lossy=lossy))
        best = fastest(trials)
        choice = {"backend": best.name, "trials": [asdict(trial) for trial in trials]}
        (folder / _CHOICE).write_text(json.dumps(choice, indent=2) + "\n")
        shutil.rmtree(home, ignore_errors=True)
        os.replace(folder, home)
    speed = trials[0].seconds / best.seconds
    _log.info("this model runs on %s, %.1f times as fast as on torch", best.name, speed)


def as_seen(lineart: Tensor) -> Tensor:
    """(n, h, w) uint8 lineart → (n, 3, h, w) float in [-1, 1], sides cut to what networks accept."""
    return to_range(cropped(lineart))[:, None].expand(-1, 3, -1, -1)


def _scribbles(side: int) -> Tensor:
    """(1, side, side): lines of no meaning, which tell as well how fast a network is and whether it is the same."""
    page = np.full((side, side), 255, np.uint8)
    for curve in np.random.default_rng(0).integers(0, side, (12, 4, 2)).astype(np.int32):
        cv2.polylines(page, [curve], False, 180, 1, cv2.LINE_AA)
    return torch.from_numpy(page)[None]


@torch.inference_mode()
def count_flops(painter: Painter, lineart: Tensor) -> int:
    """Operations for the first drawing, as trained; a multiplication with its addition is two."""
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
    """(n, h, w, 3) uint8 flats, computed by another network."""
    own, painter.network = painter.network, network
    try:
        made = torch.cat([unit_to_uint8(painter.layers(drawing).flats) for drawing in lineart.split(1)])
    finally:
        painter.network = own
    return made.permute(0, 2, 3, 1).numpy()


def _difference(found: np.ndarray, expected: np.ndarray) -> tuple[int, float]:
    levels = int(np.abs(found.astype(int) - expected).max())
    apart = [np.linalg.norm(to_lab(a) - to_lab(b), axis=2).mean() for a, b in zip(found, expected, strict=True)]
    return levels, float(max(apart))


def _fingerprint(painter: Painter) -> str:
    """Of all that the choice depends on: weights, machine, versions."""
    digest = hashlib.sha256(repr((platform.processor(), platform.machine(), torch.get_num_threads())).encode())
    digest.update(torch.backends.cpu.get_cpu_capability().encode())
    for package in ("torch", "openvino", "nncf"):
        digest.update(f"{package} {_version(package)}".encode())
    for weights in painter.state_dict().values():
        digest.update(weights.contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
