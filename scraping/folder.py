"""Pictures that are already here."""

from collections.abc import Iterator
from pathlib import Path

from scraping.post import Post, SourceError

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"})


class Folder:
    """A Source over the pictures below a folder; it has no tags, so it lists all of them for any."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def posts(self, tags: str, limit: int) -> Iterator[Post]:
        """See Source.posts; newest first by the time of the last change."""
        if not self.root.is_dir():
            raise SourceError(f"there is no folder {self.root}; make it, or give another source")
        found = [p for p in self.root.rglob("*") if p.suffix.lower() in EXTENSIONS and p.is_file()]
        if not found:
            raise SourceError(f"no pictures below {self.root}; put some there ({', '.join(sorted(EXTENSIONS))})")
        found.sort(key=lambda path: (-path.stat().st_mtime_ns, path))
        for path in found[:limit]:
            url = path.resolve().as_uri()
            yield Post(id=f"file:{path.relative_to(self.root).as_posix()}", file_url=url, post_url=url)
