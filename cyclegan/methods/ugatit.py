"""Trains the networks of U-GAT-IT (Kim et al. 2020), one optimization step at a time.

A step makes all pictures once, first updates the discriminators on them and then the generators, as the published code
does, which makes them twice. Pictures for the same network are batched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from cyclegan.methods.adversarial import (
    Losses,
    SingleUpdate,
    far_from_real,
    frozen,
    seeded,
    told_apart_loss,
    weighted_sum,
)
from cyclegan.methods.attentive import BothDiscriminators
from cyclegan.methods.config import UgatitConfig
from cyclegan.methods.losses import cross_entropy, l1_loss
from cyclegan.methods.method import Batch, Context
from cyclegan.painting.painter import Painter


class _Made(NamedTuple):
    """What a generator makes of its two domains: (N, 3, H, W) pictures, and (N, 2) logits of their domain."""

    fake: Tensor
    same: Tensor
    of_other: Tensor
    of_own: Tensor


class Ugatit(SingleUpdate):
    """U-GAT-IT as a Method.

    Attributes:
        g_ab: generator from lineart to colour: the painter.
        g_ba: generator from colour to lineart.
        d_a: local and global discriminator of lineart.
        d_b: those of colour.
    """

    averaged = ("g_ba",)
    losses = (
        "generators",
        *(f"{loss}_{domain}" for loss in ("adversarial", "cycle", "identity", "cam") for domain in "ab"),
        "d_a",
        "d_b",
    )

    def __init__(self, config: UgatitConfig, context: Context) -> None:
        self.config = config
        with seeded(context.rng):  # weights as torch initializes them, as in the published code
            self.g_ab, self.g_ba = Painter(config.generator), Painter(config.of_lineart)
            self.d_a, self.d_b = BothDiscriminators(config.discriminator), BothDiscriminators(config.discriminator)
        generators = {"g_ab": self.g_ab, "g_ba": self.g_ba}
        super().__init__(context, self.g_ab, generators, {"d_a": self.d_a, "d_b": self.d_b}, config.optimizer)

    def _update(self, batch: Batch, drawn: Sequence[Tensor], warming_up: bool) -> Losses:
        a, b = batch.real_a, batch.real_b
        with self._context.autocast():
            colours, lines = self._made(self.g_ab, a, b), self._made(self.g_ba, b, a)
            rec_a, rec_b = self.g_ba(colours.fake), self.g_ab(lines.fake)
            losses = {
                "d_a": told_apart_loss(self.d_a, a, lines.fake.detach()),
                "d_b": told_apart_loss(self.d_b, b, colours.fake.detach()),
            }
        losses |= {
            "cycle_a": l1_loss(rec_a, a),
            "cycle_b": l1_loss(rec_b, b),
            "identity_a": l1_loss(lines.same, a),
            "identity_b": l1_loss(colours.same, b),
            "cam_a": _cam_loss(lines),
            "cam_b": _cam_loss(colours),
        }
        self.optimizers["discriminators"].update(losses["d_a"] + losses["d_b"])
        with frozen(self.d_a, self.d_b), self._context.autocast():
            judged_a, judged_b = self.d_a(lines.fake), self.d_b(colours.fake)
        losses["adversarial_a"], losses["adversarial_b"] = far_from_real(judged_a), far_from_real(judged_b)
        losses["generators"] = self._total(losses)
        self.optimizers["generators"].update(losses["generators"])
        for generator in (self.g_ab, self.g_ba):
            generator.network.clip()  # type: ignore[operator]
        return losses

    def _made(self, generator: Painter, other: Tensor, own: Tensor) -> _Made:
        """Translates pictures of the other domain, and those of the generator's own, which should stay as they are."""
        images, count = torch.cat([other, own]), len(other)
        found, logits, _ = generator.network.attend(images)  # type: ignore[operator]
        made = generator.picture(found, images)
        return _Made(made[:count], made[count:], logits[:count], logits[count:])

    def _total(self, losses: Losses) -> Tensor:
        weights = self.config.losses
        parts = {
            "adversarial": 1.0,
            "cycle": weights.lambda_cycle,
            "identity": weights.lambda_cycle * weights.lambda_identity,
            "cam": weights.lambda_cam,
        }
        return weighted_sum(losses, parts)


def _cam_loss(made: _Made) -> Tensor:
    """Returns the loss of a generator's attention, which tells pictures to translate from those of its own domain."""
    return cross_entropy(made.of_other, real=True) + cross_entropy(made.of_own, real=False)
