"""Implements variants of CycleGAN that did not improve the results and are therefore not part of the product."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from cyclegan.methods.augment import augmented
from cyclegan.methods.cyclegan import CycleGan
from cyclegan.methods.discriminator import Discriminator
from cyclegan.methods.losses import adversarial_loss
from cyclegan.methods.optimizer import Optimizer
from cyclegan.painting.networks import init_weights


class SoftLabels(CycleGan):
    """Trains the discriminators with the target 0.9 for real pictures instead of 1 (one-sided label smoothing)."""

    def _discriminator_loss(
        self, discriminator: nn.Module, real: Tensor, fake: Tensor, places: Tensor | None = None
    ) -> Tensor:
        seen = torch.cat([real, fake.to(real.dtype)])
        with self._context.autocast():
            on_real, on_fake = discriminator(augmented(seen, places)).chunk(2)
        return (((on_real.float() - 0.9) ** 2).mean() + adversarial_loss(on_fake, real=False)) / 2


class LossBalancing(CycleGan):
    """Updates the discriminators only while their mean loss is above 0.05; at 0.25 they cannot tell real from fake."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.optimizers["discriminators"] = _Balanced(self)


class _Balanced(Optimizer):
    def __init__(self, method: CycleGan) -> None:
        super().__init__(*_discriminators(method))

    def update(self, loss: Tensor) -> None:
        if float(loss.detach()) / 2 > 0.05:
            super().update(loss)


class SpectralNorm(CycleGan):
    """Limits each layer of the discriminators to a Lipschitz constant of 1 (Miyato et al. 2018)."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        for discriminator in (self.d_a, self.d_b):
            for layer in discriminator.modules():
                if isinstance(layer, nn.Conv2d):
                    spectral_norm(layer)
        self.optimizers["discriminators"] = Optimizer(*_discriminators(self))


class R1(CycleGan):
    """Penalizes the discriminators' gradient at real pictures (Mescheder et al. 2018), with gamma 1, in every step."""

    def _discriminator_loss(
        self, discriminator: nn.Module, real: Tensor, fake: Tensor, places: Tensor | None = None
    ) -> Tensor:
        seen = real.detach().requires_grad_()
        (slope,) = torch.autograd.grad(discriminator(seen).sum(), seen, create_graph=True)
        loss = super()._discriminator_loss(discriminator, real, fake, places)
        return loss + 0.5 * slope.square().sum((1, 2, 3)).mean()


class _WithGlobal(nn.Module):
    """Combines a PatchGAN and a discriminator that sees nearly the whole crop, with equal weights."""

    def __init__(self, patch: Discriminator, whole: Discriminator) -> None:
        super().__init__()
        self.patch, self.whole = patch, whole

    def forward(self, x: Tensor) -> Tensor:
        near = self.patch(x)
        return torch.cat([near, nn.functional.interpolate(self.whole(x), near.shape[-2:])], 1)


class GlobalDiscriminator(CycleGan):
    """Adds a second discriminator with a receptive field of 142 px to each PatchGAN."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        wide = self.config.discriminator.model_copy(update={"layers": 4})
        for name in ("d_a", "d_b"):
            whole = Discriminator(wide)
            init_weights(whole, self._context.rng)
            self.networks[name] = _WithGlobal(self.networks[name], whole)  # type: ignore[arg-type]
            setattr(self, name, self.networks[name])
        self.optimizers["discriminators"] = Optimizer(*_discriminators(self))


def _discriminators(method: CycleGan) -> tuple[list[nn.Module], float, tuple[float, float]]:
    """Returns the arguments of the discriminators' optimizer: networks, learning rate and Adam's betas."""
    rates = method.config.optimizer
    return [method.d_a, method.d_b], rates.lr_discriminator, (rates.beta1, rates.beta2)
