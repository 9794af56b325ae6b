"""A generator's layers on OpenVINO: converted once to a file, as trained or quantized to 8 bits by NNCF.

Both packages are optional (`pip install -e '.[fast]'`); without them, BackendError says so.
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

_EXAMPLE = (1, 3, 32, 32)  # conversion looks at the operations, not at the size, which stays free
_BFLOAT16 = "BF16"


class BackendError(CycleganError):
    """A backend that cannot run here; str() says why in one line."""


class OpenVinoLayers(nn.Module):
    """(N, 3, H, W) → (N, K, H, W) float32, of any size; may be called from several threads."""

    def __init__(self, model: Path, precision: Precision) -> None:
        """model: of :func:`convert` or :func:`quantize`. Raises BackendError if the processor lacks bfloat16."""
        super().__init__()
        core = _core()
        has_bfloat16 = _BFLOAT16 in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision == "bfloat16" and not has_bfloat16:
            raise BackendError("the processor has no bfloat16")
        # what lies between quantized layers may have half the bits, too
        hint = "f32" if precision == "float32" or not has_bfloat16 else "bf16"
        settings = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
        self._compiled = core.compile_model(core.read_model(model), "CPU", settings)
        self._requests = threading.local()

    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(self._requests, "own"):
            self._requests.own = self._compiled.create_infer_request()
        outputs = self._requests.own.infer([x.contiguous().numpy()], share_inputs=True)
        return torch.from_numpy(outputs[0].copy())  # the request keeps its own for the next call


def convert(layers: nn.Module, folder: Path) -> Path:
    """Writes the layers to `folder`, in float32, for all sizes."""
    openvino, path = _import("openvino"), folder / "float32.xml"
    if not path.exists():
        with _quiet():
            model = openvino.convert_model(layers, example_input=torch.zeros(_EXAMPLE))
        openvino.save_model(model, path, compress_to_fp16=False)
    return path


def quantize(layers: nn.Module, folder: Path, lineart: Tensor) -> Path:
    """Writes the layers to `folder` in 8 bits, their ranges taken from float (n, 3, H, W) lineart."""
    openvino, core, path = _import("openvino"), _core(), folder / "int8.xml"
    if not path.exists():
        with _quiet():
            nncf = _import("nncf")
            examples = nncf.Dataset([drawing[None].numpy() for drawing in lineart])
            model = core.read_model(convert(layers, folder))
            mixed = nncf.QuantizationPreset.MIXED  # ranges that are not symmetric, for what comes out of a ReLU
            quantized = nncf.quantize(model, examples, subset_size=len(lineart), preset=mixed)
        openvino.save_model(quantized, path, compress_to_fp16=False)
    return path


@cache
def _core() -> Any:
    """One for the process, which lives as long as it.

    Each brings a stack for signal handlers and takes it away when it goes, also where another one has come to rely on
    it. The next signal is a segmentation fault then.
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
    """Without the warnings, the log and the progress bars of packages."""
    log = logging.getLogger("nncf")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
