"""Tests the posts of the demo's board: copies and broken files among them, and the same ones every time."""

import io
from pathlib import Path

import pytest
from PIL import Image

from demo import gallery
from demo.search import BoardPost


def test_demo_posts_have_a_few_copies_and_broken_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "COLOUR_SEEDS", range(25))
    monkeypatch.setattr(gallery, "LINEART_SEEDS", range(1000, 1025))
    posts = gallery.demo_posts(tmp_path)
    assert len(posts) == 2 * (25 + gallery.REUPLOADS + gallery.REENCODED) + 3
    assert [p.id for p in posts] == sorted({p.id for p in posts}, reverse=True)
    assert posts[0].id - posts[-1].id > len(posts), "ids have gaps"
    assert len(posts) - len({p.md5 for p in posts}) == 2 * gallery.REUPLOADS
    broken = [p for p in posts if not is_whole(p)]
    assert len(broken) == 3
    assert {p.extension for p in posts} == {"png", "jpg"}
    assert all(p.tags.split() == sorted(p.tags.split()) for p in posts)
    assert gallery.demo_posts(tmp_path) == posts, "the archive gives the same board again"
    assert [path.suffix for path in tmp_path.iterdir()] == [".zip"], "nothing unfinished is left"


def is_whole(post: BoardPost) -> bool:
    try:
        with Image.open(io.BytesIO(post.data)) as image:
            image.load()
            return image.size == (post.width, post.height)
    except OSError:
        return False
