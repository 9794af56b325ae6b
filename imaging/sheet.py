"""Draws contact sheets: rows of pictures with captions, on one page."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

_PAGE = "#f4f3f0"
_INK = "#2b2b2b"
_FAINT = "#7a7a7a"
_FRAME = "#d9d6cf"


def grid(
    rows: Sequence[Sequence[Image.Image]],
    *,
    captions: Sequence[str] | Sequence[Sequence[str]] = (),
    footer: str = "",
    tile: int = 256,
    gap: int = 12,
) -> Image.Image:
    """Draws pictures in cells of one size on an RGB page.

    Args:
        rows: the pictures; rows may differ in length.
        captions: one per column, drawn above the first row; or one sequence per row, drawn below its pictures. Captions
            that are too long end in an ellipsis.
        footer: a line at the bottom, for credits.
        tile: the longest side to which each picture is resized, px.
        gap: between cells, px.

    Returns:
        The page, of mode RGB.

    Raises:
        ValueError: there is no picture, or the captions do not match the rows or columns.
    """
    if not any(rows):
        raise ValueError("a sheet needs at least one picture")
    num_columns = max(len(row) for row in rows)
    heads, below = _split_captions(captions, len(rows), num_columns)
    fitted = [[_fit(image, tile) for image in row] for row in rows]
    layout = _Layout(
        cell=tuple(max(image.size[axis] for row in fitted for image in row) for axis in (0, 1)),
        gap=gap,
        line=round(max(12, tile * 0.06) * 1.7),
        head=bool(heads),
        below=bool(below),
    )
    page = Image.new("RGB", layout.page_size(len(rows), num_columns, bool(footer)), _PAGE)
    pen = ImageDraw.Draw(page)
    for number, row in enumerate(fitted):
        for column, image in enumerate(row):
            _place(page, pen, image, layout.corner(number, column), layout.cell)
    for column, text in enumerate(heads):
        _write(pen, (layout.corner(0, column)[0], gap // 2), layout.cell[0], layout.line, text, _INK)
    for number, texts in enumerate(below):
        for column, text in enumerate(texts):
            x, y = layout.corner(number, column)
            _write(pen, (x, y + layout.cell[1]), layout.cell[0], layout.line, text, _INK)
    if footer:
        _write(pen, (gap, page.height - gap - layout.line), page.width - 2 * gap, layout.line, footer, _FAINT)
    return page


@dataclass(frozen=True)
class _Layout:
    """The positions on the page, in pixels."""

    cell: tuple[int, ...]  # width, height
    gap: int
    line: int  # height of a line of text
    head: bool
    below: bool

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Returns the upper left corner of a cell."""
        step = self.cell[1] + self.gap + self.line * self.below
        return self.gap + column * (self.cell[0] + self.gap), self.gap + self.line * self.head + row * step

    def page_size(self, num_rows: int, num_columns: int, has_footer: bool) -> tuple[int, int]:
        width, height = self.corner(num_rows, num_columns)
        return width, height + (self.line + self.gap // 2) * has_footer


def _split_captions(
    captions: Sequence[str] | Sequence[Sequence[str]], num_rows: int, num_columns: int
) -> tuple[list[str], list[Sequence[str]]]:
    """Splits captions into (one per column, one per picture), at least one of which is empty."""
    heads = [caption for caption in captions if isinstance(caption, str)]
    below = [caption for caption in captions if not isinstance(caption, str)]
    if len(heads) not in (0, num_columns) or len(below) not in (0, num_rows) or (heads and below):
        raise ValueError(f"captions: give {num_columns} lines, one a column, or {num_rows} sequences, one a row")
    return heads, below


def _fit(image: Image.Image, tile: int) -> Image.Image:
    scale = tile / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _place(
    page: Image.Image, pen: ImageDraw.ImageDraw, image: Image.Image, corner: tuple[int, int], cell: tuple[int, ...]
) -> None:
    """Pastes `image` in the middle of its cell, with a thin frame that shows where white paper ends."""
    left = corner[0] + (cell[0] - image.width) // 2
    upper = corner[1] + (cell[1] - image.height) // 2
    page.paste(image, (left, upper))
    pen.rectangle((left - 1, upper - 1, left + image.width, upper + image.height), outline=_FRAME)


def _write(pen: ImageDraw.ImageDraw, corner: tuple[int, int], width: int, line: int, text: str, fill: str) -> None:
    """Draws one line of text, in the middle of a strip `line` pixels high."""
    font = ImageFont.load_default(round(line / 1.7))
    if pen.textlength(text, font) > width:
        while text and pen.textlength(text + "…", font) > width:
            text = text[:-1]
        text += "…"
    pen.text((corner[0], corner[1] + line // 2), text, fill=fill, font=font, anchor="lm")
