"""Puts drawings into the inbox, and remembers there which folder each was sent from."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from irodori.shared_json import update
from storage import NotFound, Storage

_ORIGINS = ".sent-from.json"  # hidden, so that the inbox leaves it alone


def send_files(
    storage: Storage,
    prefix: str,
    files: Mapping[str, Path],
    origin: str,
    again: bool,
    fail: Callable[[Path, str], None],
) -> int:
    """Uploads files; replaces only what was sent from the same folder.

    Args:
        storage: the storage of the inbox.
        prefix: the folder's place in the inbox, ``inbox/page 7/``.
        files: the files by their paths in the folder.
        origin: identifies the folder among all folders of all machines.
        again: whether to replace also what others put there.
        fail: is told each file that is not sent, and why.

    Returns:
        The number of files that are in the inbox now.
    """
    there = {entry.key for entry in storage.list(prefix)}
    origins = _read(storage, prefix)
    sending, same = {}, 0
    for name, path in files.items():
        key = prefix + name
        if key in there and _holds(storage, key, path):
            same += 1
        elif again or origins.get(name, "" if key in there else origin) == origin:
            sending[name] = path
        else:
            fail(path, f"{key} was sent from another folder: it stays; rename this folder, or replace it with --again")
    _remember(storage, prefix, sending, origin)  # first: what a killed command has sent is known to be this folder's
    for name, path in sending.items():
        storage.upload(path, prefix + name)
    return same + len(sending)


def _holds(storage: Storage, key: str, path: Path) -> bool:
    try:
        return storage.read(key) == path.read_bytes()
    except NotFound:  # coloured and moved in the meantime
        return False


def _remember(storage: Storage, prefix: str, names: Iterable[str], origin: str) -> None:
    new = dict.fromkeys(names, origin)
    update(storage, prefix + _ORIGINS, lambda known: known.update(new), _parsed, indent=1)


def _read(storage: Storage, prefix: str) -> dict[str, str]:
    """Returns the origin of each file that was ever sent to a place."""
    try:
        return _parsed(storage.read(prefix + _ORIGINS))
    except NotFound:
        return {}


def _parsed(data: bytes) -> dict[str, str]:
    """Reads the list of origins; one that is damaged is empty."""
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}
