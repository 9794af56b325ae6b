"""Tests files of layers: other readers open them, and what they compose is the picture."""

import io
import re
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import psd_tools
import pyora
import pytest
from PIL import Image

from imaging.errors import ImageError
from imaging.flats import find_flat_layers
from imaging.formats import LayerFile
from imaging.layer_files import encode_layers
from imaging.layers import Layered
from imaging.psd import LONGEST_SIDE
from imaging.segments import find_segments
from imaging.srgb import on_white
from tests.factories import largest_difference
from tests.layer_readers import compose, difference, groups, read_ora, read_psd
from tests.linework import draw

SIDE = 160
OPAQUE, CUT_OUT, FADED = "opaque", "cut out", "faded"


def painted(alpha: str = OPAQUE, side: int = SIDE, colours: int = 0) -> Layered:
    """Colours lines at random: a quarter is paper, two segments are a part, most parts have two colours."""
    lines = draw(seed=1, size=side, width=max(2, side // 200))
    found, random = find_segments(lines), np.random.default_rng(2)
    parts = np.arange(found.count, dtype=np.int32) // 2
    paper = parts % 4 == 0
    palette = random.integers(0, 256, (colours or found.count, 3), dtype=np.uint8)
    chosen = np.where(paper[:, None], 255, palette[np.arange(found.count) % len(palette)]).astype(np.uint8)
    chosen[np.flatnonzero(paper)[:1]] = (250, 240, 230)  # paper under another colour
    tinted = (np.repeat(lines[..., None], 3, 2) * np.array([1, 0.97, 0.9])).astype(np.uint8)
    drawn = tinted if alpha == OPAQUE else np.repeat(lines[..., None], 3, 2)
    ramp = np.linspace(0, 2 if alpha == CUT_OUT else 0.9, side)
    opacity = None if alpha == OPAQUE else np.tile(np.clip(ramp * 255, 0, 255).astype(np.uint8), (side, 1))
    return Layered(drawn, chosen[found.labels], opacity, found.labels, lambda: parts, paper)


def encoded(layered: Layered, kind: LayerFile, dpi: float = 0) -> tuple[bytes, Image.Image]:
    merged = layered.merged()
    merged.info = {"dpi": (dpi, dpi)} if dpi else {}
    return encode_layers(layered, merged, [kind])[kind], merged


@pytest.mark.parametrize("alpha", [OPAQUE, CUT_OUT, FADED])
@pytest.mark.parametrize(("kind", "read"), [(LayerFile.ORA, read_ora), (LayerFile.PSD, read_psd)])
def test_what_other_readers_compose_is_the_picture(kind: LayerFile, read, alpha: str) -> None:  # type: ignore[no-untyped-def]
    data, merged = encoded(painted(alpha), kind)
    size, layers = read(data)
    assert size == merged.size
    assert difference(compose(size, layers), merged) <= 1
    assert [layer.name for layer in layers][:1] + [layer.name for layer in layers][-2:] == ["paper", "shading", "lines"]
    assert not np.asarray(layers[-2].image).any()


@pytest.mark.slow
def test_a_large_drawing_composes_to_its_picture() -> None:
    data, merged = encoded(painted(CUT_OUT, side=1800), LayerFile.ORA)
    assert difference(compose(*read_ora(data)), merged) <= 1


@pytest.mark.parametrize("alpha", [OPAQUE, CUT_OUT])
def test_the_libraries_of_both_formats_compose_the_picture(alpha: str, tmp_path: Path) -> None:
    layered = painted(alpha)
    data, merged = encoded(layered, LayerFile.ORA)
    (tmp_path / "a.ora").write_bytes(data)
    project = pyora.Project.load(str(tmp_path / "a.ora"))
    assert difference(np.asarray(project.get_image_data(use_original=False), np.float32), merged) <= 1
    assert difference(np.asarray(project.get_image_data(use_original=True).convert("RGBA"), np.float32), merged) == 0
    document = psd_tools.PSDImage.open(io.BytesIO(encoded(layered, LayerFile.PSD)[0]))
    assert difference(np.asarray(document.composite(force=True).convert("RGBA"), np.float32), merged) <= 1
    preview = document.topil()
    assert preview is not None and preview.mode == merged.mode
    assert largest_difference(on_white(preview), on_white(merged)) <= 1
    assert [each.name for each in document] == ["paper", "flats", "shading", "lines"]


def test_flats_are_aliased_cropped_and_named_once() -> None:
    layered = painted()
    data, _ = encoded(layered, LayerFile.ORA)
    _, layers = read_ora(data)
    (flats,) = groups(data).values()
    assert list(groups(data)) == ["flats"] and flats == [layer.name for layer in layers[1:-2]]
    names = [*flats, "paper", "shading", "lines", "flats"]
    assert len(set(names)) == len(names) and all(re.fullmatch(r"(small )?[a-z ]+( \d+)?", name) for name in flats)
    for layer in layers[1:-2]:
        opacity = np.asarray(layer.image)[..., 3]
        assert set(np.unique(opacity)) <= {0, 255}
        assert all(edge.any() for edge in (opacity[0], opacity[-1], opacity[:, 0], opacity[:, -1]))
    assert sum(layer.image.size < (SIDE, SIDE) for layer in layers) > 3


def test_a_drawing_of_hatching_has_no_hundreds_of_layers() -> None:
    page = np.full((900, 900), 255, np.uint8)
    page[::9], page[:, ::9] = 0, 0
    found = find_segments(page)
    each = np.arange(found.count, dtype=np.int32)
    colours = np.array([(200, 30, 40), (50, 90, 200)], np.uint8)[each % 2]
    lines = np.repeat(page[..., None], 3, 2)
    layered = Layered(lines, colours[found.labels], None, found.labels, lambda: each, np.zeros(found.count, bool))
    assert found.count > 5000 and find_flat_layers(layered).names == ["small blue", "small red"]
    data, merged = encoded(layered, LayerFile.ORA)
    assert difference(compose(*read_ora(data)), merged) <= 1


def test_soft_colours_are_one_layer() -> None:
    plain = painted(CUT_OUT)
    data, merged = encoded(Layered(plain.lines, plain.flats, plain.alpha), LayerFile.ORA)
    assert groups(data) == {"flats": ["colours"]}
    assert difference(compose(*read_ora(data)), merged) <= 1


def test_labels_tell_neighbours_apart_in_a_palette_and_paper_is_white() -> None:
    layered = painted()
    image = Image.open(io.BytesIO(encoded(layered, LayerFile.LABELS)[0]))
    found = find_flat_layers(layered)
    numbers, colours = np.asarray(image), np.asarray(image.convert("RGB"))
    assert image.mode == "P" and np.array_equal(numbers, found.numbers(layered))
    assert len(np.unique(colours.reshape(-1, 3), axis=0)) == len(found.names) + 1
    assert (colours[numbers == 0] == 255).all()


def test_more_than_255_labels_are_16_bits() -> None:
    labels = np.repeat(np.repeat(np.arange(400, dtype=np.int32).reshape(20, 20), 8, 0), 8, 1)
    colours = np.random.default_rng(0).integers(0, 256, (400, 3), dtype=np.uint8)[labels]
    layered = Layered(
        np.full_like(colours, 255), colours, None, labels, lambda: np.arange(400, dtype=np.int32), np.zeros(400, bool)
    )
    image = Image.open(io.BytesIO(encoded(layered, LayerFile.LABELS)[0]))
    assert image.mode == "I;16" and set(np.unique(np.asarray(image))) == set(range(1, 401))


@pytest.mark.parametrize("kind", LayerFile)
def test_the_same_pixels_give_the_same_bytes(kind: LayerFile) -> None:
    assert encoded(painted(), kind)[0] == encoded(painted(), kind)[0]


def test_the_resolution_is_kept() -> None:
    with ZipFile(io.BytesIO(encoded(painted(), LayerFile.ORA, dpi=300)[0])) as file:
        assert b'xres="300" yres="300"' in file.read("stack.xml")
    document = psd_tools.PSDImage.open(io.BytesIO(encoded(painted(), LayerFile.PSD, dpi=300)[0]))
    resolution = document.image_resources.get_data(1005)
    assert (resolution.horizontal, resolution.vertical) == (300 << 16, 300 << 16)


def test_a_drawing_that_a_psd_cannot_hold_is_refused_in_a_line() -> None:
    long = np.full((1, LONGEST_SIDE + 1, 3), 255, np.uint8)
    with pytest.raises(ImageError, match=r"30,001 × 1 pixels: a PSD holds at most 30,000 a side; ask for ORA"):
        encoded(Layered(long, long), LayerFile.PSD)
