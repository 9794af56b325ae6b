"""Trains and serves the model: the trainer runs a method, the method trains a painter, the painter serves.

Domain A is lineart, domain B is colour. Public functions take and return uint8 arrays; tensors inside the package are
(N, 3, H, W) float in [-1, 1].

    painting/    serves a checkpoint: the painter's network, palettes, backends, colorizer
    methods/     the training methods; each performs one optimization step at a time
    scoring/     scores checkpoints and selects the one that serves
    training/    the training loop for any method: data, schedule, checkpoints, several processes, the run's page
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclegan.errors import CycleganError
    from cyclegan.painting.colorizer import Colorizer
    from cyclegan.painting.guide import Guide
    from cyclegan.painting.hints import Hint
    from cyclegan.training.config import TrainConfig, preset
    from cyclegan.training.dataset import TrainingData
    from cyclegan.training.trainer import Trainer

_MODULES = {
    "Colorizer": "painting.colorizer",
    "CycleganError": "errors",
    "Guide": "painting.guide",
    "Hint": "painting.hints",
    "TrainConfig": "training.config",
    "Trainer": "training.trainer",
    "TrainingData": "training.dataset",
    "preset": "training.config",
}
__all__ = ["Colorizer", "CycleganError", "Guide", "Hint", "TrainConfig", "Trainer", "TrainingData", "preset"]


def __getattr__(name: str) -> Any:
    """Imports a public name on first use, so that settings can be read without torch."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
