"""What systems and programs leave in folders is told from what people put there."""

import pytest

from imaging.clutter import is_clutter


@pytest.mark.parametrize(
    "path",
    [
        "._x.png", ".Trash-1000/files/x.png", "a/@eaDir/x.png/SYNOPHOTO_THUMB_XL.jpg", "#recycle/x.png",
        "$RECYCLE.BIN/S-1-5/x.png", "System Volume Information/x.png", "lost+found/x.png", "Thumbs.db", "a/desktop.ini",
        "__MACOSX/._x.png", ".git/x.png", "~$x.png", "x.png.part", "x.png~", "x.png.crdownload",
    ],
)  # fmt: skip
def test_what_systems_leave_is_clutter(path: str) -> None:
    assert is_clutter(path)


@pytest.mark.parametrize("path", ["x.png", "a.b/x.png", "~x.png", "recycle/x.png", "found/x.part.png", "x~1.png"])
def test_what_people_name_is_not(path: str) -> None:
    assert not is_clutter(path)
