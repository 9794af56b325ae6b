"""Counts the results of a command and tells them: each failure in a line, what is left out in one for all."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from imaging.formats import FORMAT_NAMES
from irodori.gallery import Drawing

_MOST_KINDS, _MOST_NAMES = 8, 3  # in a line

out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass
class Tally:
    """The results so far.

    Attributes:
        coloured: number of drawings coloured.
        current: number of drawings that OUT had already when they were listed last.
        broken: the drawings that cannot be coloured, and the times of the last changes of them and of their hints.
        failures: what failed, and why; each is told once.
        left_out: files that are not coloured, and what they are; each is told once.
        notices: drawings of which something is to be told, by what is to be told.
        shown: new entries for the pages, by folder.
    """

    coloured: int = 0
    current: int = 0
    broken: dict[Path, tuple[int, ...]] = field(default_factory=dict)
    failures: set[tuple[Path, str]] = field(default_factory=set)
    left_out: dict[Path, str] = field(default_factory=dict)
    notices: dict[str, dict[Path, None]] = field(default_factory=lambda: defaultdict(dict))
    shown: dict[Path, list[Drawing]] = field(default_factory=lambda: defaultdict(list))

    @property
    def failed(self) -> int:
        """Number of files that failed."""
        return len({path for path, _ in self.failures})

    def fail(self, path: Path, reason: str) -> None:
        """Adds a failure, and tells it if it is new."""
        if (path, reason) not in self.failures:
            self.failures.add((path, reason))
            err.print(f"{escape(str(path))}: {escape(reason)}", style="red")

    def leave_out(self, found: dict[Path, str]) -> None:
        """Adds files that are not coloured, and tells those that are new."""
        if new := {path: kind for path, kind in found.items() if path not in self.left_out}:
            self.left_out |= new
            err.print(f"left out: {escape(_counted(new.values()))}")

    def tell_notices(self) -> None:
        """Prints a line for each notice."""
        for words, paths in self.notices.items():
            err.print(f"{escape(words)}: {escape(_named(list(paths)))}")
        self.notices.clear()


def _counted(kinds: Iterable[str]) -> str:
    """Returns ``3 .psd, 1 .clip (…); 2 coloured by irodori``."""
    counts = Counter(kinds).most_common()
    endings = [f"{count:,} {kind}" for kind, count in counts if kind.startswith(".")]
    words = [f"{count:,} {kind}" for kind, count in counts if not kind.startswith(".")]
    if endings:
        listed = ", ".join(endings[:_MOST_KINDS] + ["…"] * (len(endings) > _MOST_KINDS))
        words.insert(0, f"{listed} (only {', '.join(FORMAT_NAMES.values())} are read)")
    return "; ".join(words)


def _named(paths: Sequence[Path]) -> str:
    """Returns ``a.png, b.png, c.png and 4 more``."""
    rest = len(paths) - _MOST_NAMES
    return ", ".join(path.name for path in paths[:_MOST_NAMES]) + (f" and {rest:,} more" if rest > 0 else "")
