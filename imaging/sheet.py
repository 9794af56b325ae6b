"""Contact sheets: rows of pictures with captions, on one page."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

_PAGE = "#f4f3f0"
_INK = "#2b2b2b"
_FAINT = "#7a7a7a"
_FRAME = "#d9d6cf"


def grid(
    rows: Sequence[Sequence[Image.Image]],
    *,
    captions: Sequence[Sequence[str]] | Sequence[str] = (),
    footer: str = "",
    tile: int = 256,
    gap: int = 12,
) -> Image.Image:
    """An RGB page of pictures, each shrunk or enlarged to fit a square of `tile` pixels.

    captions: one line for each column, shown once above the first row, or a sequence of lines for each row,
    shown below its pictures; cut with an ellipsis where too long. footer: a line for credits below all of it.
    Rows may differ in length. Raises ValueError without any picture, and for captions that do not fit the
    rows.
    """
    if not any(rows):
        raise ValueError("a sheet needs at least one picture")
    num_columns = max(len(row) for row in rows)
    heads, below = _split_captions(captions, len(rows), num_columns)
    size = max(11, round(tile * 0.055))
    font = ImageFont.load_default(size)
    line = round(size * 1.9)
    top = gap + (line if heads else 0)
    step = tile + gap + (line if below else 0)
    width = gap + num_columns * (tile + gap)
    height = top + len(rows) * step + (line if footer else 0)
    page = Image.new("RGB", (width, height), _PAGE)
    pen = ImageDraw.Draw(page)
    for column, text in enumerate(heads):
        _write(pen, gap + column * (tile + gap), gap + line // 2 - gap // 2, tile, text, font, _INK)
    for number, row in enumerate(rows):
        for column, image in enumerate(row):
            x, y = gap + column * (tile + gap), top + number * step
            _place(page, pen, image, x, y, tile)
            if below and column < len(below[number]):
                _write(pen, x, y + tile + line // 2, tile, below[number][column], font, _INK)
    if footer:
        _write(pen, gap, height - (line + gap) // 2, width - 2 * gap, footer, font, _FAINT)
    return page


def _split_captions(
    captions: Sequence[Sequence[str]] | Sequence[str], num_rows: int, num_columns: int
) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """(one per column, one per picture), of which one is empty."""
    heads = [caption for caption in captions if isinstance(caption, str)]
    below = [caption for caption in captions if not isinstance(caption, str)]
    if (heads and (below or len(heads) != num_columns)) or (below and len(below) != num_rows):
        raise ValueError(f"captions: give {num_columns} lines, one a column, or {num_rows} sequences, one a row")
    return heads, below


def _place(page: Image.Image, pen: ImageDraw.ImageDraw, image: Image.Image, x: int, y: int, tile: int) -> None:
    """Pastes `image` in the middle of its square, with a hairline around it: white paper needs an edge."""
    scale = tile / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    fitted = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    left, upper = x + (tile - size[0]) // 2, y + (tile - size[1]) // 2
    page.paste(fitted, (left, upper))
    pen.rectangle((left - 1, upper - 1, left + size[0], upper + size[1]), outline=_FRAME)


def _write(
    pen: ImageDraw.ImageDraw,
    x: int,
    middle: int,
    width: int,
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    fill: str,
) -> None:
    if pen.textlength(text, font) > width:
        while text and pen.textlength(text + "…", font) > width:
            text = text[:-1]
        text += "…"
    pen.text((x, middle), text, fill=fill, font=font, anchor="lm")
