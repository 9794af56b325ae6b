"""Finding a drawing's colouring by its lines: what is found and what wrongly, on drawings whose pairs are known.

The demo's portraits are hard for it: all heads, of the same few hundred parts, in the same place. Then a million
hashes: time and memory.
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
    """Half the size, JPEG at quality 60."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((SIDE // 2, SIDE // 2), Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=60)
    return np.asarray(decode(buffer.getvalue()))


def painted(pixels: Pixels) -> Pixels:
    """Soft shading over all, and a background of its own."""
    down, across = np.mgrid[0 : len(pixels), 0 : len(pixels)] / len(pixels)
    sky = np.array([120, 160, 230]) + np.array([110, 40, -60]) * down[..., None]
    shade = 0.8 + 0.2 * np.sin(14 * across + 9 * down)
    lit = np.where(pixels.min(axis=2, keepdims=True) > 250, sky, pixels) * shade[..., None]
    return np.clip(np.rint(lit), 0, 255).astype(np.uint8)


def brown_ink(pixels: Pixels) -> Pixels:
    """Nothing darker than a brown; lines on hair of that brown are gone."""
    return np.maximum(pixels, np.array([110, 70, 50], np.uint8))


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "as drawn": lambda pixels: pixels,
    "JPEG 60, half the size": saved_small,
    "shading and background": painted,
    "brown ink": brown_ink,
    "all of these": lambda pixels: saved_small(brown_ink(painted(pixels))),
}


def compare(lineart: list[str], coloured: list[str]) -> tuple[float, int, int]:
    """Share of the true pairs that are found; how many are; how many other pairs across the domains are, too."""
    pairs = same_lines(lineart + coloured)
    across = pairs[(pairs[:, 0] < len(SEEDS)) & (pairs[:, 1] >= len(SEEDS))]
    found = int((across[:, 1] - across[:, 0] == len(SEEDS)).sum())
    return found / len(SEEDS), found, len(across) - found


def search_a_million() -> tuple[float, float]:
    """Seconds, and the share of the planted pairs that is found: one bit in ten of theirs differs."""
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
        "twins", recall, BAR,
        holds=precision >= MIN_PRECISION and seconds <= MAX_SECONDS and gigabytes <= MAX_GIGABYTES,
        precision=round(precision, 4), min_precision=MIN_PRECISION,
        recalls={change: round(share, 4) for change, (share, _, _) in shares.items()},
        pictures=NUM_PICTURES, seconds=round(seconds, 2), max_seconds=MAX_SECONDS,
        gigabytes=round(gigabytes, 3), max_gigabytes=MAX_GIGABYTES, planted=round(planted, 4),
    )  # fmt: skip


if __name__ == "__main__":
    main()
