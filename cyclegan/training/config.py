"""Defines the settings of a training, which every checkpoint stores.

Domain A is lineart, domain B is colour; an epoch is one pass over the larger domain, a step is one update of all
networks. The settings of the losses and networks belong to the method; those of duration, data and resources are here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from cyclegan.methods.config import METHODS, CycleGanConfig, MethodConfig, MethodName
from cyclegan.painting.config import FrozenConfig
from cyclegan.training.presets import PRESETS, PresetName, usual_method

__all__ = [
    "METHODS",
    "DataConfig",
    "MethodName",
    "PresetName",
    "ScheduleConfig",
    "TrainConfig",
    "identity_of",
    "preset",
]

# the weights do not depend on these
FREE_TO_CHANGE = frozenset({"device", "checkpoint_every", "keep", "keep_best", "log_every", "memory_gb", "processes"})


class ScheduleConfig(FrozenConfig):
    """Learning rate: constant, then falling linearly to zero."""

    warm_up_epochs: float = Field(0.0, ge=0, description="epochs on pseudo-pairs alone, before the adversarial ones")
    constant_epochs: float = Field(100.0, ge=0, description="epochs at the full learning rate")
    decay_epochs: float = Field(100.0, ge=0, description="epochs over which the rate falls linearly to zero")
    halving_epochs: float = Field(0.0, ge=0, description="epochs after which the rate is halved, each time; 0: never")

    @model_validator(mode="after")
    def _not_empty(self) -> ScheduleConfig:
        if self.warm_up_epochs + self.constant_epochs + self.decay_epochs <= 0:
            raise ValueError("a schedule of 0 epochs trains nothing; raise constant_epochs or decay_epochs")
        return self


class DataConfig(FrozenConfig):
    """Settings by which training images become batches."""

    crop: int = Field(256, ge=16, le=2048, multiple_of=4, description="side of the random square crop, px")
    flip: bool = Field(True, description="mirror half of the training images")


class TrainConfig(FrozenConfig):
    """All settings of a training."""

    method: MethodConfig = CycleGanConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    data: DataConfig = DataConfig()
    batch: int = Field(1, ge=1, le=256, description="images of each domain a step")
    ema: float = Field(0.999, ge=0, lt=1, description="decay of the averaged generators, after its warm-up")
    seed: int = Field(0, ge=0, description="of all chance; another seed is another run")
    device: Literal["auto", "cuda", "cpu"] = Field("auto", description="auto: a GPU where there is one")
    processes: int = Field(1, ge=1, le=64, description="processes that share each batch, on a GPU each")
    memory_gb: float = Field(
        8.0, gt=0, description="decoded pictures that take more are mapped from a file, not kept in memory"
    )
    precision: Literal["auto", "float32"] = Field(
        "auto", description="auto: networks in bf16 where the hardware has it, losses and weights in float32"
    )
    checkpoint_every: int = Field(1000, ge=1, description="steps between checkpoints")
    keep: int = Field(3, ge=1, description="newest checkpoints kept, besides the one that serves")
    keep_best: int = Field(2, ge=0, description="checkpoints with the highest scores kept besides those")
    log_every: int = Field(50, ge=1, description="steps that one row of metrics.csv averages")

    @model_validator(mode="after")
    def _equal_shares(self) -> TrainConfig:
        if self.batch % self.processes:
            raise ValueError(f"batch {self.batch} cannot be shared by {self.processes} processes; make it a multiple")
        return self

    @model_validator(mode="after")
    def _warm_up_needs_pseudo_pairs(self) -> TrainConfig:
        if self.schedule.warm_up_epochs and not self.method.uses_extracted_lines:
            known = "losses.lambda_pseudo above 0" if self.method.kind == "cyclegan" else "method cyclegan or paired"
            raise ValueError(f"schedule.warm_up_epochs needs {known}")
        return self

    @model_validator(mode="after")
    def _crop_suits_the_method(self) -> TrainConfig:
        if self.data.crop < (least := self.method.smallest_crop):
            raise ValueError(f"data.crop {self.data.crop} is too small for method {self.method.kind}; {least} or more")
        if self.method.generator.full not in (0, self.data.crop):
            raise ValueError(f"generator.full {self.method.generator.full} must be data.crop ({self.data.crop}), or 0")
        return self

    def changed(self, changes: Mapping[str, Any]) -> TrainConfig:
        """Returns a copy with other values.

        Args:
            changes: the values to change, nested like the settings.

        Raises:
            ValueError: a name is unknown or a value is not allowed.
        """
        return TrainConfig.model_validate(_merged(self.model_dump(), changes))

    def identity(self) -> dict[str, Any]:
        """Returns the settings on which the weights depend, without those that have their default value.

        Two configs of one identity train the same weights on the same images. A later field whose default keeps the
        earlier behaviour changes no identity, so existing runs resume.
        """
        return identity_of(self.model_dump())

    def resolved_device(self) -> Literal["cuda", "cpu"]:
        """Returns the device, with "auto" replaced by a GPU if there is one."""
        import torch

        if self.device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        return self.device


def identity_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the identity of a config that another version may have written; see :meth:`TrainConfig.identity`.

    Args:
        config: a dumped TrainConfig.
    """
    asked = {name: value for name, value in config.items() if name not in FREE_TO_CHANGE}
    return _differing(asked, _defaults_beside(config.get("method", {})))


def _defaults_beside(method: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the defaults for this kind of method, but with the default method's kind, so that another kind shows."""
    usual = TrainConfig()
    try:
        defaults = TrainConfig.model_validate({"method": {"kind": method.get("kind", usual.method.kind)}}).model_dump()
    except ValidationError:  # a method that this version does not have
        defaults = usual.model_dump()
    defaults["method"]["kind"] = usual.method.kind
    return defaults


def _differing(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values that differ from the defaults, nested in the same way, without empty groups."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        default = defaults.get(name)
        if isinstance(value, Mapping):
            if inner := _differing(value, default if isinstance(default, Mapping) else {}):
                found[name] = inner
        elif name not in defaults or value != default:
            found[name] = value
    return found


def _merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for name, value in changes.items():
        old = values.get(name)
        merged[name] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def preset(name: PresetName, method: MethodName | None = None) -> TrainConfig:
    """Returns the settings of a preset.

    Args:
        name: "paper", "default", "small" or "demo".
        method: the method to train; None: the usual one.

    Raises:
        ValueError: there is no such preset or method (its text is one line).
    """
    method = method or usual_method(name)
    if method not in PRESETS:
        raise ValueError(f"no method {method!r}; choose one of {', '.join(PRESETS)}")
    if name not in PRESETS[method]:
        raise ValueError(f"no preset {name!r}; choose one of {', '.join(PRESETS[method])}")
    return TrainConfig.model_validate({"method": {"kind": method}}).changed(PRESETS[method][name])
