"""Says in one line why Prefect's server does not start: its database is of a newer version, or the machine is slow."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import distribution, version
from pathlib import Path

from irodori.errors import PipelineError

_LIMIT = "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"
_DATABASES = ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL")


@contextmanager
def temporary_server() -> Iterator[None]:
    """Surrounds what makes Prefect start a temporary server.

    Raises:
        PipelineError: if that server cannot start (its text is one line).
    """
    try:
        yield
    except Exception as error:
        from httpx import TimeoutException  # Prefect's client, which is imported by now

        if not isinstance(error, TimeoutException) and "ephemeral Prefect API server" not in str(error):
            raise
        if "exited with code" in str(error):
            line = "Prefect's temporary server ended while it started: `prefect server start` shows why"
            raise PipelineError(line) from error
        seconds = os.environ.get(_LIMIT, "20")
        raise PipelineError(
            f"Prefect's temporary server was not ready within {seconds} s: set {_LIMIT} to more, "
            "or use a server that runs already: PREFECT_API_URL"
        ) from error


def check_home(home: Path) -> None:
    """Checks that the installed Prefect can use the database of a Prefect home; Prefect itself would try for ever.

    Args:
        home: folder of Prefect's state; may be missing.

    Raises:
        PipelineError: if it cannot (its text is one line).
    """
    database = home / "prefect.db"
    if not database.is_file() or any(map(os.environ.get, _DATABASES)):
        return
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            found = {str(row[0]) for row in opened.execute("SELECT version_num FROM alembic_version")}
    except sqlite3.OperationalError:  # it has no such table yet, or another process is making it
        return
    except sqlite3.DatabaseError as error:
        raise PipelineError(f"{database}: {error}; move it away, or set PREFECT_HOME to another folder") from error
    known = _known_revisions()
    if known and found - known:
        raise PipelineError(
            f"{database} was made by a newer Prefect than the installed {version('prefect')}: "
            "update Irodori's environment, or set PREFECT_HOME to another folder"
        )


def _known_revisions() -> set[str]:
    """Returns the ids of the database versions that the installed Prefect knows, from the names of its migrations."""
    prefect = Path(str(distribution("prefect").locate_file("prefect")))
    migrations = prefect.joinpath("server", "database", "_migrations", "versions", "sqlite").glob("*.py")
    return {part for path in migrations for part in path.stem.split("_")}
