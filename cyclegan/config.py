"""Settings of a training run: small frozen models, saved inside every checkpoint, and three presets.

Words: domain A is lineart, domain B is colour; an epoch is one pass over the larger domain, a step is one update
of both generators and both discriminators.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

# the weights do not depend on these
FREE_TO_CHANGE = frozenset({"device", "checkpoint_every", "keep", "keep_best", "log_every", "memory_gb", "processes"})


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GeneratorConfig(_Settings):
    """ResNet generator of the CycleGAN paper (appendix 7.2), with any number of blocks."""

    blocks: int = Field(9, ge=1, le=32, description="residual blocks; 6 for 128 px, 9 for 256 px in the paper")
    ngf: int = Field(64, ge=4, le=256, description="channels of the first layer")
    head: Literal["tanh", "line_keeping"] = Field(
        "tanh",
        description="tanh: as published. line_keeping: A→B predicts a colour layer that multiplies the lineart",
    )
    upsample: Literal["transposed", "nearest"] = Field(
        "transposed",
        description="transposed: as published. nearest: resize and 3×3 convolution, no checkerboard",
    )
    palette: int = Field(0, ge=0, le=64, description="flat colours in a picture, under kept lines; 0: as published")

    @model_validator(mode="after")
    def _palette_under_lines(self) -> GeneratorConfig:
        if self.palette and self.head != "line_keeping":
            raise ValueError('generator.palette needs head="line_keeping": its flat colours lie under the lines')
        return self


class DiscriminatorConfig(_Settings):
    """PatchGAN of Isola et al. 2017: receptive field 16, 34, 70, 142 px for 1, 2, 3, 4 layers."""

    ndf: int = Field(64, ge=4, le=256, description="channels of the first layer, capped at eight times that")
    layers: int = Field(3, ge=1, le=5, description="stride-2 layers; 3 sees 70×70 px")


class LossConfig(_Settings):
    """Weights of the generators' losses. The adversarial loss (LSGAN) has weight 1."""

    lambda_cycle_a: float = Field(10.0, ge=0, description="L1 of A→B→A")
    lambda_cycle_b: float = Field(10.0, ge=0, description="L1 of B→A→B at the first step")
    lambda_cycle_b_end: float = Field(10.0, ge=0, description="the same at the last step, linear between")
    lambda_identity: float = Field(0.5, ge=0, description="share of the cycle weight that the identity loss has")
    grey_lines: bool = Field(False, description="fake lineart is made grey, so no colour can hide in it")
    lambda_pseudo: float = Field(
        0.0, ge=0, description="L1 of colouring the lines extracted from B itself, in warm-up and after it"
    )


class OptimizerConfig(_Settings):
    """Adam, one for both generators and one for both discriminators."""

    lr_generator: float = Field(2e-4, gt=0, le=0.1)
    lr_discriminator: float = Field(2e-4, gt=0, le=0.1)
    beta1: float = Field(0.5, ge=0, lt=1)
    beta2: float = Field(0.999, ge=0, lt=1)


class ScheduleConfig(_Settings):
    """Learning rate: constant, then linearly to zero."""

    warm_up_epochs: float = Field(0.0, ge=0, description="epochs on pseudo-pairs alone, before the adversarial ones")
    constant_epochs: float = Field(100.0, ge=0, description="epochs at the full learning rate")
    decay_epochs: float = Field(100.0, ge=0, description="epochs over which the rate falls linearly to zero")

    @model_validator(mode="after")
    def _not_empty(self) -> ScheduleConfig:
        if self.warm_up_epochs + self.constant_epochs + self.decay_epochs <= 0:
            raise ValueError("a schedule of 0 epochs trains nothing; raise constant_epochs or decay_epochs")
        return self


class DataConfig(_Settings):
    """How training images become batches."""

    crop: int = Field(256, ge=16, le=2048, multiple_of=4, description="side of the random square crop, px")
    flip: bool = Field(True, description="mirror half of the training images")


class TrainConfig(_Settings):
    """Everything that a training depends on, besides its images."""

    generator: GeneratorConfig = GeneratorConfig()
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    losses: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    data: DataConfig = DataConfig()
    batch: int = Field(1, ge=1, le=256, description="images of each domain a step")
    pool: int = Field(50, ge=0, description="past fakes kept for each discriminator")
    augment: bool = Field(False, description="DiffAugment (translation, cutout) on what the discriminators see")
    ema: float = Field(0.999, ge=0, lt=1, description="decay of the averaged generators, after its warm-up")
    seed: int = Field(0, ge=0)
    device: Literal["auto", "cuda", "cpu"] = "auto"
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
    def _pseudo_pairs_where_needed(self) -> TrainConfig:
        if (self.generator.palette or self.schedule.warm_up_epochs) and not self.losses.lambda_pseudo:
            raise ValueError("generator.palette and schedule.warm_up_epochs need losses.lambda_pseudo above 0")
        return self

    def changed(self, changes: Mapping[str, Any]) -> TrainConfig:
        """A copy with other values. `changes` is nested as the settings are, and names only what differs.

        Raises ValueError for names and values that no training can have.
        """
        values = self.model_dump()
        for name, value in changes.items():
            old = values.get(name)
            values[name] = old | value if isinstance(old, dict) else value
        return TrainConfig.model_validate(values)

    def resolved_device(self) -> str:
        """ "cuda" or "cpu"."""
        import torch

        if self.device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        return self.device


_FLAT_COLOURS_UNDER_LINES = {"head": "line_keeping", "upsample": "nearest"}
_PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Zhu et al. 2017, exactly; the averaged weights are kept beside it and change nothing
    "paper": {},
    # about 1000 + 1000 images of 286 px on one GPU
    "default": {
        "generator": {"blocks": 12, "ngf": 64, "palette": 16, **_FLAT_COLOURS_UNDER_LINES},
        "losses": {"lambda_cycle_b_end": 1.0, "lambda_identity": 0.0, "lambda_pseudo": 10.0, "grey_lines": True},
        "schedule": {"warm_up_epochs": 10, "constant_epochs": 90, "decay_epochs": 100},
        "augment": True,
        "ema": 0.9995,
    },
    # about 650 + 650 portraits of 96 px, some six minutes on two CPU cores
    "demo": {
        "generator": {"blocks": 4, "ngf": 16, "palette": 8, **_FLAT_COLOURS_UNDER_LINES},
        "discriminator": {"ndf": 32},
        "losses": {
            "lambda_cycle_b": 5.0,
            "lambda_cycle_b_end": 1.0,
            "lambda_identity": 0.0,
            "lambda_pseudo": 10.0,
            "grey_lines": True,
        },
        "optimizer": {"lr_generator": 8e-4, "lr_discriminator": 4e-4},
        "schedule": {"warm_up_epochs": 4.0, "constant_epochs": 0.0, "decay_epochs": 1.8},
        "data": {"crop": 96},
        "batch": 4,
        "augment": True,
        "ema": 0.995,
        "checkpoint_every": 160,
        "log_every": 10,
    },
}


def preset(name: str) -> TrainConfig:
    """The settings called `name`: "paper", "default" or "demo".

    Raises ValueError (one line) for any other name.
    """
    if name not in _PRESETS:
        raise ValueError(f"no preset {name!r}; choose one of {', '.join(_PRESETS)}")
    return TrainConfig.model_validate(_PRESETS[name])
