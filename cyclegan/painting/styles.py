"""Numbers the styles of a painter that has any, and says which one is asked for.

A style is a code of a few numbers (Huang et al. 2018). Those of domain B's pictures are N(0, I) after training, so a
code drawn from it is a style that such a picture could have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cyclegan.painting.config import STYLE

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Styled:
    """The style of a drawing that is read.

    Attributes:
        code: (STYLE,), the style in which it is painted.
        paint: paints it in another one: (STYLE,) → (3, h, w) in [0, 1].
    """

    code: Floats
    paint: Callable[[Floats], Floats]


def style_code(number: int) -> Floats:
    """Returns the code, (STYLE,), of a style by its number from 1, drawn from N(0, I): the same each time."""
    # this generator never changes, as numpy promises; the newer ones may
    return np.random.RandomState(number).standard_normal(STYLE).astype(np.float32)


def style_asked(palette: Floats | None, variant: int) -> Floats:
    """Returns the code that a guide asks for: that of a picture, else by number, else the first, for all drawings.

    Args:
        palette: of the guide, here a code.
        variant: of the guide.
    """
    return style_code(max(1, variant)) if palette is None else palette
