"""Tests `irodori train INK PAINTED` as people type it: real drawings, a real training of a few steps, real kills."""

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from PIL import Image

from demo.board import Board
from demo.drawings import COLOUR_SEEDS, LINEART_SEEDS, Domain, Drawing
from irodori.datasets import Dataset
from irodori.models import Model
from tests.board_client import post

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow
QUICK = ["--crop", "32", "--blocks", "1", "--ngf", "4", "--ndf", "4", "--layers", "1", "--batch", "4"]
SHORT = [*QUICK, "--warm-up-epochs", "1", "--constant-epochs", "1", "--decay-epochs", "1"]
LONG = [*QUICK, "--warm-up-epochs", "1", "--constant-epochs", "60", "--decay-epochs", "0", "--checkpoint-every", "20"]


@pytest.fixture(scope="module")
def art(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders with spaces in their names; twelve portraits of each kind, and what does not belong there."""
    folder = tmp_path_factory.mktemp("own art")
    for name in ("my ink", "painted", "empty", "documents"):
        (folder / name).mkdir()
    for lines, colours in list(zip(LINEART_SEEDS, COLOUR_SEEDS, strict=True))[:12]:
        (folder / "my ink" / f"{lines}.png").write_bytes(Drawing(lines).render("A", 64))
        (folder / "painted" / f"{colours}.png").write_bytes(Drawing(colours).render("B", 64))
    (folder / "my ink" / "copy.png").write_bytes(Drawing(LINEART_SEEDS[0]).render("A", 64))
    (folder / "my ink" / "cut.png").write_bytes(Drawing(LINEART_SEEDS[0]).render("A", 64)[:900])
    bright = Image.open(io.BytesIO(Drawing(COLOUR_SEEDS[21]).render("B", 64))).convert("RGB")
    bright.point(lambda level: level * 0.19).save(folder / "painted" / "dark.png")
    (folder / "painted" / "tiny.png").write_bytes(Drawing(COLOUR_SEEDS[20]).render("B", 24))
    for name in ("painted/sketch.psd", "documents/a.psd", "documents/b.PSD", "documents/c.clip", "documents/._d.psd"):
        (folder / name).write_bytes(b"8BPS")
    return folder


Command = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def begin(art: Path, tmp_path: Path) -> Command:
    """Starts the command in the folder of the art."""
    left_out = ("IRODORI_", "PREFECT_", "DO_NOT_TRACK", "CI", "GITHUB_ACTIONS")
    env = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    env |= {"IRODORI_STORAGE": (tmp_path / "data").as_uri(), "PREFECT_HOME": str(tmp_path / "prefect")}

    def start(*words: str, source: str = "", terminal: int | None = None) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "irodori.cli.app", "train", *words]
        return subprocess.Popen(
            command,
            cwd=art,
            env=env | {"PYTHONPATH": str(ROOT)} | ({"IRODORI_SOURCE": source} if source else {}),
            text=True,
            stdin=terminal,
            stdout=terminal or subprocess.PIPE,
            stderr=terminal or subprocess.PIPE,
        )

    return start


def end(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=400)
    assert "Traceback" not in err
    return process.returncode, out, err


def contents(folder: Path) -> dict[Path, bytes]:
    """All but the dataset's report, which shows the training, too, once there is one."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != "report.html")
    return {path: path.read_bytes() for path in paths}


def runs(data: Path) -> list[Path]:
    return sorted((data / "models" / "mine" / "runs").iterdir())


def test_two_folders_become_a_model_and_the_second_call_has_nothing_to_do(begin: Command, tmp_path: Path) -> None:
    words = ["my ink", "painted", "--model", "mine", *SHORT]
    code, out, err = end(begin(*words))
    assert code == 0, out + err
    assert "lineart   my ink: 14 found, 12 kept" in out and "colour    painted: 14 found, 12 kept" in out
    assert "1 left out: same pixels as another picture" in out
    assert "1 left out: nearly all dark (--keep-all keeps them)" in out
    assert out.count("left out") == 4
    assert "          not read: 1 .psd: export them as PNG or TIFF\n" in out
    assert "12 colour pictures are few" in out and "too few pictures to score" in out
    assert "steps here, as measured just now" in out
    assert err.startswith("training 9 of 9") and len(err.splitlines()) == 1  # no terminal, so no bar
    (run,) = runs(tmp_path / "data")
    assert f"page      {run}/index.html" in out and (run / "index.html").is_file()
    assert (tmp_path / "data/datasets/mine/report.html").is_file()
    assert not (tmp_path / "prefect" / "prefect.db").exists()  # no server was started
    model = Model((tmp_path / "data").as_uri(), "mine")
    best = model.best()
    assert model.storage.exists(best.checkpoint)
    before = contents(tmp_path / "data")
    code, out, err = end(begin(*words))
    assert code == 0 and model.best() == best and "just now" not in out, err
    assert contents(tmp_path / "data") == before


def test_a_run_that_cannot_be_compared_does_not_say_that_the_other_one_scored_higher(begin: Command) -> None:
    words = ["my ink", "painted", "--model", "mine", *SHORT]
    assert end(begin(*words))[0] == 0
    code, out, err = end(begin(*words, "--seed", "1"))
    assert code == 0 and "as too few pictures are held out to compare them: --serve lets this one serve" in out, err


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_stopped_it_goes_on_where_it_was(begin: Command, tmp_path: Path, number: signal.Signals) -> None:
    words = ["my ink", "painted", "--model", "mine", *LONG]
    process, data = begin(*words), tmp_path / "data"
    until = time.monotonic() + 300
    while not list(data.glob("models/mine/runs/*/checkpoints/*.pt")):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.1)
    process.send_signal(number)
    code, _, err = end(process)
    assert code == (-9 if number == signal.SIGKILL else 130)
    assert number == signal.SIGKILL or err.splitlines()[-1] == "stopped; the same command goes on where it was"
    (run,) = runs(data)
    total = json.loads((run / "config.json").read_text())["total_steps"]
    stopped = max(int(path.stem.removeprefix("step_")) for path in run.glob("checkpoints/*.pt"))
    assert stopped < total

    code, out, err = end(begin(*words))
    assert code == 0 and f"goes on where it stopped, at {stopped}," in out, err
    assert runs(data) == [run]
    steps = [int(line.split(",")[0]) for line in (run / "metrics.csv").read_text().splitlines()[1:]]
    assert steps == sorted(set(steps)) and steps[-1] == total
    assert Model(data.as_uri(), "mine").best().run == run.name


def test_on_a_narrow_terminal_each_line_stands_alone_and_nothing_reports_to_anybody(begin: Command) -> None:
    """The bar is on stderr: a line on stdout must not go on where the bar ends."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 40))
    process = begin("my ink", "painted", "--model", "mine", *SHORT, terminal=theirs)
    os.close(theirs)
    shown = "".join(_read(ours))
    assert process.wait(timeout=60) == 0, shown
    lines = [line.split("\r")[-1] for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).split("\r\n")]
    for word in ("lineart", "colour", "thin", "preset", "time", "rests in", "watch", "done"):
        assert any(line.startswith(f"{word} ") for line in lines), (word, lines)
    assert "━" in shown and "Prefect" not in shown


def _read(terminal: int) -> Iterator[str]:
    while True:
        try:
            data = os.read(terminal, 1 << 16)
        except OSError:  # how Linux tells that the other end is closed
            return
        if not data:
            return
        yield data.decode(errors="replace")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["painted", "my ink"], "swapped? 14 of 14 pictures looked at in painted are coloured"),
        (["painted", "painted"], "painted and painted are the same folder"),
        (["empty", "painted"], "there are no pictures in empty: PNG, JPEG"),
        (
            ["documents", "painted"],
            "there are no pictures in documents, only 2 .psd, 1 .clip: export them as PNG or TIFF",
        ),
        (["nowhere", "painted"], "nowhere cannot be read as a folder: No such file or directory"),
        (["my ink/copy.png", "painted"], "my ink/copy.png cannot be read as a folder: Not a directory"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_kept(
    begin: Command, tmp_path: Path, words: list[str], line: str
) -> None:
    code, out, err = end(begin(*words, "--model", "mine"))
    assert code == 1 and err.startswith(line) and len(err.strip().splitlines()) == 1 and not out
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["my ink"], "give two folders"),
        (["my ink", "painted", "--model", "my model"], "cannot be the name"),
        (["my ink", "painted", "--dataset", "pink"], "leave it out"),
        (["--dataset", "pink", "--keep-all"], "give it teaches_little"),
        (["--tags", "lineart"], "give it twice"),
        (["my ink", "painted", "--tags", "a", "--tags", "b"], "not both"),
    ],
)
def test_wrong_words_are_refused(begin: Command, words: list[str], part: str) -> None:
    code, _, err = end(begin(*words))
    assert code == 2 and part in " ".join(err.replace("│", " ").split())


def test_tags_of_a_board_do_as_well(begin: Command, tmp_path: Path) -> None:
    drawn: list[tuple[str, Sequence[int], Domain]] = [("lineart", LINEART_SEEDS, "A"), ("solo", COLOUR_SEEDS, "B")]
    pictures = [(tags, Drawing(seed).render(domain, 64)) for tags, seeds, domain in drawn for seed in seeds[:6]]
    posts = [post(number + 300, tags, data=data) for number, (tags, data) in enumerate(pictures)]  # of 300 px and more
    with Board(posts) as board:
        code, out, err = end(begin("--tags", "lineart", "--tags", "solo", "--model", "mine", *SHORT, source=board.url))
    assert code == 0, out + err
    assert (
        f"lineart   {board.url} lineart: 6 found, 6 kept" in out
        and (runs(tmp_path / "data")[0] / "index.html").exists()
    )


def test_a_model_keeps_its_folders(begin: Command, art: Path, tmp_path: Path) -> None:
    """Other pictures under its name would be mixed with those that it has learned from."""
    dataset = Dataset((tmp_path / "data").as_uri(), "mine")
    dataset.storage.write("datasets/mine/sources.json", json.dumps({"A": "/old/ink", "B": "/old/painted"}).encode())
    code, _, err = end(begin("my ink", "painted", "--model", "mine"))
    line = "model 'mine' was begun with /old/ink and /old/painted: give these again, or another --model"
    assert (code, err.strip()) == (1, line)
    dataset.storage.delete("datasets/mine/sources.json")
    dataset.storage.write("datasets/mine/config.json", b"{}")
    code, _, err = end(begin("my ink", "painted", "--model", "mine"))
    assert code == 1 and err.startswith("the dataset 'mine' was made by build-dataset: give another --model")
