"""Runs a generator's layers on OpenVINO: converts them once to a file, in float32 or quantized to 8 bits by NNCF.

Both packages are optional (`pip install -e '.[fast]'`); without them, BackendError is raised.
"""

from __future__ import annotations

import io
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from cyclegan.errors import CycleganError

Precision = Literal["float32", "bfloat16", "int8"]

_EXAMPLE = (1, 3, 32, 32)  # conversion traces the operations; the model accepts any size
_BFLOAT16 = "BF16"


class BackendError(CycleganError):
    """A backend that cannot run on this machine. Its text is one line that says why."""


class OpenVinoLayers(nn.Module):
    """A converted network, (N, 3, H, W) → (N, K, H, W) float32, of any size. Thread-safe."""

    def __init__(self, model: Path, precision: Precision) -> None:
        """Compiles a model.

        Args:
            model: file from :func:`convert` or :func:`quantize`.
            precision: in which to compute.

        Raises:
            BackendError: OpenVINO is not installed, or the processor does not support the precision.
        """
        super().__init__()
        core = _core()
        has_bfloat16 = _BFLOAT16 in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision == "bfloat16" and not has_bfloat16:
            raise BackendError("the processor has no bfloat16")
        # between quantized layers, bfloat16 is precise enough
        hint = "f32" if precision == "float32" or not has_bfloat16 else "bf16"
        settings = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
        self._compiled = core.compile_model(core.read_model(model), "CPU", settings)
        self._requests = threading.local()

    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(self._requests, "own"):
            self._requests.own = self._compiled.create_infer_request()
        outputs = self._requests.own.infer([x.contiguous().numpy()], share_inputs=True)
        return torch.from_numpy(outputs[0].copy())  # copied, because the request reuses its buffer


def convert(layers: nn.Module, folder: Path) -> Path:
    """Converts layers to an OpenVINO model in float32, for inputs of any size, unless `folder` has it already.

    Args:
        layers: (N, 3, H, W) → (N, K, H, W).
        folder: existing folder for the model.

    Returns:
        The path of the model.

    Raises:
        BackendError: OpenVINO is not installed.
    """
    openvino, path = _import("openvino"), folder / "float32.xml"
    if not path.exists():
        with _quiet():
            model = openvino.convert_model(layers, example_input=torch.zeros(_EXAMPLE))
        openvino.save_model(model, path, compress_to_fp16=False)
    return path


def quantize(layers: nn.Module, folder: Path, lineart: Tensor) -> Path:
    """Quantizes layers to an OpenVINO model in 8 bits, unless `folder` has it already.

    Args:
        layers: (N, 3, H, W) → (N, K, H, W).
        folder: existing folder for the model.
        lineart: float (n, 3, H, W) in [-1, 1], from which the ranges of the activations are measured.

    Returns:
        The path of the model.

    Raises:
        BackendError: OpenVINO or NNCF is not installed.
    """
    openvino, core, path = _import("openvino"), _core(), folder / "int8.xml"
    if not path.exists():
        with _quiet():
            nncf = _import("nncf")
            examples = nncf.Dataset([drawing[None].numpy() for drawing in lineart])
            model = core.read_model(convert(layers, folder))
            mixed = nncf.QuantizationPreset.MIXED  # asymmetric ranges, which suit the output of a ReLU
            quantized = nncf.quantize(model, examples, subset_size=len(lineart), preset=mixed)
        openvino.save_model(quantized, path, compress_to_fp16=False)
    return path


@cache
def _core() -> Any:
    """Returns the process's only OpenVINO core, which is never freed.

    Each core installs a stack for signal handlers and removes it when it is freed, even if another core still uses it.
    The next signal would then cause a segmentation fault.
    """
    return _import("openvino").Core()


def _import(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise BackendError(f"{name} is not installed") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppresses the warnings, the log and the progress bars of the packages."""
    log = logging.getLogger("nncf")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
