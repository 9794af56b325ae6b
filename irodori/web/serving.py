"""Runs the page on this machine: the service, a painter beside it, and what removes old drawings."""

import hashlib
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import uvicorn

from irodori.errors import PipelineError
from irodori.loopback import LOOPBACK
from irodori.settings import data_folder
from irodori.web.blobs import Blobs
from irodori.web.catalogue import Catalogue
from irodori.web.context import Service
from irodori.web.folders import Folders
from irodori.web.guard import MOST_OPEN
from irodori.web.limits import OWN, PUBLIC
from irodori.web.rows import Rows
from irodori.web.service import create_app
from irodori.web.sheets import Sheets
from irodori.web.supervisor import Cleaner, PainterProcess

PORT = 8100
_CONNECTIONS = 2 * MOST_OPEN  # idle ones included; beyond, answers are no longer in our words


@dataclass(frozen=True)
class Served:
    """What is to be served.

    Attributes:
        models: names, or paths of checkpoints; none: every trained model of the storage.
        storage: URL of the storage.
        database: URL of the database; "": a file beside the storage.
        host: address to listen on.
        port: 0: PORT, or another one if that is taken.
        public: whether anybody may come, within the limits of :data:`irodori.web.limits.PUBLIC`.
        names: host names of the page besides this machine's own.
        proxy: address of a proxy whose word on who is calling is taken.
    """

    models: Sequence[str]
    storage: str
    database: str = ""
    host: str = LOOPBACK[1]
    port: int = 0
    public: bool = False
    names: Sequence[str] = ()
    proxy: str = ""

    @property
    def is_local(self) -> bool:
        return self.host in LOOPBACK


def serve(served: Served, announce: Callable[[str], None]) -> None:
    """Serves the page until SIGINT or SIGTERM.

    Args:
        served: what.
        announce: is called with the page's address once it answers.

    Raises:
        PipelineError: the page or its painter cannot start (its text is one line).
    """
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]  # neither process has to do with Prefect's server, nor has its key
    listener = _listen(served.host, served.port)
    database, folder = _database(served)
    limits = PUBLIC if served.public else OWN
    token = "" if served.is_local or served.public else secrets.token_urlsafe(16)
    rows, blobs = Rows(database, public=served.public), Blobs(served.storage)
    arguments = [*served.models, "--storage", served.storage, "--database", database]
    painter = PainterProcess(arguments + ["--public"] * served.public, rows)
    cleaner = Cleaner(rows, blobs, limits)
    catalogue = Catalogue(served.storage, served.models)
    own = (None, None) if served.public else (Folders(served.storage), Sheets(served.storage))
    service = Service(rows, blobs, limits, catalogue, folder, lambda: painter.problem, *own)
    config = uvicorn.Config(
        create_app(service, names=served.names, token=token),
        log_level="warning",
        access_log=False,  # links are secrets
        ws="none",
        lifespan="off",
        server_header=False,
        proxy_headers=bool(served.proxy),
        forwarded_allow_ips=served.proxy or None,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    Thread(target=_watch, args=(painter, server), daemon=True).start()
    announce(_address(served.host, listener) + (f"/#{token}" if token else "/"))
    cleaner.start()
    try:
        server.run(sockets=[listener])
    finally:
        painter.stop()
        cleaner.stop()
        rows.close()
    if painter.refused:
        raise PipelineError(painter.problem)


def _watch(painter: PainterProcess, server: uvicorn.Server) -> None:
    """Ends the page when its painter refuses to start."""
    painter.join()
    if painter.refused:
        server.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    """Opens a port; one that was not asked for by number may be any that is free.

    Raises:
        PipelineError: the port is taken, or the address is not this machine's (its text is one line).
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for each in [port] if port else [PORT, 0]:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, each))
            return listener
        except OSError as error:
            listener.close()
            reason = error.strerror or str(error)
    raise PipelineError(f"{host}, port {port or PORT}: {reason}; choose another with --port or --host")


def _address(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    if host in ("0.0.0.0", "::"):
        host = _own_address()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _own_address() -> str:
    """Returns this machine's address in its network, which a phone there can open, or its name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # asks for the way there; sends nothing
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()


def _database(served: Served) -> tuple[str, Path]:
    """Returns the URL of the database, and a folder of the disk that must not become full."""
    parts = urlsplit(served.storage)
    if served.database:
        file = served.database.removeprefix("sqlite:///")
        return served.database, Path(file).parent if file != served.database else Path(tempfile.gettempdir())
    if parts.scheme == "file":
        folder, name = Path(unquote(parts.path)), "web.sqlite"
    else:  # a bucket holds no database
        folder, name = data_folder(), f"web-{hashlib.sha256(served.storage.encode()).hexdigest()[:8]}.sqlite"
    os.makedirs(folder, exist_ok=True)
    return f"sqlite:///{folder / name}", folder
