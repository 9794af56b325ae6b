"""Trains the networks of MUNIT, after the paper (Huang et al. 2018), one optimization step at a time.

A picture is its content, which both domains share, and a style, a code of its domain. A step makes all pictures once,
first updates the discriminators on them and then the generators. Pictures for the same decoder are batched.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cyclegan.methods.adversarial import Losses, SingleUpdate, far_from_real, frozen, told_apart_loss, weighted_sum
from cyclegan.methods.config import MunitConfig
from cyclegan.methods.losses import l1_loss
from cyclegan.methods.method import Batch, Context
from cyclegan.methods.multiscale import MultiScaleDiscriminator
from cyclegan.painting.config import STYLE
from cyclegan.painting.networks import init_weights
from cyclegan.painting.painter import Painter
from cyclegan.painting.styled import StyledGenerator


class Munit(SingleUpdate):
    """MUNIT as a Method.

    Attributes:
        g_ab: the painter: content encoder of lineart; style encoder and decoder of colour.
        g_ba: content encoder of colour; style encoder and decoder of lineart.
        d_a: discriminator of lineart, at three scales.
        d_b: that of colour.
    """

    averaged = ("g_ba",)
    losses = (
        "generators",
        *(f"{loss}_{domain}" for loss in ("adversarial", "image", "content", "style", "cycle") for domain in "ab"),
        "d_a",
        "d_b",
    )

    def __init__(self, config: MunitConfig, context: Context) -> None:
        self.config = config
        self.g_ab, self.g_ba = Painter(config.generator), StyledGenerator(config.generator, 3)
        self.d_a, self.d_b = (MultiScaleDiscriminator(config.discriminator) for _ in range(2))
        for generator in (self.g_ab, self.g_ba):
            init_kaiming(generator, context.rng)
        for discriminator in (self.d_a, self.d_b):
            init_weights(discriminator, context.rng)
        generators: dict[str, nn.Module] = {"g_ab": self.g_ab, "g_ba": self.g_ba}
        super().__init__(context, self.g_ab, generators, {"d_a": self.d_a, "d_b": self.d_b}, config.optimizer)

    def _drawn(self, batch: Batch) -> list[Tensor]:
        """Draws styles (N, STYLE), of A and of B."""
        return [self._styles(batch.real_a), self._styles(batch.real_b)]

    def _update(self, batch: Batch, drawn: Sequence[Tensor], warming_up: bool) -> Losses:
        losses, fake_a, fake_b = self._generator_losses(batch, *drawn)
        with self._context.autocast():
            losses["d_a"] = told_apart_loss(self.d_a, batch.real_a, fake_a.detach())
            losses["d_b"] = told_apart_loss(self.d_b, batch.real_b, fake_b.detach())
        self.optimizers["discriminators"].update(losses["d_a"] + losses["d_b"])
        with frozen(self.d_a, self.d_b), self._context.autocast():
            judged_a, judged_b = self.d_a(fake_a), self.d_b(fake_b)
        losses["adversarial_a"], losses["adversarial_b"] = far_from_real(judged_a), far_from_real(judged_b)
        losses["generators"] = self._total(losses)
        self.optimizers["generators"].update(losses["generators"])
        return losses

    def _generator_losses(self, batch: Batch, asked_a: Tensor, asked_b: Tensor) -> tuple[Losses, Tensor, Tensor]:
        """Returns the losses without discriminators, and the fakes of A and of B."""
        a, b, to_b, to_a = batch.real_a, batch.real_b, self.g_ab.network, self.g_ba
        assert isinstance(to_b, StyledGenerator)
        with self._context.autocast():
            content_a, content_b, style_a, style_b = to_b.content(a), to_a.content(b), to_a.style(a), to_b.style(b)
            fake_b, same_b = _both(to_b, content_a, asked_b, content_b, style_b)
            fake_a, same_a = _both(to_a, content_b, asked_a, content_a, style_a)
            content_of_fake_b, content_of_fake_a = to_a.content(fake_b), to_b.content(fake_a)
            losses = {
                "image_a": l1_loss(same_a, a),
                "image_b": l1_loss(same_b, b),
                "content_a": l1_loss(content_of_fake_b, content_a),
                "content_b": l1_loss(content_of_fake_a, content_b),
                "style_a": l1_loss(to_a.style(fake_a), asked_a),
                "style_b": l1_loss(to_b.style(fake_b), asked_b),
            }
            if self.config.losses.lambda_cycle:
                losses["cycle_a"] = l1_loss(to_a.decode(content_of_fake_b, style_a).tanh(), a)
                losses["cycle_b"] = l1_loss(to_b.decode(content_of_fake_a, style_b).tanh(), b)
        return losses, fake_a, fake_b

    def _styles(self, images: Tensor) -> Tensor:
        """Draws the styles (N, STYLE) of this process's pictures; all processes draw those of the whole batch."""
        world = self._context.world
        drawn = torch.randn(len(images) * world.size, STYLE, generator=self._context.rng)
        return drawn[world.share(len(drawn))].to(images.device, images.dtype)

    def _total(self, losses: Losses) -> Tensor:
        weights = self.config.losses
        parts = {
            "adversarial": 1.0,
            "image": weights.lambda_image,
            "content": weights.lambda_content,
            "style": weights.lambda_style,
            "cycle": weights.lambda_cycle,
        }
        return weighted_sum(losses, parts)


def _both(generator: StyledGenerator, one: Tensor, style: Tensor, other: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """Makes pictures of two batches of contents in their styles at once."""
    made = generator.decode(torch.cat([one, other]), torch.cat([style, own.to(style.dtype)])).tanh()
    return made[: len(one)], made[len(one) :]


def init_kaiming(network: nn.Module, rng: torch.Generator) -> None:
    """Sets weights of convolutions and dense layers after He et al. 2015, drawn from `rng`, and biases to zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, generator=rng)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
