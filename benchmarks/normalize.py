"""Compares lineart normalization in closed form with the iterative loop that it replaces, on 512 × 512 drawings."""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from benchmarks.harness import alternate, print_result, print_table
from imaging.ink import lineart_gray
from imaging.lineart import Normalization, NormalizedLineart, normalize

SIZE = 512
TARGET, THRESHOLD = 200, 254  # grey levels, the values that the loop uses
BAR = 15.0


def draw(darkness: int, seed: int) -> Image.Image:
    """Draws antialiased strokes on white, as RGB.

    Args:
        darkness: of the strokes, 0..255; 255 is black.
        seed: decides the strokes.
    """
    page = Image.new("L", (2 * SIZE, 2 * SIZE), 255)
    pen = ImageDraw.Draw(page)
    for points in np.random.default_rng(seed).integers(0, 2 * SIZE, (25, 4, 2)).tolist():
        pen.line([(x, y) for x, y in points], fill=255 - darkness, width=5, joint="curve")
    return page.resize((SIZE, SIZE), Image.Resampling.LANCZOS).convert("RGB")


def iterate(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Lightens or darkens all values below the threshold in small steps until their mean reaches TARGET.

    Args:
        rgb: (H, W, 3), 0..255.

    Returns:
        The picture in the same format.
    """
    image = rgb.astype(np.float32)
    brighten = image[image < THRESHOLD].mean() < TARGET
    for _ in range(50):
        ink = image < THRESHOLD
        mean = image[ink].mean()
        if (mean < TARGET) != brighten:
            break
        share = abs(TARGET - mean) / 255 + 0.005
        image[ink] = image[ink] * (1 - share) + 255 * share if brighten else image[ink] * 0.995 - 1.275
    return image.clip(0, 255).astype(np.uint8)


def normalize_picture(image: Image.Image, settings: Normalization) -> NormalizedLineart:
    return normalize(lineart_gray(image), settings)


def main() -> None:
    settings = Normalization(low=TARGET, high=TARGET, threshold=THRESHOLD)
    rows, ratios = [], []
    for name, darkness in (("ink", 250), ("soft ink", 200), ("pencil", 140), ("faint", 60)):
        image = draw(darkness, seed=darkness)
        rgb = np.asarray(image)
        sides: dict[str, Callable[[], object]] = {
            "loop": partial(iterate, rgb),
            "closed form": partial(normalize_picture, image, settings),
        }
        times = alternate(sides, rounds=15)
        ratios.append(times["loop"] / times["closed form"])
        loop, ours = iterate(rgb), normalize_picture(image, settings)
        means = [ours.mean_out, loop[loop < THRESHOLD].mean()]
        numbers = [*(1e3 * seconds for seconds in times.values()), ratios[-1], *means]
        rows.append([name, *(f"{number:.1f}" for number in numbers)])
    print_table(["drawing", "loop ms", "closed form ms", "times faster", "its mean", "the loop's"], rows)
    print_result("normalize", float(np.median(ratios)), BAR, slowest_ratio=round(min(ratios), 1), size=SIZE)


if __name__ == "__main__":
    main()
