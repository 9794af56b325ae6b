"""Holds a drawing that a painter has read, and colours it by a guide, without the painter and in a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from cyclegan.painting.cuts import cut
from cyclegan.painting.division import Division, Numbers, divide, find_parts, mean_by_segment
from cyclegan.painting.enlarge import enlarge
from cyclegan.painting.guide import Guide
from cyclegan.painting.hints import PAPER, Hint, hinted, touched
from cyclegan.painting.memory import Floats, Memory, describe
from cyclegan.painting.palettes import NO_PALETTES, Palette, PaletteError
from cyclegan.painting.shade import enlarged, layer
from cyclegan.painting.sheets import Sheet, assign, check_sheets, measured
from cyclegan.painting.styles import Styled, style_asked
from imaging.colour import to_lab
from imaging.layers import Layered
from imaging.lineart import Normalization
from imaging.segments import Segments, find_segments

_SAME = 12.0  # ΔE*ab under which segments of a painter without classes count as one class
_FAINT_INK = 200.0  # grey level; the lines of a drawing are assumed to be at least this dark
_WHITE = 8.0  # ΔE*ab to white under which such a segment counts as paper


@dataclass(frozen=True)
class ReadDrawing:
    """A drawing with everything that is needed to colour it.

    Attributes:
        lines: (H, W, 3) uint8, the drawing on white.
        alpha: (H, W) uint8, its transparency; None for an opaque drawing.
        gray: (H, W) uint8, the drawing normalized at its own size.
        segments: its segments.
        seen: (h, w) uint8, the lines as the painter saw them.
        regions: (k, h, w) float32 region map; None for a painter without palettes.
        painting: (3, h, w) float32 in [0, 1], the colours of a painter without palettes; None for others.
        memory: the palettes that the painter remembers; None for a painter without palettes.
        shadows: (LIGHTS, h, w) float32 in [0, 1], for light as in domain B and mirrored; of a painter without shading,
            there are 0.
        styled: the style of the painting, of a painter with styles; None for others.
    """

    lines: npt.NDArray[np.uint8]
    alpha: npt.NDArray[np.uint8] | None
    gray: npt.NDArray[np.uint8]
    segments: Segments
    seen: npt.NDArray[np.uint8]
    regions: Floats | None
    painting: Floats | None
    memory: Memory | None
    shadows: Floats
    styled: Styled | None = None

    @cached_property
    def _own(self) -> Floats:
        """The (n, 3) mean colour of each segment in [0, 1], of a painter without palettes."""
        assert self.painting is not None
        return mean_by_segment(self.segments, self.painting)

    @cached_property
    def division(self) -> Division:
        """What each segment is."""
        if self.regions is None:
            return divide(self.segments, _alike(self._own, self.segments))
        return divide(self.segments, mean_by_segment(self.segments, self.regions))

    @cached_property
    def _parts(self) -> Numbers:
        """The number of each segment's part."""
        return find_parts(self.segments, self.division.classes)

    def palettes(self, guide: Guide) -> npt.NDArray[np.float32]:
        """Returns the palette of each figure, (figures, k, 3) RGB in [0, 1], hints for "everywhere" included.

        Raises:
            PaletteError: the painter has no palettes.
            SheetError: a sheet of the guide is of another model.
        """
        if self.memory is None or self.regions is None:
            raise PaletteError(NO_PALETTES)
        check_sheets(guide.sheets, self.memory)
        keys = np.stack([self.key(figure) for figure in range(len(self.division.boxes))])
        sheets = assign(keys, guide.sheets)
        return np.stack([self._palette(key, figure, guide, sheets[figure]) for figure, key in enumerate(keys)])

    def key(self, figure: int) -> Floats:
        """Describes what a figure shows; see :func:`cyclegan.painting.memory.describe`."""
        assert self.regions is not None
        height, width = self.seen.shape
        left, top, right, bottom = self.division.boxes[figure]
        rows = slice(int(top * height), max(int(np.ceil(bottom * height)), int(top * height) + 1))
        columns = slice(int(left * width), max(int(np.ceil(right * width)), int(left * width) + 1))
        return describe(self.regions[:, rows, columns], self.seen[rows, columns])

    def layered(self, guide: Guide) -> Layered:
        """Colours the drawing.

        Args:
            guide: what is asked of the colouring.
        """
        if self.styled is not None:
            code = style_asked(guide.palette, guide.variant)
            if not np.array_equal(code, self.styled.code):
                return self._in_style(code, self.styled).layered(guide)
        if guide.soft:
            return Layered(self.lines, self._soft(guide), self.alpha)
        segments, origins = cut(self.segments, guide.hints)
        base, classes = self._base(guide)[origins], self.division.classes[origins]
        colours = base
        if guide.hints:
            colours = hinted(base, segments, classes, self._parts[origins], guide.hints)
        # before the cut, because a piece that hints cut off may be too small to be found where parts are
        asked = np.where((base == colours).all(1, keepdims=True), -1, colours.astype(np.int16))
        find = partial(_parts_of, self.segments, self.division.classes, origins, asked)
        filled = _filled(colours, segments.labels)
        shading = self._shading(guide, segments.labels, classes)
        return Layered(self.lines, filled, self.alpha, segments.labels, find, classes == PAPER, shading)

    def _in_style(self, code: Floats, styled: Styled) -> ReadDrawing:
        return replace(self, painting=styled.paint(code), styled=replace(styled, code=code))

    def _shading(self, guide: Guide, labels: Numbers, classes: Numbers) -> npt.NDArray[np.uint8] | None:
        """Returns the layer of shadows, (H, W, 4), for segments of these classes; None without shadows."""
        known = self.memory and self.memory.shadows
        strength = guide.strength(known.helps) if known else 0.0
        if not known or not known.seen or not strength:
            return None
        mask = enlarged(self.shadows[int(guide.mirrored_light)], self.gray, self._ink, guide.edge or known.edge)
        lit = self._ground[self.segments.labels]
        if self.alpha is not None:  # there, a layer of its own would add to the opacity
            lit |= self.alpha < 255
        return layer(mask, strength, known.tints[classes], labels, lit)

    @cached_property
    def _ground(self) -> npt.NDArray[np.bool_]:
        """Tells which segments are paper around the figures, (n,): on it lie no shadows."""
        paper = self.division.classes == PAPER
        labels = self.segments.labels
        rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        return paper & np.isin(self._parts, self._parts[rim[paper[rim]]])

    def sheet(self, picture: npt.NDArray[np.uint8]) -> Sheet:
        """Makes a colour sheet of the largest figure; classes that it lacks follow those that it has.

        Args:
            picture: (H, W, 3) uint8, the drawing in colour.

        Raises:
            PaletteError: the painter has no palettes.
        """
        palette = self.palettes(Guide())[0]
        assert self.memory is not None
        wanted = measured(picture, self.segments, self.division, figure=0)
        return Sheet(self.memory.id, self.memory.followed(palette, wanted) if wanted else palette, self.key(0))

    def _base(self, guide: Guide) -> npt.NDArray[np.uint8]:
        """Returns the colours (n, 3) of the segments before hints for parts and areas."""
        if self.styled or (self.regions is None and guide.palette is None and not guide.variant and not guide.sheets):
            return np.asarray(np.rint(self._own * 255), dtype=np.uint8)
        flats = self.palettes(guide)[self.division.figures, self.division.classes]
        return np.asarray(np.rint(flats * 255), dtype=np.uint8)

    def _soft(self, guide: Guide) -> npt.NDArray[np.uint8]:
        """Returns the painter's own colours at the drawing's size, (H, W, 3)."""
        if self.regions is None:
            assert self.painting is not None
            colours = np.moveaxis(self.painting, 0, 2)
        else:
            colours = np.einsum("khw,kc->hwc", self.regions, self.palettes(guide)[0], dtype=np.float32)
        return enlarge(np.rint(colours * 255).clip(0, 255).astype(np.uint8), self.gray, self._ink, paper=255)

    @property
    def _ink(self) -> float:
        """The grey level of the drawing's typical line."""
        ink = self.gray[self.gray < Normalization.threshold]
        return min(float(ink.mean()) if ink.size else 255.0, _FAINT_INK)

    def _palette(self, key: Floats, figure: int, guide: Guide, sheet: Sheet | None) -> Palette:
        assert self.memory is not None
        if sheet is not None:
            palette = sheet.palette
        elif guide.palette is not None:
            palette = guide.palette
        else:
            areas = self.division.areas(self.segments, figure)
            palette = self.memory.suiting(key, areas, max(1, guide.variant))
        return self._followed(palette, guide.hints)

    def _followed(self, palette: Palette, hints: Sequence[Hint]) -> Palette:
        assert self.memory is not None
        wanted: dict[int, npt.NDArray[np.floating[Any]]] = {}
        for hint in hints:
            if hint.scope == "everywhere":
                for segment in touched(self.segments, hint):
                    wanted[int(self.division.classes[segment])] = np.array(hint.colour, np.float32) / 255
        return self.memory.followed(palette, wanted) if wanted else palette


def read_drawing(
    lines: npt.NDArray[np.uint8],
    alpha: npt.NDArray[np.uint8] | None,
    gray: npt.NDArray[np.uint8],
    seen: npt.NDArray[np.uint8],
    map_: Floats,
    memory: Memory | None,
) -> ReadDrawing:
    """Finds the segments of a drawing of which a painter has made a map.

    Args:
        lines: (H, W, 3) uint8, the drawing on white.
        alpha: (H, W) uint8, its transparency; None for an opaque drawing.
        gray: (H, W) uint8, the drawing normalized at its own size.
        seen: (h, w) uint8, the lines as the painter saw them.
        map_: (c, h, w), what `Painter.maps` returned for them.
        memory: the palettes that the painter remembers; None for a painter without palettes.
    """
    k = memory.palettes.shape[1] if memory else 0
    regions, painting = (map_[:k], None) if memory else (None, map_)
    shadows = map_[k:] if memory else map_[:0]
    segments = find_segments(gray, regions)
    return ReadDrawing(lines, alpha, gray, segments, seen, regions, painting, memory, shadows)


def _filled(colours: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    """Returns the colour of each pixel's segment, (H, W, 3); the same as colours[labels], several times faster."""
    packed = np.concatenate([colours, np.zeros((len(colours), 1), np.uint8)], 1).view(np.uint32).ravel()
    pixels = packed[labels].view(np.uint8).reshape(*labels.shape, 4)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR), dtype=np.uint8)


def _parts_of(segments: Segments, classes: Numbers, origins: Numbers, asked: Numbers) -> Numbers:
    """Numbers the parts of segments that were cut, apart from what hints coloured: `asked`, (n, 3), -1 elsewhere."""
    parts = np.column_stack([find_parts(segments, classes)[origins], asked])
    return np.asarray(np.unique(parts, axis=0, return_inverse=True)[1], dtype=np.int32).ravel()


def _alike(colours: Floats, segments: Segments) -> Floats:
    """Groups segments by colour: the shares (n, k), 0 or 1, of each segment in k classes, the first of which is white.

    Args:
        colours: (n, 3) RGB in [0, 1].
        segments: the n segments; the colours of large ones become classes first.
    """
    lab = to_lab(np.rint(colours * 255).astype(np.uint8)[None])[0]
    areas = np.bincount(segments.small.ravel(), minlength=len(lab))
    centres, classes = [np.array([100.0, 0.0, 0.0])], np.zeros(len(lab), np.int32)
    for segment in np.argsort(-areas, kind="stable"):
        distances = np.linalg.norm(np.stack(centres) - lab[segment], axis=1)
        nearest = int(distances.argmin())
        if distances[nearest] > (_SAME if nearest else _WHITE):
            centres.append(lab[segment])
            nearest = len(centres) - 1
        classes[segment] = nearest
    return np.eye(len(centres), dtype=np.float32)[classes]
