"""Tests that a checkpoint of another run is scored as in its own run, or as it serves where the drawings differ."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cyclegan.painting.checkpoint import CheckpointError
from cyclegan.painting.colorizer import Colorizer
from cyclegan.scoring.judge import Judge
from cyclegan.scoring.samples import translate
from cyclegan.scoring.score import Scorer
from cyclegan.scoring.served import coloured_by
from imaging.lineart import Normalization, normalize
from imaging.lines import extract_lines
from tests.handmade import BLUE, ORANGE, SIZE, known_painter, save_known

CPU = torch.device("cpu")
TONED = Normalization()


def pages(side: int, count: int = 4) -> list[np.ndarray]:
    found = [np.full((side, side + 8), 255, np.uint8) for _ in range(count)]
    for number, page in enumerate(found):
        page[8 : 30 + number, 10:12] = page[20 + number, 8:40] = 60
    return found


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Averaged weights that paint in orange, raw ones that paint in blue."""
    painters = (known_painter({3: colour}, region=3) for colour in (ORANGE, BLUE))
    return save_known(tmp_path / "x.pt", *painters)


def test_on_drawings_like_its_own_it_paints_as_in_its_own_training(checkpoint: Path) -> None:
    lineart = pages(SIZE)
    for weights, colour in (("ema", ORANGE), ("raw", BLUE)):
        painted = coloured_by(checkpoint, weights, lineart, TONED, CPU)  # type: ignore[arg-type]
        alone = known_painter({3: colour}, region=3).eval()
        assert all(np.array_equal(one, translate(alone, page)) for one, page in zip(painted, lineart, strict=True))


@pytest.mark.parametrize(("side", "toned"), [(2 * SIZE, TONED), (SIZE, Normalization(low=100, high=120))])
def test_on_others_it_paints_as_it_serves(checkpoint: Path, side: int, toned: Normalization) -> None:
    lineart = pages(side)
    painted = coloured_by(checkpoint, "ema", lineart, toned, CPU)
    serving = Colorizer.load(checkpoint, "cpu")
    for one, page in zip(painted, lineart, strict=True):
        assert np.array_equal(one, np.asarray(serving(Image.fromarray(page))))


def test_the_score_is_that_of_its_own_run(checkpoint: Path) -> None:
    lineart = pages(SIZE)
    colour = [np.repeat(page[..., None], 3, 2) // 2 for page in pages(SIZE)]
    judge = Judge(lineart, colour, [], TONED, CPU)
    score = judge.score_of(checkpoint, "ema")
    lines = [normalize(extract_lines(picture), TONED).image for picture in colour]
    painted = (coloured_by(checkpoint, "ema", drawn, TONED, CPU) for drawn in (lineart, lines))
    assert score == Scorer(lineart, colour, lines).score(*painted)
    assert Judge(lineart[:3], colour, [], TONED, CPU).score_of(checkpoint, "ema") is None
    checkpoint.write_bytes(b"")
    with pytest.raises(CheckpointError):
        judge.score_of(checkpoint, "ema")
