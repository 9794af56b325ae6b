"""Measures how well line hashes find the coloured version of a drawing, on drawings whose pairs are known.

The demo's portraits are a hard case: all are heads in the same place, made of the same few hundred parts. A second
part measures time and memory of a search among a million hashes.
"""

import io
import resource
import time
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.harness import print_result, print_table
from demo.pictures import portrait
from imaging.codec import decode
from imaging.line_hash import MAX_LINE_DISTANCE, line_hash, same_lines

Pixels = npt.NDArray[np.uint8]

SEEDS, SIDE = range(4000, 4300), 384
NUM_PICTURES, NUM_PLANTED = 1_000_000, 20_000
BAR, MIN_PRECISION = 0.97, 0.95
MAX_SECONDS, MAX_GIGABYTES = 60.0, 2.0


def saved_small(pixels: Pixels) -> Pixels:
    """Returns pixels (SIDE, SIDE, 3) at half the size, after JPEG compression at quality 60."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((SIDE // 2, SIDE // 2), Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=60)
    return np.asarray(decode(buffer.getvalue()))


def painted(pixels: Pixels) -> Pixels:
    """Adds soft shading to pixels (H, W, 3) and replaces the white background by a gradient."""
    down, across = np.mgrid[0 : len(pixels), 0 : len(pixels)] / len(pixels)
    sky = np.array([120, 160, 230]) + np.array([110, 40, -60]) * down[..., None]
    shade = 0.8 + 0.2 * np.sin(14 * across + 9 * down)
    lit = np.where(pixels.min(axis=2, keepdims=True) > 250, sky, pixels) * shade[..., None]
    return np.clip(np.rint(lit), 0, 255).astype(np.uint8)


def brown_ink(pixels: Pixels) -> Pixels:
    """Lightens all pixels (H, W, 3) to at least a brown, so that lines on hair of that brown disappear."""
    return np.maximum(pixels, np.array([110, 70, 50], np.uint8))


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "as drawn": lambda pixels: pixels,
    "JPEG 60, half the size": saved_small,
    "shading and background": painted,
    "brown ink": brown_ink,
    "all of these": lambda pixels: saved_small(brown_ink(painted(pixels))),
}


def compare(lineart: list[str], coloured: list[str]) -> tuple[float, int, int]:
    """Searches for pairs of lineart and coloured version.

    Args:
        lineart: line hashes of the lineart, one for each seed.
        coloured: line hashes of the coloured versions, in the same order.

    Returns:
        Share of the true pairs that are found, 0..1; their number; and the number of false pairs across the domains.
    """
    pairs = same_lines(lineart + coloured)
    across = pairs[(pairs[:, 0] < len(SEEDS)) & (pairs[:, 1] >= len(SEEDS))]
    found = int((across[:, 1] - across[:, 0] == len(SEEDS)).sum())
    return found / len(SEEDS), found, len(across) - found


def search_a_million() -> tuple[float, float]:
    """Searches a million hashes with planted pairs, of which one bit in ten differs.

    Returns:
        Seconds, and the number of planted pairs found divided by those within the largest distance, 0..1.
    """
    rng = np.random.default_rng(0)
    packed = rng.integers(0, 256, (NUM_PICTURES, 32), dtype=np.uint8)
    flips = np.packbits(rng.random((NUM_PLANTED, 256)) < 0.1, axis=1)
    packed[-NUM_PLANTED:] = packed[:NUM_PLANTED] ^ flips
    wanted = np.bitwise_count(flips).sum(axis=1) <= MAX_LINE_DISTANCE
    hashes = [row.tobytes().hex() for row in packed]
    start = time.perf_counter()
    pairs = same_lines(hashes)
    seconds = time.perf_counter() - start
    return seconds, float((pairs[:, 1] - pairs[:, 0] == NUM_PICTURES - NUM_PLANTED).sum() / wanted.sum())


def main() -> None:
    cv2.setNumThreads(1)
    lineart, colour = ([portrait(seed, domain, SIDE) for seed in SEEDS] for domain in ("A", "B"))
    hashes = [line_hash(Image.fromarray(pixels)) for pixels in lineart]
    rows, shares = [], {}
    for change, apply in CHANGES.items():
        changed = [line_hash(Image.fromarray(apply(pixels))) for pixels in colour]
        shares[change] = recall, found, false = compare(hashes, changed)
        rows.append([change, f"{recall:.1%}", f"{found / max(1, found + false):.1%}", f"{found} + {false} false"])
    print_table(["the coloured version", "recall", "precision", f"pairs found of {len(SEEDS)}"], rows)

    seconds, planted = search_a_million()
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"\n{NUM_PICTURES:,} hashes: {seconds:.1f} s, {gigabytes:.2f} GB at most, {planted:.1%} of planted pairs found"
    )
    recall, found, false = shares["as drawn"]
    precision = found / max(1, found + false)
    print_result(
        "line_hash", recall, BAR,
        holds=precision >= MIN_PRECISION and seconds <= MAX_SECONDS and gigabytes <= MAX_GIGABYTES,
        precision=round(precision, 4), min_precision=MIN_PRECISION,
        recalls={change: round(share, 4) for change, (share, _, _) in shares.items()},
        pictures=NUM_PICTURES, seconds=round(seconds, 2), max_seconds=MAX_SECONDS,
        gigabytes=round(gigabytes, 3), max_gigabytes=MAX_GIGABYTES, planted=round(planted, 4),
    )  # fmt: skip


if __name__ == "__main__":
    main()
