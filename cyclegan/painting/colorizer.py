"""Colours lineart of any size with the painter of a checkpoint.

The painter gets the drawing as it got its training images: at their size, with the same normalization. What it tells
apart decides the colour of each segment of the drawing at its own size; the drawing's own lines do not change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np
import torch
from PIL import Image

from cyclegan.painting.asked import check, require_palettes
from cyclegan.painting.backend import speed_up
from cyclegan.painting.checkpoint import Weights
from cyclegan.painting.drawing import ReadDrawing, read_drawing
from cyclegan.painting.guide import AS_IT_COMES, Guide
from cyclegan.painting.hints import PAPER, Hint
from cyclegan.painting.loading import load_painter
from cyclegan.painting.pages import joined, parted, unframed, without_margins
from cyclegan.painting.painter import Painter
from cyclegan.painting.palettes import Palette, palette_of, unlike
from cyclegan.painting.sheets import Sheet, SheetError
from cyclegan.painting.styles import Styled, style_asked, style_code
from cyclegan.painting.tensors import padded, to_range
from imaging.border import Box
from imaging.colour import is_grey
from imaging.ink import read_page
from imaging.layers import Layered
from imaging.line_style import LineStyle
from imaging.lineart import Normalization, normalize
from imaging.lines import extract_lines
from imaging.panels import find_panels
from imaging.srgb import on_white

CACHE = Path("~/.cache/irodori")

_MAX_ASPECT = 4.0  # longer drawings are shrunk further; the training images had none
_BATCH_PIXELS = 1 << 20


class Colorizer:
    """Colours drawings: ``Colorizer.load("checkpoint.pt")(image)``. Make one and use it for many drawings."""

    def __init__(
        self,
        painter: Painter,
        normalization: Normalization,
        size: int,
        device: str,
        style: LineStyle | None = None,
    ) -> None:
        """Makes a colorizer from a painter.

        Args:
            painter: with its weights; moved to `device`.
            normalization: that of the painter's training lineart.
            size: shortest side, px, of the painter's inputs.
            device: "cuda" or "cpu".
            style: of the training lineart, in which lines of colour pictures are drawn; None: the usual one.
        """
        self._painter = painter.to(device).eval()
        self._normalization, self._size, self._device, self._style = normalization, size, device, style
        self._memory, self.has_styles = painter.memory(), painter.config.has_styles
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
        if device == "cpu" and not painter.config.has_styles:  # backends take drawings, and no styles
            speed_up(painter.eval(), lineart["size"], lineart["examples"], cache)
        return cls(painter, normalization, lineart["size"], device, lineart["style"])

    def __call__(self, image: Image.Image, guide: Guide = AS_IT_COMES) -> Image.Image:
        """Colours a drawing.

        Args:
            image: of any mode and size.
            guide: what is asked of the colouring.

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
            guide: what is asked of the colouring.

        Raises:
            PaletteError: the guide asks for a palette that the model does not have.
        """
        return self.paint_batch([image], guide)[0]

    def paint_batch(self, images: Sequence[Image.Image], guide: Guide = AS_IT_COMES) -> list[Layered]:
        """Colours several drawings, as :meth:`paint` does each; those of one shape share the painter's batches.

        Args:
            images: of any modes and sizes.
            guide: what is asked of all of them.

        Returns:
            The layers of each drawing, in the order of `images`.

        Raises:
            PaletteError: the guide asks for a palette that the model does not have.
        """
        self.check(guide)
        return [drawing.layered(guide) for drawing in self.read_batch(images, guide)]

    def read(self, image: Image.Image) -> ReadDrawing:
        """Reads a drawing once, to colour it by many guides: each takes a moment, and no painter.

        Args:
            image: of any mode and size.
        """
        return next(self.read_batch([image]))

    def read_batch(self, images: Sequence[Image.Image], guide: Guide = AS_IT_COMES) -> Iterator[ReadDrawing]:
        """Reads several drawings, as :meth:`read` does each; those of one shape share the painter's batches.

        The painter sees each panel of a page or a strip as a drawing of its own. If it has styles, it paints in the one
        that the guide asks for; another one takes the painter again.
        """
        style = style_asked(guide.palette, guide.variant) if self.has_styles else None
        pages = [read_page(image) for image in images]
        toned = [normalize(page.gray, self._normalization).image for page in pages]
        boxes = [find_panels(gray) for gray in toned]
        seen = [
            self._seen(unframed(page.gray[top:bottom, left:right]))
            for page, panels in zip(pages, boxes, strict=True)
            for left, top, right, bottom in panels
        ]
        views = zip(seen, self._maps(seen, style), strict=True)
        for page, gray, panels in zip(pages, toned, boxes, strict=True):
            drawn, maps = zip(*islice(views, len(panels)), strict=True)
            lines, map_ = self._joined(gray, panels, drawn, maps)
            read = read_drawing(np.asarray(page.picture), page.alpha, parted(gray, panels), lines, map_, self._memory)
            if style is not None:
                read = replace(read, styled=Styled(style, partial(self._repainted, gray, panels, drawn)))
            yield read

    def _joined(
        self, gray: np.ndarray, panels: Sequence[Box], drawn: Sequence[np.ndarray], maps: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns lines (h, w) and map (c, h, w) of a page, of those of its panels."""
        lines, map_ = joined(gray.shape, panels, drawn, maps)
        return lines, without_margins(map_, gray, panels, self._paper(len(map_)))

    def _repainted(
        self, gray: np.ndarray, panels: Sequence[Box], drawn: Sequence[np.ndarray], style: np.ndarray
    ) -> np.ndarray:
        return self._joined(gray, panels, drawn, self._maps(list(drawn), style))[1]

    def palettes(self, count: int) -> list[Palette]:
        """Selects remembered palettes that represent all of them well; see :func:`cyclegan.painting.palettes.unlike`.

        Args:
            count: 1 or more; a larger count adds palettes to those of a smaller one.

        Returns:
            `count` palettes, (k, 3) float32 RGB in [0, 1], the same ones each time; styles (STYLE,) if it has these.

        Raises:
            PaletteError: the model has no palettes, or remembers fewer than `count`.
        """
        if self.has_styles:
            return [style_code(number) for number in range(1, count + 1)]
        remembered = require_palettes(self._memory, count).palettes
        return [remembered[index] for index in unlike(remembered, count)]

    @torch.inference_mode()
    def palette_of(self, picture: Image.Image) -> Palette:
        """Measures the palette of a colour picture, with regions computed from its extracted lines.

        Args:
            picture: of any mode and size.

        Returns:
            (k, 3) float32 RGB in [0, 1]; its style, (STYLE,) float32, if the model has these.

        Raises:
            PaletteError: the model has no palettes.
        """
        page = on_white(picture)
        seen = np.asarray(page.resize(_working_size(page.size, self._size), Image.Resampling.LANCZOS))
        colour = to_range(torch.from_numpy(padded(seen)).to(self._device)).permute(2, 0, 1)[None]
        if self.has_styles:
            return self._painter.style_of(colour)
        require_palettes(self._memory)
        lines = normalize(extract_lines(seen, self._style), self._normalization).image
        drawn = to_range(torch.from_numpy(padded(lines)).to(self._device)).expand(1, 3, -1, -1)
        return palette_of(self._painter.regions(drawn), drawn, colour)[0].cpu().numpy()

    def sheet(self, picture: Image.Image, hints: Sequence[Hint] = ()) -> Sheet:
        """Makes a colour sheet of the largest figure of a picture.

        Args:
            picture: in colour; with hints, a drawing.
            hints: the colours of the drawing.

        Raises:
            PaletteError: the model has no palettes.
            SheetError: the picture has no colours, and there are no hints.
        """
        require_palettes(self._memory)
        if hints:
            drawing = self.read(picture)
            return drawing.sheet(drawing.layered(Guide(hints=tuple(hints))).flats)
        page = on_white(picture)
        if is_grey(page):
            raise SheetError("nothing in it is in colour: give a coloured picture, or hints with the drawing")
        seen = np.asarray(page.resize(_working_size(page.size, self._size), Image.Resampling.LANCZOS))
        return self.read(Image.fromarray(extract_lines(seen, self._style))).sheet(seen)

    def check(self, guide: Guide) -> None:
        """Refuses what the model cannot do.

        Raises:
            PaletteError: the guide asks for a palette that the model does not have.
            SheetError: the guide has a sheet of another model.
            ShadingError: the guide asks for shadows, and the model knows none.
        """
        check(guide, self._memory, self.has_styles)

    def _seen(self, gray: np.ndarray) -> np.ndarray:
        """Returns a drawing as the painter sees it, (h, w) uint8."""
        size = _working_size(gray.shape[::-1], self._size)
        small = Image.fromarray(gray).resize(size, Image.Resampling.LANCZOS)
        return normalize(np.asarray(small), self._normalization).image

    def _paper(self, channels: int) -> np.ndarray:
        """Returns what the painter makes of paper, (channels,): the class of paper, or white."""
        paper = np.ones(channels, np.float32)
        if self._memory:
            paper[np.arange(channels) != PAPER] = 0
        return paper

    def _maps(self, lineart: list[np.ndarray], style: np.ndarray | None = None) -> list[np.ndarray]:
        """Returns what the painter makes of drawings (h, w) uint8: region maps, or pictures, (c, h, w) float32 each."""
        same_shape: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for index, gray in enumerate(lineart):
            same_shape[gray.shape].append(index)
        maps: dict[int, np.ndarray] = {}
        for shape, indices in same_shape.items():
            chunk = max(1, _BATCH_PIXELS // (shape[0] * shape[1]))
            for start in range(0, len(indices), chunk):
                part = indices[start : start + chunk]
                maps.update(zip(part, self._map(np.stack([lineart[i] for i in part]), style), strict=True))
        return [maps[index] for index in range(len(lineart))]

    def _map(self, lineart: np.ndarray, style: np.ndarray | None) -> np.ndarray:
        with self._lock:
            return self._painter.maps(lineart, style)


def _working_size(size: tuple[int, int], shortest: int) -> tuple[int, int]:
    scale = min(shortest / min(size), _MAX_ASPECT * shortest / max(size))
    width, height = (max(1, round(side * scale)) for side in size)
    return width, height
