"""Defines the guide: all that a person asks of one colouring."""

from __future__ import annotations

from dataclasses import dataclass

from cyclegan.painting.hints import Hint, HintError
from cyclegan.painting.palettes import Palette
from cyclegan.painting.shadows import EDGES, Edge, ShadingError
from cyclegan.painting.sheets import Sheet


@dataclass(frozen=True)
class Guide:
    """What a person asks of one colouring. By default, each figure gets the palette that suits it best.

    Attributes:
        palette: (k, 3) float32 RGB in [0, 1], from `Colorizer.palettes` or `Colorizer.palette_of`; takes precedence
            over the variant. Of a model with styles, a style, (STYLE,) float32, from the same.
        variant: 1: the palettes that suit best; 2, 3, …: others that suit; 0: not requested. Of a model with styles,
            the number of one; 0 is the first.
        sheets: colours of characters; each goes to the figure that resembles it most, before palette and variant.
        hints: colours at places of the drawing; later ones win.
        soft: the painter's own soft colours, instead of one colour for each segment; hints need segments. They have
            no shadows.
        shading: 0..1, the strength of shadows; None: 1 for a model whose shadows help, or where an edge or mirrored
            light is asked for, else 0.
        edge: "cel" for hard shadows, "soft" for soft ones; None: as in domain B.
        mirrored_light: light from the other side than in domain B.
    """

    palette: Palette | None = None
    variant: int = 0
    sheets: tuple[Sheet, ...] = ()
    hints: tuple[Hint, ...] = ()
    soft: bool = False
    shading: float | None = None
    edge: Edge | None = None
    mirrored_light: bool = False

    def __post_init__(self) -> None:
        if self.shading is not None and not 0 <= self.shading <= 1:
            raise ShadingError(f"shading {self.shading}: give its strength, 0 to 1")
        if self.edge not in (None, *EDGES):
            raise ShadingError(f"no shadows are {self.edge!r}: give {' or '.join(EDGES)}")
        if self.soft and self.hints:
            raise HintError("hints colour segments, and soft colours have none: leave out one of them")

    def strength(self, helps: bool) -> float:
        """Returns the strength of shadows, 0..1.

        Args:
            helps: whether the model's shadows bring drawings closer to domain B.
        """
        if self.shading is not None:
            return self.shading
        return float(helps or self.edge is not None or self.mirrored_light)


AS_IT_COMES = Guide()
