"""Tests the page of drawings before and after: its data can be read back, and texts are escaped."""

import re
from dataclasses import replace

import pytest
from PIL import Image

from irodori.gallery import (
    MAX_DRAWINGS,
    Colour,
    Drawing,
    coloured,
    contact_sheet,
    failed,
    merge,
    read_page,
    read_thumbnail,
    thumbnail,
    write_page,
)


def drawing(name: str = "a.png", stamp: str = "1", at: str = "2026-01-01", **more: object) -> Drawing:
    picture = thumbnail(Image.new("RGB", (900, 300), "red"))
    fields = {"line": picture, "colours": {"": Colour(picture, "a.png")}} | more
    return Drawing(name, stamp, at, "900 × 300", **fields)  # type: ignore[arg-type]


def test_a_page_can_be_read_again() -> None:
    drawings = [drawing("</script><b>&\"'日本.png"), drawing("b.png", colours={}, line="", reason="truncated")]
    assert read_page(write_page("folder </script>", drawings, "by me")) == drawings


def test_a_page_stands_alone_and_names_cannot_break_it() -> None:
    page = write_page("t", [drawing("</script><script>alert(1)</script>")]).decode()
    assert page.count("<script") == 2
    assert not re.search(r"https?://|src=[\"']", page)


def test_anything_else_is_refused() -> None:
    whole = write_page("t", [drawing()])
    cut = whole[: whole.index(b'"drawings": [') + 100]
    for page in (b"", b"\xff\xfe", b"<html>", cut, whole.replace(b'"stamp"', b'"other"'), b'{"drawings": [1]}'):
        with pytest.raises(ValueError, match="not a page"):
            read_page(page)


def test_styles_of_one_drawing_join_and_another_drawing_replaces() -> None:
    first = drawing()
    more = replace(first, colours={"soft": Colour("x", "y")}, at="2026-01-02")
    assert set(merge([first], [more])[0].colours) == {"", "soft"}
    assert merge([first], [replace(more, stamp="2")]) == [replace(more, stamp="2")]
    failed = replace(first, colours={}, reason="truncated")
    assert merge([first], [failed]) == [failed]


def test_the_newest_stay() -> None:
    many = [drawing(f"{n}.png", at=f"2026-01-01T{n:04}") for n in range(MAX_DRAWINGS + 5)]
    kept = merge(many[:50], many[50:])
    assert [d.name for d in kept] == [f"{n}.png" for n in range(MAX_DRAWINGS + 4, 4, -1)]


def test_a_sheet_shows_drawings_in_rows_and_styles_in_columns() -> None:
    soft, bold = (thumbnail(Image.new("RGB", (300, 300), colour)) for colour in ("green", "blue"))
    both = drawing("a.png", colours={"soft": Colour(soft, "x"), "bold": Colour(bold, "y")})
    one = drawing("b.png", at="2026-01-02", colours={"soft": Colour(soft, "x")})
    sheet = contact_sheet([one, both, drawing("c.png", colours={}, reason="truncated")], "by me")
    assert sheet is not None
    assert sheet.width == 12 + 3 * 204
    assert contact_sheet([one, both]).height < sheet.height < 3 * 204  # type: ignore[union-attr]
    green, blue = sheet.getpixel((12 + 204 + 96, 130)), sheet.getpixel((12 + 2 * 204 + 96, 130))
    assert green[1] > 90 > green[2] and blue[2] > 200 > blue[1]  # type: ignore[index]
    assert contact_sheet([drawing(reason="cut", colours={})]) is None


def test_pairs_of_one_style_stand_side_by_side() -> None:
    sheet = contact_sheet([drawing(f"{n}.png") for n in range(5)])
    assert sheet is not None
    assert sheet.width == 12 + 8 * 204


def test_links_lead_from_a_page_to_the_pictures() -> None:
    small = Image.new("RGB", (3, 4))
    made = coloured("p/q/a b.png", "1", "soft", small, small)
    assert (made.name, made.size, made.colours["soft"].link) == ("a b.png", "3 × 4", "../../soft/p/q/a%20b.png")
    assert coloured("p/a.png", "1", "", small, small).colours[""].link == "a.png"
    assert (failed("p/a.png", "1", "cut").name, failed("p/a.png", "1", "cut").reason) == ("a.png", "cut")


def test_thumbnails_are_small_and_on_white() -> None:
    clear = Image.new("RGBA", (1000, 10), (255, 0, 0, 0))
    small = read_thumbnail(thumbnail(clear))
    assert small.size == (480, 5)
    assert small.getpixel((3, 3)) == (255, 255, 255)
    assert read_thumbnail(thumbnail(Image.new("RGB", (1, 1), "white"))).size == (1, 1)
