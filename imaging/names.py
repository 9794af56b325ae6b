"""Which file names stand for drawings."""

from pathlib import PurePosixPath

SHEET, PAGE, REASON = "_contact-sheet.png", "_before-after.html", ".reason.txt"  # what we put beside drawings
_PALETTE = "_palette"  # what people put beside drawings
_ENDINGS = {
    ".png": "png", ".apng": "png", ".jpg": "jpg", ".jpeg": "jpg", ".jpe": "jpg", ".jfif": "jpg", ".webp": "webp",
    ".gif": "gif", ".bmp": "bmp", ".dib": "bmp", ".tif": "tiff", ".tiff": "tiff",
}  # fmt: skip
_SYSTEM = {"thumbs.db", "desktop.ini", "ehthumbs.db", "__macosx", SHEET, PAGE}
_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".tmp", ".temp", ".filepart", "~")


def promised_format(name: str) -> str | None:
    """As :func:`imaging.codec.sniff` says it: "png", "jpg", "webp", "gif", "bmp" or "tiff"; None for other endings."""
    return _ENDINGS.get(PurePosixPath(name).suffix.lower())


def is_palette(path: str) -> bool:
    """Whether it is the picture whose colours the drawings of its folder are to have: _palette.png or the like."""
    return PurePosixPath(path).stem.lower() == _PALETTE and promised_format(path) is not None


def is_drawing(path: str) -> bool:
    """Whether somebody put it there on purpose: not hidden, not a system's own, not half downloaded, not ours."""
    parts = path.lower().split("/")
    if any(part.startswith((".", "~$")) or part in _SYSTEM for part in parts) or is_palette(path):
        return False
    return not parts[-1].endswith((*_UNFINISHED, REASON))
