"""Tests what is said of folders of one's own art before a training."""

from pathlib import Path

import pytest

from irodori.errors import PipelineError
from irodori.own_art import check_room, check_room_for_copies, not_read


def test_only_pictures_need_room_for_copies(tmp_path: Path) -> None:
    huge = tmp_path / "page.psd"
    with huge.open("wb") as file:
        file.truncate(1 << 43)  # a hole, more than any disk of a test has
    check_room_for_copies(tmp_path.as_uri(), [tmp_path])
    huge.rename(tmp_path / "page.png")
    with pytest.raises(
        PipelineError, match=r" free, and copies of the pictures need 8\.8 TB: free some, or set IRODORI"
    ):
        check_room_for_copies(tmp_path.as_uri(), [tmp_path])


def test_a_little_room_is_not_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as caught:
        check_room(tmp_path.as_uri(), 10**18, "its checkpoints")
    assert " 0.0 " not in str(caught.value) and str(caught.value).startswith(f"{tmp_path} has ")


def test_documents_of_drawing_programs_are_counted_and_clutter_is_not(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    for name in ("a.psd", "old/b.PSD", "c.clip", "._a.psd", "notes.txt", "d.png"):
        (tmp_path / name).touch()
    assert not_read(tmp_path) == "2 .psd, 1 .clip: export them as PNG or TIFF"
