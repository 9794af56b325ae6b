"""Filters posts by their metadata before they are downloaded."""

from collections.abc import Collection
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from scraping.post import Post

Rating = Literal["general", "sensitive", "questionable", "explicit", "unknown"]
FileType = Literal["png", "jpg", "webp", "gif", "bmp", "tif"]


class PostFilter(BaseModel):
    """Limits that a post must keep; metadata that the source does not give never excludes a post."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ratings: frozenset[Rating] = Field(
        default=frozenset({"general", "sensitive", "unknown"}),
        description="Ratings that may pass; unknown stands for sources without ratings, such as a folder",
    )
    min_side: int = Field(default=256, ge=1, le=20_000, description="Shortest allowed side in pixels")
    max_aspect: float = Field(
        default=3.0, ge=1, le=100, description="Largest allowed ratio of the longer to the shorter side"
    )
    excluded_tags: frozenset[str] = Field(
        default=frozenset(), description="Posts that have any of these tags are dropped"
    )
    file_types: frozenset[FileType] = Field(
        default=frozenset({"png", "jpg", "webp", "gif", "bmp", "tif"}),
        description="File types that may pass; of an animation the first frame is used",
    )

    def reason(self, post: Post) -> str | None:
        """Returns why the post is dropped, as a text that is equal for equal reasons; None if it passes."""
        return (
            self._rating_reason(post)
            or _tags_reason(post, self.excluded_tags)
            or self._file_reason(post)
            or self._size_reason(post)
        )

    def _rating_reason(self, post: Post) -> str | None:
        rating = post.rating or "unknown"
        return None if rating in self.ratings else f"rating {rating}"

    def _file_reason(self, post: Post) -> str | None:
        if not post.file_url:
            return "the source gives no file (deleted or restricted)"
        file_type = post.file_type
        return None if not file_type or file_type in self.file_types else f"file type {file_type}"

    def _size_reason(self, post: Post) -> str | None:
        short, long = sorted((post.width, post.height))
        if not short:
            return None
        if short < self.min_side:
            return f"shorter side below {self.min_side} px"
        return f"aspect ratio above {self.max_aspect:g}" if long > self.max_aspect * short else None


def _tags_reason(post: Post, excluded: Collection[str]) -> str | None:
    found = sorted(set(post.tags.split()) & set(excluded))
    return f"excluded tag {found[0]}" if found else None
