"""Which training pictures are held out: all versions of a drawing, or none.

A drawing is often on a board twice, in lines and in colour, or in several colours. With one of them in training, a
score on another one would praise what was only remembered.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from imaging.line_hash import same_lines
from storage import Row

HELD_OUT_SHARE, MAX_HELD_OUT = 0.08, 128  # of each domain
_MAX_GROUP = 64  # pictures; so that resemblances in a row cannot make a whole dataset one drawing


def split(rows: Sequence[Row], origins: Iterable[Row]) -> list[Row]:
    """The rows in their order, each with its split, and with its group where there are more versions of a drawing.

    Args:
        rows: all training pictures of both domains.
        origins: their scrape rows, among others, in any order.
    """
    assigned = list(rows)
    room = {
        domain: min(MAX_HELD_OUT, round(HELD_OUT_SHARE * number))
        for domain, number in Counter(row.domain for row in rows).items()
    }
    # by content, so that the split does not depend on what a board calls its posts
    groups = [sorted(group, key=lambda place: rows[place].sha256) for group in _groups(rows, origins)]
    for group in sorted(groups, key=lambda group: rows[group[0]].sha256):
        needed = Counter(rows[place].domain for place in group)
        held_out = all(room[domain] >= number for domain, number in needed.items())
        for place in group:
            room[rows[place].domain] -= held_out
            name = rows[group[0]].id if len(group) > 1 else ""
            assigned[place] = replace(rows[place], split="held-out" if held_out else "train", group=name)
    return assigned


def _groups(rows: Sequence[Row], origins: Iterable[Row]) -> list[list[int]]:
    """Places of the pictures that are of one drawing: the same post, its parent's other versions, or the same lines."""
    places = {(row.domain, row.id): place for place, row in enumerate(rows)}
    lines = [""] * len(rows)
    first: dict[str, int] = {}
    links: list[tuple[int, int]] = []
    for origin in origins:
        place = places.get((origin.domain, origin.id))
        if place is not None:
            lines[place] = origin.lines
            links += [(first.setdefault(name, place), place) for name in (origin.id, origin.parent) if name]
    links += [(one, other) for one, other in same_lines(lines).tolist()]
    return _united(links, len(rows))


def _united(links: Iterable[tuple[int, int]], number: int) -> list[list[int]]:
    """Unites what is linked, in the order of the links, as long as a group stays small enough."""
    groups = [[place] for place in range(number)]
    for one, other in links:
        big, small = sorted((groups[one], groups[other]), key=len, reverse=True)
        if big is not small and len(big) + len(small) <= _MAX_GROUP:
            big += small
            for place in small:
                groups[place] = big
    return [group for place, group in enumerate(groups) if group[0] == place]
