"""Tests `irodori colorize --shading`, --cel, --soft and --mirror-light."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.command import colorize
from tests.factories import drawing, save
from tests.shaded_pictures import save_shading

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_shading(tmp_path_factory.mktemp("models") / "m.pt"))


@pytest.fixture
def page(tmp_path: Path) -> Path:
    drawing(size=100).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def mean(path: Path) -> float:
    return float(np.asarray(Image.open(path).convert("L")).mean())


def test_strength_edge_and_light(page: Path, tmp_path: Path, model: str) -> None:
    asked = {
        "usual": (),
        "none": ("--shading", 0),
        "half": ("--shading", 0.5),
        "cel": ("--cel",),
        "other": ("--mirror-light",),
    }
    for name, words in asked.items():
        result = colorize(page, tmp_path / f"{name}.png", "-m", model, *words)
        assert (result.exit_code, result.stderr.strip()) == (0, "")
    assert mean(tmp_path / "none.png") > mean(tmp_path / "half.png") > mean(tmp_path / "usual.png")
    made = [(tmp_path / f"{name}.png").read_bytes() for name in asked]
    assert len(set(made)) == len(made)


def test_another_strength_colours_again_and_the_same_does_not(page: Path, tmp_path: Path, model: str) -> None:
    out = tmp_path / "out"
    for words, told in (
        ((), "1 coloured"),
        ((), "0 coloured"),
        (("--shading", 0.3), "1 coloured"),
        (("--shading", 0.3), "0 coloured"),
    ):
        assert told in colorize(page, f"{out}/", "-m", model, *words).stdout


@pytest.mark.parametrize("words", [("--shading", 1.2), ("--shading", "dark"), ("--shading", -1)])
def test_a_wrong_strength_is_told(page: Path, tmp_path: Path, model: str, words: tuple[object, ...]) -> None:
    result = colorize(page, tmp_path / "b.png", "-m", model, *words)
    assert result.exit_code == 2 and "--shading" in result.stderr and not (tmp_path / "b.png").exists()


def test_a_model_without_shadows_refuses_them(page: Path, tmp_path: Path) -> None:
    flat = save(tmp_path / "flat.pt", palette=6)
    assert colorize(page, tmp_path / "b.png", "-m", flat, "--shading", 0).exit_code == 0
    for words in (("--shading", 1), ("--cel",), ("--mirror-light",)):
        result = colorize(page, tmp_path / "c.png", "-m", flat, *words)
        assert result.exit_code == 2 and "this model knows no shadows" in " ".join(result.stderr.split())
