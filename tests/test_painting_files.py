"""Tests colorizing many files at once: results keep the order, and memory limits how many are in progress."""

import io
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cyclegan.painting import files
from cyclegan.painting.files import colorize_file, colorize_files
from imaging.errors import ImageError
from imaging.formats import LayerFile
from imaging.layer_files import Coloured
from imaging.layers import Layered


def png(width: int, height: int = 8) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(buffer, "PNG")
    return buffer.getvalue()


def missing() -> bytes:
    return Path("/nowhere/at/all.png").read_bytes()


def red(image: Image.Image) -> Layered:
    lines = np.asarray(image.convert("RGB"))
    return Layered(lines, np.full_like(lines, (255, 0, 0)))


def test_in_order_with_failures_in_their_places() -> None:
    reads: list[Callable[[], bytes]] = [lambda: png(9), lambda: b"no picture", missing, *[lambda: png(11)] * 9]
    results = list(colorize_files((red, read, "a.png") for read in reads))
    assert [type(result) for result in results] == [Coloured, ImageError, FileNotFoundError, *[Coloured] * 9]
    assert [result.colour.width for result in results if isinstance(result, Coloured)] == [9, *[11] * 9]
    assert results[0] == colorize_file(red, png(9), "a.png")


def test_the_files_of_layers_that_are_asked_for_come_with_the_picture() -> None:
    (done,) = colorize_files([(red, lambda: png(9), "a.jpg")], [LayerFile.ORA, LayerFile.LABELS])
    assert isinstance(done, Coloured) and list(done.layers) == ["ora", "labels"]
    assert not colorize_file(red, png(9), "a.jpg").layers


def test_several_are_at_work_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_CORES", 2)
    together = threading.Barrier(2)

    def meet(image: Image.Image) -> Layered:
        together.wait(timeout=30)  # two drawings that wait for each other would never end if colorized one by one
        return red(image)

    assert len(list(colorize_files((meet, lambda: png(5), "a.png") for _ in range(4)))) == 4


def test_large_ones_go_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_CORES", 4)
    monkeypatch.setattr(files, "_PIXELS_AT_ONCE", 1000)
    lock, present, most = threading.Lock(), [0], [0]

    def count(image: Image.Image) -> Layered:
        with lock:
            present[0] += image.width * image.height
            most[0] = max(most[0], present[0])
        threading.Event().wait(0.02)
        with lock:
            present[0] -= image.width * image.height
        return red(image)

    sizes = [300, 20, 20, 50, 20, 400, 20, 20, 20]  # widths in px of pictures that are 8 px high
    assert len(list(colorize_files((count, lambda size=size: png(size), "a.png") for size in sizes))) == len(sizes)  # type: ignore[misc]
    assert most[0] == 3200


def test_files_are_read_as_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_CORES", 2)
    read: list[int] = []

    def note(number: int) -> bytes:
        read.append(number)
        return png(5)

    results = colorize_files((red, lambda number=number: note(number), "a.png") for number in range(50))  # type: ignore[misc]
    next(results)
    assert len(read) <= 4
    results.close()  # type: ignore[attr-defined]


def test_a_colorizer_s_own_fault_is_raised() -> None:
    def broken(image: Image.Image) -> Layered:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(colorize_files([(broken, lambda: png(5), "a.png")]))
