"""Implements the training step of a CycleGAN as published code does, to compare ours with."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cyclegan.methods.image_pool import ImagePool


class PublishedStep:
    """The training step of pytorch-CycleGAN-and-pix2pix (Zhu et al. 2017), which CycleGANime copies.

    It computes in float32, with six generator passes, one backward pass for both generators and one for each
    discriminator, which gets real and fake images in separate passes. Adam has torch's default implementation. The
    host reads the losses every tenth step.

    Args:
        networks: the generators "g_ab" and "g_ba" and the discriminators "d_a" and "d_b"; they are copied.
    """

    def __init__(self, networks: dict[str, nn.Module]) -> None:
        own = {name: copy.deepcopy(network) for name, network in networks.items()}
        self.g_ab, self.g_ba, self.d_a, self.d_b = (
            own[name].to(memory_format=torch.contiguous_format) for name in ("g_ab", "g_ba", "d_a", "d_b")
        )
        rng = torch.Generator().manual_seed(0)
        self.pool_a, self.pool_b = ImagePool(50, rng), ImagePool(50, rng)
        generators = [*self.g_ab.parameters(), *self.g_ba.parameters()]
        self.discriminators = [*self.d_a.parameters(), *self.d_b.parameters()]
        self.adam_g = torch.optim.Adam(generators, 2e-4, (0.5, 0.999))
        self.adam_d = torch.optim.Adam(self.discriminators, 2e-4, (0.5, 0.999))
        self.steps = 0

    def step(self, a: Tensor, b: Tensor) -> Tensor:
        """Updates all networks.

        Args:
            a: batch of domain A, (n, 3, H, W) float32 in -1..1.
            b: batch of domain B, likewise.

        Returns:
            The generators' loss, a scalar.
        """
        fake_b, fake_a = self.g_ab(a), self.g_ba(b)
        rec_a, rec_b = self.g_ba(fake_b), self.g_ab(fake_a)
        self._freeze(True)
        self.adam_g.zero_grad()
        identity = 5 * F.l1_loss(self.g_ab(b), b) + 5 * F.l1_loss(self.g_ba(a), a)
        adversarial = lsgan(self.d_b(fake_b), 1.0) + lsgan(self.d_a(fake_a), 1.0)
        loss = adversarial + 10 * F.l1_loss(rec_a, a) + 10 * F.l1_loss(rec_b, b) + identity
        loss.backward()
        self.adam_g.step()
        self._freeze(False)
        self.adam_d.zero_grad()
        losses = [loss, self._judge(self.d_b, b, self.pool_b.query(fake_b))]
        losses.append(self._judge(self.d_a, a, self.pool_a.query(fake_a)))
        self.adam_d.step()
        if self.steps % 10 == 0:
            [each.item() for each in losses]
        self.steps += 1
        return loss

    def _judge(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        loss = (lsgan(discriminator(real), 1.0) + lsgan(discriminator(fake), 0.0)) * 0.5
        loss.backward()
        return loss

    def _freeze(self, frozen: bool) -> None:
        for parameter in self.discriminators:
            parameter.requires_grad = not frozen


def lsgan(logits: Tensor, target: float) -> Tensor:
    return F.mse_loss(logits, torch.full_like(logits, target))
