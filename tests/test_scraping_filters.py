"""Tests which posts the filters keep."""

import pytest

from scraping.filters import PostFilter
from scraping.post import Post

POST = Post(
    id="x:1",
    file_url="https://x.org/a.PNG?1",
    post_url="https://x.org/1",
    width=600,
    height=800,
    rating="general",
    tags="1girl lineart",
)


def change(**changes: object) -> Post:
    return Post(**{**POST.__dict__, **changes})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"rating": "explicit"}, "rating explicit"),
        ({"rating": ""}, None),
        ({"width": 255}, "shorter side below 256 px"),
        ({"height": 255}, "shorter side below 256 px"),
        ({"width": 256, "height": 700}, None),
        ({"width": 0, "height": 0}, None),
        ({"height": 1800}, None),
        ({"height": 1801}, "aspect ratio above 3"),
        ({"width": 2401}, "aspect ratio above 3"),
        ({"tags": "comic 1girl"}, "excluded tag comic"),
        ({"tags": "comics 1girl"}, None),
        ({"file_url": "https://x.org/a.mp4"}, "file type mp4"),
        ({"file_url": "https://x.org/a.png.zip"}, "file type zip"),
        ({"file_url": "https://x.org/a.JPEG"}, None),
        ({"file_url": "https://x.org/picture"}, None),
        ({"file_url": ""}, "the source gives no file (deleted or restricted)"),
    ],
)
def test_a_dropped_post_has_a_reason(changes: dict[str, object], reason: str | None) -> None:
    assert PostFilter(excluded_tags=frozenset({"comic"})).reason(change(**changes)) == reason


def test_ratings_can_be_narrowed_and_widened() -> None:
    assert PostFilter(ratings=frozenset({"explicit"})).reason(POST) == "rating general"
    assert PostFilter(ratings=frozenset({"general"})).reason(change(rating="")) == "rating unknown"


@pytest.mark.parametrize("wrong", [{"min_side": 0}, {"max_aspect": 0.5}, {"ratings": ["r18"]}, {"size": 1}])
def test_limits_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        PostFilter.model_validate(wrong)
