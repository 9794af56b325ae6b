"""Makes what tests of all methods need: the smallest settings of each, and methods in float64."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from cyclegan.methods.method import Context, Method
from cyclegan.painting.checkpoint import save_checkpoint
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.painter import Painter
from cyclegan.training.config import MethodName, TrainConfig
from cyclegan.training.dataset import TrainingData
from imaging.lineart import Normalization
from tests.factories import TINY, training_data
from tests.steps import CPU

TINY_METHODS: Mapping[MethodName, Mapping[str, Any]] = {
    "cyclegan": {"generator": {"blocks": 1, "ngf": 4}, "discriminator": {"ndf": 4, "layers": 1}},
    "paired": {
        "generator": {"network": "unet", "blocks": 3, "ngf": 4},
        "discriminator": {"ndf": 4, "layers": 1},
        "augment": True,
    },
    "ugatit": {
        "generator": {"network": "ugatit", "blocks": 1, "ngf": 4, "head": "line_keeping"},
        "discriminator": {"ndf": 4, "layers": 1},
    },
    "munit": {"generator": {"network": "munit", "blocks": 1, "ngf": 4}, "discriminator": {"ndf": 4, "layers": 2}},
}
_OF_THE_TRAINING = ("data", "batch", "device", "log_every")
TOTAL = 8  # steps of a training on :func:`images`


def tiny(method: MethodName, **changes: Any) -> TrainConfig:
    """Returns settings with which a method trains in moments, on :func:`images`.

    Args:
        method: its name.
        changes: sections of the method to replace.
    """
    settings: dict[str, Any] = {name: TINY[name] for name in _OF_THE_TRAINING}
    settings |= {"schedule": {"constant_epochs": 0.5, "decay_epochs": 0.83}, "checkpoint_every": 6}  # TOTAL steps
    if method not in ("cyclegan", "paired"):
        settings["data"] = {"crop": 24}
    if method == "cyclegan":
        changes = {"losses": TINY["losses"], **changes}
    return TrainConfig.model_validate({**settings, "method": {"kind": method, **TINY_METHODS[method], **changes}})


def in_float64(settings: TrainConfig, batch: int = 2) -> Any:
    """Makes a method in float64, with weights so large that so small networks have gradients."""
    method: Method = settings.method.make(Context(CPU, torch.Generator().manual_seed(0), batch))
    for network in method.networks.values():
        network.double()
        for parameter in network.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, 0.0, 0.3, generator=torch.Generator().manual_seed(parameter.numel()))
    return method


def images() -> TrainingData:
    """Makes the pictures of `factories.training_data` twice as large."""
    small = training_data()
    parts = ([np.repeat(np.repeat(each, 2, 0), 2, 1) for each in part] for part in vars(small).values())
    return TrainingData(*parts)


def save_styled(path: Path) -> Path:
    """Saves a checkpoint of an untrained painter with styles."""
    config = GeneratorConfig(network="munit", blocks=1, ngf=4)
    painter = Painter(config)
    for name, parameter in painter.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif parameter.ndim > 1:
            nn.init.normal_(parameter, 0.0, 0.15, generator=torch.Generator().manual_seed(parameter.numel()))
    weights = {"config": config.model_dump(), "ema": painter.state_dict(), "raw": painter.state_dict()}
    lineart = {"size": 64, "examples": None}
    content = {"step": 1, "painter": weights, "normalization": Normalization().to_dict(), "lineart": lineart}
    save_checkpoint(path, content)
    return path
