"""The model: a painter serves, a method teaches it, the trainer runs any method.

Domain A is lineart, domain B is colour. Images are uint8 arrays at the edges, and (N, 3, H, W) float in [-1, 1] inside.

    painting/    a checkpoint at work: the painter's network, palettes, backends, colorizer
    methods/     what is learned: one optimization step each
    scoring/     how good a checkpoint is, and which one serves
    training/    the loop that runs any method: data, schedule, checkpoints, several processes, the run's page
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclegan.errors import CycleganError
    from cyclegan.painting.colorizer import Colorizer
    from cyclegan.painting.guide import Guide
    from cyclegan.training.config import TrainConfig, preset
    from cyclegan.training.dataset import TrainingData
    from cyclegan.training.trainer import Trainer

_HOMES = {
    "Colorizer": "painting.colorizer",
    "CycleganError": "errors",
    "Guide": "painting.guide",
    "TrainConfig": "training.config",
    "Trainer": "training.trainer",
    "TrainingData": "training.dataset",
    "preset": "training.config",
}
__all__ = ["Colorizer", "CycleganError", "Guide", "TrainConfig", "Trainer", "TrainingData", "preset"]


def __getattr__(name: str) -> Any:
    """Loads a public name on first use: settings can be read where torch is not installed."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
