"""Recognizes what systems and programs leave in folders: files and folders that no person put there as a picture."""

# lower case; of Windows, macOS, Linux, and the network drives of Synology and QNAP
_NAMES = {
    "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "recycler", "system volume information",
    "__macosx", "lost+found", "@eadir", "#recycle", "@recycle", "#snapshot",
}  # fmt: skip
# hidden (.git, ._x.png, .Trash-1000), and open in an office program
_PREFIXES = (".", "~$")
_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".tmp", ".temp", ".filepart", "~")


def is_clutter(path: str) -> bool:
    """Tells whether a file, or a folder above it, is hidden, of the system, or incomplete.

    Args:
        path: path inside a folder that a person chose, with "/" between names.
    """
    parts = path.lower().split("/")
    return any(part.startswith(_PREFIXES) or part in _NAMES for part in parts) or parts[-1].endswith(_UNFINISHED)
