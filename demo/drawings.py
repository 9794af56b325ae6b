"""Draws portraits from an artist's parts: a colour version and a lineart version for every seed.

The parts (heads, hair, eyes, ...) were drawn by Lisa Wischofsky; DiceBear combines them by seed and resvg
rasterizes them. Domain B is the portrait as drawn. Domain A is its lineart: the same parts with every colour
except the ink replaced by white. Both versions of a seed line up pixel for pixel, so colorized lineart can be
compared with the colour version of the same seed.
"""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Literal

import resvg_py
from dicebear import Avatar, Style

CREDIT = 'Drawings: "Adventurer" by Lisa Wischofsky, CC BY 4.0 (DiceBear)'

Domain = Literal["A", "B"]

# disjoint, so that no lineart has its own colour version among the training pictures
COLOUR_SEEDS = range(700)
LINEART_SEEDS = range(1000, 1700)
HELD_OUT_SEEDS = range(2000, 2060)

# The style's own palette, by the tag names of boards. Drawing first chooses a name, then one of its colours: the
# palette has four browns but one pink, and a uniform choice of colours gave the rarer names too few training pictures.
HAIR_COLOURS = {
    "aqua": ("#85c2c6",),
    "black": ("#0e0e0e",),
    "blonde": ("#e5d7a3", "#b9a05f"),
    "brown": ("#796a45", "#6a4e35", "#562306", "#ac6511"),
    "green": ("#3eac2c",),
    "grey": ("#afafaf",),
    "orange": ("#cb6820",),
    "pink": ("#dba3be",),
    "purple": ("#592454",),
    "red": ("#ab2a18",),
}
SKIN_COLOURS = ("#f2d3b1", "#ecad80", "#9e5622", "#763900")
_HAIR_WEIGHTS = [2 if name == "pink" else 1 for name in HAIR_COLOURS]  # the demo trains a pink_hair style

# the avatar is clipped to its canvas, which hides nothing but takes a third of the time to render
_CLIP = re.compile(r' clip-path="[^"]*"')
_INK = "#000000"
_WHITE = "#ffffff"
_BALD = "short19"  # only a shadow on the head: the one haircut without a hair colour
_DARK_SKIN = SKIN_COLOURS[2:]
_TAGS_OF_VARIANTS = {
    "hairVariant": {
        "long03": "hair_flower",
        "long08": "hair_flower",
        "long10": "hair_bun",
        "long11": "hair_bun",
        "long13": "double_bun",
        "long14": "twintails",
        "long15": "twintails",
        "long16": "braid",
        "long18": "hair_flower",
        "long19": "ponytail",
        "long23": "double_bun",
        _BALD: "bald",
    },
    "eyesVariant": {
        "variant19": "closed_eyes",
        "variant20": "closed_eyes",
        "variant21": "one_eye_closed",
        "variant22": "one_eye_closed",
        "variant23": "sparkling_eyes",
    },
    "glassesVariant": {"variant01": "sunglasses"},
    "detailsVariant": {"birthmark": "mole", "mustache": "mustache"},
}
_TAGS_OF_PARTS = {
    "earringsVariant": "earrings",
    "glassesVariant": "glasses",
    "teethColor": "teeth",
    "throatColor": "open_mouth",
    "tongueColor": "tongue",
}


@dataclass(frozen=True)
class Drawing:
    """One portrait.

    Attributes:
        seed: decides everything; the same seed always gives the same parts, tags and bytes.
    """

    seed: int

    @cached_property
    def hair_colour(self) -> tuple[str, str]:
        """Name and hex value of the hair colour, e.g. ``("pink", "#dba3be")``."""
        # a string, because Random hashes it: seeds that are small integers would give similar first numbers
        rng = random.Random(f"hair {self.seed}")
        name = rng.choices(list(HAIR_COLOURS), _HAIR_WEIGHTS)[0]
        return name, rng.choice(HAIR_COLOURS[name])

    @cached_property
    def parts(self) -> dict[str, Any]:
        """The style's choices for this seed, e.g. ``{"hairVariant": "long08", "glassesVariant": ...}``."""
        parts: dict[str, Any] = self._avatar("B").to_json()["options"]
        return parts

    def tags(self, domain: Domain) -> str:
        """Returns the tags that a board would give this version of the portrait, sorted and separated by spaces."""
        tags = {"portrait", "solo", "white_background", *self._tags_of_lines()}
        tags |= {"lineart", "monochrome"} if domain == "A" else self._tags_of_colours()
        return " ".join(sorted(tags))

    def render(self, domain: Domain, size: int, *, hair: str | None = None, skin: str | None = None) -> bytes:
        """Draws one version of the portrait on white.

        Args:
            domain: "A" for the lineart, "B" for the colour version.
            size: width and height in pixels.
            hair: hex value of the hair colour in domain B; None: the seed's own.
            skin: hex value of the skin colour in domain B; None: the seed's own.

        Returns:
            A PNG file.
        """
        return resvg_py.svg_to_bytes(
            svg_string=_CLIP.sub("", str(self._avatar(domain, hair, skin))),
            width=size,
            height=size,
            background="white",
            skip_system_fonts=True,
        )

    def _avatar(self, domain: Domain, hair: str | None = None, skin: str | None = None) -> Avatar:
        options: dict[str, Any] = {
            "seed": str(self.seed),
            "flip": ["none", "horizontal"],
            "rotate": [-12, 12],
            "scale": [0.9, 1.1],
            "translateX": [-4, 4],
            "translateY": [-4, 4],
        }
        if domain == "B":
            options["hairColor"] = hair or self.hair_colour[1]
            if skin:
                options["skinColor"] = skin
        return Avatar(_style(domain), options)

    def _tags_of_lines(self) -> Iterator[str]:
        yield "short_hair" if self.parts["hairVariant"].startswith("short") else "long_hair"
        yield from (tag for part, tag in _TAGS_OF_PARTS.items() if part in self.parts)
        for part, tags in _TAGS_OF_VARIANTS.items():
            if tag := tags.get(self.parts.get(part, "")):
                yield tag

    def _tags_of_colours(self) -> set[str]:
        tags = {f"{self.hair_colour[0]}_hair"} if self.parts["hairVariant"] != _BALD else set()
        if self.parts["skinColor"][0] in _DARK_SKIN:
            tags.add("dark_skin")
        if "lipsColor" in self.parts:
            tags.add("red_lips")
        return tags | ({"blush", "freckles"} & {self.parts.get("detailsVariant", "")})


@cache
def _style(domain: Domain) -> Style:
    definition = json.loads(files("dicebear_styles").joinpath("adventurer.json").read_text("utf-8"))
    return Style(definition if domain == "B" else _without_colour(definition))


def _without_colour(node: Any) -> Any:
    """Returns the style's definition with ink kept, every other colour made white and translucent fills removed."""
    if isinstance(node, list):
        return [_without_colour(child) for child in node]
    if not isinstance(node, dict):
        return node
    bleached = {key: _without_colour(child) for key, child in node.items()}
    if isinstance(fill := node.get("fill"), str) and fill != "none":
        bleached["fill"] = _WHITE
    if "opacity" in node:
        bleached["fill"] = "none"
    if "values" in node:
        bleached["values"] = [colour if colour == _INK else _WHITE for colour in node["values"]]
    return bleached
