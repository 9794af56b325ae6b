"""Tells by their names which files are drawings: those that somebody put there to be coloured."""

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
