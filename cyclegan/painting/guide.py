"""Defines the guide: a user's choice of palette for one colouring."""

from __future__ import annotations

from dataclasses import dataclass

from cyclegan.painting.palettes import Palette


@dataclass(frozen=True)
class Guide:
    """The palette for one colouring. By default, the drawing's pixels select one of the remembered palettes.

    Attributes:
        palette: (k, 3) float32 RGB in [0, 1], from `Colorizer.palettes` or `Colorizer.palette_of`; takes precedence
            over the variant.
        variant: number of one of the model's own palettes, from 1; 0: not requested.
    """

    palette: Palette | None = None
    variant: int = 0


AS_IT_COMES = Guide()
