"""Uploads a folder of drawings to the inbox, and downloads coloured ones from the outbox."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from irodori.stack import use_stack

if TYPE_CHECKING:
    from storage import Storage


def send(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="They go to inbox/FOLDER/.")],
) -> None:
    """Put a folder's files into the inbox; where a server runs, they are coloured at once."""
    storage = _storage()
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    for path in files:
        storage.upload(path, f"inbox/{folder.resolve().name}/{path.relative_to(folder).as_posix()}")
    if files:
        from irodori.cli.flows import announce_arrival

        announce_arrival()
    print(f"{len(files)} files are in the inbox of {storage.url}")


def fetch(folder: Annotated[Path, typer.Argument(help="outbox/page-7/… becomes FOLDER/page-7/….")]) -> None:
    """Copy the outbox into a folder; what is there and as new stays untouched."""
    storage, copied = _storage(), 0
    for entry in storage.list("outbox/"):
        target = folder / entry.key.removeprefix("outbox/")
        if target.exists() and target.stat().st_mtime >= entry.modified:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        storage.download(entry.key, target)
        copied += 1
    print(f"{copied} files copied from the outbox of {storage.url} to {folder}")


def _storage() -> "Storage":
    """Opens the storage that the environment names, or else that of the stack on this machine."""
    # here, because reading help and colouring folders need neither S3 nor CSV
    from irodori.settings import settings
    from storage import open_storage

    use_stack()
    settings.cache_clear()
    return open_storage(settings().storage)
