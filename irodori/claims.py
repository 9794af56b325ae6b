"""Leases drawings to runs, so that two runs at the same time never colour the same drawing.

All leases (claims) of an inbox are in one small object, changed by conditional writes. A claim expires after LEASE
seconds, or earlier if its process is known to have ended, which can be checked for processes of the same machine or
container.
"""

import os
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from irodori.shared_json import update
from storage import Storage, StorageError

CLAIMS = "inbox-claims.json"
LEASE = 900.0  # seconds until a claim expires
WORK = 600.0  # seconds in which its holder may start a drawing; no drawing takes longer than the remaining LEASE - WORK
_own_tokens: set[str] = set()  # of this process's claims; its claims with other tokens are left over from failures


@dataclass(frozen=True)
class Claimed:
    """The claim that a run holds.

    Attributes:
        ids: ids of the claimed works.
        until: the time.monotonic() after which the run must not start another of them.
    """

    ids: frozenset[str]
    until: float


@contextmanager
def claimed(storage: Storage, ids: Iterable[str]) -> Iterator[Claimed]:
    """Claims, until the block ends, those of ``ids`` that no other run has claimed."""
    token, wanted = uuid.uuid4().hex, list(ids)
    claim = {"token": token, "where": _pid_namespace(), "pid": os.getpid(), "until": time.time() + LEASE}
    until = time.monotonic() + WORK
    _own_tokens.add(token)
    try:
        yield Claimed(update(storage, CLAIMS, lambda claims: _acquire(claims, wanted, claim)), until)
    finally:
        _own_tokens.discard(token)
        with suppress(StorageError):  # a claim that is not released expires anyway
            update(storage, CLAIMS, lambda claims: _release(claims, token))


def _acquire(claims: dict[str, Any], wanted: list[str], claim: dict[str, Any]) -> frozenset[str]:
    for id_ in [id_ for id_, other in claims.items() if not _is_valid(other)]:
        del claims[id_]
    # an id has this token already if an earlier write succeeded but its answer was lost
    free = {id_: claim for id_ in wanted if claims.get(id_, claim)["token"] == claim["token"]}
    claims |= free
    return frozenset(free)


def _release(claims: dict[str, Any], token: str) -> None:
    for id_ in [id_ for id_, claim in claims.items() if claim["token"] == token]:
        del claims[id_]


def _is_valid(claim: dict[str, Any]) -> bool:
    if claim["token"] in _own_tokens:
        return True
    if time.time() > claim["until"]:
        return False
    if claim["where"] != _pid_namespace() or claim["where"] is None:
        return True
    return claim["pid"] != os.getpid() and Path(f"/proc/{claim['pid']}").exists()


@lru_cache(maxsize=1)
def _pid_namespace() -> str | None:
    """Identifies this boot of this machine and its PID namespace; None if /proc does not tell them."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return None
