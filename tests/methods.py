"""Makes what tests of all methods need: the smallest settings of each, and methods in float64."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from cyclegan.methods.method import Context, Method
from cyclegan.training.config import MethodName, TrainConfig
from tests.factories import TINY
from tests.steps import CPU

TINY_METHODS: Mapping[MethodName, Mapping[str, Any]] = {
    "cyclegan": {"generator": {"blocks": 1, "ngf": 4}, "discriminator": {"ndf": 4, "layers": 1}},
    "paired": {
        "generator": {"network": "unet", "blocks": 3, "ngf": 4},
        "discriminator": {"ndf": 4, "layers": 1},
        "augment": True,
    },
}
_OF_THE_TRAINING = ("schedule", "data", "batch", "device", "checkpoint_every", "log_every")


def tiny(method: MethodName, **changes: Any) -> TrainConfig:
    """Returns settings with which a method trains in moments, on `factories.training_data`.

    Args:
        method: its name.
        changes: sections of the method to replace.
    """
    settings: dict[str, Any] = {name: TINY[name] for name in _OF_THE_TRAINING}
    if method not in ("cyclegan", "paired"):
        settings["schedule"] = {"constant_epochs": 2, "decay_epochs": 2}
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
