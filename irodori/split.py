"""Splits the training pictures into train and held-out, such that all versions of a drawing are in the same split.

A drawing is often on a board twice, as lineart and in colour, or in several colours. If one version were in training,
the score on another would reward memorization.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from imaging.line_hash import same_lines
from imaging.overlay import Sketch, overlay
from imaging.reframed import reframed_pairs
from storage import Row

HELD_OUT_SHARE, MAX_HELD_OUT = 0.08, 128  # share and largest number of held-out pictures in each domain
_MAX_GROUP = 64  # pictures; so that chains of similar pictures cannot join a whole dataset into one group


def split(rows: Sequence[Row], origins: Iterable[Row], sketch: Callable[[str], Sketch | None]) -> list[Row]:
    """Assigns a split to each picture, and a group to each drawing of which there are several versions.

    Args:
        rows: all training pictures of both domains.
        origins: scrape rows in any order, including those of the training pictures.
        sketch: makes the sketch of the picture under a key, None if it cannot be read; called only for the few
            pictures that may be mirrored or cropped versions of others.

    Returns:
        The rows in their order, with ``split`` "train" or "held-out", and ``group`` (the id of one version of the
        drawing, "" if there is only one version).
    """
    assigned = list(rows)
    room = {
        domain: min(MAX_HELD_OUT, round(HELD_OUT_SHARE * number))
        for domain, number in Counter(row.domain for row in rows).items()
    }
    # sorted by content, so that the split does not depend on the ids of posts
    groups = [sorted(group, key=lambda place: rows[place].sha256) for group in _groups(rows, origins, sketch)]
    for group in sorted(groups, key=lambda group: rows[group[0]].sha256):
        needed = Counter(rows[place].domain for place in group)
        held_out = all(room[domain] >= number for domain, number in needed.items())
        for place in group:
            room[rows[place].domain] -= held_out
            name = rows[group[0]].id if len(group) > 1 else ""
            assigned[place] = replace(rows[place], split="held-out" if held_out else "train", group=name)
    return assigned


def _groups(rows: Sequence[Row], origins: Iterable[Row], sketch: Callable[[str], Sketch | None]) -> list[list[int]]:
    """Groups the indices of pictures of the same drawing: same post, same parent post, or same lines."""
    places = {(row.domain, row.id): place for place, row in enumerate(rows)}
    lines, hashes = [""] * len(rows), [b""] * len(rows)
    first: dict[str, int] = {}
    links: list[tuple[int, int]] = []
    for origin in origins:
        place = places.get((origin.domain, origin.id))
        if place is not None:
            lines[place], hashes[place] = origin.lines, bytes.fromhex(origin.lines + origin.crops)
            links += [(first.setdefault(name, place), place) for name in (origin.id, origin.parent) if name]
    links += [(one, other) for one, other in same_lines(lines).tolist()]
    known = {tuple(sorted(link)) for link in links}
    for one, other in reframed_pairs(hashes).tolist():
        if (one, other) not in known:
            pair = sketch(rows[one].key), sketch(rows[other].key)
            if pair[0] and pair[1] and overlay(pair[0], pair[1]).same_drawing:
                links.append((one, other))
    return _joined_groups(links, len(rows))


def _joined_groups(links: Iterable[tuple[int, int]], number: int) -> list[list[int]]:
    """Joins linked indices to groups, in the order of the links; skips a link whose group would exceed _MAX_GROUP."""
    groups = [[place] for place in range(number)]
    for one, other in links:
        big, small = sorted((groups[one], groups[other]), key=len, reverse=True)
        if big is not small and len(big) + len(small) <= _MAX_GROUP:
            big += small
            for place in small:
                groups[place] = big
    return [group for place, group in enumerate(groups) if group[0] == place]
