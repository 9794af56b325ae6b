"""Compares decoding and resizing by our code with the bare Pillow calls and measures how it scales to two cores."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from PIL import Image, ImageDraw

from benchmarks.harness import alternate, print_result, print_table
from imaging.codec import decode
from imaging.resize import resize_shortest

SIZE = 512
NUM_FILES = 12
BAR, SCALING_BAR = 0.9, 1.8  # SCALING_BAR is for two idle cores


def make_file(seed: int) -> bytes:
    """Makes a JPEG of 1500 × 2000 px with lines, flat colours and soft shading, as boards serve them."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (1500, 2000), "white")
    pen = ImageDraw.Draw(image)
    for points, colour in zip(
        rng.integers(0, 1500, (30, 5, 2)).tolist(), rng.integers(0, 256, (30, 3)).tolist(), strict=True
    ):
        corners = [(x, y * 4 // 3) for x, y in points]
        pen.polygon(corners, fill=tuple(colour))
        pen.line(corners, fill=(20, 20, 20), width=5)
    shade = cv2.resize(rng.normal(0, 12, (60, 45, 3)).astype(np.float32), (1500, 2000), interpolation=cv2.INTER_CUBIC)
    grain = rng.normal(0, 2, (2000, 1500, 1))
    pixels = np.clip(np.asarray(image) + shade + grain, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def ours(data: bytes) -> Image.Image:
    return resize_shortest(decode(data, draft_size=SIZE), SIZE)


def bare(data: bytes, *, draft: bool) -> Image.Image:
    """Does the same with Pillow alone: no checks, no colour profile, no orientation.

    Args:
        data: a picture file.
        draft: let the JPEG decoder reduce the size, as our code does.
    """
    image: Image.Image = Image.open(io.BytesIO(data))
    if draft:
        image.draft(None, (SIZE, SIZE))
    image = image.convert("RGB")
    scale = SIZE / min(image.size)
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)


def hash_zeros(_: int) -> bytes:
    """Hashes 200 MB without holding the interpreter lock: two threads show how much of a second core is free."""
    return hashlib.sha256(bytes(200_000_000)).digest()


def psnr(a: Image.Image, b: Image.Image) -> float:
    error = np.square(np.asarray(a).astype(np.float64) - np.asarray(b)).mean()
    return float(10 * np.log10(255**2 / error))


def main() -> None:
    files = [make_file(seed) for seed in range(NUM_FILES)]
    quality = float(np.median([psnr(ours(data), bare(data, draft=False)) for data in files[:4]]))
    with ThreadPoolExecutor(2) as two:
        times = alternate(
            {
                "ours": lambda: [ours(data) for data in files],
                "ours, two threads": lambda: list(two.map(ours, files)),
                "Pillow, same reduced decoding": lambda: [bare(data, draft=True) for data in files],
                "Pillow, full decoding": lambda: [bare(data, draft=False) for data in files],
                "hashing": lambda: [hash_zeros(0), hash_zeros(1)],
                "hashing, two threads": lambda: list(two.map(hash_zeros, (0, 1))),
            },
            rounds=7,
        )
    speed = {name: NUM_FILES / seconds for name, seconds in times.items()}
    rows = [[name, f"{value:.1f}"] for name, value in speed.items() if "hashing" not in name]
    print_table(["1500 × 2000 JPEG to 512", "pictures/s"], rows)
    scaling = speed["ours, two threads"] / speed["ours"]
    free = times["hashing"] / times["hashing, two threads"]
    print(f"two threads: {scaling:.2f} times as fast as one, where hashing, which scales fully, reaches {free:.2f}")
    print_result(
        "prepare",
        speed["ours"] / speed["Pillow, same reduced decoding"],
        BAR,
        holds=scaling >= SCALING_BAR / 2 * free,  # other load on the machine slows both
        pictures_per_second=round(speed["ours"], 1),
        ratio_to_full_decoding=round(speed["ours"] / speed["Pillow, full decoding"], 2),
        psnr_to_full_decoding=round(quality, 1),
        two_core_scaling=round(scaling, 2),
        two_core_scaling_bar=SCALING_BAR,
        two_core_scaling_of_hashing=round(free, 2),
    )


if __name__ == "__main__":
    main()
