"""Names things in folders: which files are drawings that somebody put there, and what looks are called."""

import re
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, Field

from imaging.clutter import is_clutter
from imaging.formats import LAYER_ENDINGS, LayerFile, promised_format

# files that this program writes beside drawings
SHEET, PAGE, REASON = "_contact-sheet.png", "_before-after.html", ".reason.txt"
_LABELS = LAYER_ENDINGS[LayerFile.LABELS]
_LONGEST_NAME = 255  # bytes, the limit of common file systems
SHEETS = "sheets/"  # where colour sheets are in the storage
# names of what users put beside drawings
_PALETTE, _SHEET = "_palette", "_sheet"
_GUIDE, _HINTS = ".guide.json", ".hints"


# A folder on any disk, a part of an S3 key and of a URL, at most 252 bytes long. Forms check the pattern in JavaScript.
NAME = r"""^[^-.~\sA-Z/\\*?"<>|#%`\x00-\x1f\x7f][^\sA-Z/\\*?"<>|#%`\x00-\x1f\x7f]{0,62}$"""


def _checked(name: str) -> str:
    if not re.match(NAME, name) or name.endswith("\n"):
        raise ValueError(
            f"{name!r} cannot be the name of a folder: a name is like a board's tag in lower case, of at most 63 "
            'characters, with _ instead of spaces and of / \\ * ? " < > | # % `, and begins with none of - . ~'
        )
    return name


Name = Annotated[
    str,
    AfterValidator(_checked),
    Field(
        description="like a tag of a board, such as watercolor_(medium), with _ for / and spaces; becomes a folder",
        json_schema_extra={"pattern": NAME},
    ),
]


def is_palette(path: str) -> bool:
    """Tells whether a file is the palette of its folder: a picture named _palette, such as _palette.png."""
    return PurePosixPath(path).stem.lower() == _PALETTE and promised_format(path) is not None


def is_sheet(path: str) -> bool:
    """Tells whether a file is a colour sheet of its folder: _sheet.json, or _sheet-aiko.json, of each character one."""
    name = PurePosixPath(path).name.lower()
    return name.endswith(".json") and name.startswith((f"{_SHEET}.", f"{_SHEET}-"))


def sheet_key(name: str) -> str:
    """Returns the key of a colour sheet of the storage."""
    return f"{SHEETS}{name}.json"


def guided(path: str) -> str | None:
    """Returns what hints in a file are for: the drawing's path, with or without its ending; None if it has none.

    The hints of page.png are in page.hints.png, page.guide.json, page.png.hints.png or page.png.guide.json.
    """
    if path.lower().endswith(_GUIDE):
        return path[: -len(_GUIDE)]
    stem = PurePosixPath(path).stem.lower()
    if stem.endswith(_HINTS) and promised_format(path):
        return path[: path.lower().rindex(_HINTS)]
    return None


def guides_by(drawing: str) -> set[str]:
    """Returns what :func:`guided` may say of hints for a drawing: its path, with and without its ending."""
    return {drawing, drawing.removesuffix(PurePosixPath(drawing).suffix)}


def is_guiding(path: str) -> bool:
    """Tells whether a file says how drawings beside it are to be coloured."""
    return is_palette(path) or is_sheet(path) or guided(path) is not None


def is_drawing(path: str) -> bool:
    """Tells whether a file may be a drawing: no clutter, not of this program, and nothing that guides a drawing."""
    name = PurePosixPath(path).name.lower()
    return not (is_clutter(path) or is_guiding(path) or name in (SHEET, PAGE) or name.endswith((REASON, _LABELS)))


def layer_path(path: str, kind: LayerFile) -> str:
    """Returns the path of a file of layers beside a coloured drawing: ``hero.png`` has ``hero.ora``.

    Names of other formats keep their endings (``hero.jpg.ora``), as there may be a ``hero.png`` beside them.
    """
    return with_ending(path.removesuffix(".png"), LAYER_ENDINGS[kind])


def with_ending(path: str, ending: str) -> str:
    """Adds an ending to a path; shortens the name if it would exceed 255 bytes."""
    found = PurePosixPath(path)
    room = _LONGEST_NAME - len(ending.encode())
    return str(found.with_name(found.name.encode()[:room].decode(errors="ignore") + ending))


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


def is_utf8(name: str) -> bool:
    """Tells whether a name can be written as UTF-8; one whose bytes are of another encoding cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
