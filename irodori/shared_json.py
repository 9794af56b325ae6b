"""Changes a JSON object in the storage that several processes share."""

import json
import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from storage import Conflict, NotFound, Storage

R = TypeVar("R")


def update(
    storage: Storage,
    key: str,
    change: Callable[[dict[str, Any]], R],
    read: Callable[[bytes], dict[str, Any]] = json.loads,
    indent: int | None = None,
) -> R:
    """Reads, changes and writes an object; retries until no other process wrote in between.

    Args:
        storage: the storage.
        key: of the object; if there is none, it is empty.
        change: changes the object in place; called once more for each retry.
        read: makes the object of its bytes.
        indent: of the JSON; None: one line.

    Returns:
        What the last call of `change` returned.
    """
    while True:
        try:
            data, version = storage.read_version(key)
            found = read(data)
        except NotFound:
            found, version = {}, None
        before = dict(found)
        result = change(found)
        if found == before:
            return result
        try:
            storage.replace(key, json.dumps(found, indent=indent).encode(), version)
            return result
        except Conflict:
            time.sleep(random.uniform(0, 0.05))
