"""Refuses what is asked of a model that cannot do it."""

from __future__ import annotations

from cyclegan.painting.config import STYLE
from cyclegan.painting.guide import Guide
from cyclegan.painting.memory import Memory
from cyclegan.painting.palettes import NO_PALETTES, OTHER_COLOURS, PaletteError
from cyclegan.painting.shadows import NO_SHADOWS, ShadingError
from cyclegan.painting.sheets import check_sheets


def require_palettes(memory: Memory | None, count: int = 1) -> Memory:
    """Returns the memory; refuses a model without palettes, or one that does not remember so many.

    Raises:
        PaletteError: it has none, or fewer (its text is one line).
    """
    if memory is None:
        raise PaletteError(NO_PALETTES)
    known = len(memory.palettes)
    if not 1 <= count <= known:
        raise PaletteError(f"{count} palettes: this model remembers {known}; ask for 1 or more of these")
    return memory


def check(guide: Guide, memory: Memory | None, has_styles: bool) -> None:
    """Refuses a guide that a model cannot follow.

    Args:
        guide: what is asked.
        memory: the palettes that the model remembers; None for a model without palettes.
        has_styles: whether the model has styles; then it has no palettes.

    Raises:
        PaletteError: the guide asks for a palette that the model does not have.
        SheetError: the guide has a sheet of another model.
        ShadingError: the guide asks for shadows, and the model knows none.
    """
    shadows = memory and memory.shadows
    if guide.strength(helps=False) and not (shadows and shadows.seen):
        raise ShadingError(NO_SHADOWS)
    if guide.sheets:
        check_sheets(guide.sheets, require_palettes(memory))
    if has_styles:
        own: tuple[int, ...] = (STYLE,)
    elif guide.palette is not None or guide.variant:
        own = require_palettes(memory, max(1, guide.variant)).palettes.shape[1:]
    if guide.palette is not None and guide.palette.shape != own:
        raise PaletteError(OTHER_COLOURS)
