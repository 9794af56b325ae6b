"""Tests what `irodori colorize` takes from folders, what it leaves out and says so, and what it refuses as OUT."""

import os
from pathlib import Path

import pytest
from PIL import Image

from tests.command import colorize, drawings
from tests.factories import drawing, save

pytestmark = pytest.mark.slow

SHIFT_JIS = os.fsdecode("表紙.png".encode("shift-jis"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("models") / "soft.pt", palette=3)


@pytest.mark.parametrize("variants", [1, 2])
def test_what_cannot_be_read_is_listed_and_the_rest_done(scans: Path, model: Path, variants: int) -> None:
    (scans / "loop.png").symlink_to("loop.png")
    (scans / "loop").symlink_to("loop")
    (scans / "gone.png").symlink_to("nowhere.png")
    os.mkfifo(scans / "pipe.png")
    Path(scans, SHIFT_JIS).write_bytes((scans / "hero.png").read_bytes())
    (scans / os.fsdecode("章".encode("shift-jis"))).mkdir()
    (scans / os.fsdecode("章".encode("shift-jis")) / "a.png").touch()
    result = colorize("scans", "out", "-m", model, "--variants", variants)
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    for words in (
        "scans/loop.png: a link that leads back to itself", "scans/loop: a link that leads back to itself",
        "scans/gone.png: a link to a file that is gone", "scans/pipe.png: a pipe or a device, not a file",
        "scans/\\udc95\\\\udc8e\\udc86.png: its name is not UTF-8: rename it",
        "scans/\\udc8f\\udccd/a.png: its name is not UTF-8: rename it",
    ):  # fmt: skip
        assert words in lines
    assert f"{variants} coloured, 0 up to date, 6 failed: out" in result.stdout
    assert {Path(name).name for name in drawings(Path("out"))} == {"hero.png"}


@pytest.mark.parametrize("name", ["pipe.png", "loop.png", SHIFT_JIS], ids=["pipe", "loop", "shift-jis"])
def test_a_single_one_that_cannot_be_read_is_a_line(scans: Path, model: Path, name: str) -> None:
    if name == "pipe.png":
        os.mkfifo(name)
    elif name == "loop.png":
        Path(name).symlink_to(name)
    else:
        Path(name).write_bytes((scans / "hero.png").read_bytes())
    result = colorize(name, "out", "-m", model)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert result.stdout == "0 coloured, 0 up to date, 1 failed: out\n"


def test_what_systems_leave_is_not_coloured(scans: Path, model: Path) -> None:
    for name in (
        "._hero.png", ".Trash-1000/files/x.png", "@eaDir/hero.png/thumb.png", "#recycle/x.png", "$RECYCLE.BIN/x.png",
        "System Volume Information/x.png", "lost+found/x.png", ".git/x.png",
    ):  # fmt: skip
        (scans / name).parent.mkdir(parents=True, exist_ok=True)
        (scans / name).write_bytes(b"rubbish")
    result = colorize("scans", "out", "-m", model)
    assert (result.exit_code, result.stderr.strip()) == (0, "")
    assert drawings(Path("out")) == {"hero.png"}


def test_a_folder_without_a_picture_is_told_as_such(scans: Path, model: Path) -> None:
    (scans / "hero.png").unlink()
    for name in ("a.psd", "b.PSD", "c.clip", "d.kra", "e.pdf", "f.heic", "g", "_palette.png"):
        (scans / name).touch()
    (scans / "more").symlink_to("..")
    result = colorize("scans", "out", "-m", model)
    assert result.exit_code == 1
    assert result.stderr == (
        "left out: 2 .psd, 1 .clip, 1 .kra, 1 .pdf, 1 .heic (only PNG, JPEG, WebP, GIF, BMP, TIFF are read); "
        "1 palette: give it with --like; 1 without an ending; 1 link to a folder\n"
    )
    assert result.stdout == "0 coloured, 0 up to date, 0 failed: out\n"


def test_an_empty_folder_is_no_failure(tmp_path: Path, model: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert colorize(tmp_path / "empty", tmp_path / "out", "-m", model).exit_code == 0


def test_what_irodori_coloured_is_not_coloured_again(scans: Path, model: Path) -> None:
    assert colorize("scans", "scans/first", "-m", model).exit_code == 0
    result = colorize("scans", "scans/second", "-m", model)  # it would take scans/first/hero.png for a drawing
    assert (result.exit_code, result.stderr.strip()) == (0, "left out: 1 coloured by irodori")
    assert drawings(Path("scans/second")) == {"hero.png"}
    for source in ("scans/first", "scans/first/hero.png"):
        result = colorize(source, "third", "-m", model)
        assert (result.exit_code, result.stderr.strip()) == (1, "left out: 1 coloured by irodori")


def test_a_glob_of_drawings_and_folders(scans: Path, model: Path) -> None:
    (scans / "page 1").mkdir()
    drawing(1, size=40).save(scans / "page 1/a.png")
    drawing(2, size=40).save(scans / "b.png")
    result = colorize(*sorted(scans.iterdir()), scans / "b.png", "out", "-m", model)
    assert result.stdout == "3 coloured, 0 up to date, 0 failed: out\n"
    assert drawings(Path("out")) == {"hero.png", "b.png", "page 1/a.png"}
    assert "0 coloured, 3 up to date" in colorize("scans", "out", "-m", model).stdout  # the same places


def test_a_folder_that_is_given_twice_is_coloured_once(scans: Path, model: Path) -> None:
    result = colorize("scans", scans, "./scans/../scans", "out", "-m", model)
    assert (result.exit_code, result.stdout) == (0, "1 coloured, 0 up to date, 0 failed: out\n")


def test_two_drawings_of_one_name_do_not_replace_each_other(scans: Path, model: Path) -> None:
    Path("new").mkdir()
    drawing(7, size=44).save("new/hero.png")
    for number in (1, 0):
        result = colorize("scans/hero.png", "new/hero.png", "out", "-m", model)
        assert result.exit_code == 1
        assert "new/hero.png: scans/hero.png has the same name: rename one of them" in result.stderr
        assert f"{number} coloured, {1 - number} up to date, 1 failed" in result.stdout


def test_one_place_that_cannot_be_written_stops_no_other(scans: Path, model: Path) -> None:
    Path("out/hero.png").mkdir(parents=True)
    drawing(7, size=44).save(scans / "last.png")
    result = colorize("scans", "out", "-m", model, "--again")
    assert result.exit_code == 1
    assert "scans/hero.png: out/hero.png cannot be written: Is a directory" in result.stderr
    assert drawings(Path("out")) == {"last.png"}
    result = colorize("scans/hero.png", f"{'x' * 300}.png", "-m", model)
    assert "cannot be written: File name too long" in result.stderr
    assert result.exit_code == 1


@pytest.mark.parametrize(
    "source, target",
    [
        ("scans/hero.png", "o.psd"), ("scans", "o.pdf"), ("scans", "o.AVIF"), ("scans", "o.png"),
        ("scans/hero.png", "notes.txt"), ("scans", "notes"), ("scans", "loop"), ("scans", "dangling"),
        ("scans", SHIFT_JIS), ("scans", "scans/../scans"), ("scans/hero.png", "o.heic"),
    ],
)  # fmt: skip
def test_a_name_that_nobody_means_as_a_folder_is_no_out(scans: Path, model: Path, source: str, target: str) -> None:
    Path("notes").touch()
    Path("loop").symlink_to("loop")
    Path("dangling").symlink_to("nowhere")
    before = set(Path().iterdir())
    result = colorize(source, target, "-m", model)
    assert (result.exit_code, set(Path().iterdir())) == (2, before)


def test_a_folder_s_name_may_have_a_dot(scans: Path, model: Path) -> None:
    assert colorize("scans", "out v1.5", "-m", model).exit_code == 0
    assert drawings(Path("out v1.5")) == {"hero.png"}


@pytest.mark.parametrize("names", [["variant-1.png"], ["Red.png", "new/red.png"], ["...png"], [SHIFT_JIS]])
def test_pictures_whose_looks_could_not_be_told_apart_are_refused(scans: Path, model: Path, names: list[str]) -> None:
    Path("new").mkdir()
    for name in names:
        Path(name).write_bytes((scans / "hero.png").read_bytes())
    like = [word for name in names for word in ("--like", name)]
    result = colorize("scans", "out", "-m", model, *like, "--variants", 2)
    assert result.exit_code == 2
    assert "--like" in result.stderr
    assert not Path("out").exists()


def test_a_drawing_in_colour_and_one_of_several_pages_are_told_once(scans: Path, model: Path) -> None:
    painted = Image.new("RGB", (60, 60), (230, 40, 40))
    painted.paste((40, 40, 230), (0, 0, 30, 60))
    pages = [drawing(number, size=40) for number in range(3)]
    for number in range(4):
        painted.save(scans / f"painted {number}.png")
    pages[0].save(scans / "book.tif", save_all=True, append_images=pages[1:])
    pages[0].save(scans / "moving.gif", save_all=True, append_images=pages[1:])
    pages[0].save(scans / "still.png", save_all=True, append_images=pages[1:2], default_image=True)
    result = colorize("scans", "out", "-m", model, "--variants", 2)
    assert sorted(result.stderr.strip().splitlines()) == [
        "in colour already, so the new colours lie over the old; give the lines alone: "
        "painted 0.png, painted 1.png, painted 2.png and 1 more",
        "of several pages or frames, only the first is coloured: book.tif, moving.gif",
    ]
    assert result.exit_code == 0
