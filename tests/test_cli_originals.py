"""Tests that `irodori colorize` never writes to drawings or to what others put into OUT, and knows what has changed."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from imaging.formats import sniff
from irodori.cli.outputs import INDEX, Outputs
from irodori.names import SHEET
from tests.command import colorize, drawings
from tests.factories import drawing, save

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("models") / "soft.pt")


def into_its_own_folder(scans: Path, model: Path) -> list[object]:
    os.chdir(scans)
    return ["hero.png", ".", "-m", model]


def a_file_into_the_folder_given(scans: Path, model: Path) -> list[object]:
    return ["scans/hero.png", "scans", "-m", model]


def a_style_of_the_folder_s_name(scans: Path, model: Path) -> list[object]:
    shutil.copy(model, scans / "scans.pt")
    return ["scans", ".", "--style", "scans/scans.pt"]


def through_a_linked_folder(scans: Path, model: Path) -> list[object]:
    Path("out").mkdir()
    Path("out/soft").symlink_to(scans)
    return ["scans", "out", "--style", model]


def through_a_link(scans: Path, model: Path) -> list[object]:
    Path("out").mkdir()
    Path("out/hero.png").symlink_to(scans / "hero.png")
    return ["scans", "out", "-m", model]


def through_a_hard_link(scans: Path, model: Path) -> list[object]:
    Path("out").mkdir()
    Path("out/hero.png").hardlink_to(scans / "hero.png")
    return ["scans", "out", "-m", model]


def the_other_of_two_drawings(scans: Path, model: Path) -> list[object]:
    drawing(1, size=40).save("hero.png")
    return ["scans/hero.png", "hero.png", ".", "-m", model]


def the_picture_whose_colours_are_taken(scans: Path, model: Path) -> list[object]:
    palettes = save(Path("palettes.pt"), palette=3)
    Path("out").mkdir()
    drawing(1, size=40).save("out/hero.png")
    return ["scans", "out", "-m", palettes, "--like", "out/hero.png"]


@pytest.mark.parametrize("again", [[], ["--again"]], ids=["once", "again"])
@pytest.mark.parametrize(
    "arrange",
    [
        into_its_own_folder, a_file_into_the_folder_given, a_style_of_the_folder_s_name, through_a_linked_folder,
        through_a_link, through_a_hard_link, the_other_of_two_drawings, the_picture_whose_colours_are_taken,
    ],
)  # fmt: skip
def test_an_original_is_never_written_to(
    scans: Path, model: Path, arrange: Callable[[Path, Path], list[object]], again: list[str]
) -> None:
    words = arrange(scans, model)
    top = scans.parent
    before = {path: path.read_bytes() for path in top.rglob("*.p*") if path.is_file()}
    result = colorize(*words, *again)
    assert {path: path.read_bytes() for path in top.rglob("*.p*") if path.is_file()} == before
    assert result.exit_code == 1
    assert "is, or links to, an original: choose another place" in result.stderr
    assert (top / "out/hero.png").is_symlink() == (arrange is through_a_link)


def test_what_others_put_into_out_stays_unless_again(scans: Path, model: Path) -> None:
    drawing(5, size=40).save(scans / "other.png")
    Path("out").mkdir()
    for time in (1e9, 3e9):  # older and newer than the drawing
        Path("out/hero.png").write_bytes(b"a painting of mine")
        os.utime("out/hero.png", (time, time))
        result = colorize("scans", "out", "-m", model)
        assert result.exit_code == 1
        assert "scans/hero.png: out/hero.png is not of irodori: it stays; --again replaces it" in result.stderr
        assert Path("out/hero.png").read_bytes() == b"a painting of mine"
        assert drawings(Path("out")) == {"hero.png", "other.png"}
    assert "2 coloured" in colorize("scans", "out", "-m", model, "--again").stdout
    assert sniff(Path("out/hero.png").read_bytes()) == "png"
    assert "0 coloured, 2 up to date" in colorize("scans", "out", "-m", model).stdout


def test_two_drawings_of_a_glob_are_not_a_drawing_and_its_out(scans: Path, model: Path) -> None:
    """`irodori colorize *.png` of someone who forgot OUT."""
    drawing(5, size=40).save(scans / "other.png")
    before = (scans / "other.png").read_bytes()
    assert colorize(scans / "hero.png", scans / "other.png", "-m", model).exit_code == 1
    assert (scans / "other.png").read_bytes() == before


def test_colours_that_a_person_touched_up_stay(scans: Path, model: Path) -> None:
    assert colorize("scans", "out", "-m", model).exit_code == 0
    Path("out/hero.png").write_bytes(b"touched up")
    assert "0 coloured, 1 up to date, 0 failed" in colorize("scans", "out", "-m", model).stdout
    drawing(9, size=44).save(scans / "hero.png")
    result = colorize("scans", "out", "-m", model)
    assert "out/hero.png was changed since it was made: it stays; --again replaces it" in result.stderr
    assert Path("out/hero.png").read_bytes() == b"touched up"


def test_a_contact_sheet_of_another_program_stays(scans: Path, model: Path) -> None:
    Path("out").mkdir()
    Path("out", SHEET).write_bytes(b"of mine")
    words = ["scans", "out", "--style", model, "--style", save(Path("bold.pt"), seed=3)]
    result = colorize(*words)
    assert result.exit_code == 1
    assert f"out/{SHEET} is not of irodori" in result.stderr
    assert Path("out", SHEET).read_bytes() == b"of mine"
    assert drawings(Path("out")) == {"soft/hero.png", "bold/hero.png"}
    assert colorize(*words, "--again").exit_code == 0
    assert sniff(Path("out", SHEET).read_bytes()) == "png"


@pytest.mark.parametrize("time", [1.0, 3e9], ids=["long ago", "in the future"])
def test_a_drawing_is_coloured_once_whatever_its_time(scans: Path, model: Path, time: float) -> None:
    os.utime(scans / "hero.png", (time, time))
    assert "1 coloured" in colorize("scans", "out", "-m", model).stdout
    assert "0 coloured, 1 up to date" in colorize("scans", "out", "-m", model).stdout


def test_a_drawing_that_an_older_one_replaced_is_coloured_again(scans: Path, model: Path) -> None:
    """By `cp -p` or unzip; a BMP has the same size as any other of its pixels."""
    for number, time in enumerate((2e9, 1e9, 1e9)):
        drawing(number, size=40).save("new.bmp")
        os.utime("new.bmp", (time, time))
        os.replace("new.bmp", scans / "page.bmp")
        assert "1 coloured" in colorize(scans / "page.bmp", "out", "-m", model).stdout, number
    os.utime(scans / "page.bmp", (5, 5))  # touched, but the same
    assert "0 coloured, 1 up to date" in colorize(scans / "page.bmp", "out", "-m", model).stdout


def test_an_out_that_was_copied_without_its_times_is_known(scans: Path, model: Path) -> None:
    assert colorize("scans", "out", "-m", model).exit_code == 0
    shutil.copytree("out", "copy", copy_function=shutil.copyfile)
    assert "0 coloured, 1 up to date" in colorize("scans", "copy", "-m", model).stdout
    drawing(9, size=44).save(scans / "hero.png")
    assert "1 coloured" in colorize("scans", "copy", "-m", model).stdout


def test_a_kill_between_the_index_and_the_file_leaves_nothing_unknown(tmp_path: Path) -> None:
    path = tmp_path / "out/a.png"
    assert Outputs().write(path, b"first", None, again=False) == ""
    known = Outputs()
    assert known.write(path, b"the second", None, again=False) == ""
    path.write_bytes(b"first")  # as if the second had its line, but never came
    assert Outputs().made(path)
    with path.with_name(INDEX).open("a") as file:
        file.write('\n{"name": "a.png", "ma')  # a power cut
    assert Outputs().write(path, b"the third", None, again=False) == ""
    assert Outputs().made(path)


def test_an_index_that_is_none_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"a person's")
    for text in ("", "null", "[1]", '{"name": "a.png", "made": 3, "source": null}', "\ud83d"):
        path.with_name(INDEX).write_bytes(text.encode("utf-8", "surrogatepass"))
        assert not Outputs().made(path)
        assert "is not of irodori" in Outputs().refusal(path, again=False)


def test_what_another_process_wrote_in_the_meantime_is_known(tmp_path: Path) -> None:
    path, early = tmp_path / "a.png", Outputs()
    assert early.look(path) == (None, True)
    assert Outputs().write(path, b"colours", None, again=False) == ""
    assert early.made(path)
    assert early.write(path, b"the same drawing's", None, again=False) == ""
