"""`irodori colorize --server`: a page colours what this machine has no model for, with the same pixels."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image
from typer.testing import Result

from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.hints import Hint
from irodori.web.limits import OWN
from tests.command import colorize, drawings
from tests.factories import drawing, save
from tests.web_page import Page, service, serving

pytestmark = pytest.mark.slow
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; from irodori.cli.app import main; main()"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("model") / "noise.pt", palette=4)


@pytest.fixture(scope="module")
def page(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with serving(tmp_path_factory.mktemp("storage"), model) as page:
        yield page


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def words_of(output: str) -> str:
    """What a box says, in one line."""
    return " ".join(output.replace("│", " ").split())


def there(page: Page, *words: object) -> Result:
    return colorize(*words, "--server", page.address)


def test_a_page_colours_as_a_model_here_does(page: Page, model: Path, scans: Path) -> None:
    drawing(2004, size=90).save(scans / "page.tif", dpi=(300, 300))
    (scans / "hero.guide.json").write_text('{"hints": [{"x": 0.5, "y": 0.5, "colour": "#c03020", "scope": "area"}]}')
    (scans / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    words = (scans, Path("there"), "--server", page.address, "--variants", "2", "--layers", "ora")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, "colorize", *map(str, words)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1, done.stderr  # one is broken
    assert "broken.png: " in done.stdout + done.stderr
    (scans / "broken.png").unlink()
    assert colorize(scans, Path("here"), "--model", model, "--variants", "2").exit_code == 0
    names = {f"variant-{number}/{name}" for number in (1, 2) for name in ("hero.png", "page.tif")}
    for name in names:
        assert np.array_equal(pixels(Path("there", name)), pixels(Path("here", name))), name
    layers = {name.replace(".png", ".ora").replace(".tif", ".tif.ora") for name in names}
    assert drawings(Path("there")) == names | layers
    with Image.open("there/variant-1/page.tif") as picture:
        assert picture.info["dpi"] == (300, 300)
    assert requests.get(f"{page.address}/readyz", timeout=30).json() == {"state": "ready"}  # nothing is left there


def test_what_is_done_stays_done(page: Page, scans: Path) -> None:
    assert there(page, scans, "out").exit_code == 0
    again = there(page, scans, "out")
    assert (again.exit_code, "0 coloured, 1 up to date" in again.output) == (0, True)


def test_wrong_servers_and_models_are_one_line(page: Page, scans: Path, tmp_path: Path) -> None:
    for words, reason in (
        (["--server", "nonsense"], "give what irodori serve prints"),
        (["--server", page.address, "--model", "other"], "has no model other; it has noise"),
        (["--server", page.address, "--like", "missing.png"], "missing.png"),
    ):
        result = colorize(scans, "out", *words)
        assert (result.exit_code, reason in words_of(result.output)) == (2, True), result.output
    assert "does not answer" in str(colorize(scans, "out", "--server", "http://127.0.0.1:1").exception)
    with service(tmp_path, OWN, token="secret") as (address, _):
        assert "whole link" in str(colorize(scans, "out", "--server", f"{address}/#wrong").exception)


def test_all_that_is_asked_here_is_asked_there(page: Page, model: Path, scans: Path) -> None:
    stroke = {"points": [[0.1, 0.1], [0.9, 0.9]], "colour": "#c03020"}
    guide = {
        "hints": [stroke, {"points": [[0.1, 0.9], [0.4, 0.8]], "colour": "#2040a0", "scope": "area"}],
        "variant": 3,
    }
    (scans / "hero.guide.json").write_text(json.dumps(guide))
    drawing(2005, size=90).save(scans / "other.png")
    hint = Hint(((0.5, 0.5),), (192, 48, 32), "everywhere")
    Path("aiko.json").write_bytes(Colorizer.load(model).sheet(drawing(2005), (hint,)).to_json())
    for words in ([], ["--sheet", "./aiko.json"]):
        for target, more in (("there", ["--server", page.address]), ("here", ["--model", model])):
            result = colorize(scans, Path(target), *words, *more, "--again")
            assert result.exit_code == 0, result.output
        for name in ("hero.png", "other.png"):
            assert np.array_equal(pixels(Path("there", name)), pixels(Path("here", name))), (name, words)
    refused = there(page, scans, "out", "--cel")
    assert (refused.exit_code, "this model knows no shadows" in words_of(refused.output)) == (1, True)


def test_a_file_that_is_too_large_stops_nothing_else(page: Page, scans: Path) -> None:
    with (scans / "aaa.png").open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.truncate(OWN.upload_bytes + (1 << 20))
    result = there(page, scans, "out")
    assert (result.exit_code, drawings(Path("out"))) == (1, {"hero.png"})
    assert "aaa.png: 201 MB: the page takes 200; save it smaller" in words_of(result.output)
