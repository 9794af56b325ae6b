"""Colours lineart of any size with the painter of a checkpoint.

The painter gets the drawing as it got its training images: at their size, with the same normalization. Its colours are
enlarged to the size of the drawing and placed under the drawing's own lines, which do not change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from pydantic import ValidationError

from cyclegan.painting.backend import speed_up
from cyclegan.painting.checkpoint import CheckpointError, Weights, load_checkpoint, weights_of
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.enlarge import enlarge
from cyclegan.painting.guide import AS_IT_COMES, Guide
from cyclegan.painting.painter import Painter
from cyclegan.painting.palettes import Palette, PaletteError, palette_of, unlike
from cyclegan.painting.tensors import padded, to_range, unit_to_uint8
from imaging.ink import Page, read_page
from imaging.layers import Layered
from imaging.lineart import Normalization, NormalizedLineart, normalize
from imaging.lines import extract_lines
from imaging.paper import whiten_paper
from imaging.srgb import on_white

CACHE = Path("~/.cache/irodori")

_MAX_ASPECT = 4.0  # longer drawings are shrunk further; the training images had none
_BATCH_PIXELS = 1 << 20
_FAINT_INK = 200.0  # grey level; the lines of a drawing are assumed to be at least this dark


@dataclass(frozen=True)
class _Drawing:
    """A drawing that is ready for the painter.

    Attributes:
        page: as dark lines on light paper, at its own size.
        toned: the painter's input, `image` (h, w) uint8.
    """

    page: Page
    toned: NormalizedLineart


class Colorizer:
    """Colours drawings: ``Colorizer.load("checkpoint.pt")(image)``. Make one and use it for many drawings."""

    def __init__(self, painter: Painter, normalization: Normalization, size: int, device: str) -> None:
        """Makes a colorizer from a painter.

        Args:
            painter: with its weights; moved to `device`.
            normalization: that of the painter's training lineart.
            size: shortest side, px, of the painter's inputs.
            device: "cuda" or "cpu".
        """
        self._painter = painter.to(device).eval()
        self._normalization, self._size, self._device = normalization, size, device
        self._lock = Lock()  # one call of the painter uses all cores; parallel calls would gain nothing

    @classmethod
    def load(
        cls,
        path: Path | str,
        device: Literal["auto", "cuda", "cpu"] = "auto",
        weights: Weights = "ema",
        cache: Path = CACHE,
    ) -> Colorizer:
        """Loads a colorizer from a checkpoint.

        Args:
            path: the checkpoint.
            device: "auto": a GPU if there is one.
            weights: "ema" (averaged) or "raw" (of the last step).
            cache: folder that records the fastest backend for each checkpoint on this machine; see
                :mod:`cyclegan.painting.backend`.

        Raises:
            CheckpointError: the file cannot be loaded or is of another version (its text is one line).
        """
        painter, normalization, lineart = load_painter(path, weights)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cpu":
            speed_up(painter.eval(), lineart["size"], lineart["examples"], cache)
        return cls(painter, normalization, lineart["size"], device)

    def __call__(self, image: Image.Image, guide: Guide = AS_IT_COMES) -> Image.Image:
        """Colours a drawing.

        Args:
            image: of any mode and size.
            guide: the palette to use.

        Returns:
            A picture of the same size, RGB, or RGBA where the drawing has transparency.

        Raises:
            PaletteError: the guide asks for a palette that the model does not have.
        """
        return self.paint(image, guide).merged()

    def paint(self, image: Image.Image, guide: Guide = AS_IT_COMES) -> Layered:
        """Colours a drawing like a call, but returns its layers.

        Args:
            image: of any mode and size.
            guide: the palette to use.

        Raises:
            PaletteError: the guide asks for a palette that the model does not have.
        """
        return self.paint_batch([image], guide)[0]

    def paint_batch(self, images: Sequence[Image.Image], guide: Guide = AS_IT_COMES) -> list[Layered]:
        """Colours several drawings, as :meth:`paint` does each; those of one shape share the painter's batches.

        Args:
            images: of any modes and sizes.
            guide: the palette to use for all of them.

        Returns:
            The layers of each drawing, in the order of `images`.

        Raises:
            PaletteError: the guide asks for a palette that the model does not have.
        """
        palette = self._palette(guide)
        drawings = [self._prepare(image) for image in images]
        colours = self._paint([drawing.toned.image for drawing in drawings], palette)
        return [_to_layers(drawing, colour) for drawing, colour in zip(drawings, colours, strict=True)]

    def palettes(self, count: int) -> list[Palette]:
        """Selects remembered palettes that represent all of them well; see :func:`cyclegan.painting.palettes.unlike`.

        Args:
            count: 1 or more; a larger count adds palettes to those of a smaller one.

        Returns:
            `count` palettes, (k, 3) float32 RGB in [0, 1], the same ones each time.

        Raises:
            PaletteError: the model has no palettes, or remembers fewer than `count`.
        """
        self._require_palettes()
        remembered = self._painter.remembered.cpu().numpy()
        if not 1 <= count <= len(remembered):
            raise PaletteError(f"{count} palettes: this model remembers {len(remembered)}; ask for 1 or more of these")
        return [remembered[index] for index in unlike(remembered, count)]

    @torch.inference_mode()
    def palette_of(self, picture: Image.Image) -> Palette:
        """Measures the palette of a colour picture, with regions computed from its extracted lines.

        Args:
            picture: of any mode and size.

        Returns:
            (k, 3) float32 RGB in [0, 1].

        Raises:
            PaletteError: the model has no palettes.
        """
        self._require_palettes()
        page = on_white(picture)
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
        page = read_page(image)
        seen = Image.fromarray(page.gray).resize(_working_size(image.size, self._size), Image.Resampling.LANCZOS)
        return _Drawing(page, normalize(np.asarray(seen), self._normalization))

    def _paint(self, lineart: list[np.ndarray], palette: Palette | None) -> list[np.ndarray]:
        """Colours normalized drawings, (h, w) uint8 each; returns (h, w, 3) uint8 each."""
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
        """Colours drawings of one shape: (N, h, w) → (N, h, w, 3), both uint8."""
        height, width = lineart.shape[1:]
        pages = np.stack([padded(gray) for gray in lineart])
        seen = to_range(torch.from_numpy(pages).to(self._device))[:, None].expand(-1, 3, -1, -1)
        batch_palette = (
            None if palette is None else torch.from_numpy(palette).to(self._device).expand(len(seen), -1, -1)
        )
        with self._lock:
            flats = self._painter.layers(seen, batch_palette).flats
        return unit_to_uint8(flats)[..., :height, :width].permute(0, 2, 3, 1).cpu().numpy()


def load_painter(path: Path | str, weights: Weights) -> tuple[Painter, Normalization, dict[str, Any]]:
    """Loads the part of a checkpoint that serves.

    Args:
        path: the checkpoint.
        weights: "ema" (averaged) or "raw" (of the last step).

    Returns:
        The painter, on the CPU; the normalization of its training lineart; the checkpoint's part "lineart".

    Raises:
        CheckpointError: the file cannot be loaded or is of another version (its text is one line).
    """
    checkpoint = load_checkpoint(path)
    try:
        painter = Painter(GeneratorConfig.model_validate(checkpoint["painter"]["config"]))
        painter.load_state_dict(weights_of(checkpoint, weights, path))
        return painter, Normalization.from_dict(checkpoint["normalization"]), checkpoint["lineart"]
    except (KeyError, ValidationError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0][:120]
        raise CheckpointError(f"{path}: made by another version of this program ({reason}); train anew") from error


def _working_size(size: tuple[int, int], shortest: int) -> tuple[int, int]:
    scale = min(shortest / min(size), _MAX_ASPECT * shortest / max(size))
    width, height = (max(1, round(side * scale)) for side in size)
    return width, height


def _to_layers(drawing: _Drawing, colour: np.ndarray) -> Layered:
    toned, gray = drawing.toned, drawing.page.gray
    guide = whiten_paper(gray)[0]  # with whitened paper, shadows do not count as lines
    paper = toned.paper if guide is gray else 255
    flats = enlarge(colour, guide, min(toned.mean_in, _FAINT_INK) * paper / 255, paper)
    return Layered(np.asarray(drawing.page.picture), flats, drawing.page.alpha)
