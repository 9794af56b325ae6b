"""Receives the body of a call: counted while it arrives, whatever its headers say, and looked at before it is kept."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO

from starlette.requests import ClientDisconnect, Request

from imaging.formats import describe_foreign, sniff
from irodori.web.limits import MEGABYTE, Limits
from irodori.web.refusal import Refused

_IN_MEMORY = 8 * MEGABYTE
_HEAD = 256  # bytes that tell the kind of a file
_TO_THE_END = 5.0  # seconds in which the rest of what is refused is read


@asynccontextmanager
async def heard(request: Request, limits: Limits) -> AsyncIterator[None]:
    """Reads on when a body is refused, for a while: who still sends does not hear the answer."""
    try:
        yield
    except Refused as refused:
        if refused.status != 408:
            with suppress(TimeoutError, ClientDisconnect, RuntimeError):  # the last: all of it has been read
                await _drain(request, limits.upload_bytes)
        raise


async def _drain(request: Request, most: int) -> None:
    async with asyncio.timeout(_TO_THE_END):
        async for chunk in request.stream():
            most -= len(chunk)
            if most < 0:
                return


async def receive_picture(request: Request, limits: Limits) -> tuple[IO[bytes], int]:
    """Receives a picture's file into a temporary one.

    Returns:
        The file, at its beginning, which the caller closes; and its size in bytes.

    Raises:
        Refused: it is too large, too slow, or no picture.
    """
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)
    try:
        size = await _receive_into(file, request, limits)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file, size


async def _receive_into(file: IO[bytes], request: Request, limits: Limits) -> int:
    size, head = 0, b""
    try:
        async with asyncio.timeout(limits.upload_seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limits.upload_bytes:
                    raise Refused(413, f"more than {limits.upload_bytes // MEGABYTE} MB: save it smaller, or as PNG")
                head += chunk[: max(0, _HEAD - len(head))]
                if len(head) >= _HEAD:
                    _check(head)
                file.write(chunk)
        _check(head)
    except TimeoutError as error:
        raise Refused(408, f"it took more than {limits.upload_seconds:.0f} s to arrive: try again") from error
    except ClientDisconnect as error:
        raise Refused(400, "the connection ended before the picture had arrived") from error
    return size


def _check(head: bytes) -> None:
    if sniff(head) is None:
        raise Refused(415, describe_foreign(head))


async def receive(request: Request, most: int, seconds: float) -> bytes:
    """Receives a small body.

    Raises:
        Refused: it is too large or too slow.
    """
    data = b""
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                data += chunk
                if len(data) > most:
                    raise Refused(413, f"more than {most:,} bytes")
    except TimeoutError as error:
        raise Refused(408, f"it took more than {seconds:.0f} s to arrive: try again") from error
    except ClientDisconnect as error:
        raise Refused(400, "the connection ended before everything had arrived") from error
    return data


def check_disk(folder: Path, limits: Limits) -> None:
    """Refuses to take more in when the disk is nearly full.

    Raises:
        Refused: it is.
    """
    usage = shutil.disk_usage(folder)
    if usage.free < min(limits.free_share * usage.total, limits.free_bytes):
        raise Refused(507, "the disk of this page is nearly full: its owner must make room", 3600)
