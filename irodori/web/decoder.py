"""Decodes files that strangers sent in a process of its own, with bounded memory and time: `Decoder`.

The process is `python -m irodori.web.decoder`. What goes back and forth is lengths and bytes; nothing is unpickled.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Timer
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

SECONDS = 60.0  # for one file
_LENGTH = 8  # bytes


class Decoder:
    """Decodes files one at a time; its process is replaced when it dies or takes too long."""

    def __init__(self, memory: int) -> None:
        """Makes a decoder.

        Args:
            memory: bytes of address space that the process may take.
        """
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, data: bytes, max_pixels: int) -> "Image.Image":
        """Decodes the file of a drawing, as :func:`imaging.codec.decode_drawing` does.

        Raises:
            ImageError: it is not a complete picture of an allowed size (its text is one line).
        """
        return _picture(*self._ask(data, max_pixels, drawing=True))

    def opaque(self, data: bytes, max_pixels: int) -> "Image.Image":
        """Decodes the file of a picture, as :func:`imaging.codec.decode` does.

        Raises:
            ImageError: it is not a complete picture of an allowed size (its text is one line).
        """
        return _picture(*self._ask(data, max_pixels, drawing=False))

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        return self._process.pid if self._process else None

    def close(self) -> None:
        """Ends the process."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _ask(self, data: bytes, max_pixels: int, drawing: bool) -> tuple[dict[str, Any], bytes]:
        from imaging.errors import ImageError

        process = self._running()
        assert process.stdin and process.stdout
        watch = Timer(SECONDS, process.kill)
        watch.start()
        try:
            _send(process.stdin, json.dumps({"max_pixels": max_pixels, "drawing": drawing}).encode(), data)
            about, pixels = json.loads(_receive(process.stdout)), _receive(process.stdout)
        except (OSError, EOFError) as error:
            self.close()
            raise ImageError("it needs more memory or time than a picture may: save it anew as PNG") from error
        finally:
            watch.cancel()
        if "error" in about:
            raise ImageError(about["error"])
        return about, pixels

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self.close()
            command = [sys.executable, "-m", "irodori.web.decoder", str(self._memory)]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._process


def _picture(about: dict[str, Any], pixels: bytes) -> "Image.Image":
    from PIL import Image

    image = Image.frombytes(about["mode"], tuple(about["size"]), pixels)
    image.info = {"dpi": tuple(about["dpi"])} if about["dpi"] else {}
    return image


def _send(stream: IO[bytes], *parts: bytes) -> None:
    for part in parts:
        stream.write(len(part).to_bytes(_LENGTH, "big"))
        stream.write(part)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes:
    length = stream.read(_LENGTH)
    data = stream.read(int.from_bytes(length, "big")) if len(length) == _LENGTH else b""
    if len(length) < _LENGTH or len(data) < int.from_bytes(length, "big"):
        raise EOFError
    return data


def _answer(asked: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    from imaging.codec import decode, decode_drawing
    from imaging.errors import ImageError

    read: Callable[..., Image.Image] = decode_drawing if asked["drawing"] else decode
    try:
        image = read(data, max_pixels=asked["max_pixels"])
        return {"mode": image.mode, "size": image.size, "dpi": image.info.get("dpi")}, image.tobytes()
    except ImageError as error:
        return {"error": str(error)}, b""
    except MemoryError:
        return {"error": "it needs more memory than a picture may: save it anew as PNG"}, b""


def main() -> None:
    """Decodes what comes on the standard input, until that ends."""
    for each in (signal.SIGINT, signal.SIGTERM):  # which reach all processes: the painter says when this one ends
        signal.signal(each, signal.SIG_IGN)
    with suppress(ImportError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    with suppress(EOFError, BrokenPipeError):
        while True:
            asked, data = json.loads(_receive(stdin)), _receive(stdin)
            about, pixels = _answer(asked, data)
            _send(stdout, json.dumps(about).encode(), pixels)


if __name__ == "__main__":
    main()
