"""Defines the settings of the painter's network; a checkpoint stores them, so loading it needs no options."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class FrozenConfig(BaseModel):
    """A group of settings: immutable, and refuses unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


STYLE = 8  # numbers in a style code of MUNIT
_MOST_HALVINGS = 10  # of 1024 px, one is left

NetworkName = Literal["resnet", "unet", "ugatit", "munit"]


class GeneratorConfig(FrozenConfig):
    """A generator: by default the ResNet of the CycleGAN paper (appendix 7.2), with any number of blocks."""

    network: NetworkName = Field(
        "resnet", description="resnet: of CycleGAN; unet: of pix2pix; ugatit and munit: of these methods"
    )
    blocks: int = Field(
        9, ge=1, le=32, description="residual blocks; 6 for 128 px, 9 for 256 px in the paper. Of a U-Net: halvings"
    )
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
    shading: bool = Field(False, description="shadows on the flat colours, if the pictures have them")
    full: int = Field(
        0,
        ge=0,
        le=1024,
        multiple_of=4,
        description="of ugatit: side of the crops for its full network, px; 0: the light one",
    )

    @model_validator(mode="after")
    def _palette_under_lines(self) -> GeneratorConfig:
        if self.palette and self.head != "line_keeping":
            raise ValueError('generator.palette needs head="line_keeping": its flat colours lie under the lines')
        return self

    @model_validator(mode="after")
    def _of_this_network(self) -> GeneratorConfig:
        if self.palette and self.network in ("ugatit", "munit"):
            raise ValueError(f'generator.palette needs network="resnet" or "unet", not {self.network!r}')
        if self.head != "tanh" and self.network == "munit":
            raise ValueError(
                f'generator.head {self.head!r}: network="munit" has "tanh"; what is served keeps its lines'
            )
        if self.full and self.network != "ugatit":
            raise ValueError(f'generator.full needs network="ugatit", not {self.network!r}')
        if self.shading and self.network != "resnet":
            raise ValueError(f'generator.shading needs network="resnet", not {self.network!r}')
        if self.network == "unet" and self.blocks > _MOST_HALVINGS:
            raise ValueError(f"generator.blocks {self.blocks}: a U-Net halves its input {_MOST_HALVINGS} times at most")
        return self

    @property
    def has_styles(self) -> bool:
        """Whether a style code, (STYLE,), decides the colours."""
        return self.network == "munit"

    @property
    def learns_shadows(self) -> bool:
        """Whether the network has a head for shadows; they lie on flat colours only."""
        return self.shading and self.palette > 0
