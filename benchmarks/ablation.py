"""Measures what each part of the recipe contributes, by training with one thing changed at a time.

    python -m benchmarks.ablation

Each recipe is trained with three seeds; all of them take hours on two cores. A stopped benchmark can be started again:
build/recipes keeps the trainings that have finished. It prints a table and saves a sheet of the same drawings coloured
by each recipe as build/recipes/ablation.png. The ratio in the last line, of JSON, is the published recipe's distance to
the truth divided by ours, with networks of the same kind.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.harness import print_result, print_table
from benchmarks.recipes import RECIPES, SEEDS
from benchmarks.trainings import FOLDER, made_by, measure_all, portraits
from demo.drawings import CREDIT
from imaging.sheet import grid

NUM_SHOWN = 8

Found = Mapping[str, list[dict[str, Any]]]
HEAD = ["", "recipe", "ΔE to the truth", "hair from skin", "score", "diversity", "bleeding", "lines"]


def columns(outcome: Mapping[str, Any]) -> list[float]:
    measures = outcome["score"].measures
    return [
        outcome["distance"],
        100 * outcome["hair_from_skin"],
        outcome["score"].value,
        measures["diversity"] / measures["diversity_b"],
        measures["soft"],
        measures["line_recall"],
    ]


def row(number: int, name: str, outcomes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Formats one row of the table: means over seeds, the first three with half of the highest minus the lowest."""
    values = np.array([columns(outcome) for outcome in outcomes])
    mean, half = values.mean(axis=0), (values.max(axis=0) - values.min(axis=0)) / 2
    spread = [f"{mean[i]:.{digits}f} ± {half[i]:.{digits}f}" for i, digits in enumerate((2, 0, 1))]
    return [str(number), name, *spread, *(f"{value:.3f}" for value in mean[3:])]


def rows(ended: Found) -> list[list[str]]:
    table = []
    for number, recipe in enumerate(RECIPES, start=1):
        for weights, name in (("ema", recipe.name), ("raw", f"{recipe.name}, raw weights")):
            last = [each for each in ended[recipe.name] if each["weights"] == weights]
            if weights == "ema" or recipe.watched:
                table.append(row(number, name, last))
    return table


def save_sheet() -> None:
    """Saves a sheet of the same portraits coloured by each recipe's EMA weights, one column for each recipe."""
    columns = [portraits().test, *(made_by(recipe, SEEDS[0])[-2].tested for recipe in RECIPES)]
    rows = [[Image.fromarray(picture) for picture in row] for row in zip(*columns, strict=True)][:NUM_SHOWN]
    numbers = ["drawing", *(str(number) for number in range(1, len(RECIPES) + 1))]
    grid(rows, captions=numbers, footer=CREDIT, tile=72, gap=4).save(FOLDER / "ablation.png")


def main() -> None:
    ended: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for recipe, seed, _, found in measure_all(RECIPES, last=2):
        ended[recipe.name] += found
        print(f"{recipe.name}, seed {seed}: ΔE {found[0]['distance']:.2f}", flush=True)
    print_table(HEAD, rows(ended))
    save_sheet()
    distance = {name: float(np.mean([each["distance"] for each in ended[name][::2]])) for name in ended}
    print_result(
        "ablation",
        distance["published, 6 blocks"] / distance["ours"],
        1.0,
        seeds=len(SEEDS),
        distance={name: round(value, 2) for name, value in distance.items()},
    )


if __name__ == "__main__":
    main()
