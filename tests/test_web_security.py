"""What the page may touch, and whom it may call; its other defences are tested where they stand."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy.ports import free_port
from irodori.web.blobs import PREFIX, Blobs
from irodori.web.catalogue import Catalogue
from irodori.web.folders import Folders
from irodori.web.guard import client_of
from irodori.web.sheets import Sheets
from storage import StorageError
from tests.web_page import Page, picture, wait_for

WATCHED = """
import json, os, sys
seen = open(sys.argv.pop(1), "a", buffering=1)
def watch(event, values):
    if event == "open" and isinstance(values[0], (str, bytes)) and (values[2] or 0) & (os.O_WRONLY | os.O_RDWR):
        seen.write(json.dumps(["write", os.fsdecode(values[0])]) + "\\n")
    elif event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir"):
        seen.write(json.dumps(["write", os.fsdecode(values[0])]) + "\\n")
    elif event == "socket.connect":
        seen.write(json.dumps(["connect", str(values[1])]) + "\\n")
    elif event == "import" and values[0].split(".")[0] == "prefect":
        seen.write(json.dumps(["import", values[0]]) + "\\n")
sys.addaudithook(watch)
from irodori.cli.start import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("testclient", "unknown"),
    ],
)
def test_a_household_is_one_client(address: str, client: str) -> None:
    assert client_of({"type": "http", "client": (address, 1)}) == client


def test_parts_of_the_page_write_only_what_is_theirs(tmp_path: Path) -> None:
    url = tmp_path.as_uri()
    parts: dict[str, Any] = {"web/x": Blobs(url), "inbox/a.png.guide.json": Folders(url), "sheets/a.json": Sheets(url)}
    for own, part in {**parts, "": Catalogue(url)}.items():
        for key in ("models/pink/best.json", "datasets/x/manifest.csv", "inbox/a.png", "webx", *parts):
            if key == own:
                part._storage.write(key, b"x")
                part._storage.delete(key)
                continue
            for name, values in (("write", (b"x",)), ("replace", (b"x", None)), ("delete", ())):
                with pytest.raises(StorageError, match="is not the page's to write"):
                    getattr(part._storage, name)(key, *values)


def test_the_web_process_writes_drawings_and_rows_and_calls_nobody(tmp_path: Path) -> None:
    storage, seen, port = tmp_path / "storage", tmp_path / "seen", free_port()
    (storage / "models" / "pink").mkdir(parents=True)
    (storage / "models" / "pink" / "best.json").write_text("{}")
    command = [sys.executable, "-c", WATCHED, str(seen), "serve", "--port", str(port), "--host", "0.0.0.0"]
    env = os.environ | {"IRODORI_STORAGE": storage.as_uri(), "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stderr
    token = process.stdout.readline().partition("#")[2].split()[0]  # who has not this link does not come in
    page = Page(f"http://127.0.0.1:{port}", storage, process)
    try:
        wait_for(page, "/readyz")
        assert requests.get(f"{page.address}/api/models", timeout=30).status_code == 401
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {token}"
        ids = [_visit(session, page.address) for _ in range(2)]
        for name in ("../models/pink/best.json", "%2e%2e/models", "models/pink"):
            session.delete(f"{page.address}/api/drawings/{name}", timeout=30)
            session.post(f"{page.address}/api/inbox", params={"name": name}, timeout=30)
        environment = Path(f"/proc/{page.painter()}/environ").read_bytes()
    finally:
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=60)
    assert b"PREFECT_" not in environment
    assert not any(id_ in part for part in output for id_ in ids)  # links are in no log
    events = [json.loads(line) for line in seen.read_text().splitlines()]
    allowed = tuple(str(storage / name) for name in ("web.sqlite", PREFIX, "."))
    written = {place for kind, place in events if kind == "write"}
    assert any(place.startswith(str(storage / PREFIX)) for place in written)  # it does see
    assert [place for place in written if str(storage) in place and not place.startswith(allowed)] == []
    others = {(kind, place) for kind, place in events if kind != "write"}
    assert others == {("connect", "('192.0.2.1', 9)")}  # by which a machine learns its own address; nothing is sent
    assert (storage / "models" / "pink" / "best.json").read_text() == "{}"


def _visit(session: requests.Session, address: str) -> str:
    id_ = str(session.post(f"{address}/api/drawings", data=picture(), timeout=30).json()["id"])
    place = f"{address}/api/drawings/{id_}"
    assert session.put(f"{place}/edits", json={"variant": 2}, headers={"If-Match": '"0"'}, timeout=30).ok
    for asked in ("exports/png", "pieces", "shadows/cel/own", "sheets?name=aiko"):
        assert session.post(f"{place}/{asked}", timeout=30).status_code == 202
    return id_
