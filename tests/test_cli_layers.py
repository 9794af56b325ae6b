"""Tests `irodori colorize --layers`: files beside the pictures, none of a person's replaced, each made once."""

import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.command import colorize, drawings
from tests.factories import drawing, save
from tests.layer_readers import compose, difference, read_ora, read_psd

pytestmark = pytest.mark.slow

ALL = ("--layers", "ora", "--layers", "psd", "--layers", "labels")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save(tmp_path_factory.mktemp("models") / "m.pt", palette=6))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Makes a folder with two drawings of one name."""
    folder = tmp_path / "in"
    folder.mkdir()
    drawing(size=40).save(folder / "a.png", dpi=(300, 300))
    drawing(size=48).save(folder / "a.jpg")
    return folder


def test_layers_are_beside_the_picture_and_compose_to_it(folder: Path, tmp_path: Path, model: str) -> None:
    out = tmp_path / "out"
    for told in ("2 coloured, 0 up to date", "0 coloured, 2 up to date"):
        assert told in colorize(folder, out, "-m", model, *ALL, "--layers", "ora").stdout
    beside = {f"{name}{ending}" for name in ("a", "a.jpg") for ending in (".ora", ".psd", ".labels.png")}
    assert drawings(out) == {"a.png", "a.jpg"} | beside
    picture = Image.open(out / "a.png")
    assert difference(compose(*read_ora((out / "a.ora").read_bytes())), picture) <= 1
    assert difference(compose(*read_psd((out / "a.psd").read_bytes())), picture) <= 1


def test_layers_asked_for_later_are_added_and_one_that_is_gone_is_made_again(
    folder: Path, tmp_path: Path, model: str
) -> None:
    out = tmp_path / "out"
    assert colorize(folder, out, "-m", model).exit_code == 0
    (out / "a.png").write_bytes(b"touched up")
    result = colorize(folder, out, "-m", model, "--layers", "ora")
    assert (result.exit_code, result.stderr.strip()) == (0, "")
    assert (out / "a.png").read_bytes() == b"touched up"
    (out / "a.ora").unlink()
    assert "1 coloured, 1 up to date" in colorize(folder, out, "-m", model, "--layers", "ora").stdout
    assert drawings(out) == {"a.png", "a.jpg", "a.ora", "a.jpg.ora"}


def test_what_a_person_did_in_the_layers_stays(folder: Path, tmp_path: Path, model: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.ora").write_bytes(b"a person's")
    result = colorize(folder, out, "-m", model, "--layers", "ora")
    stays = f"{folder}/a.png: {out}/a.ora is not of irodori: it stays; --again replaces it"
    assert (result.exit_code, result.stderr.strip()) == (1, stays)
    assert (out / "a.png").exists() and (out / "a.jpg.ora").exists()

    (out / "a.jpg.ora").write_bytes(b"gone on with")
    drawing(seed=2004, size=48).save(folder / "a.jpg")
    before = (out / "a.jpg").read_bytes()
    result = colorize(folder, out, "-m", model, "--layers", "ora")
    assert f"{folder}/a.jpg: {out}/a.jpg.ora was changed since it was made: it stays" in result.stderr
    assert (out / "a.jpg.ora").read_bytes() == b"gone on with" and (out / "a.jpg").read_bytes() != before
    assert colorize(folder, out, "-m", model, "--layers", "ora", "--again").exit_code == 0
    assert all(read_ora((out / name).read_bytes()) for name in ("a.ora", "a.jpg.ora"))


def test_files_of_layers_are_never_taken_for_drawings(folder: Path, model: str) -> None:
    (folder / "a.jpg").unlink()
    out = folder / "out"
    assert colorize(folder, out, "-m", model, *ALL).exit_code == 0
    result = colorize(folder, folder / "more", "-m", model)
    assert "left out: 3 coloured by irodori" in result.stderr
    (out / ".irodori.jsonl").unlink()
    assert "out/a.labels.png" not in drawings(folder / "more")
    colorize(folder, folder / "others", "-m", model)
    assert drawings(folder / "others") >= {"a.png", "out/a.png"}
    assert "out/a.labels.png" not in drawings(folder / "others")


def test_layers_as_the_name_of_the_result_are_told_how_to_be_asked_for(folder: Path, model: str) -> None:
    result = colorize(folder / "a.png", "b.ora", "-m", model)
    assert result.exit_code == 2 and "b.ora is layers: name b.png, and add --layers ora" in result.stderr


def test_psd_without_its_package_is_one_line_before_anything_is_coloured(
    folder: Path, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psd_tools", None)
    result = colorize(folder, tmp_path / "out", "-m", model, "--layers", "psd")
    assert result.exit_code == 2 and "--layers: PSD needs psd-tools: pip install -e '.[psd]'" in result.stderr
    assert not (tmp_path / "out").exists()
