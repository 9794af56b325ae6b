"""Tests `irodori colorize`: files and folders, several models, watching a folder, and errors."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from irodori.gallery import read_page
from irodori.names import PAGE, SHEET
from storage import open_storage
from tests.command import colorize, drawings, files
from tests.factories import drawing, save

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save(tmp_path_factory.mktemp("models") / "soft.pt"))


@pytest.fixture(scope="module")
def palettes(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save(tmp_path_factory.mktemp("models") / "palettes.pt", palette=6))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Makes a folder with two drawings, a broken one, and a hidden one."""
    folder = tmp_path / "in"
    (folder / "page 1").mkdir(parents=True)
    drawing(size=40).save(folder / "a.png", dpi=(300, 300))
    drawing(size=48).save(folder / "page 1/ü [b].jpg")
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:90])
    (folder / ".hidden.png").write_bytes(b"")
    return folder


def opened(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


def test_a_folder(folder: Path, tmp_path: Path, model: str) -> None:
    out = tmp_path / "out"
    result = colorize(folder, out, "--model", model)
    assert result.exit_code == 1
    assert result.stderr.strip() == f"{folder}/cut.png: truncated PNG (ends after 90 bytes)"
    assert result.stdout.strip() == f"2 coloured, 0 up to date, 1 failed: {out}"
    assert drawings(out) == {"a.png", "page 1/ü [b].jpg"}
    assert opened(out / "page 1/ü [b].jpg").size == (48, 48)
    assert opened(out / "a.png").info["dpi"][0] == pytest.approx(300, abs=0.1)


def test_one_file(folder: Path, tmp_path: Path, model: str) -> None:
    assert colorize(folder / "a.png", tmp_path / "b.webp", "-m", model).exit_code == 0
    assert opened(tmp_path / "b.webp").format == "WEBP"
    assert colorize(folder / "a.png", tmp_path / "new folder", "-m", model).exit_code == 0
    (folder / "notes.txt").write_text("milk")
    assert colorize(folder / "notes.txt", tmp_path / "notes.png", "-m", model).exit_code == 1
    assert files(tmp_path) >= {"new folder/a.png", "b.webp"}
    assert not (tmp_path / "notes.png").exists()


def test_styles_and_an_out_inside_in(folder: Path, tmp_path: Path, model: str) -> None:
    bold = save(tmp_path / "bold.pt", seed=3)
    (folder / "cut.png").unlink()
    out = folder / "coloured"
    for again in range(2):
        result = colorize(folder, out, "--style", model, "--style", bold)
        assert ("0 up to date", "0 coloured, 4 up to date")[again] in result.stdout
        assert drawings(out) == {f"{s}/{name}" for s in ("soft", "bold") for name in ("a.png", "page 1/ü [b].jpg")}
    assert (out / "soft/a.png").read_bytes() != (out / "bold/a.png").read_bytes()


def test_variants_to_choose_from(folder: Path, tmp_path: Path, palettes: str) -> None:
    out = tmp_path / "out"
    assert colorize(folder, out, "-m", palettes, "--variants", 3).exit_code == 1  # cut.png fails
    assert drawings(out) == {f"variant-{n}/{name}" for n in (1, 2, 3) for name in ("a.png", "page 1/ü [b].jpg")}
    assert len({(out / f"variant-{n}/a.png").read_bytes() for n in (1, 2, 3)}) == 3
    shown = {drawing.name: drawing for drawing in read_page((out / PAGE).read_bytes())}
    assert [colour.link for colour in shown["a.png"].colours.values()] == [f"variant-{n}/a.png" for n in (1, 2, 3)]
    assert shown["cut.png"].reason == "truncated PNG (ends after 90 bytes)"
    inner = read_page((out / "page 1" / PAGE).read_bytes())[0].colours
    assert inner["variant-2"].link == "../variant-2/page%201/%C3%BC%20%5Bb%5D.jpg"
    before = opened(out / SHEET).size

    drawing(size=50).save(folder / "late.png")
    assert "3 coloured, 6 up to date" in colorize(folder, out, "-m", palettes, "--variants", 3).stdout
    assert {drawing.name for drawing in read_page((out / PAGE).read_bytes())} == {"a.png", "cut.png", "late.png"}
    assert opened(out / SHEET).height > before[1]


def test_the_colours_of_a_picture(folder: Path, tmp_path: Path, palettes: str) -> None:
    (folder / "cut.png").unlink()
    for name, colour in (("red", (230, 40, 40)), ("blue", (40, 40, 230))):
        Image.new("RGB", (60, 60), colour).save(tmp_path / f"{name}.png")
    red, blue, out = tmp_path / "red.png", tmp_path / "blue.png", tmp_path / "out"
    assert colorize(folder / "a.png", tmp_path / "one.png", "-m", palettes, "--like", red).exit_code == 0
    assert np.asarray(opened(tmp_path / "one.png")).mean((0, 1)).argmax() == 0
    assert colorize(folder, out, "-m", palettes, "--like", red, "--like", blue, "--variants", 2).exit_code == 0
    assert {name.split("/")[0] for name in drawings(out)} == {"red", "blue", "variant-1", "variant-2"}
    assert np.asarray(opened(out / "blue/a.png")).mean((0, 1)).argmax() == 2
    assert colorize(folder, out, "--style", palettes, "--like", red, "--variants", 2).exit_code == 0
    assert (out / "palettes-red/a.png").read_bytes() == (out / "red/a.png").read_bytes()


def test_a_model_by_name(folder: Path, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from irodori.settings import settings

    storage = open_storage((tmp_path / "storage").as_uri())
    storage.write("models/pink/x.pt", Path(model).read_bytes())
    storage.write("models/pink/best.json", b'{"checkpoint": "models/pink/x.pt", "weights": "ema"}')
    monkeypatch.setenv("IRODORI_STORAGE", storage.url)
    settings.cache_clear()
    try:
        assert colorize(folder / "a.png", tmp_path / "b.png", "-m", "pink").exit_code == 0
        missing = colorize(folder / "a.png", tmp_path / "b.png", "-m", "blue")
    finally:
        settings.cache_clear()
    assert missing.exit_code == 2
    assert "blue" in missing.stderr


def test_wrong_arguments(folder: Path, tmp_path: Path, model: str, palettes: str) -> None:
    (tmp_path / "file").touch()
    for words in (
        [tmp_path / "nowhere", tmp_path / "out", "-m", model],
        [folder, folder, "-m", model],
        [folder, tmp_path / "file", "-m", model],
        [folder / "a.png", tmp_path / "out", "-m", model, "--watch"],
        [folder, tmp_path / "out", "-m", folder / "nothing.pt"],
        [folder, tmp_path / "out", "--style", model, "--style", model],
        [folder, tmp_path / "out", "-m", model, "--variants", 2],  # it has no palettes
        [folder, tmp_path / "out", "-m", model, "--like", folder / "a.png"],
        [folder, tmp_path / "out", "-m", palettes, "--variants", 65],
        [folder, tmp_path / "out", "-m", palettes, "--like", folder / "cut.png"],
        [folder, tmp_path / "out", "-m", palettes, "--like", tmp_path / "nothing.png"],
        [folder, tmp_path / "out", "-m", palettes, "--like", folder / "a.png", "--like", tmp_path / "a.png"],
        [folder / "a.png", tmp_path / "b.png", "-m", palettes, "--variants", 2],
        [folder],
    ):
        result = colorize(*words)
        assert result.exit_code == 2, words
        assert "Traceback" not in result.output


def test_an_out_that_cannot_be_written(folder: Path, tmp_path: Path, model: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/page 1").write_text("a file where a folder is needed")
    result = colorize(folder, tmp_path / "out", "-m", model)
    assert result.exit_code == 1
    assert "cannot be written: " in result.stderr
    assert not [name for name in files(tmp_path) if name.endswith(".part")]


def test_watching_until_ctrl_c(folder: Path, tmp_path: Path, model: str) -> None:
    """Runs in a separate process, without Prefect; colours each drawing once, also one with a time in the future."""
    out = tmp_path / "out"
    drawing(3, size=40).save(folder / "future.png")
    os.utime(folder / "future.png", (3e9, 3e9))
    drawing(4, size=40).save(folder / "taken.png")
    out.mkdir()
    (out / "taken.png").write_bytes(b"of another program")
    code = "import sys; sys.modules['prefect'] = None; from irodori.cli.app import main; main()"
    words = [sys.executable, "-c", code, "colorize", str(folder), str(out), "--model", model, "--watch"]
    process = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(out / "future.png")
        first = (out / "future.png").stat()
        with (folder / "late.png").open("wb") as file:  # written in two halves
            buffer = io.BytesIO()
            drawing(size=50).save(buffer, "PNG")
            file.write(buffer.getvalue()[:200])
            file.flush()
            time.sleep(0.3)
            file.write(buffer.getvalue()[200:])
        wait_for(out / "late.png")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert errors.count("cut.png: truncated") == errors.count("taken.png is not of irodori") == 1
    assert (out / "future.png").stat() == first
    assert "late.png" not in errors


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline, f"no {path.name}"
        time.sleep(0.1)
