"""Tests how posts, counts, tags and errors are read from a board's answers."""

import pytest

from scraping.answers import (
    BadAnswer,
    as_int,
    as_md5,
    as_parent,
    as_rating,
    as_text,
    as_url,
    read_count,
    read_rows,
    read_tags,
)
from scraping.post import SourceError

LIMITED = '<?xml version="1.0" encoding="UTF-8"?>\n<response success="false" reason="Search error: API limited"/>'


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ('[{"id":7,"file_url":"https:\\/\\/x.org\\/a.png"},{"id":5}]', [7, 5]),
        ("", []),
        (" \n", []),
        ("[]", []),
        ('{"id":7}', [7]),
        ('{"@attributes":{"limit":1,"offset":0,"count":0}}', []),
        ('{"@attributes":{"count":1},"post":{"id":7}}', [7]),
        ('{"@attributes":{"count":2},"post":[{"id":7},{"id":5}]}', [7, 5]),
        ('{"posts":[{"id":7}]}', [7]),
        ('[{"id":7},null,"x"]', [7]),
        (
            '<?xml version="1.0"?><posts count="9" offset="0"><post id="7" score=""/><post id="5"/></posts>',
            ["7", "5"],
        ),
        ('<posts count="0" offset="0"/>', []),
    ],
)
def test_posts_are_read_from_every_form(text: str, ids: list[object]) -> None:
    assert [row["id"] for row in read_rows(text)] == ids


def test_slashes_are_unescaped() -> None:
    assert read_rows('[{"id":1,"file_url":"https:\\/\\/x.org\\/a.png"}]')[0]["file_url"] == "https://x.org/a.png"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LIMITED, "refused: Search error: API limited"),
        ('[{"id":7},{"id":', "neither JSON nor XML"),
        ("Too deep! Pull it back some. Holy fuck.", "neither JSON nor XML: Too deep!"),
        ("<!DOCTYPE html><html>Just a moment", "a web page instead of a list"),
        ("<html><body>down<br></body></html>", "a web page instead of a list"),
        ('<?xml version="1.0"?><posts count="3">', "broken XML"),
        ('{"success":false,"message":"search down"}', "refused: search down"),
        ("42", "neither a list nor an object"),
    ],
)
def test_what_may_pass_is_a_bad_answer(text: str, words: str) -> None:
    with pytest.raises(BadAnswer, match=words):
        read_rows(text)


@pytest.mark.parametrize(
    "text",
    ['"Missing authentication. Go to api.rule34.xxx"', "<error>Missing authentication</error>"],
)
def test_a_board_that_wants_an_account_says_so(text: str) -> None:
    with pytest.raises(SourceError, match="wants an account: Missing authentication"):
        read_rows(text)


def test_the_count_comes_from_xml() -> None:
    assert read_count('<?xml version="1.0"?><posts count="317" offset="0"><post id="1"/></posts>') == 317
    for broken in ("", "[]", "<posts/>", LIMITED):
        with pytest.raises(BadAnswer):
            read_count(broken)


def test_tags_come_with_their_counts() -> None:
    text = '<tags type="array"><tag count="9774" name="landscape" id="631"/><tag name="a&amp;b"/></tags>'
    assert read_tags(text) == {"landscape": 9774, "a&b": 0}


@pytest.mark.parametrize(("value", "expected"), [(3, 3), ("3908", 3908), (None, 0), ("", 0), ("x", 0)])
def test_numbers(value: object, expected: object) -> None:
    assert as_int(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(" 1girl  :d&#039; ", "1girl :d'"), (None, ""), ("a\tb\nc", "a b c"), (7, "7")]
)
def test_text_has_single_spaces_and_no_entities(value: object, expected: object) -> None:
    assert as_text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("563C6FBE5761AC4BA720AE0DA9A15B8A", "563c6fbe5761ac4ba720ae0da9a15b8a"), (None, "")],
)
def test_digests(value: object, expected: object) -> None:
    assert as_md5(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://safebooru.org/images/1/a.png?12", "https://safebooru.org/images/1/a.png?12"),
        ("//safebooru.org/images/1/a.png", "https://safebooru.org/images/1/a.png"),
        ("/images/1/a.png", "https://safebooru.org/images/1/a.png"),
        ("http://[", ""),
        (None, ""),
    ],
)
def test_addresses_become_absolute(value: object, expected: object) -> None:
    assert as_url(value, "https://safebooru.org") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("general", "general"),
        ("safe", "general"),
        ("g", "general"),
        ("sensitive", "sensitive"),
        ("Q", "questionable"),
        ("e", "explicit"),
        ("new word", "explicit"),
        (None, "explicit"),
    ],
)
def test_ratings_have_one_vocabulary(value: object, expected: object) -> None:
    assert as_rating(value, s_means="sensitive") == expected


@pytest.mark.parametrize("s_means", ["general", "sensitive"])
def test_s_means_what_the_board_means(s_means: str) -> None:
    assert as_rating("s", s_means=s_means) == s_means


@pytest.mark.parametrize(
    ("value", "parent"), [(7, "x.org:7"), ("7", "x.org:7"), (0, ""), ("0", ""), ("", ""), (None, ""), (-1, "")]
)
def test_parents_as_boards_write_them(value: object, parent: str) -> None:
    assert as_parent(value, "x.org") == parent
