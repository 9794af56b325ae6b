"""Trains a painter on pairs that colour pictures give by themselves: their lines, and their colours.

The losses are those of pix2pix (Isola et al. 2017, section 3): L1, and a discriminator that sees a picture beside its
lines. Lineart of domain A teaches nothing here; it is what the painter is judged by. A step makes the fakes once, first
updates the discriminator on them and then the generator, as the published code does.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cyclegan.methods.adversarial import Losses, SingleUpdate, frozen
from cyclegan.methods.augment import augmented, draw_places
from cyclegan.methods.config import PairedConfig
from cyclegan.methods.discriminator import Discriminator
from cyclegan.methods.losses import cross_entropy, l1_loss
from cyclegan.methods.method import Batch, Context
from cyclegan.painting.layers import compose, in_colours
from cyclegan.painting.networks import init_weights
from cyclegan.painting.painter import Painter
from cyclegan.painting.palettes import palette_of
from cyclegan.painting.shadows import shadow_loss
from cyclegan.painting.unet import UNet, dropping


class Paired(SingleUpdate):
    """pix2pix on pseudo-pairs as a Method.

    Attributes:
        g_ab: generator from lines to colour: the painter.
        d_b: discriminator of colour pictures beside their lines; None where the adversarial loss has no weight.
    """

    losses: tuple[str, ...] = ("generators", "adversarial_b", "pseudo_b", "d_b")

    def __init__(self, config: PairedConfig, context: Context) -> None:
        self.config = config
        if not config.losses.lambda_adversarial:
            self.losses = ("pseudo_b",)
        if config.learns_shadows:
            self.losses = (*self.losses, "shadows")
        self.g_ab = Painter(config.generator)
        self.d_b = Discriminator(config.discriminator, channels=6) if config.losses.lambda_adversarial else None
        discriminators = {} if self.d_b is None else {"d_b": self.d_b}
        for network in (self.g_ab, *discriminators.values()):
            init_weights(network, context.rng)
        super().__init__(context, self.g_ab, {"g_ab": self.g_ab}, discriminators, config.optimizer)

    def _drawn(self, batch: Batch) -> list[Tensor]:
        """Draws what the generator drops, and by what the discriminator's inputs are augmented."""
        height, width = batch.real_b.shape[2:]
        context, count = self._context, len(batch.real_b)
        drawn = []
        if isinstance(self.g_ab.network, UNet):
            for shape in self.g_ab.network.dropped(height, width):
                kept = torch.randint(2, (count * context.world.size, *shape), generator=context.rng, dtype=torch.uint8)
                drawn.append(kept[context.world.share(len(kept))])
        if self.config.augment and self.d_b is not None:
            drawn += [draw_places(context.draw, images, height, width) for images in (count, 2 * count)]
        return [each.to(context.device) for each in drawn]

    def _update(self, batch: Batch, drawn: Sequence[Tensor], warming_up: bool) -> Losses:
        assert batch.lines_b is not None
        augmented = self.config.augment and self.d_b is not None
        kept, places = (drawn[:-2], drawn[-2:]) if augmented else (drawn, (None, None))
        with self._context.autocast(), dropping(self.g_ab, kept):
            coloured, losses = self._colour(batch)
        losses["pseudo_b"] = l1_loss(coloured, batch.real_b)
        total = self.config.losses.lambda_l1 * losses["pseudo_b"]
        if "shadows" in losses:
            total = total + losses["shadows"]
        if self.d_b is not None and not warming_up:
            losses["d_b"] = self._discriminator_loss(batch.lines_b, batch.real_b, coloured.detach(), places[1])
            self.optimizers["discriminators"].update(losses["d_b"])
            with frozen(self.d_b):  # until its forward pass is over: the graph keeps what it needs
                judged = self._judged(batch.lines_b, coloured, places[0])
            losses["adversarial_b"] = cross_entropy(judged, real=True)
            total = losses["generators"] = total + self.config.losses.lambda_adversarial * losses["adversarial_b"]
        self.optimizers["generators"].update(total)
        return losses

    def _colour(self, batch: Batch) -> tuple[Tensor, Losses]:
        """Colours the lines of the batch's pictures, in these pictures' own palettes; adds the loss of shadows."""
        assert batch.lines_b is not None
        if not self.config.generator.palette:
            return self.g_ab(batch.lines_b), {}
        if batch.shadows_b is None:
            regions, losses = self.g_ab.regions(batch.lines_b), {}
        else:
            regions, logits = self.g_ab.with_shadows(batch.lines_b)
            losses = {"shadows": shadow_loss(logits, batch.shadows_b)}
        palette = palette_of(regions, batch.lines_b, batch.real_b)
        return compose(in_colours(regions, palette), batch.lines_b), losses

    def _discriminator_loss(self, lines: Tensor, real: Tensor, fake: Tensor, places: Tensor | None) -> Tensor:
        both = torch.cat([real, fake.to(real.dtype)])
        on_real, on_fake = self._judged(torch.cat([lines, lines]), both, places).chunk(2)
        return (cross_entropy(on_real, real=True) + cross_entropy(on_fake, real=False)) / 2

    def _judged(self, lines: Tensor, coloured: Tensor, places: Tensor | None) -> Tensor:
        """Returns the discriminator's logits of pictures beside their lines, (N, 3, H, W) each."""
        assert self.d_b is not None
        seen = torch.cat([lines, coloured.to(lines.dtype)], 1)
        with self._context.autocast():
            judged: Tensor = self.d_b(augmented(seen, places))
        return judged
