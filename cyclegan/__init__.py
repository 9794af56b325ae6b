"""The model: an unpaired lineart → colour CycleGAN, its training, its score and its use.

Domain A is lineart, domain B is colour. `g_ab` colours, `g_ba` extracts lines; `d_a` and `d_b` judge images
of their own domain. In the paper (Zhu et al. 2017) these are G, F, D_X and D_Y.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclegan.colorizer import Colorizer
    from cyclegan.config import TrainConfig, preset
    from cyclegan.dataset import TrainingData
    from cyclegan.errors import CycleganError
    from cyclegan.trainer import Trainer

_HOMES = {
    "Colorizer": "colorizer",
    "CycleganError": "errors",
    "TrainConfig": "config",
    "Trainer": "trainer",
    "TrainingData": "dataset",
    "preset": "config",
}
__all__ = ["Colorizer", "CycleganError", "TrainConfig", "Trainer", "TrainingData", "preset"]


def __getattr__(name: str) -> Any:
    """Loads a public name on first use: settings can be read where torch is not installed."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
