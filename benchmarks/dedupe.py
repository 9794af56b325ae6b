"""Measures the search for near duplicates among a million fingerprints: time, memory, missed pairs.

A smaller set is also searched by comparing all pairs, to compare the times and the pairs found.
"""

import resource
import time

import numpy as np

from benchmarks.harness import alternate, print_result, print_table
from imaging.dedupe import MAX_HASH_DISTANCE, Hashes, near_pairs

NUM_PICTURES = 1_000_000
NUM_PLANTED = 20_000
NUM_COMPARED = 30_000  # comparing all pairs takes time in the square of this
BAR = 10.0
MAX_SECONDS, MAX_GIGABYTES = 60.0, 2.0


def flip_bits(hashes: Hashes, rng: np.random.Generator) -> Hashes:
    """Returns the hashes, (n,) uint64, with 0 to 4 bits changed in each."""
    bits = np.uint64(1) << rng.integers(0, 64, (len(hashes), MAX_HASH_DISTANCE)).astype(np.uint64)
    chosen = bits * rng.integers(0, 2, bits.shape).astype(np.uint64)
    return hashes ^ np.bitwise_or.reduce(chosen, axis=1)


def make_hashes(num: int, planted: int, seed: int) -> tuple[Hashes, Hashes]:
    """Makes random hashes with known near duplicates.

    Args:
        num: number of pictures.
        planted: how many of the last pictures are near copies of the first ones, in the same order.
        seed: seed of the random generator.

    Returns:
        phash and dhash of the pictures, (num,) uint64 each.
    """
    rng = np.random.default_rng(seed)
    columns = [rng.integers(0, 2**64, num, dtype=np.uint64) for _ in range(2)]
    for column in columns:
        column[num - planted :] = flip_bits(column[:planted], rng)
    return columns[0], columns[1]


def compare_all(phash: Hashes, dhash: Hashes) -> int:
    """Counts near pairs by comparing each picture with all later ones; the hashes are (n,) uint64."""
    num = 0
    for i in range(len(phash) - 1):
        near = np.bitwise_count(phash[i + 1 :] ^ phash[i]) <= MAX_HASH_DISTANCE
        num += int((near & (np.bitwise_count(dhash[i + 1 :] ^ dhash[i]) <= MAX_HASH_DISTANCE)).sum())
    return num


def main() -> None:
    small = make_hashes(NUM_COMPARED, NUM_COMPARED // 50, seed=1)
    assert compare_all(*small) == len(near_pairs(*small))
    times = alternate({"all": lambda: compare_all(*small), "index": lambda: near_pairs(*small)}, rounds=3)

    phash, dhash = make_hashes(NUM_PICTURES, NUM_PLANTED, seed=2)
    start = time.perf_counter()
    pairs = near_pairs(phash, dhash)
    seconds = time.perf_counter() - start
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    wanted = np.arange(NUM_PLANTED)
    missed = NUM_PLANTED - len(
        np.intersect1d(pairs[pairs[:, 1] == pairs[:, 0] + NUM_PICTURES - NUM_PLANTED, 0], wanted)
    )

    print_table(
        ["pictures", "method", "seconds", "planted pairs missed", "GB at most"],
        [
            [f"{NUM_COMPARED:,}", "comparing all", f"{times['all']:.3f}", "0", ""],
            [f"{NUM_COMPARED:,}", "index", f"{times['index']:.3f}", "0", ""],
            [f"{NUM_PICTURES:,}", "index", f"{seconds:.1f}", missed, f"{gigabytes:.2f}"],
        ],
    )
    print_result(
        "dedupe",
        times["all"] / times["index"],
        BAR,
        holds=seconds <= MAX_SECONDS and gigabytes <= MAX_GIGABYTES and missed == 0,
        pictures=NUM_PICTURES,
        seconds=round(seconds, 2),
        max_seconds=MAX_SECONDS,
        gigabytes=round(gigabytes, 3),
        max_gigabytes=MAX_GIGABYTES,
        missed=missed,
    )


if __name__ == "__main__":
    main()
