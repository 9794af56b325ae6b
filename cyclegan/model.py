"""The four networks of CycleGAN and one optimization step of them.

Follows the paper's algorithm: the generators are updated first, against frozen discriminators; then the
discriminators, on the same fakes passed through the image pools. Instance norm works on each image alone, so
images that go through the same network are batched without changing a result: four generator passes, not six.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cyclegan.augment import diff_augment, drawing
from cyclegan.config import TrainConfig
from cyclegan.dataset import Batch
from cyclegan.ema import Ema
from cyclegan.image_pool import ImagePool
from cyclegan.losses import adversarial_loss, l1_loss, to_grey
from cyclegan.networks import Discriminator, Generator, init_weights, paint, palette_of
from cyclegan.schedule import Schedule
from cyclegan.world import World

Losses = dict[str, Tensor]


class CycleGan:
    """g_ab, g_ba, d_a, d_b with their averages, optimizers and pools; all randomness comes from `rng`."""

    def __init__(
        self,
        config: TrainConfig,
        schedule: Schedule,
        device: torch.device,
        rng: torch.Generator,
        world: World | None = None,
    ) -> None:
        self.config, self.schedule, self.device, self._rng = config, schedule, device, rng
        self._world = world or World()
        # lines and palettes are for the colouring direction
        tanh = config.generator.model_copy(update={"head": "tanh", "palette": 0})
        self.g_ab, self.g_ba = Generator(config.generator), Generator(tanh)
        self.d_a, self.d_b = Discriminator(config.discriminator), Discriminator(config.discriminator)
        self.networks: dict[str, nn.Module] = {
            "g_ab": self.g_ab,
            "g_ba": self.g_ba,
            "d_a": self.d_a,
            "d_b": self.d_b,
        }
        self._bf16 = config.precision == "auto" and computes_in_bf16(device)
        if device.type == "cuda":  # crops have one size, so it pays to look for the quickest convolution
            torch.backends.cudnn.benchmark = True
        # tensor cores want channels last; on a CPU instance norm would copy every image back
        layout = torch.channels_last if device.type == "cuda" else torch.contiguous_format
        for network in self.networks.values():
            init_weights(network, rng)
            network.to(device).to(memory_format=layout)
        self.ema = {"g_ab": Ema(self.g_ab, config.ema), "g_ba": Ema(self.g_ba, config.ema)}
        self.pools = {name: ImagePool(config.pool, rng) for name in ("a", "b")}
        rates = config.optimizer
        self.optimizers = {
            "generators": self._adam(rates.lr_generator, self.g_ab, self.g_ba),
            "discriminators": self._adam(rates.lr_discriminator, self.d_a, self.d_b),
        }

    def _adam(self, rate: float, *networks: nn.Module) -> torch.optim.Adam:
        parameters = [parameter for network in networks for parameter in network.parameters()]
        betas = (self.config.optimizer.beta1, self.config.optimizer.beta2)
        optimizer = torch.optim.Adam(parameters, rate, betas, fused=True)
        for group in optimizer.param_groups:
            group["full_lr"] = rate
        return optimizer

    def step(self, batch: Batch, step: int) -> Losses:
        """Update all networks once. Returns scalar losses on the device, without waiting for it."""
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["full_lr"] * self.schedule.rate(step)
        losses = self._warm_up(batch) if self.schedule.warming_up(step) else self._adversarial(batch, step)
        for name, ema in self.ema.items():
            ema.update(self.networks[name], step)
        losses = {name: loss.detach() for name, loss in losses.items()}
        self._world.average(list(losses.values()))
        return losses

    def _warm_up(self, batch: Batch) -> Losses:
        assert batch.lines_b is not None
        with self._autocast():
            ((coloured,), _), lines = self._colour(batch, batch.lines_b), self.g_ba(batch.real_b)
        losses = {
            "pseudo_b": l1_loss(coloured, batch.real_b),
            "pseudo_a": l1_loss(self._as_lines(lines), batch.lines_b),
        }
        self._update("generators", self.config.losses.lambda_pseudo * (losses["pseudo_a"] + losses["pseudo_b"]))
        return losses

    def _adversarial(self, batch: Batch, step: int) -> Losses:
        _require_gradients(False, self.d_a, self.d_b)
        losses, fake_a, fake_b = self._generator_losses(batch, self.schedule.lambda_cycle_b(step))
        self._update("generators", losses["generators"])
        _require_gradients(True, self.d_a, self.d_b)
        losses |= {
            "d_a": self._discriminator_loss(self.d_a, batch.real_a, self._through_pool("a", fake_a)),
            "d_b": self._discriminator_loss(self.d_b, batch.real_b, self._through_pool("b", fake_b)),
        }
        self._update("discriminators", losses["d_a"] + losses["d_b"])
        return losses

    def _generator_losses(self, batch: Batch, lambda_cycle_b: float) -> tuple[Losses, Tensor, Tensor]:
        """The weighted sum "generators" and its parts, then the fakes that the discriminators judge."""
        weights = self.config.losses
        a, b, identity = batch.real_a, batch.real_b, weights.lambda_identity > 0
        pseudo = batch.lines_b
        with self._autocast():
            (fake_b, *more_b), palette = self._colour(batch, a, b if identity else None, pseudo)
            fake_a, *more_a = _together(self.g_ba, b, a if identity else None)
            fake_a = self._as_lines(fake_a)
            rec_a, rec_b = self.g_ba(fake_b), self.g_ab(fake_a, palette)
            judged_a, judged_b = self.d_a(self._augment(fake_a)), self.d_b(self._augment(fake_b))
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
        return losses | {"generators": total}, fake_a, fake_b

    def _colour(self, batch: Batch, *images: Tensor | None) -> tuple[Sequence[Tensor], Tensor | None]:
        """A→B of all the images that are given, in one pass, and the palettes of `real_b` that they got, if any.

        In the palettes of real_b, lineart is coloured as B is, and B→A→B can find back to its own colours.
        """
        if not self.config.generator.palette:
            return _together(self.g_ab, *images), None
        assert batch.lines_b is not None
        given = [image for image in images if image is not None]
        regions = _together(self.g_ab.regions, *given)
        palette = palette_of(regions[-1], batch.lines_b, batch.real_b)
        return [paint(region, palette, image) for region, image in zip(regions, given, strict=True)], palette

    def _discriminator_loss(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        with self._autocast():
            on_real, on_fake = discriminator(self._augment(torch.cat([real, fake.to(real.dtype)]))).chunk(2)
        return (adversarial_loss(on_real, real=True) + adversarial_loss(on_fake, real=False)) / 2

    def _through_pool(self, name: str, fakes: Tensor) -> Tensor:
        """Every process keeps the same pool of all fakes, and takes its share of what the pool answers."""
        past = self.pools[name].query(self._world.gather(fakes.detach()))
        return past[self._world.share(len(past))]

    def _as_lines(self, fake_a: Tensor) -> Tensor:
        return to_grey(fake_a) if self.config.losses.grey_lines else fake_a

    def _augment(self, images: Tensor) -> Tensor:
        return diff_augment(images, self._draw) if self.config.augment else images

    def _draw(self, low: int, high: int, count: int) -> Tensor:
        """Integers for `count` images, drawn for the batches of all processes, and those that are this one's."""
        drawn = drawing(self._rng)(low, high, count * self._world.size)
        return drawn.view(-1, self.config.batch)[:, self._world.share(self.config.batch)].flatten()

    def _autocast(self) -> torch.autocast:
        # bf16 keeps float32's range, so no loss scaling; the losses themselves are float32
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16)

    def _update(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        self._world.average([parameter.grad for parameter in self._trained(name) if parameter.grad is not None])
        self.optimizers[name].step()

    def _trained(self, name: str) -> Iterator[Tensor]:
        return (parameter for group in self.optimizers[name].param_groups for parameter in group["params"])

    def remember_palettes(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Show the averaged and the raw colouring generator lines and pictures (3, H, W) whose palettes to use."""
        if self.config.generator.palette:
            pairs = list(pairs)
            for generator in (self.g_ab, self.ema["g_ab"].network):
                generator.remember(pairs)

    def non_finite(self) -> list[str]:
        """Names of the networks with a weight that is infinite or not a number; waits for the device."""
        return [
            name
            for name, network in self.networks.items()
            if not torch.stack([parameter.isfinite().all() for parameter in network.parameters()]).all()
        ]

    def state_dict(self) -> dict[str, Any]:
        return {
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            "ema": {name: ema.network.state_dict() for name, ema in self.ema.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "pools": {name: pool.state_dict() for name, pool in self.pools.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name, network in self.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, ema in self.ema.items():
            ema.network.load_state_dict(state["ema"][name])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        for name, pool in self.pools.items():
            pool.load_state_dict(state["pools"][name], self.device)


def _require_gradients(wanted: bool, *networks: nn.Module) -> None:
    for network in networks:
        network.requires_grad_(wanted)


def _together(network: Callable[[Tensor], Tensor], *images: Tensor | None) -> tuple[Tensor, ...]:
    """One pass for all the images that are given, split again."""
    given = [image for image in images if image is not None]
    return network(torch.cat(given)).split(given[0].shape[0])


def computes_in_bf16(device: torch.device) -> bool:
    """Whether the hardware itself calculates in bf16; where it is emulated, it is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities: Mapping[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # newer than torch 2.11
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
