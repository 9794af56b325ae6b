"""Lists the recipes to compare: each is one change of the demo's preset ("ours") or of CycleGAN as published.

Their networks are small enough for two CPU cores to train in a minute or two.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.variants import R1, GlobalDiscriminator, LossBalancing, SoftLabels, SpectralNorm
from cyclegan.methods.cyclegan import CycleGan
from cyclegan.methods.paired import Paired
from cyclegan.training.config import TrainConfig, preset

SIZE, CROP = 72, 64  # px
NUM_TRAINING, NUM_HELD_OUT, NUM_TEST = 240, 48, 40  # portraits of each domain
NUM_WATCHED, TUNE_STEPS = 17, 60
SEEDS = (0, 1, 2)
_TRAININGS = 2  # raised when the same settings are trained or painted with otherwise, so that all are made anew

_OURS = {
    "method": {"discriminator": {"layers": 2}},
    "schedule": {"warm_up_epochs": 3, "constant_epochs": 0, "decay_epochs": 1.25},
    "data": {"crop": CROP},
}
# as many steps as take as long
_PAIRED = {"schedule": {"constant_epochs": 7.5, "decay_epochs": 5.25}, "data": {"crop": CROP}}
# small networks need the demo's higher learning rates to learn enough in so few steps
_PUBLISHED = {
    "method": {
        "generator": {"blocks": 6, "ngf": 16},
        "discriminator": {"ndf": 32, "layers": 2},
        "optimizer": {"lr_generator": 8e-4, "lr_discriminator": 4e-4},
    },
    "schedule": {"constant_epochs": 1, "decay_epochs": 1},
    "data": {"crop": CROP},
    "batch": 4,
    "ema": 0.995,
}


@dataclass(frozen=True)
class Recipe:
    """A starting point and what a recipe changes in it.

    Attributes:
        name: what the tables call it.
        start: "ours", "paired" or "published".
        changes: changed settings, nested as in TrainConfig.
        method: the method to train.
        num_lineart: number of drawings of A to train on.
        tune_on: number of pictures of B to fine-tune on after the end; 0: none.
        watched: whether to measure checkpoints during the training, too, not only the last.
    """

    name: str
    start: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    method: type[CycleGan] | type[Paired] = CycleGan
    num_lineart: int = NUM_TRAINING
    tune_on: int = 0
    watched: bool = False

    def config(self, seed: int) -> TrainConfig:
        starts = {
            "ours": preset("demo", "cyclegan").changed(_OURS),
            "paired": preset("demo", "paired").changed(_PAIRED),
            "published": preset("paper").changed(_PUBLISHED),
        }
        return starts[self.start].changed(self.changes).changed({"seed": seed})

    def digest(self, seed: int, style: str) -> str:
        """Returns a digest of all settings, so that a changed recipe is trained again."""
        config = self.config(seed).identity()
        said = [_TRAININGS, style, config, self.method.__name__, self.num_lineart, self.tune_on, TUNE_STEPS]
        said += [self.watched, NUM_WATCHED, SIZE, NUM_TRAINING, NUM_HELD_OUT, NUM_TEST]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:8]


_HELD_RATE = {"schedule": {"constant_epochs": 1.25, "decay_epochs": 0}}
_NO_PALETTE = {"method": {"generator": {"palette": 0}}}
_NO_LINES_KEPT = {"method": {"generator": {"palette": 0, "head": "tanh"}}}
_UNPAIRED = {
    "method": {"generator": {"palette": 0}, "losses": {"lambda_pseudo": 0}},
    "schedule": {"warm_up_epochs": 0, "decay_epochs": 4.25},
}

RECIPES = [
    Recipe("ours", "ours", watched=True),
    Recipe("free colours under kept lines, no palette", "ours", _NO_PALETTE),
    Recipe("no palette, lines not kept (tanh)", "ours", _NO_LINES_KEPT),
    Recipe("transposed convolutions", "ours", {"method": {"generator": {"upsample": "transposed"}}}),
    Recipe("fake lineart may have colour", "ours", {"method": {"losses": {"grey_lines": False}}}),
    Recipe("identity loss 0.5", "ours", {"method": {"losses": {"lambda_identity": 0.5}}}),
    Recipe("no DiffAugment", "ours", {"method": {"augment": False}}),
    Recipe("learning rate held to the end", "ours", _HELD_RATE),
    Recipe("no warm-up", "ours", {"schedule": {"warm_up_epochs": 0, "decay_epochs": 4.25}}),
    Recipe("longer warm-up, shorter after it", "ours", {"schedule": {"warm_up_epochs": 5, "decay_epochs": 0.6}}),
    Recipe("warm-up alone, no discriminators", "ours", {"schedule": {"warm_up_epochs": 7, "decay_epochs": 0}}),
    Recipe("no pseudo-pairs, no palette", "ours", _UNPAIRED),
    Recipe("spectral norm", "ours", method=SpectralNorm),
    Recipe("R1 penalty", "ours", method=R1),
    Recipe("global discriminator", "ours", method=GlobalDiscriminator),
    Recipe("soft labels 0.9", "ours", method=SoftLabels),
    Recipe("loss balancing 0.05", "ours", method=LossBalancing),
    Recipe("6 blocks, not 4", "ours", {"method": {"generator": {"blocks": 6}}}),
    Recipe("12 blocks", "ours", {"method": {"generator": {"blocks": 12}}}),
    Recipe("8 drawings in A", "ours", num_lineart=8),
    Recipe("fine-tuned on 8 pictures of B", "ours", tune_on=8),
    Recipe("the painter alone: method paired", "paired", method=Paired, watched=True),
    Recipe("published, 6 blocks", "published", watched=True),
]
