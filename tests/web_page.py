"""Serves the page as tests need it: the service alone in a thread, or `irodori serve` with its painter."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import uvicorn
from PIL import Image, ImageDraw

from deploy.ports import free_port
from imaging.codec import encode
from irodori.web.blobs import Blobs
from irodori.web.catalogue import Catalogue
from irodori.web.context import Service
from irodori.web.folders import Folders
from irodori.web.limits import OWN, Limits
from irodori.web.rows import Rows
from irodori.web.service import create_app
from irodori.web.sheets import Sheets

SECONDS = 120.0  # that torch may take to be imported on a busy machine


def picture(width: int = 240, height: int = 200) -> bytes:
    """A drawing with closed areas, as PNG."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for column in range(3):
        for row in range(2):
            left, top = width * (1 + 4 * column) // 13, height * (1 + 4 * row) // 9
            draw.rectangle((left, top, left + width * 3 // 13, top + height * 3 // 9), outline="black", width=3)
    return encode(image, "x.png")


@contextmanager
def service(
    folder: Path,
    limits: Limits = OWN,
    *,
    names: Sequence[str] = (),
    token: str = "",
    models: Sequence[str] = ("pink",),
    inbox: bool = False,
) -> Iterator[tuple[str, Rows]]:
    """Runs the service without a painter; yields its address and rows."""
    storage = folder / "storage"
    storage.mkdir(exist_ok=True)
    with closing(Rows(f"sqlite:///{storage / 'web.sqlite'}")) as rows:
        url = storage.as_uri()
        own = (Folders(url), Sheets(url)) if inbox else (None, None)
        about = Service(rows, Blobs(url), limits, Catalogue(url, models), storage, lambda: "", *own)
        port = free_port()
        app = create_app(about, names=names, token=token)
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{port}", rows
        finally:
            server.should_exit = True
            thread.join()


@dataclass
class Page:
    """The command `irodori serve`, running."""

    address: str
    storage: Path
    process: "subprocess.Popen[str]"

    def post(self, path: str, data: bytes = b"") -> dict[str, Any]:
        """Posts and returns the answer, which is no refusal."""
        answer = requests.post(f"{self.address}/api{path}", data=data, timeout=60)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def finished(self, place: str) -> requests.Response:
        """Gets what is being made, once it is."""
        end = time.monotonic() + SECONDS
        while (answer := requests.get(self.address + place, timeout=60)).status_code == 202:
            assert time.monotonic() < end
            time.sleep(0.05)
        return answer

    def state(self, drawing: str) -> str:
        """How far a drawing is."""
        return str(requests.get(f"{self.address}/api/drawings/{drawing}", timeout=60).json()["state"])

    def coloured(self, drawing: str) -> dict[str, Any]:
        """Waits until a drawing is coloured, or failed."""
        end = time.monotonic() + SECONDS
        while True:
            found: dict[str, Any] = requests.get(f"{self.address}/api/drawings/{drawing}", timeout=60).json()
            if found["state"] in ("done", "failed"):
                return found
            assert time.monotonic() < end
            time.sleep(0.05)

    def painter(self) -> int:
        """The process id of the painter, once there is one."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            threads = Path(f"/proc/{self.process.pid}/task").glob("*/children")
            if children := [child for thread in threads for child in thread.read_text().split()]:
                return int(children[0])
            time.sleep(0.05)
        raise AssertionError("no painter")


@contextmanager
def serving(storage: Path, *models: Path | str, options: Sequence[str] = (), warm: bool = True) -> Iterator[Page]:
    """Runs `irodori serve`; waits for its painter if `warm`."""
    port = free_port()
    command = [sys.executable, "-m", "irodori.cli.start", "serve", *map(str, models), "--port", str(port), *options]
    env = os.environ | {"IRODORI_STORAGE": storage.as_uri(), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    page = Page(f"http://127.0.0.1:{port}", storage, process)
    try:
        wait_for(page, "/readyz" if warm else "/healthz")
        yield page
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(30)
        for stream in (process.stdout, process.stderr):
            assert stream
            stream.close()


def wait_for(page: Page, path: str) -> None:
    """Waits until the page answers a path with success."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and page.process.poll() is None:
        try:
            if requests.get(page.address + path, timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"the page does not answer {path}")
