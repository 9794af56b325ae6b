"""Tests a folder as storage: links out of it, and disks that refuse to be written."""

import os
from pathlib import Path

import pytest

from storage import StorageError, open_storage


def test_links_out_of_a_folder_are_neither_listed_nor_read(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    root = tmp_path / "storage"
    (root / "inbox").mkdir(parents=True)
    (root / "inbox" / "link.png").symlink_to(tmp_path / "secret.txt")
    (root / "inbox" / "folder").symlink_to(tmp_path)
    storage = open_storage(root.as_uri())
    assert list(storage.list("")) == []
    for key in ("inbox/link.png", "inbox/folder/secret.txt"):
        with pytest.raises(StorageError, match="link"):
            storage.read(key)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(tmp_path: Path) -> None:
    root = tmp_path / "storage"
    root.mkdir(mode=0o500)
    with pytest.raises(StorageError, match="permission"):
        open_storage(root.as_uri()).write("a", b"1")


def test_full_disk_loses_nothing_and_says_so(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    root = tmp_path / "storage"
    storage = open_storage(root.as_uri())
    storage.write("a", b"old")
    with pytest.raises(StorageError, match="disk is full"):
        storage._put("a", lambda _: Path("/dev/full").write_bytes(b"x" * 100_000))  # type: ignore[attr-defined]
    assert storage.read("a") == b"old"
    assert not any((root / ".irodori" / "unfinished").iterdir())


def test_name_too_long(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="too long"):
        open_storage((tmp_path / "storage").as_uri()).write("x" * 300, b"1")
