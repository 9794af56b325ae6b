"""Builds the network of each kind that a painter may have."""

from __future__ import annotations

from torch import nn

from cyclegan.painting.attention import AttentionGenerator
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.networks import WithShadows, resnet
from cyclegan.painting.styled import StyledGenerator
from cyclegan.painting.unet import UNet


def network_of(config: GeneratorConfig, channels: int) -> nn.Module:
    """Builds a network, untrained.

    Args:
        config: its kind and sizes.
        channels: of its output.

    Returns:
        A network (N, 3, H, W) → (N, channels, H, W) without a final activation. H and W must be multiples of 4 and at
        least 16.
    """
    if config.network == "unet":
        return UNet(config, channels)
    if config.network == "ugatit":
        return AttentionGenerator(config, channels)
    if config.network == "munit":
        return StyledGenerator(config, channels)
    return WithShadows(config, channels) if config.learns_shadows else resnet(config, channels)
