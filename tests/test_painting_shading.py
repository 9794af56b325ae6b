"""Tests what is served of shadows: a layer that multiplies, of any strength, and that leaves all else as it is."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from cyclegan import Colorizer, Guide
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.hints import Hint
from cyclegan.painting.painter import Painter
from cyclegan.painting.shadows import NO_SHADOWS, UNKNOWN, Example, ShadingError, shadow_loss, tints_of, weigh
from imaging.editor_layers import editor_layers
from imaging.layers import Layered
from imaging.lineart import Normalization
from imaging.ora import encode_ora
from imaging.psd import encode_psd
from tests.factories import drawing, largest_difference, untrained
from tests.layer_readers import compose, difference, read_ora, read_psd
from tests.shaded_pictures import shading_painter

OFF = Guide(shading=0)


def colorizer(*errors: float, **more: Any) -> Colorizer:
    painter = shading_painter(errors or (0.1, 0.05, 0.05), **more)  # type: ignore[arg-type]
    return Colorizer(painter, Normalization(), 64, "cpu")


def depth(layered: Layered) -> np.ndarray:
    assert layered.shading is not None
    return layered.shading[..., 3].astype(int)


def test_the_head_for_shadows_changes_no_other_weight_and_no_region() -> None:
    settings = {"blocks": 1, "ngf": 8, "head": "line_keeping", "palette": 6}
    with_, without = (untrained(GeneratorConfig.model_validate(settings | {"shading": on})) for on in (True, False))
    lines = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1
    assert torch.equal(with_.regions(lines), without.regions(lines))
    assert with_.network(lines).shape == (1, 8, 32, 32) and without.network(lines).shape == (1, 6, 32, 32)


def test_shadows_teach_the_trunk_nothing() -> None:
    painter = Painter(
        GeneratorConfig.model_validate({"blocks": 1, "ngf": 8, "palette": 6, "head": "line_keeping", "shading": True})
    )
    painter.network(torch.ones(1, 3, 16, 16))[:, 6:].sum().backward()
    taught = {
        name.split(".")[1]
        for name, each in painter.named_parameters()
        if each.grad is not None and bool(each.grad.any())
    }
    assert taught == {"shade"}


@pytest.mark.parametrize("guide", [Guide(), Guide(shading=0.4), Guide(edge="cel"), Guide(mirrored_light=True)])
def test_layers_compose_to_the_picture(guide: Guide) -> None:
    layered = colorizer().paint(drawing(size=150), guide)
    merged = layered.merged()
    for write, read in ((encode_ora, read_ora), (encode_psd, read_psd)):
        size, layers = read(write(editor_layers(layered, merged), merged))
        assert difference(compose(size, layers), merged) <= 1
        (shading,) = (each for each in layers if each.name == "shading")
        assert shading.multiplied and np.asarray(shading.image)[..., 3].any()


def test_flats_stay_and_no_shading_is_the_picture_without() -> None:
    serving, page = colorizer(), drawing(size=150)
    shaded, flat = (serving.paint(page, guide) for guide in (Guide(), OFF))
    assert flat.shading is None and (shaded.flats == flat.flats).all()
    expected = (flat.flats.astype(np.uint16) * flat.lines + 127) // 255
    assert (np.asarray(flat.merged()) == expected).all()
    assert (np.asarray(shaded.merged()).astype(int) <= np.asarray(flat.merged())).all()
    assert largest_difference(shaded.merged(), flat.merged()) > 30


def test_strength_and_edge() -> None:
    drawn = colorizer().read(drawing(size=150))
    full, half, cel = (drawn.layered(guide) for guide in (Guide(), Guide(shading=0.5), Guide(edge="cel")))
    assert np.abs(depth(half) - depth(full) / 2).max() <= 1
    middle = [((depth(each) > 40) & (depth(each) < 215)).mean() for each in (full, cel)]
    assert middle[1] < 0.5 * middle[0]
    assert (drawn.layered(Guide(edge="soft")).shading == full.shading).all()  # type: ignore[union-attr]


def test_the_edge_is_that_of_domain_b() -> None:
    page = drawing(size=100)
    made = colorizer(softness=0.0).paint(page), colorizer(softness=0.6).paint(page, Guide(edge="cel"))
    assert (depth(made[0]) == depth(made[1])).all()


def test_light_from_the_other_side_has_shadows_of_its_own() -> None:
    drawn = colorizer().read(drawing(size=150))
    assert (depth(drawn.layered(Guide())) != depth(drawn.layered(Guide(mirrored_light=True)))).any()


def test_tints_are_those_of_the_classes_and_the_paper_around_has_no_shadow() -> None:
    serving = colorizer()
    drawn = serving.read(drawing(size=150))
    layered = drawn.layered(Guide())
    assert layered.shading is not None and layered.labels is not None
    tints = np.rint(255 * shading_painter().tints.numpy()).astype(np.uint8)
    assert (layered.shading[..., :3] == tints[drawn.division.classes[layered.labels]]).all()


def test_the_paper_around_a_figure_has_no_shadow_and_white_inside_has() -> None:
    lines = Image.new("RGB", (128, 128), "white")
    draw = ImageDraw.Draw(lines)
    for inset in (24, 48):
        draw.ellipse((inset, inset, 128 - inset, 128 - inset), outline="black", width=3)
    drawn = colorizer().read(lines)
    down, across = np.indices(drawn.shadows.shape[1:]) * 128 / drawn.shadows.shape[1] - 64
    away = np.hypot(down, across)
    regions = np.zeros((6, *away.shape), np.float32)
    regions[1] = (away > 16) & (away < 40)
    regions[0] = 1 - regions[1]
    deep = depth(replace(drawn, regions=regions, shadows=np.ones_like(drawn.shadows)).layered(Guide()))
    assert deep[64, 64] > 250 and deep[64, 32] > 250 and not deep[64, 4] and not deep[4].any()


def test_hints_are_exact_in_full_light() -> None:
    drawn = colorizer().read(drawing(size=150))
    hint = Hint(((0.5, 0.5),), (12, 200, 90), "area")
    shaded, flat = (drawn.layered(Guide(hints=(hint,), shading=strength)) for strength in (None, 0))
    assert (shaded.flats[75, 75] == (12, 200, 90)).all()
    assert (shaded.flats == flat.flats).all()


def test_what_is_transparent_has_no_shadow() -> None:
    page = drawing(size=150).convert("RGBA")
    page.putalpha(Image.linear_gradient("L").resize(page.size))
    layered = colorizer().paint(page)
    assert layered.alpha is not None and not depth(layered)[layered.alpha < 255].any()
    merged = layered.merged()
    assert difference(compose(*read_ora(encode_ora(editor_layers(layered, merged), merged))), merged) <= 1


def test_shadows_that_do_not_help_are_painted_only_on_request() -> None:
    page = drawing(size=100)
    serving = colorizer(0.1, 0.095, 0.095)
    assert serving.paint(page).shading is None
    for asked in (Guide(shading=0.5), Guide(edge="soft"), Guide(mirrored_light=True)):
        assert depth(serving.paint(page, asked)).any()


def test_a_model_that_knows_no_shadows_refuses_them_in_one_line() -> None:
    page = drawing(size=100)
    flat = Colorizer(
        untrained(GeneratorConfig.model_validate({"blocks": 1, "ngf": 8, "head": "line_keeping", "palette": 6})),
        Normalization(),
        64,
        "cpu",
    )
    for serving in (colorizer(0.0, 1.0, 1.0), flat):
        assert serving.paint(page).shading is None and serving.paint(page, OFF).shading is None
        for asked in (Guide(shading=1), Guide(edge="cel"), Guide(mirrored_light=True)):
            with pytest.raises(ShadingError, match=NO_SHADOWS):
                serving.paint(page, asked)


def test_a_model_of_a_flat_style_has_no_shadows_to_lay() -> None:
    read = colorizer(0.0, 1.0, 1.0).read(drawing(size=64))
    assert read.layered(Guide(shading=1, edge="cel", mirrored_light=True)).shading is None


@pytest.mark.parametrize("wrong", [{"shading": -0.1}, {"shading": 1.5}, {"shading": float("nan")}, {"edge": "hard"}])
def test_a_guide_refuses_wrong_values(wrong: dict[str, Any]) -> None:
    with pytest.raises(ShadingError) as error:
        replace(Guide(), **wrong)
    assert "\n" not in str(error.value)


def example(mask: float, tint: float = 0.5) -> Example:
    lit = torch.full((3, 8, 8), 0.6)
    known = torch.full((1, 8, 8), mask)
    colour = ((lit + 1) / 2 * (1 - known.clamp(min=0) * (1 - tint))) * 2 - 1
    return Example(torch.ones(3, 8, 8), colour, lit, known)


def test_tints_and_errors_are_those_of_the_pictures() -> None:
    regions = torch.zeros(3, 8, 8)
    regions[1] = 1
    tints = tints_of([(example(1.0), regions), (example(0.0), regions)], 3)
    assert torch.allclose(tints, torch.full((3, 3), 0.5), atol=1e-3)
    perfect, wrong = (weigh([(example(1.0), regions, torch.full((8, 8), found))], tints) for found in (1.0, 0.0))
    assert torch.allclose(perfect, torch.tensor([0.5, 0.0, 0.0]), atol=1e-2)
    assert torch.allclose(wrong, torch.tensor([0.5, 0.5, 0.5]), atol=1e-2)


def test_what_is_not_known_is_not_learned() -> None:
    logits = torch.zeros(1, 2, 4, 4, requires_grad=True)
    masks = torch.full((1, 2, 4, 4), UNKNOWN)
    assert shadow_loss(logits, masks).item() == 0
    masks[0, 0, 0, 0] = 1
    shadow_loss(logits, masks).backward()
    assert logits.grad is not None and int((logits.grad != 0).sum()) == 1
