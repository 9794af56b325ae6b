"""Measures how well mirrored, cropped and bordered copies are found, on drawings whose copies are known.

Counted are copies that deduplication would drop, colourings in another frame that the split would keep beside their
lineart, and what both would take wrongly. A second part measures time and memory of a search among a million pictures.
"""

import io
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterable

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageOps

from benchmarks.harness import print_result, print_table
from demo.pictures import portrait
from imaging.codec import decode
from imaging.line_hash import MIRRORED, crop_hashes, line_hash
from imaging.overlay import Likeness, Sketch, overlay
from imaging.reframed import MAX_DISTANCE, reframed_pairs

Change = Callable[[Image.Image], Image.Image]

SEEDS, SIDE = range(4000, 4200), 384
NUM_PICTURES, NUM_PLANTED = 1_000_000, 20_000
BAR, MAX_FALSE = 0.95, 0.01
MAX_SECONDS, MAX_GIGABYTES = 60.0, 2.0


def cropped(image: Image.Image, *shares: float) -> Image.Image:
    """Cuts shares of its sides off a picture: left, top, right, bottom."""
    left, top, right, bottom = shares
    width, height = image.size
    return image.crop(
        (round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height))
    )


def saved_small(image: Image.Image) -> Image.Image:
    """Returns a picture at 70 % of its size after JPEG compression at quality 75."""
    buffer = io.BytesIO()
    size = round(image.width * 0.7), round(image.height * 0.7)
    image.resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=75)
    return decode(buffer.getvalue())


def with_spot(image: Image.Image) -> Image.Image:
    """Returns a picture with a spot of another colour, an eighth of its shorter side wide."""
    image, radius = image.copy(), min(image.size) / 16
    x, y = image.width / 2, image.height / 2
    ImageDraw.Draw(image).ellipse((x - radius, y - radius, x + radius, y + radius), fill=(230, 20, 160))
    return image


def in_other_colours(image: Image.Image) -> Image.Image:
    """Returns a picture with all hues turned by a sixth of the circle."""
    hue, saturation, value = image.convert("HSV").split()
    return Image.merge("HSV", (hue.point([(v + 42) % 256 for v in range(256)]), saturation, value)).convert("RGB")


FRAMES: dict[str, Change] = {
    "mirrored": ImageOps.mirror,
    "cropped 5 %": lambda image: cropped(image, 0.05, 0.05, 0.05, 0.05),
    "cropped 2 to 4 %": lambda image: cropped(image, 0.02, 0.03, 0.04, 0.02),
    "cut 5 % at the left": lambda image: cropped(image, 0.05, 0, 0, 0),
    "cut 5 % at a corner": lambda image: cropped(image, 0.05, 0.05, 0, 0),
    "black border": lambda image: ImageOps.expand(image, round(0.05 * image.width), "black"),
    "white border": lambda image: ImageOps.expand(image, round(0.1 * image.width), "white"),
    "mirrored, with a border": lambda image: ImageOps.expand(ImageOps.mirror(image), round(0.04 * image.width), "grey"),
    "mirrored, cropped 2.5 %, JPEG": lambda image: saved_small(cropped(ImageOps.mirror(image), *[0.025] * 4)),
}
VERSIONS: dict[str, Change] = {
    "other colours": in_other_colours,
    "other colours, mirrored": lambda image: ImageOps.mirror(in_other_colours(image)),
    "another spot, cropped 2.5 %": lambda image: cropped(with_spot(image), *[0.025] * 4),
    "grey": lambda image: image.convert("L").convert("RGB"),
}


class Known:
    """Pictures with their hashes and sketches."""

    def __init__(self, images: Iterable[Image.Image]) -> None:
        pixels = [np.asarray(image) for image in images]
        self.hashes = [bytes.fromhex(line_hash(each) + crop_hashes(each)) for each in pixels]
        self.sketches = [Sketch.of(each) for each in pixels]


def compare(known: Known, other: Known, alike: Callable[[Likeness], bool]) -> tuple[int, int]:
    """Counts the pictures found in another set that has a version of each at the same place, and false pairs."""
    number = len(known.hashes)
    pairs = [(one, two - number) for one, two in reframed_pairs(known.hashes + other.hashes) if one < number <= two]
    found = [pair for pair in pairs if alike(overlay(known.sketches[pair[0]], other.sketches[pair[1]]))]
    true = sum(one == two for one, two in found)
    return true, len(found) - true


def search_a_million() -> tuple[float, float]:
    """Searches a million pictures with planted copies, as different as those that are cropped and mirrored.

    Returns:
        Seconds, and the share of the planted copies within the largest distance that are found, 0..1.
    """
    rng = np.random.default_rng(0)
    packed = rng.integers(0, 256, (NUM_PICTURES, 7, 32), dtype=np.uint8)
    rates = np.where(np.arange(256) < 64, 0.09, 0.18)  # measured: the lowest frequencies differ least
    flips = np.packbits(rng.random((NUM_PLANTED, 256)) < rates, axis=1)
    packed[-NUM_PLANTED:, 0] = packed[:NUM_PLANTED, 3] ^ flips ^ MIRRORED
    hashes = [picture.tobytes() for picture in packed]
    del packed
    start = time.perf_counter()
    pairs = reframed_pairs(hashes)
    seconds = time.perf_counter() - start
    wanted = np.bitwise_count(flips).sum(axis=1) <= MAX_DISTANCE
    return seconds, float((pairs[:, 1] - pairs[:, 0] == NUM_PICTURES - NUM_PLANTED).sum() / wanted.sum())


def main() -> None:
    cv2.setNumThreads(1)
    lineart, colour = ([Image.fromarray(portrait(seed, domain, SIDE)) for seed in SEEDS] for domain in ("A", "B"))
    known, drawn = Known(colour), Known(lineart)
    rows, recalls, wrong = [], defaultdict[str, list[float]](list), {"copies": 0, "versions": 0}
    for name, change in (FRAMES | VERSIONS).items():
        changed = Known(change(image) for image in colour)
        copies, other_copies = compare(known, changed, lambda likeness: likeness.same_picture)
        versions, other_versions = compare(drawn, changed, lambda likeness: likeness.same_drawing)
        rows.append([name, f"{copies} + {other_copies} false", f"{versions} + {other_versions} false"])
        wrong["copies"] += other_copies + (copies if name in VERSIONS else 0)
        wrong["versions"] += other_versions
        if name in FRAMES:
            recalls["copies"].append(copies / len(SEEDS))
            recalls["versions"].append(versions / len(SEEDS))
    print_table(["changed", f"copies found of {len(SEEDS)}", "beside their lineart"], rows)

    seconds, planted = search_a_million()
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"\n{NUM_PICTURES:,} pictures: {seconds:.1f} s, {gigabytes:.2f} GB at most, {planted:.1%} of copies found")
    false = {name: number / len(SEEDS) / len(rows) for name, number in wrong.items()}
    print_result(
        "reframed", float(np.mean(recalls["copies"])), BAR,
        holds=false["copies"] <= MAX_FALSE and seconds <= MAX_SECONDS and gigabytes <= MAX_GIGABYTES,
        versions=round(float(np.mean(recalls["versions"])), 3), false={k: round(v, 4) for k, v in false.items()},
        max_false=MAX_FALSE, pictures=NUM_PICTURES, seconds=round(seconds, 2), max_seconds=MAX_SECONDS,
        gigabytes=round(gigabytes, 3), max_gigabytes=MAX_GIGABYTES, planted=round(planted, 4),
    )  # fmt: skip


if __name__ == "__main__":
    main()
