"""A folder of drawings into the inbox of the running stack, and colorized ones out of its outbox.

python -m deploy.drawings send ink/page-7      they become inbox/page-7/...
python -m deploy.drawings fetch colour         outbox/page-7/... becomes colour/page-7/...
"""

import sys
from pathlib import Path
from typing import Annotated

import typer
from dotenv import load_dotenv
from prefect.events import emit_event
from prefect.settings import PREFECT_API_URL

from deploy.up import PROJECT, Settings
from storage import StorageError, open_storage
from tasks.errors import PipelineError
from tasks.settings import settings

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def send(folder: Annotated[Path, typer.Argument(exists=True, file_okay=False)]) -> None:
    """Put a folder's files into the inbox; where a server runs, a run starts at once."""
    storage = open_storage(settings().storage)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    for path in files:
        storage.upload(path, f"inbox/{folder.resolve().name}/{path.relative_to(folder).as_posix()}")
    if files and PREFECT_API_URL.value():  # without a server, Prefect would start one for this
        emit_event("inbox.images.arrived", resource={"prefect.resource.id": "irodori.inbox"})
    print(f"{len(files)} files are in the inbox of {settings().storage}")


@app.command()
def fetch(folder: Path) -> None:
    """Copy the outbox into a folder; what is there and as new stays untouched."""
    storage, copied = open_storage(settings().storage), 0
    for entry in storage.list("outbox/"):
        target = folder / entry.key.removeprefix("outbox/")
        if target.exists() and target.stat().st_mtime >= entry.modified:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        storage.download(entry.key, target)
        copied += 1
    print(f"{copied} files copied from the outbox of {settings().storage} to {folder}")


def main() -> int:
    """Exit status 1, with a line on stderr, where the storage cannot be used."""
    load_dotenv(PROJECT / ".env")
    load_dotenv(Settings().run_folder / "env")
    try:
        app()
    except (StorageError, PipelineError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
