"""Lists what the presets change in the settings of each method, which by default are as published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from cyclegan.methods.config import MethodName

PresetName = Literal["paper", "default", "small", "demo"]

_FLAT_COLOURS_UNDER_LINES = {"head": "line_keeping", "upsample": "nearest"}
_LARGE_PALETTE = {"blocks": 12, "ngf": 64, "palette": 16, "shading": True, **_FLAT_COLOURS_UNDER_LINES}
_MEDIUM_PALETTE = {"blocks": 6, "ngf": 32, "palette": 12, "shading": True, **_FLAT_COLOURS_UNDER_LINES}
_SMALL_PALETTE = {"blocks": 4, "ngf": 16, "palette": 8, "shading": True, **_FLAT_COLOURS_UNDER_LINES}
_KEPT_LINES = {"head": "line_keeping"}
_NO_WARM_UP = {"constant_epochs": 100, "decay_epochs": 100}
_LONG = {
    "schedule": {"warm_up_epochs": 10, "constant_epochs": 90, "decay_epochs": 100},
    "ema": 0.9995,
    "checkpoint_every": 5000,  # one takes as long as 1000 to 2000 steps on a GPU
}
_MEDIUM = {
    "schedule": {"warm_up_epochs": 4.0, "constant_epochs": 0.0, "decay_epochs": 4.0},
    "data": {"crop": 128},
    "batch": 4,
    "ema": 0.998,
    "checkpoint_every": 500,
    "log_every": 20,
}
_SHORT = {
    "schedule": {"warm_up_epochs": 4.0, "constant_epochs": 0.0, "decay_epochs": 1.8},
    "data": {"crop": 96},
    "batch": 4,
    "ema": 0.995,
    "checkpoint_every": 160,
    "log_every": 10,
}
_HIGH_RATES = {"optimizer": {"lr_generator": 8e-4, "lr_discriminator": 4e-4}}
_SMALL_CYCLES = {
    "generator": _SMALL_PALETTE,
    "discriminator": {"ndf": 32},
    "losses": {
        "lambda_cycle_b": 5.0,
        "lambda_cycle_b_end": 1.0,
        "lambda_identity": 0.0,
        "lambda_pseudo": 10.0,
        "grey_lines": True,
    },
    "augment": True,
    **_HIGH_RATES,
}
# of `paired`: the painter alone, so that a step costs a third to a fifth
_NO_DISCRIMINATOR = {"losses": {"lambda_adversarial": 0.0}}

# paper: exactly, as averaging the weights does not change the training
# default: about 1000 + 1000 images of 286 px on one GPU
# small: about 1000 + 1000 images of 144 px, an hour on two CPU cores or some minutes on a GPU
# demo: about 650 + 650 portraits of 96 px, some six minutes on two CPU cores
PRESETS: Mapping[MethodName, Mapping[PresetName, Mapping[str, Any]]] = {
    "cyclegan": {
        "paper": {},
        "default": {
            "method": {
                "generator": _LARGE_PALETTE,
                "losses": {
                    "lambda_cycle_b_end": 1.0,
                    "lambda_identity": 0.0,
                    "lambda_pseudo": 10.0,
                    "grey_lines": True,
                },
                "augment": True,
            },
            **_LONG,
        },
        "small": {"method": {**_SMALL_CYCLES, "generator": _MEDIUM_PALETTE}, **_MEDIUM},
        "demo": {"method": _SMALL_CYCLES, **_SHORT},
    },
    "paired": {
        "paper": {},
        "default": {
            "method": {"generator": {"network": "resnet", **_LARGE_PALETTE}, **_NO_DISCRIMINATOR},
            **_LONG,
            "schedule": _NO_WARM_UP,
        },
        "small": {
            "method": {"generator": {"network": "resnet", **_MEDIUM_PALETTE}, **_NO_DISCRIMINATOR, **_HIGH_RATES},
            **_MEDIUM,
            "schedule": {"constant_epochs": 14.0, "decay_epochs": 10.0},
        },
        "demo": {
            "method": {"generator": {"network": "resnet", **_SMALL_PALETTE}, **_NO_DISCRIMINATOR, **_HIGH_RATES},
            **_SHORT,
            "schedule": {"constant_epochs": 8.0, "decay_epochs": 6.0},
            "checkpoint_every": 380,
        },
    },
    "ugatit": {
        # for 1000 pictures a million steps, as published, half of them with a falling rate
        "paper": {
            "method": {"generator": {"full": 256}},
            "schedule": {"constant_epochs": 500, "decay_epochs": 500},
        },
        "default": {"method": {"generator": _KEPT_LINES}, **_LONG, "schedule": _NO_WARM_UP},
        "small": {
            "method": {
                "generator": {"blocks": 3, "ngf": 24, **_KEPT_LINES},
                "discriminator": {"ndf": 24},
                **_HIGH_RATES,
            },
            **_MEDIUM,
            "schedule": {"constant_epochs": 0.0, "decay_epochs": 8.0},
        },
        "demo": {
            "method": {
                "generator": {"blocks": 2, "ngf": 16, **_KEPT_LINES},
                "discriminator": {"ndf": 16},
                **_HIGH_RATES,
            },
            **_SHORT,
            "schedule": {"constant_epochs": 0.0, "decay_epochs": 5.8},
        },
    },
    "munit": {
        # for 1000 pictures a million steps, as published, with half the rate from each 100,000 on
        "paper": {"schedule": {"constant_epochs": 1000, "decay_epochs": 0, "halving_epochs": 100}},
        "default": {**_LONG, "schedule": _NO_WARM_UP},
        "small": {
            "method": {"generator": {"blocks": 3, "ngf": 24}, "discriminator": {"ndf": 24, "layers": 3}, **_HIGH_RATES},
            **_MEDIUM,
            "schedule": {"constant_epochs": 0.0, "decay_epochs": 8.0},
        },
        "demo": {
            "method": {
                "generator": {"blocks": 2, "ngf": 16},
                "discriminator": {"ndf": 16, "layers": 3},
                **_HIGH_RATES,
            },
            **_SHORT,
            "schedule": {"constant_epochs": 0.0, "decay_epochs": 5.8},
        },
    },
}


def usual_method(name: PresetName) -> MethodName:
    """Returns the method of a preset where none is named: that which colours best for the same minutes."""
    return "cyclegan" if name == "paper" else "paired"
