"""What a person asks of one colouring."""

from __future__ import annotations

from dataclasses import dataclass

from cyclegan.painting.palettes import Palette


@dataclass(frozen=True)
class Guide:
    """Left as it is, a drawing chooses among the palettes that the model remembers by its own pixels.

    Attributes:
        palette: of `Colorizer.palettes` or `Colorizer.palette_of`; it goes before the variant.
        variant: the number of one of the model's own palettes, from 1; 0: none is asked for.
    """

    palette: Palette | None = None
    variant: int = 0


AS_IT_COMES = Guide()
