"""Older checkpoints, and what they need to be read as new ones. The only place that knows how they looked.

format 1    until version 0.1: all networks side by side, settings of the method beside those of the training
format 2    the painter by itself: see :mod:`cyclegan.painting.checkpoint`
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

FORMAT = 2

# what a config of format 1 held besides what no weights depend on; None: a single value
_CONFIG_1: dict[str, str | None] = {
    "generator": "blocks ngf head upsample palette",
    "discriminator": "ndf layers",
    "losses": "lambda_cycle_a lambda_cycle_b lambda_cycle_b_end lambda_identity grey_lines lambda_pseudo",
    "optimizer": "lr_generator lr_discriminator beta1 beta2",
    "schedule": "warm_up_epochs constant_epochs decay_epochs",
    "data": "crop flip",
    **dict.fromkeys(("batch", "pool", "augment", "ema", "seed", "precision")),
}
_METHOD_1 = ("generator", "discriminator", "losses", "optimizer", "pool", "augment")
_UNCHANGED_1 = ("step", "normalization", "data", "batches", "rng", "losses", "scores")


def upgraded(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint of any older format as one of the newest; one of the newest as it is."""
    return _from_1(checkpoint) if checkpoint["format"] == 1 else checkpoint


def config_1(config: Mapping[str, Any]) -> dict[str, Any]:
    """A dumped TrainConfig as format 1 had it, without what no weights depend on: ids of runs were made from it."""
    values = {**config["method"], **config}
    return {
        name: {inner: values[name][inner] for inner in names.split()} if names else values[name]
        for name, names in _CONFIG_1.items()
    }


def _from_1(old: dict[str, Any]) -> dict[str, Any]:
    config, networks, averages = old["config"], old.get("networks", {}), old["ema"]
    kept = {name: old[name] for name in _UNCHANGED_1 if name in old}
    painter = {"config": config["generator"], "ema": _renamed(averages["g_ab"])}
    if "g_ab" in networks:
        painter["raw"] = _renamed(networks["g_ab"])
    new = {
        "format": FORMAT,
        **kept,
        "config": _config_2(config),
        "painter": painter,
        "lineart": old.get("lineart", {"size": config["data"]["crop"], "examples": None}),
    }
    if "optimizers" in old:  # not so where it was exported to serve
        new["method"] = {
            "networks": {"g_ba": _renamed(networks["g_ba"]), "d_a": networks["d_a"], "d_b": networks["d_b"]},
            "optimizers": old["optimizers"],
            "pools": old["pools"],
        }
        new["averages"] = {"g_ba": _renamed(averages["g_ba"])}
    return new


def _config_2(config: Mapping[str, Any]) -> dict[str, Any]:
    method = {"kind": "cyclegan", **{name: config[name] for name in _METHOD_1 if name in config}}
    return {"method": method, **{name: value for name, value in config.items() if name not in _METHOD_1}}


def _renamed(state: Mapping[str, Any]) -> dict[str, Any]:
    """A generator's weights; its convolutions were called `layers`."""
    return {re.sub(r"^layers\.", "network.", name): tensor for name, tensor in state.items()}
