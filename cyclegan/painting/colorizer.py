"""A checkpoint as a function: lineart of any size in, the same drawing in colour out.

The painter sees the drawing as it saw its training images: at their size, toned alike. What it says about colour is
brought up to the drawing's own size and laid under the drawing's own lines, which stay as they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np
import torch
from PIL import Image
from pydantic import ValidationError

from cyclegan.painting.backend import speed_up
from cyclegan.painting.checkpoint import CheckpointError, Weights, load_checkpoint
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.enlarge import enlarge
from cyclegan.painting.guide import AS_IT_COMES, Guide
from cyclegan.painting.painter import Painter
from cyclegan.painting.palettes import Palette, PaletteError, palette_of, unlike
from cyclegan.painting.tensors import padded, to_range, unit_to_uint8
from imaging.layers import Layered
from imaging.lineart import Normalization, NormalizedLineart, lineart_gray, normalize, whiten_paper
from imaging.lines import extract_lines

CACHE = Path("~/.cache/irodori")

_MAX_ASPECT = 4.0  # longer drawings are seen smaller; in training there were none
_BATCH_PIXELS = 1 << 20
_FAINT_INK = 200.0  # a drawing's line is taken to be at least this dark


@dataclass(frozen=True)
class _Drawing:
    """image: RGB on white paper.  alpha: or None.  toned: what the painter sees, its `image` (h, w) uint8."""

    image: Image.Image
    alpha: Image.Image | None
    toned: NormalizedLineart


class Colorizer:
    """``Colorizer.load("checkpoint.pt")(image)``; make one and use it for many drawings."""

    def __init__(self, painter: Painter, normalization: Normalization, size: int, device: str) -> None:
        """size: shortest side, px, at which the painter sees drawings.  device: "cuda" or "cpu"."""
        self._painter = painter.to(device).eval()
        self._normalization, self._size, self._device = normalization, size, device
        self._one_at_a_time = Lock()  # the painter has all cores to itself; two at once would only share them

    @classmethod
    def load(
        cls,
        path: Path | str,
        device: Literal["auto", "cuda", "cpu"] = "auto",
        weights: Weights = "ema",
        cache: Path = CACHE,
    ) -> Colorizer:
        """From a checkpoint alone. Raises CheckpointError (one line) if `path` is not a whole checkpoint.

        cache: folder that remembers what runs which checkpoint fastest on this machine; see
        :mod:`cyclegan.painting.backend`.
        """
        checkpoint = load_checkpoint(path)
        try:
            painter = Painter(GeneratorConfig.model_validate(checkpoint["painter"]["config"]))
            painter.load_state_dict(checkpoint["painter"][weights])
            normalization = Normalization.from_dict(checkpoint["normalization"])
            lineart = checkpoint["lineart"]
        except (KeyError, ValidationError, ValueError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0][:120]
            raise CheckpointError(f"{path}: made by another version of this program ({reason}); train anew") from error
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cpu":
            speed_up(painter.eval(), lineart["size"], lineart["examples"], cache)
        return cls(painter, normalization, lineart["size"], device)

    def __call__(self, image: Image.Image, guide: Guide = AS_IT_COMES) -> Image.Image:
        """The drawing in colour: same size, RGB, or RGBA where it has transparency."""
        return self.paint(image, guide).merged()

    def paint(self, image: Image.Image, guide: Guide = AS_IT_COMES) -> Layered:
        """The drawing as layers. Raises PaletteError for a guide that asks for a palette which the model lacks."""
        return self.paint_batch([image], guide)[0]

    def paint_batch(self, images: Sequence[Image.Image], guide: Guide = AS_IT_COMES) -> list[Layered]:
        """As one call for each image, in the same order; those of one shape go through the painter together."""
        palette = self._palette(guide)
        drawings = [self._prepare(image) for image in images]
        colours = self._paint([drawing.toned.image for drawing in drawings], palette)
        return [_lay_under(drawing, colour) for drawing, colour in zip(drawings, colours, strict=True)]

    def palettes(self, count: int) -> list[Palette]:
        """Remembered palettes that differ as much as `count` of them can, always the same ones.

        Raises PaletteError for a model without palettes, and for more of them than it remembers.
        """
        self._require_palettes()
        remembered = self._painter.remembered.cpu().numpy()
        if not 1 <= count <= len(remembered):
            raise PaletteError(f"{count} palettes: this model remembers {len(remembered)}; ask for 1 or more of these")
        return [remembered[index] for index in unlike(remembered, count)]

    @torch.inference_mode()
    def palette_of(self, picture: Image.Image) -> Palette:
        """The palette of a colour picture, found in the lines extracted from it.

        Raises PaletteError for a model without palettes.
        """
        self._require_palettes()
        page = _on_paper(picture)[0]
        seen = np.asarray(page.resize(_working_size(page.size, self._size), Image.Resampling.LANCZOS))
        lines = normalize(extract_lines(seen), self._normalization).image
        colour, gray = (to_range(torch.from_numpy(padded(image)).to(self._device)) for image in (seen, lines))
        drawn = gray.expand(1, 3, -1, -1)
        found = palette_of(self._painter.regions(drawn), drawn, colour.permute(2, 0, 1)[None])
        return found[0].cpu().numpy()

    def _require_palettes(self) -> None:
        if not self._painter.config.palette:
            raise PaletteError("this model paints without palettes: train one with generator.palette above 0")

    def _palette(self, guide: Guide) -> Palette | None:
        if guide.palette is not None:
            return guide.palette
        return self.palettes(guide.variant)[-1] if guide.variant else None

    def _prepare(self, image: Image.Image) -> _Drawing:
        page, alpha = _on_paper(image)
        seen = page.resize(_working_size(page.size, self._size), Image.Resampling.LANCZOS)
        return _Drawing(page, alpha, normalize(lineart_gray(seen), self._normalization))

    def _paint(self, lineart: list[np.ndarray], palette: Palette | None) -> list[np.ndarray]:
        """(h, w) uint8 toned drawings → (h, w, 3) uint8 colours."""
        same_shape: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for index, gray in enumerate(lineart):
            same_shape[gray.shape].append(index)
        colours: dict[int, np.ndarray] = {}
        for shape, indices in same_shape.items():
            chunk = max(1, _BATCH_PIXELS // (shape[0] * shape[1]))
            for start in range(0, len(indices), chunk):
                part = indices[start : start + chunk]
                colours.update(zip(part, self._flats(np.stack([lineart[i] for i in part]), palette), strict=True))
        return [colours[index] for index in range(len(lineart))]

    @torch.inference_mode()
    def _flats(self, lineart: np.ndarray, palette: Palette | None) -> np.ndarray:
        """(N, h, w) → (N, h, w, 3), uint8."""
        height, width = lineart.shape[1:]
        pages = np.stack([padded(gray) for gray in lineart])
        seen = to_range(torch.from_numpy(pages).to(self._device))[:, None].expand(-1, 3, -1, -1)
        inks = None if palette is None else torch.from_numpy(palette).to(self._device).expand(len(seen), -1, -1)
        with self._one_at_a_time:
            flats = self._painter.layers(seen, inks).flats
        return unit_to_uint8(flats)[..., :height, :width].permute(0, 2, 3, 1).cpu().numpy()


def _working_size(size: tuple[int, int], shortest: int) -> tuple[int, int]:
    scale = min(shortest / min(size), _MAX_ASPECT * shortest / max(size))
    width, height = (max(1, round(side * scale)) for side in size)
    return width, height


def _on_paper(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """RGB on white, and the transparency to give back."""
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("RGB"), None
    clear = image.convert("RGBA")
    alpha = clear.getchannel("A")
    page = Image.new("RGB", image.size, "white")
    page.paste(clear, mask=alpha)
    return page, alpha if _has_paper(page, alpha) else None


def _has_paper(page: Image.Image, alpha: Image.Image) -> bool:
    """False for lines alone on a transparent layer: what is to be coloured there is all transparent."""
    opaque = np.asarray(alpha) > 127
    light = np.asarray(page.convert("L")) > 127
    return bool((opaque & light).sum() > (opaque & ~light).sum())


def _lay_under(drawing: _Drawing, colour: np.ndarray) -> Layered:
    toned, gray = drawing.toned, lineart_gray(drawing.image)
    guide = whiten_paper(gray)[0]  # where light is uneven, a shadow is no line
    paper = toned.paper if guide is gray else 255
    flats = enlarge(colour, guide, min(toned.mean_in, _FAINT_INK) * paper / 255, paper)
    alpha = None if drawing.alpha is None else np.asarray(drawing.alpha)
    return Layered(np.asarray(drawing.image), flats, alpha)
