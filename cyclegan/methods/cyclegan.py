"""Trains the four networks of CycleGAN (Zhu et al. 2017), one optimization step at a time.

g_ab, g_ba, d_a and d_b are the paper's G, F, D_X and D_Y. A step first updates the generators, against frozen
discriminators, and then the discriminators, on the same fakes after the image pools. Images for the same network are
batched: four generator passes instead of six. With instance norm this does not change the results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cyclegan.methods.adversarial import Adversarial, Losses, detached, frozen
from cyclegan.methods.augment import augmented, draw_places
from cyclegan.methods.config import CycleGanConfig
from cyclegan.methods.discriminator import Discriminator
from cyclegan.methods.image_pool import ImagePool
from cyclegan.methods.losses import adversarial_loss, l1_loss, to_grey
from cyclegan.methods.method import Batch, Context, Moment, together
from cyclegan.painting.layers import compose, in_colours
from cyclegan.painting.networks import Generator, init_weights
from cyclegan.painting.painter import Painter
from cyclegan.painting.palettes import palette_of
from cyclegan.painting.shadows import shadow_loss


class CycleGan(Adversarial):
    """CycleGAN as a Method; see there for what its members mean.

    Attributes:
        g_ab: generator from lineart to colour: the painter.
        g_ba: generator from colour to lineart.
        d_a: discriminator of lineart.
        d_b: discriminator of colour.
        pools: the image pools of the discriminators, by domain ("a", "b").
    """

    averaged = ("g_ba",)
    losses: tuple[str, ...] = (
        "generators",
        "adversarial_a",
        "adversarial_b",
        "cycle_a",
        "cycle_b",
        "identity_a",
        "identity_b",
        "pseudo_a",
        "pseudo_b",
        "d_a",
        "d_b",
    )

    def __init__(self, config: CycleGanConfig, context: Context) -> None:
        self.config = config
        if config.learns_shadows:
            self.losses = (*self.losses, "shadows")
        self.g_ab, self.g_ba = Painter(config.generator), Generator(config.generator)
        self.d_a, self.d_b = Discriminator(config.discriminator), Discriminator(config.discriminator)
        generators: dict[str, nn.Module] = {"g_ab": self.g_ab, "g_ba": self.g_ba}
        discriminators = {"d_a": self.d_a, "d_b": self.d_b}
        for network in (*generators.values(), *discriminators.values()):
            init_weights(network, context.rng)
        super().__init__(context, self.g_ab, generators, discriminators, config.optimizer)
        self.pools = {name: ImagePool(config.pool, context.rng) for name in ("a", "b")}
        self._cycle_weight = torch.tensor(config.losses.lambda_cycle_b, device=context.device)
        self._warm_up, self._train_generators, self._train_discriminators = (
            self._replayed(part)
            for part in (self._update_in_warm_up, self._update_generators, self._update_discriminators)
        )

    def step(self, batch: Batch, at: Moment) -> Losses:
        """Updates every network once; see Method.step."""
        self._set_rate(at)
        losses = self._warm_up(*batch.tensors()) if at.warming_up else self._adversarial(batch, at)
        self._context.world.average(list(losses.values()))
        return losses

    def _update_in_warm_up(self, *images: Tensor | None) -> Losses:
        batch = Batch.of(*images)
        assert batch.lines_b is not None
        with self._context.autocast():
            ((coloured,), _, shadows), lines = self._colour(batch, batch.lines_b), self.g_ba(batch.real_b)
        losses = {
            "pseudo_b": l1_loss(coloured, batch.real_b),
            "pseudo_a": l1_loss(self._as_lines(lines), batch.lines_b),
        }
        total = self.config.losses.lambda_pseudo * (losses["pseudo_a"] + losses["pseudo_b"])
        of_shadows = _shadow_losses(shadows, batch)
        losses, total = losses | of_shadows, sum(of_shadows.values(), total)
        self.optimizers["generators"].update(total)
        return detached(losses)

    def _adversarial(self, batch: Batch, at: Moment) -> Losses:
        self._warm_up.forget()
        self._cycle_weight.fill_(self._lambda_cycle_b(at))
        a, b = batch.real_a, batch.real_b
        losses = self._train_generators(self._places(a), self._places(b), *batch.tensors())
        past = {}
        for name, real in (("a", a), ("b", b)):
            past[name] = self._through_pool(name, losses.pop(f"fake_{name}")), self._places(real, real)
        return losses | self._train_discriminators(a, *past["a"], b, *past["b"])

    def _update_generators(self, places_a: Tensor | None, places_b: Tensor | None, *images: Tensor | None) -> Losses:
        """Returns the losses, and the fakes as "fake_a" and "fake_b"."""
        with frozen(self.d_a, self.d_b):
            losses, fake_a, fake_b = self._generator_losses(Batch.of(*images), places_a, places_b)
            self.optimizers["generators"].update(losses["generators"])
        return detached(losses | {"fake_a": fake_a, "fake_b": fake_b})

    def _update_discriminators(
        self,
        real_a: Tensor,
        fake_a: Tensor,
        places_a: Tensor | None,
        real_b: Tensor,
        fake_b: Tensor,
        places_b: Tensor | None,
    ) -> Losses:
        losses = {
            "d_a": self._discriminator_loss(self.d_a, real_a, fake_a, places_a),
            "d_b": self._discriminator_loss(self.d_b, real_b, fake_b, places_b),
        }
        self.optimizers["discriminators"].update(losses["d_a"] + losses["d_b"])
        return detached(losses)

    def _generator_losses(
        self, batch: Batch, places_a: Tensor | None = None, places_b: Tensor | None = None
    ) -> tuple[Losses, Tensor, Tensor]:
        """Returns the losses (the weighted sum "generators" and its parts), then the fakes of A and of B."""
        weights, lambda_cycle_b = self.config.losses, self._cycle_weight
        a, b, identity = batch.real_a, batch.real_b, weights.lambda_identity > 0
        pseudo = batch.lines_b
        with self._context.autocast():
            (fake_b, *more_b), palette, shadows = self._colour(batch, a, b if identity else None, pseudo)
            fake_a, *more_a = together(self.g_ba, b, a if identity else None)
            fake_a = self._as_lines(fake_a)
            rec_a, rec_b = self.g_ba(fake_b), self.g_ab(fake_a, palette)
            judged_a, judged_b = self.d_a(augmented(fake_a, places_a)), self.d_b(augmented(fake_b, places_b))
        losses = {
            "adversarial_a": adversarial_loss(judged_a, real=True),
            "adversarial_b": adversarial_loss(judged_b, real=True),
            "cycle_a": l1_loss(self._as_lines(rec_a), a),
            "cycle_b": l1_loss(rec_b, b),
        }
        total = losses["adversarial_a"] + losses["adversarial_b"]
        total = total + weights.lambda_cycle_a * losses["cycle_a"] + lambda_cycle_b * losses["cycle_b"]
        if identity:
            losses |= {"identity_a": l1_loss(more_a[0], a), "identity_b": l1_loss(more_b[0], b)}
            total = total + weights.lambda_identity * (
                weights.lambda_cycle_a * losses["identity_a"] + lambda_cycle_b * losses["identity_b"]
            )
        if pseudo is not None:
            losses |= {"pseudo_a": l1_loss(fake_a, pseudo), "pseudo_b": l1_loss(more_b[-1], b)}
            total = total + weights.lambda_pseudo * (losses["pseudo_a"] + losses["pseudo_b"])
        of_shadows = _shadow_losses(shadows, batch)
        losses, total = losses | of_shadows, sum(of_shadows.values(), total)
        return losses | {"generators": total}, fake_a, fake_b

    def _lambda_cycle_b(self, at: Moment) -> float:
        """Returns the weight of B→A→B, linear from the first to the last step."""
        first, last = self.config.losses.lambda_cycle_b, self.config.losses.lambda_cycle_b_end
        return first + (last - first) * at.step / max(1, at.total - 1)

    def _colour(self, batch: Batch, *images: Tensor | None) -> tuple[Sequence[Tensor], Tensor | None, Tensor | None]:
        """Colours all given images in one pass, with the palettes measured in `real_b` if the painter has palettes.

        With these palettes, lineart gets colours of domain B, and B→A→B can reconstruct the colours of `real_b`.

        Args:
            batch: the batch of this step.
            images: (N, 3, H, W) in [-1, 1] each; None is skipped. With palettes, the last one is `batch.lines_b`.

        Returns:
            The coloured images, the palettes (N, k, 3) in [0, 1] or None, and the logits of the shadows on the last
            image, (N, LIGHTS, H, W), or None if there is nothing to learn of them.
        """
        if not self.config.generator.palette:
            return together(self.g_ab, *images), None, None
        assert batch.lines_b is not None
        given = [image for image in images if image is not None]
        shadows = None
        if batch.shadows_b is None:
            regions = together(self.g_ab.regions, *given)
        else:
            both, logits = self.g_ab.with_shadows(torch.cat(given))
            regions, shadows = both.split(len(given[0])), logits[-len(given[0]) :]
        palette = palette_of(regions[-1], batch.lines_b, batch.real_b)
        coloured = [compose(in_colours(shares, palette), image) for shares, image in zip(regions, given, strict=True)]
        return coloured, palette, shadows

    def _discriminator_loss(
        self, discriminator: nn.Module, real: Tensor, fake: Tensor, places: Tensor | None = None
    ) -> Tensor:
        with self._context.autocast():
            on_real, on_fake = discriminator(augmented(torch.cat([real, fake.to(real.dtype)]), places)).chunk(2)
        return (adversarial_loss(on_real, real=True) + adversarial_loss(on_fake, real=False)) / 2

    def _through_pool(self, name: str, fakes: Tensor) -> Tensor:
        """Exchanges fakes with the image pool, which is the same in every process; returns this process's share."""
        world = self._context.world
        past = self.pools[name].query(world.gather(fakes.detach()))
        return past[world.share(len(past))]

    def _as_lines(self, fake_a: Tensor) -> Tensor:
        return to_grey(fake_a) if self.config.losses.grey_lines else fake_a

    def _places(self, *images: Tensor) -> Tensor | None:
        """Draws by what a discriminator's inputs (N, C, H, W), in this order, are augmented; None: by nothing."""
        if not self.config.augment:
            return None
        drawn = draw_places(self._context.draw, sum(map(len, images)), *images[0].shape[2:])
        return drawn.to(self._context.device)

    def state_dict(self) -> dict[str, Any]:
        """Returns the state besides the painter; see Method.state_dict."""
        return super().state_dict() | {"pools": {name: pool.state_dict() for name, pool in self.pools.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what :meth:`state_dict` returned."""
        super().load_state_dict(state)
        for name, pool in self.pools.items():
            pool.load_state_dict(state["pools"][name], self._context.device)


def _shadow_losses(logits: Tensor | None, batch: Batch) -> Losses:
    """Returns the loss of shadows by its name; none where nothing is to be learned of them."""
    if logits is None or batch.shadows_b is None:
        return {}
    return {"shadows": shadow_loss(logits, batch.shadows_b)}
