"""Tests hints and colour sheets of `irodori colorize`, and `irodori sheet`."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from irodori.cli.app import app
from irodori.settings import settings
from tests.command import colorize, drawings
from tests.factories import drawing, save
from tests.hint_layers import dots, guide

pytestmark = pytest.mark.slow

RED, BLUE = (192, 48, 32), (10, 60, 220)
PLACE, AT = (46.5 / 120, 81.5 / 120), "0.3875,0.679167"  # a cheek


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save(tmp_path_factory.mktemp("models") / "palettes.pt", palette=6))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        drawing(size=120).save(folder / name)
    return folder


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("IRODORI_STORAGE", (tmp_path / "storage").as_uri())
    settings.cache_clear()
    yield tmp_path / "storage"
    settings.cache_clear()


def sheet(*words: object) -> Result:
    return CliRunner().invoke(app, ["sheet", *map(str, words)])


def cheek(path: Path) -> tuple[int, ...]:
    return tuple(np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("RGB"))[81, 46].tolist())


def line(result: Result) -> str:
    """The text of an error's box, as one line."""
    assert "Traceback" not in result.output
    return " ".join(result.stderr.replace("│", " ").split())


def test_hints_beside_drawings_of_a_folder(folder: Path, tmp_path: Path, model: str) -> None:
    out = tmp_path / "out"
    (folder / "a.hints.png").write_bytes(dots((PLACE, RED)))
    (folder / "lost.guide.json").write_bytes(guide((PLACE, RED)))
    result = colorize(folder, out, "-m", model)
    assert result.exit_code == 0 and "2 coloured" in result.stdout
    assert "left out: 1 with hints, whose drawing is not among these" in result.stderr
    assert drawings(out) == {"a.png", "b.png"}
    assert cheek(out / "a.png") == RED != cheek(out / "b.png")
    assert "0 coloured, 2 up to date" in colorize(folder, out, "-m", model).stdout

    plain = (out / "b.png").read_bytes()
    (folder / "a.hints.png").write_bytes(dots((PLACE, BLUE)))  # changed
    (folder / "b.png.guide.json").write_bytes(guide((PLACE, RED)))  # new
    assert "2 coloured, 0 up to date" in colorize(folder, out, "-m", model).stdout
    assert cheek(out / "a.png") == BLUE and cheek(out / "b.png") == RED
    (folder / "b.png.guide.json").unlink()
    assert "1 coloured, 1 up to date" in colorize(folder, out, "-m", model).stdout
    assert (out / "b.png").read_bytes() == plain


def test_a_list_of_files_as_a_shell_expands_it(folder: Path, tmp_path: Path, model: str) -> None:
    (folder / "a.hints.png").write_bytes(dots((PLACE, RED)))
    result = colorize(*sorted(folder.iterdir()), tmp_path / "out", "-m", model)
    assert "2 coloured" in result.stdout and "left out" not in result.stderr
    assert cheek(tmp_path / "out/a.png") == RED and drawings(tmp_path / "out") == {"a.png", "b.png"}


def test_wrong_hints_fail_their_drawing_alone(folder: Path, tmp_path: Path, model: str) -> None:
    (folder / "a.guide.json").write_bytes(guide((PLACE, RED), scope="all"))
    result = colorize(folder, tmp_path / "out", "-m", model)
    assert result.exit_code == 1 and "1 coloured, 0 up to date, 1 failed" in result.stdout
    assert result.stderr.strip() == f"{folder}/a.png: a.guide.json: hints[0].scope: give one of area, part, everywhere"
    (folder / "a.guide.json").write_bytes(guide((PLACE, RED)))
    assert "1 coloured, 1 up to date, 0 failed" in colorize(folder, tmp_path / "out", "-m", model).stdout


def test_hints_of_the_command_line(folder: Path, tmp_path: Path, model: str) -> None:
    one, out = folder / "a.png", tmp_path / "out.png"
    (tmp_path / "dots.png").write_bytes(dots((PLACE, RED), size=(240, 240)))
    (tmp_path / "hints.json").write_bytes(guide((PLACE, RED), scope="area"))
    for words, colour in (
        (["--hints", tmp_path / "dots.png"], RED),
        (["--point", f"{AT}=#0a3cdc@everywhere"], BLUE),
        (["--hints", tmp_path / "hints.json", "--point", f"{AT}=#0a3cdc"], BLUE),  # the later wins
        (["--hints", tmp_path / "hints.json"], RED),
    ):
        assert "1 coloured, 0 up to date" in colorize(one, out, "-m", model, *words).stdout
        assert cheek(out) == colour
        assert "0 coloured, 1 up to date" in colorize(one, out, "-m", model, *words).stdout
    before = (tmp_path / "dots.png").read_bytes()
    refused = colorize(one, tmp_path / "dots.png", "-m", model, "--hints", tmp_path / "dots.png", "--again")
    assert refused.exit_code == 1 and "is, or links to, an original" in refused.stderr
    assert (tmp_path / "dots.png").read_bytes() == before


def test_wrong_hints_of_the_command_line(folder: Path, tmp_path: Path, model: str) -> None:
    (tmp_path / "dots.png").write_bytes((folder / "a.png").read_bytes())
    for words, told in (
        (["--point", "0.4=#c03020"], "give a point like 0.41,0.62=#c03020"),
        (["--point", "0.4,0.6=#c03020@hair"], "scope: give one of area, part, everywhere"),
        (["--hints", tmp_path / "dots.png"], "dots.png: nothing in it is transparent"),
        (["--hints", tmp_path / "none.png"], "none.png: No such file or directory"),
        (["--sheet", tmp_path / "none.json"], "No such file or directory"),
        (["--sheet", tmp_path / "dots.png"], "no colour sheet: not JSON"),
    ):
        result = colorize(folder / "a.png", tmp_path / "out.png", "-m", model, *words)
        assert result.exit_code == 2 and told in line(result), words
    result = colorize(folder, tmp_path / "out", "-m", model, "--point", "0.4,0.6=#c03020")
    assert result.exit_code == 2 and "hints are for one drawing; those of a folder are beside each" in line(result)


def test_a_sheet_is_made_once_used_by_name_and_changed_by_hand(
    folder: Path, tmp_path: Path, model: str, storage: Path
) -> None:
    (tmp_path / "dots.png").write_bytes(dots((PLACE, RED)))
    words = ["aiko", "--from", folder / "a.png", "-m", model, "--hints", tmp_path / "dots.png"]
    made = sheet(*words)
    assert made.exit_code == 0 and made.stdout.strip() == f"sheets/aiko.json is in {storage.as_uri()}"
    out, file = tmp_path / "out", storage / "sheets/aiko.json"
    assert "2 coloured" in colorize(folder, out, "-m", model, "--sheet", "aiko").stdout
    assert "2 up to date" in colorize(folder, out, "-m", model, "--sheet", "aiko").stdout
    assert (out / "a.png").read_bytes() == (out / "b.png").read_bytes()

    again = sheet(*words)
    assert again.exit_code == 2 and "sheets/aiko.json is there: --again replaces it" in line(again)
    changed = json.loads(file.read_bytes())
    changed["palette"] = ["#ffffff", *["#112233"] * 5]
    file.write_text(json.dumps(changed))
    assert "2 coloured, 0 up to date" in colorize(folder, out, "-m", model, "--sheet", "aiko").stdout
    assert cheek(out / "a.png") in {(0x11, 0x22, 0x33), (255, 255, 255)}
    assert sheet(*words, "--again").exit_code == 0 and json.loads(file.read_bytes()) != changed


def test_a_sheet_of_a_coloured_picture_beside_the_model(
    folder: Path, tmp_path: Path, model: str, storage: Path
) -> None:
    red = (np.asarray(drawing(size=120)).astype(int) * RED // 255).astype(np.uint8)
    Image.fromarray(red).save(tmp_path / "red.png")
    assert sheet("aiko", "--from", tmp_path / "red.png", "-m", model).exit_code == 0
    file = storage / "sheets/aiko.json"
    assert colorize(folder / "a.png", tmp_path / "out.png", "-m", model, "--sheet", file).exit_code == 0
    other = save(tmp_path / "other.pt", palette=6, seed=5)
    refused = colorize(folder / "a.png", tmp_path / "out.png", "-m", other, "--sheet", "aiko")
    assert refused.exit_code == 2 and "the colour sheet is of another model: make it again" in line(refused)


def test_wrong_sheets(folder: Path, tmp_path: Path, model: str, storage: Path) -> None:
    plain = save(tmp_path / "plain.pt")
    for result, told in (
        (sheet("aiko", "--from", folder / "a.png", "-m", model), "nothing in it is in colour"),
        (sheet("aiko", "--from", folder / "no.png", "-m", model), "No such file or directory"),
        (sheet("Aiko!/x", "--from", folder / "a.png", "-m", model), "cannot be the name of a folder"),
        (sheet("aiko", "--from", folder / "a.png", "-m", plain, "--point", f"{AT}=red"), "without palettes"),
        (colorize(folder, tmp_path / "o", "-m", model, "--sheet", "ren"), "there is no sheets/ren.json"),
    ):
        assert result.exit_code == 2 and told in line(result), told
    assert not (storage / "sheets").exists()
