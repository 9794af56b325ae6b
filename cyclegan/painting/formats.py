"""Converts checkpoints of older formats to the current one. No other module knows the older formats.

format 1    until version 0.1: all networks in one dictionary, settings of the method among those of the training
format 2    the painter in a part of its own; of the pictures of domain B it remembers 64 palettes and nothing else
format 3    see :mod:`cyclegan.painting.checkpoint`
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

FORMAT = 3

# fields of a config of format 1 on which the weights depend; None: a single value
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
    """Converts a checkpoint of any older format to the current one.

    Args:
        checkpoint: with its "format"; one of the current format is returned unchanged.

    Raises:
        KeyError: a part is missing.
    """
    if checkpoint["format"] == 1:
        checkpoint = _from_1(checkpoint)
    return _from_2(checkpoint) if checkpoint["format"] == 2 else checkpoint


def config_1(config: Mapping[str, Any]) -> dict[str, Any]:
    """Converts a config to format 1, from which the ids of older runs were derived.

    Args:
        config: a dumped TrainConfig.

    Returns:
        The fields of format 1 on which the weights depend.
    """
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
        "format": 2,
        **kept,
        "config": _config_2(config),
        "painter": painter,
        "lineart": old.get("lineart", {"size": config["data"]["crop"], "examples": None}),
    }
    if "optimizers" in old:  # an exported checkpoint has none
        new["method"] = {
            "networks": {"g_ba": _renamed(networks["g_ba"]), "d_a": networks["d_a"], "d_b": networks["d_b"]},
            "optimizers": old["optimizers"],
            "pools": old["pools"],
        }
        new["averages"] = {"g_ba": _renamed(averages["g_ba"])}
    return new


def _from_2(old: dict[str, Any]) -> dict[str, Any]:
    painter = old["painter"]
    known = {weights: _with_memory(painter[weights]) for weights in ("ema", "raw") if weights in painter}
    return {**old, "format": FORMAT, "painter": {**painter, **known}}


def _with_memory(state: Mapping[str, Any]) -> dict[str, Any]:
    """Adds what format 2 does not know: which classes the remembered pictures have, and what they show."""
    if "remembered" not in state:
        return dict(state)
    palettes = state["remembered"]
    count, k = palettes.shape[:2]
    unknown = {"shares": palettes.new_ones(count, k), "keys": palettes.new_zeros(0, 0)}
    return {**state, **unknown}


def _config_2(config: Mapping[str, Any]) -> dict[str, Any]:
    method = {"kind": "cyclegan", **{name: config[name] for name in _METHOD_1 if name in config}}
    return {"method": method, **{name: value for name, value in config.items() if name not in _METHOD_1}}


def _renamed(state: Mapping[str, Any]) -> dict[str, Any]:
    """Renames a generator's weights; its convolutions were called `layers` in format 1."""
    return {re.sub(r"^layers\.", "network.", name): tensor for name, tensor in state.items()}
