"""A generator that has learnt nothing, for tests of what is done with one."""

import torch

from cyclegan.config import GeneratorConfig
from cyclegan.networks import Generator, init_weights


def untrained(config: GeneratorConfig, seed: int = 0) -> Generator:
    """With weights so large that it paints all over the page, and palettes to remember if it has any."""
    network = Generator(config).eval()
    random = torch.Generator().manual_seed(seed)
    init_weights(network, random)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(5)
        if config.palette:
            network.remembered.copy_(torch.rand(network.remembered.shape, generator=random))
    return network
