"""The service refuses in one line what it must not take, and answers everything else."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from irodori.web.blobs import PREFIX, new_id
from irodori.web.guard import HEADERS
from irodori.web.limits import EDITS_BYTES, OWN, PUBLIC
from irodori.web.rows import Rows
from tests.test_layers import imports_without
from tests.web_page import picture, service

Running = tuple[str, Rows]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with service(tmp_path) as found:
        yield found


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "storage" / PREFIX).rglob("*") if path.is_file())


def upload(address: str, data: bytes | None = None, **query: str) -> requests.Response:
    return requests.post(f"{address}/api/drawings", params=query, data=picture() if data is None else data, timeout=30)


def error(answer: requests.Response) -> str:
    """The one line of a refusal."""
    text: str = answer.json()["error"]
    assert text
    assert "\n" not in text
    assert "/" not in text.replace("Content-Type", "")  # no path of this machine
    return text


def test_the_web_process_needs_neither_torch_nor_pillow() -> None:
    imports_without("import irodori.web.serving", "torch", "PIL", "cv2", "prefect")


def test_a_drawing_waits_for_its_painter(running: Running, tmp_path: Path) -> None:
    answer = upload(running[0], name="C:\\art\\héro\x07.png")
    assert answer.status_code == 201
    place = answer.headers["Location"]
    found = requests.get(running[0] + place, timeout=30).json()
    assert (found["name"], found["state"], found["position"]) == ("héro.png", "waiting", 0)
    assert files(tmp_path) == ["drawing"]
    assert requests.get(f"{running[0]}{place}/legend", timeout=30).status_code == 409


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<html><script>alert(1)</script>", "HTML"),
        (b"8BPS" + bytes(300), "Photoshop"),
        (b"%PDF-1.7" + bytes(300), "PDF"),
        (b"PK\x03\x04" + bytes(300), "ZIP"),
        (b"GIF8" + bytes(300), "not a picture"),
    ],
)
def test_what_is_no_picture_is_not_kept(running: Running, tmp_path: Path, data: bytes, reason: str) -> None:
    answer = upload(running[0], data)
    assert answer.status_code == 415
    assert reason in error(answer)
    assert files(tmp_path) == []


def test_bytes_are_counted_whatever_the_headers_say(tmp_path: Path) -> None:
    with service(tmp_path, replace(OWN, upload_bytes=1 << 20)) as (address, _):
        assert upload(address, picture()[:100] + bytes(1 << 20)).status_code == 413

        def chunks() -> Iterator[bytes]:  # of no stated length
            yield picture()[:100]
            for _ in range(64):
                yield bytes(1 << 16)

        for body in (chunks(), picture()[:100] + bytes(2 << 20)):  # who still sends hears the answer, too
            answer = requests.post(f"{address}/api/drawings", data=body, timeout=30)
            assert answer.status_code == 413
            assert "1 MB" in error(answer)
        assert files(tmp_path) == []


def test_a_slow_body_is_given_up(tmp_path: Path) -> None:
    with service(tmp_path, replace(OWN, upload_seconds=0.5)) as (address, _):
        host = urlsplit(address).netloc
        with socket.create_connection(("127.0.0.1", int(host.rpartition(":")[2]))) as connection:
            head = f"POST /api/drawings HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n\r\n"
            connection.sendall(head.encode() + picture()[:40])
            started = time.monotonic()
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 408")
            assert time.monotonic() - started < 5
        assert files(tmp_path) == []


def test_a_full_disk_takes_nothing(tmp_path: Path) -> None:
    with service(tmp_path, replace(OWN, free_share=1.0, free_bytes=1 << 60)) as (address, _):
        answer = upload(address)
        assert (answer.status_code, bool(answer.headers["Retry-After"])) == (507, True)
        assert "disk" in error(answer)
        assert files(tmp_path) == []


def test_of_a_hundred_uploads_at_once_fifty_are_told_when_to_come_back(running: Running, tmp_path: Path) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: upload(running[0]), range(100)))
    assert sorted(answer.status_code for answer in answers) == [201] * 50 + [429] * 50
    for answer in answers:
        if answer.status_code == 429:
            assert int(answer.headers["Retry-After"]) > 0
            assert "50 of your drawings wait" in error(answer)
    assert len(files(tmp_path)) == 50  # nothing is left of those that were refused


def test_one_client_may_have_three_waiting(tmp_path: Path) -> None:
    with service(tmp_path, PUBLIC) as (address, _):
        answers = [upload(address) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
        assert answers[3].headers["Retry-After"]
    with service(tmp_path, replace(PUBLIC, hourly_each=5, waiting_each=9)) as (address, _):  # forgotten ones count, too
        gone = upload(address).headers["Location"]
        assert requests.delete(address + gone, timeout=30).ok
        assert upload(address, b"<html>").status_code == 415  # what was no drawing does not
        assert [upload(address).status_code for _ in range(2)] == [201, 429]


def test_calls_are_counted(tmp_path: Path) -> None:
    with service(tmp_path, replace(OWN, calls_each=5)) as (address, _):
        answers = [requests.get(f"{address}/api/models", timeout=30) for _ in range(12)]  # may span two minutes
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(refused) >= 2
        assert 1 <= int(refused[0].headers["Retry-After"]) <= 60
        assert requests.get(f"{address}/", timeout=30).ok


def test_ids_lead_nowhere_else(running: Running) -> None:
    for name in ("../../models", "..%2f..%2fmodels", "x" * 22, new_id(), "web.sqlite", "%00"):
        for path in ("", "/labels", "/edits", "/exports/png?version=0"):
            answer = requests.get(f"{running[0]}/api/drawings/{name}{path}", timeout=30)
            assert answer.status_code in (404, 422), (name, path)
    for path in ("/page/../service.py", "/page/..%2fservice.py", "/page/%2e%2e/service.py", "/d/../etc/passwd"):
        connection = http.client.HTTPConnection(urlsplit(running[0]).netloc)
        connection.request("GET", path)  # as it is: requests would tidy it
        assert connection.getresponse().status == 404, path
        connection.close()


def test_all_trained_models_colour(tmp_path: Path) -> None:
    with service(tmp_path, models=()) as (address, rows):
        answer = upload(address)
        assert (answer.status_code, bool(answer.headers["Retry-After"])) == (503, True)
        assert "no model yet" in error(answer)
        for name in ("pink", "aqua"):
            best = tmp_path / "storage" / "models" / name / "best.json"
            best.parent.mkdir(parents=True)
            best.write_text("{}")
        assert requests.get(f"{address}/api/models", timeout=30).json()["models"] == ["aqua", "pink"]
        assert upload(address, model="red").status_code == 422
        for name, model in (("", "aqua"), ("pink", "pink")):
            answer = upload(address, model=name)
            assert rows.find(answer.json()["id"]).model == model


def test_edits_are_checked(running: Running) -> None:
    place = running[0] + upload(running[0]).headers["Location"] + "/edits"
    hint = {"x": 0.5, "y": 0.5, "colour": "#c03020"}
    wrong: list[tuple[bytes, int]] = [
        (b"{", 422),
        (b'{"variant": 0}', 422),
        (b'{"variant": NaN}', 422),
        (b'{"hints": [{"x": 1e999, "y": 0, "colour": "#c03020"}]}', 422),
        (json.dumps({"hints": [hint | {"x": -0.1}]}).encode(), 422),
        (json.dumps({"hints": [hint | {"colour": "red"}]}).encode(), 422),
        (json.dumps({"hints": [hint | {"scope": "all"}]}).encode(), 422),
        (json.dumps({"hints": [hint | {"and": "more"}]}).encode(), 422),
        (json.dumps({"hints": [hint] * 501}).encode(), 422),
        (b" " * (EDITS_BYTES + 1), 413),
    ]
    for body, status in wrong:
        answer = requests.put(place, data=body, headers={"If-Match": '"0"'}, timeout=30)
        assert answer.status_code == status, body[:60]
        error(answer)
    assert requests.put(place, json={}, timeout=30).status_code == 422  # which version?
    assert requests.put(place, json={}, headers={"If-Match": "new"}, timeout=30).status_code == 422
    other = hint | {"x": 0.6}
    for version, given, status in (('"0"', hint, 200), ('"0"', hint, 200), ('"0"', other, 412), ('"1"', hint, 200)):
        answer = requests.put(place, json={"hints": [given]}, headers={"If-Match": version}, timeout=30)
        assert answer.status_code == status
    found = requests.get(place, timeout=30)
    assert (found.headers["ETag"], found.json()["hints"]) == ('"2"', [hint | {"scope": "part"}])


def test_forgetting_removes_everything_at_once(running: Running, tmp_path: Path) -> None:
    place = running[0] + upload(running[0]).headers["Location"]
    assert requests.delete(place, timeout=30).status_code == 204
    answer = requests.get(place, timeout=30)
    assert answer.status_code == 404
    assert "expired" in error(answer)
    assert files(tmp_path) == []


def test_every_refusal_is_json(running: Running, tmp_path: Path) -> None:
    place = running[0] + upload(running[0]).headers["Location"]
    (tmp_path / "storage" / PREFIX / place.rpartition("/")[2] / "legend").mkdir()  # a storage that fails
    calls = [("GET", "/nothing", 404), ("GET", "/api/x", 404), ("GET", "/page/x.js", 404), ("POST", "/", 405)]
    calls += [("PATCH", "/api/drawings", 405), ("GET", f"{place.removeprefix(running[0])}/legend", 503)]
    for method, path, status in calls:
        answer = requests.request(method, running[0] + path, timeout=30)
        assert (answer.status_code, answer.headers["Content-Security-Policy"]) == (
            status,
            HEADERS["Content-Security-Policy"],
        )
        error(answer)
    running[1].counts = None  # type: ignore[method-assign,assignment]  # a fault of the page's own
    answer = requests.get(f"{running[0]}/readyz", timeout=30)
    assert (answer.status_code, error(answer)) == (500, "the page met a fault of its own; its log says which")


def test_every_answer_is_guarded(running: Running) -> None:
    for path in ("/", "/d/x", "/page/main.js", "/api/models", "/api/drawings/x", "/nothing"):
        headers = requests.get(running[0] + path, timeout=30).headers
        assert {name: headers[name] for name in HEADERS} == HEADERS
        assert "Set-Cookie" not in headers
        assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example:80"}, 421),
        ({"Host": "localhost:9"}, 201),
        ({"Host": "[::1]:9"}, 201),
        ({"Host": "192.168.1.5"}, 201),
        ({"Host": "colours.example.org"}, 201),
    ],
)
def test_other_pages_cannot_use_this_one(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    with service(tmp_path, names=["colours.example.org"]) as (address, _):
        answer = requests.post(f"{address}/api/drawings", data=picture(), headers=headers, timeout=30)
        assert answer.status_code == status


def test_the_token_opens_the_api(tmp_path: Path) -> None:
    with service(tmp_path, token="secret") as (address, _):
        assert requests.get(f"{address}/", timeout=30).ok  # which asks for it
        for header in ({}, {"Authorization": "Bearer wrong"}):
            assert requests.get(f"{address}/api/models", headers=header, timeout=30).status_code == 401
        right = {"Authorization": "Bearer secret"}
        assert requests.get(f"{address}/api/models", headers=right, timeout=30).ok


def test_the_api_is_described(running: Running) -> None:
    paths = requests.get(f"{running[0]}/api/openapi.json", timeout=30).json()["paths"]
    assert {path for path in paths if not path.startswith("/api/")} == set()
    assert paths["/api/drawings"]["post"]["requestBody"]["content"].keys() == {"application/octet-stream"}
    assert all(call["description"] for path in paths.values() for call in path.values())
