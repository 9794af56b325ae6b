"""Names things in folders: which files are drawings that somebody put there, and what looks are called."""

from pathlib import PurePosixPath

from imaging.clutter import is_clutter
from imaging.formats import promised_format

# files that this program writes beside drawings
SHEET, PAGE, REASON = "_contact-sheet.png", "_before-after.html", ".reason.txt"
_PALETTE = "_palette"  # name of the palette that users put beside drawings


def is_palette(path: str) -> bool:
    """Tells whether a file is the palette of its folder: a picture named _palette, such as _palette.png."""
    return PurePosixPath(path).stem.lower() == _PALETTE and promised_format(path) is not None


def is_drawing(path: str) -> bool:
    """Tells whether a file may be a drawing: not hidden, of the system, incomplete, a palette, or of this program."""
    name = PurePosixPath(path).name.lower()
    return not (is_clutter(path) or is_palette(path) or name in (SHEET, PAGE) or name.endswith(REASON))


def look_name(style: str, choice: str) -> str:
    """Returns the folder of a look.

    Args:
        style: name of the model, if there are several; otherwise "".
        choice: name of the palette; "" if there is none.
    """
    return "-".join(filter(None, [style, choice]))


def variant_name(style: str, variant: int) -> str:
    """Returns the folder of one variant of a model: ``pink-2``, or ``variant-2`` if there is only one model."""
    return f"{style or 'variant'}-{variant}"
