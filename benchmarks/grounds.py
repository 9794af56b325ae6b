"""Measures how well the plain ground of a picture is found, where it is known.

    python -m benchmarks.grounds [STYLE …] [FOLDER …]

Portraits of several artists are put before several grounds, whole and so close that hair and shoulders are cut by the
rim, with black, coloured or no outlines. Precision: the share of what was taken for ground that is ground; what is
within 1.5 px of its edge counts for either. Recall: the share of the ground that was found. Eaten: the share of the
figure that was taken for ground. The ratio in the last line, of JSON, is the least precision over all kinds of
pictures, or recall over those of whole figures before a plain ground, divided by its bar. A sheet is left in
build/grounds. Of folders of pictures, it says how many have a plain ground, and how many one of more than 15 %.
"""

import itertools
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.harness import alternate, print_result, print_table
from benchmarks.lines import FINE, GROUNDS, OUTLINES, SHADINGS, SIZE, Parts, dilated, small, take_apart
from benchmarks.styles import CREDIT, STYLES
from imaging.codec import decode, encode_png
from imaging.ground import cover, find_ground, without_ground
from imaging.sheet import grid

FOLDER = Path("build/grounds")
SEEDS = range(31_000, 31_006)
BAR_PRECISION, BAR_RECALL = 0.98, 0.9
OUTLINED = ("black", "coloured", "absent")
PLAIN = ("white", "flat", "gradient")
BEHIND = (*PLAIN, "texture", "scene")
_EDGE = 1.5  # px
_MUCH = 0.15  # share of a picture

Mask = np.ndarray  # (H, W) bool


def flat(rng: np.random.Generator) -> np.ndarray:
    return np.broadcast_to(rng.uniform(0.05, 0.95, 3).astype(np.float32), (SIZE * FINE, SIZE * FINE, 3)).copy()


def compose(parts: Parts, outline: str, shading: str, ground: str, seed: int, close: bool) -> tuple[np.ndarray, Mask]:
    """Puts a portrait before a ground.

    Returns:
        (SIZE, SIZE, 3) uint8, and (SIZE, SIZE), where the figure and its outlines are.
    """
    behind = (GROUNDS | {"flat": flat})[ground](np.random.default_rng(seed))
    picture = OUTLINES[outline](parts, np.where(parts.figure[..., None], SHADINGS[shading](parts), behind))
    figure = (parts.figure | (parts.ink > 0.5 if outline != "absent" else False)).astype(np.float32)
    kept = slice(SIZE * FINE // 6, -SIZE * FINE // 6) if close else slice(None)
    shown = np.clip(small(picture[kept, kept]), 0, 1)
    return np.rint(255 * shown).astype(np.uint8), small(figure[kept, kept]) > 0.5


def measure(picture: np.ndarray, figure: Mask) -> tuple[float, float, float]:
    """Returns precision, recall, and the share of the figure that was eaten."""
    found = cover(picture, find_ground(picture)) > 127
    sure = ~(dilated(figure, _EDGE) & dilated(~figure, _EDGE))
    eaten = int(np.count_nonzero(found & figure & sure))
    taken, ground = int(np.count_nonzero(found & sure)), ~figure & sure
    return 1 - eaten / max(1, taken), float(found[ground].mean()), eaten / int(np.count_nonzero(figure))


def speed(picture: np.ndarray) -> dict[str, float]:
    """Returns milliseconds for a picture, beside those of its decoding."""
    figures: dict[str, float] = {}
    for side in (256, 512):
        large = np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
        sides: dict[str, Callable[[], object]] = {
            "decoded": partial(decode, encode_png(Image.fromarray(large))),
            "without ground": partial(without_ground, large),
        }
        figures |= {f"{side} px, {name}": round(1000 * s, 1) for name, s in alternate(sides, 15).items()}
    return figures


def look(folder: Path) -> None:
    """Prints in how many pictures of a folder a plain ground is found."""
    read = (np.asarray(decode(path.read_bytes(), draft_size=SIZE)) for path in sorted(folder.iterdir()))
    shares = np.array([find_ground(picture).where.mean() for picture in read])
    some, much = (shares > 0).mean(), (shares > _MUCH).mean()
    print(f"{folder}: {len(shares)} pictures, {some:.0%} with a plain ground, {much:.0%} with one over {_MUCH:.0%}")


def main(arguments: Sequence[str]) -> None:
    cv2.setNumThreads(1)
    for folder in (Path(each) for each in arguments if each not in STYLES):
        look(folder)
    styles = [each for each in arguments if each in STYLES] or STYLES
    rows, worst, shown = [], [], []
    figures: dict[str, list[float]] = {}
    for style in styles:
        parts = [take_apart(style, seed) for seed in SEEDS]
        for close, ground, outline in itertools.product((False, True), BEHIND, OUTLINED):
            known = [compose(each, outline, "cel", ground, number, close) for number, each in enumerate(parts)]
            precision, recall, eaten = (float(value) for value in np.mean([measure(*each) for each in known], axis=0))
            name = f"{style}, {'close' if close else 'whole'}, {ground}, {outline}"
            asked = recall / BAR_RECALL if ground in PLAIN and not close else 1.0
            worst.append(min(precision / BAR_PRECISION, asked))
            figures[name] = [round(value, 3) for value in (precision, recall, eaten)]
            rows.append([name, f"{precision:.3f}", f"{recall:.3f}", f"{eaten:.3f}"])
            if outline == "coloured":
                pairs = [(picture, without_ground(picture)) for picture, _ in known[:3]]
                shown.append([Image.fromarray(each) for pair in pairs for each in pair])
    print_table(["picture", "precision", "recall", "eaten"], rows)
    FOLDER.mkdir(parents=True, exist_ok=True)
    grid(shown, captions=["picture", "without ground"] * 3, tile=SIZE // 2, gap=4).save(FOLDER / "grounds.png")
    print(f"sheet: {FOLDER / 'grounds.png'} ({CREDIT})")
    print_result("grounds", min(worst), 1.0, milliseconds=speed(known[0][0]), precision_recall_eaten=figures)


if __name__ == "__main__":
    main(sys.argv[1:])
