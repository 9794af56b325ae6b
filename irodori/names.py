"""Names things in folders: which files are drawings that somebody put there, and what looks are called."""

from pathlib import PurePosixPath

from imaging.formats import promised_format

SHEET, PAGE, REASON = "_contact-sheet.png", "_before-after.html", ".reason.txt"  # what we put beside drawings
_PALETTE = "_palette"  # what people put beside drawings
_SYSTEM = {"thumbs.db", "desktop.ini", "ehthumbs.db", "__macosx", SHEET, PAGE}
_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".tmp", ".temp", ".filepart", "~")


def is_palette(path: str) -> bool:
    """Whether it is the picture whose colours the drawings of its folder are to have: _palette.png or the like."""
    return PurePosixPath(path).stem.lower() == _PALETTE and promised_format(path) is not None


def is_drawing(path: str) -> bool:
    """Whether somebody put it there on purpose: not hidden, not a system's own, not half downloaded, not ours."""
    parts = path.lower().split("/")
    if any(part.startswith((".", "~$")) or part in _SYSTEM for part in parts) or is_palette(path):
        return False
    return not parts[-1].endswith((*_UNFINISHED, REASON))


def look_name(style: str, choice: str) -> str:
    """The folder of a look: its style (a model among several, else ""), and what was chosen of it (else "")."""
    return "-".join(filter(None, [style, choice]))


def variant_name(style: str, variant: int) -> str:
    """The folder of a look that is one variant of a model: ``pink-2``, or ``variant-2`` where there is one model."""
    return f"{style or 'variant'}-{variant}"
