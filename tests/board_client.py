"""Makes posts of a local board and asks it as a client does."""

import json
from typing import Any

import requests

from demo.board import Board
from demo.search import BoardPost

PAGE: dict[str, Any] = {"page": "dapi", "s": "post", "q": "index"}


def post(number: int, tags: str = "solo", **fields: Any) -> BoardPost:
    data = fields.pop("data", f"picture {number} ".encode() * 300)
    return BoardPost(id=number, data=data, tags=tags, width=number, height=2 * number, **fields)


POSTS = [
    post(10, "pink_hair solo"),
    post(13, "pink_hair glasses solo", rating="safe", owner="visitor"),
    post(21, "glasses solo", source="https://example.org/a?b=1&c=2"),
    post(34, "don't_stop re:zero rock&roll :d 初音ミク", extension="PNG"),
]


def ask(board: Board, **query: Any) -> requests.Response:
    return requests.get(f"{board.url}/index.php", params=PAGE | query, timeout=10)


def listed(board: Board, tags: str = "", **query: Any) -> list[int]:
    text = ask(board, json=1, tags=tags, **query).text
    return [fields["id"] for fields in json.loads(text)] if text else []


def file_of(board: Board, number: int, **headers: str) -> requests.Response:
    (fields,) = ask(board, json=1, tags=f"id:{number}").json()
    return requests.get(fields["file_url"], headers=headers, timeout=10)
