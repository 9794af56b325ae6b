"""Defines the guide: all that a person asks of one colouring."""

from __future__ import annotations

from dataclasses import dataclass

from cyclegan.painting.hints import Hint, HintError
from cyclegan.painting.palettes import Palette
from cyclegan.painting.sheets import Sheet


@dataclass(frozen=True)
class Guide:
    """What a person asks of one colouring. By default, each figure gets the palette that suits it best.

    Attributes:
        palette: (k, 3) float32 RGB in [0, 1], from `Colorizer.palettes` or `Colorizer.palette_of`; takes precedence
            over the variant.
        variant: 1: the palettes that suit best; 2, 3, …: others that suit; 0: not requested.
        sheets: colours of characters; each goes to the figure that resembles it most, before palette and variant.
        hints: colours at places of the drawing; later ones win.
        soft: the painter's own soft colours, instead of one colour for each segment; hints need segments.
    """

    palette: Palette | None = None
    variant: int = 0
    sheets: tuple[Sheet, ...] = ()
    hints: tuple[Hint, ...] = ()
    soft: bool = False

    def __post_init__(self) -> None:
        if self.soft and self.hints:
            raise HintError("hints colour segments, and soft colours have none: leave out one of them")


AS_IT_COMES = Guide()
