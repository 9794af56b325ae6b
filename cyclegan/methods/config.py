"""Defines the settings of the training methods. Imports without torch, for forms and commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from cyclegan.painting.config import FrozenConfig, GeneratorConfig, NetworkName

if TYPE_CHECKING:
    from cyclegan.methods.method import Context, Method


class DiscriminatorConfig(FrozenConfig):
    """PatchGAN of Isola et al. 2017: receptive field 16, 34, 70, 142 px for 1, 2, 3, 4 layers."""

    ndf: int = Field(64, ge=4, le=256, description="channels of the first layer, capped at eight times that")
    layers: int = Field(3, ge=1, le=5, description="stride-2 layers; 3 sees 70×70 px")


class LossConfig(FrozenConfig):
    """Weights of the generators' losses. The adversarial loss (LSGAN) has weight 1."""

    lambda_cycle_a: float = Field(10.0, ge=0, description="L1 of A→B→A")
    lambda_cycle_b: float = Field(10.0, ge=0, description="L1 of B→A→B at the first step")
    lambda_cycle_b_end: float = Field(10.0, ge=0, description="the same at the last step, linear between")
    lambda_identity: float = Field(0.5, ge=0, description="share of the cycle weight that the identity loss has")
    grey_lines: bool = Field(False, description="fake lineart is made grey, so no colour can hide in it")
    lambda_pseudo: float = Field(
        0.0, ge=0, description="L1 of colouring the lines extracted from B itself, in warm-up and after it"
    )


class PairedLossConfig(FrozenConfig):
    """Weights of pix2pix's losses."""

    lambda_l1: float = Field(100.0, ge=0, description="L1 of colouring the lines extracted from B itself")
    lambda_adversarial: float = Field(1.0, ge=0, description="cross entropy; 0: there is no discriminator")


class OptimizerConfig(FrozenConfig):
    """Adam, one for all generators and one for all discriminators."""

    lr_generator: float = Field(2e-4, gt=0, le=0.1, description="learning rate of the generators")
    lr_discriminator: float = Field(2e-4, gt=0, le=0.1, description="learning rate of the discriminators")
    beta1: float = Field(0.5, ge=0, lt=1, description="decay of the mean of the gradients")
    beta2: float = Field(0.999, ge=0, lt=1, description="decay of the mean of their squares")


class DecayingOptimizerConfig(OptimizerConfig):
    """The same with weight decay."""

    weight_decay: float = Field(1e-4, ge=0, lt=1, description="share of each weight that is added to its gradient")


class UgatitLossConfig(FrozenConfig):
    """Weights of U-GAT-IT's losses. The adversarial losses (LSGAN) have weight 1."""

    lambda_cycle: float = Field(10.0, ge=0, description="L1 of A→B→A and of B→A→B")
    lambda_identity: float = Field(1.0, ge=0, description="share of the cycle weight that the identity loss has")
    lambda_cam: float = Field(1000.0, ge=0, description="how well the attention tells the domains apart")


class MunitLossConfig(FrozenConfig):
    """Weights of MUNIT's losses, all L1. The adversarial loss (LSGAN) has weight 1."""

    lambda_image: float = Field(10.0, ge=0, description="L1 of pictures from their own content and style")
    lambda_content: float = Field(1.0, ge=0, description="L1 of the contents of fakes")
    lambda_style: float = Field(1.0, ge=0, description="L1 of the styles of fakes")
    lambda_cycle: float = Field(0.0, ge=0, description="L1 of A→B→A and of B→A→B")


class CommonConfig(FrozenConfig):
    """The settings that every method has, and what the trainer asks of them."""

    networks: ClassVar[tuple[NetworkName, ...]] = ("resnet",)  # that the painter may have

    kind: str
    generator: GeneratorConfig
    discriminator: DiscriminatorConfig
    optimizer: OptimizerConfig

    @model_validator(mode="after")
    def _knows_the_network(self) -> CommonConfig:
        if self.generator.network not in self.networks:
            asked, known = self.generator.network, " or ".join(map(repr, self.networks))
            raise ValueError(f"method {self.kind} has no generator.network {asked!r}; choose {known}")
        return self

    @property
    def uses_extracted_lines(self) -> bool:
        """Whether batches must contain the lines extracted from their colour pictures."""
        return False

    @property
    def smallest_crop(self) -> int:
        """The least side of a crop that every network accepts, px."""
        return 16

    @property
    def learns_shadows(self) -> bool:
        """Whether batches must contain what is known of the shadows of their colour pictures."""
        return self.generator.learns_shadows

    @property
    def rates(self) -> str:
        """The settings to lower if the losses diverge, for the error line."""
        return "optimizer.lr_generator and optimizer.lr_discriminator"

    @property
    def memory(self) -> str:
        """The setting to lower if memory runs out, with its value, for the error line."""
        return f"generator.ngf ({self.generator.ngf})"


class CycleGanConfig(CommonConfig):
    """CycleGAN (Zhu et al. 2017); the defaults are as published."""

    kind: Literal["cyclegan"] = "cyclegan"
    generator: GeneratorConfig = GeneratorConfig()
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    losses: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    pool: int = Field(50, ge=0, description="past fakes kept for each discriminator")
    augment: bool = Field(False, description="DiffAugment (translation, cutout) on what the discriminators see")

    @model_validator(mode="after")
    def _palette_needs_pseudo_pairs(self) -> CycleGanConfig:
        if self.generator.palette and not self.uses_extracted_lines:
            raise ValueError("generator.palette needs losses.lambda_pseudo above 0")
        return self

    @property
    def uses_extracted_lines(self) -> bool:
        return self.losses.lambda_pseudo > 0

    def make(self, context: Context) -> Method:
        """Creates the method, with untrained networks.

        Args:
            context: device, random generator and process group.
        """
        from cyclegan.methods.cyclegan import CycleGan

        return CycleGan(self, context)


class PairedConfig(CommonConfig):
    """pix2pix (Isola et al. 2017) on colour pictures and their extracted lines; the defaults are as published."""

    networks = ("resnet", "unet")

    kind: Literal["paired"] = "paired"
    generator: GeneratorConfig = GeneratorConfig(network="unet", blocks=8)
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    losses: PairedLossConfig = PairedLossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    augment: bool = Field(False, description="DiffAugment (translation, cutout) on what the discriminators see")

    @property
    def uses_extracted_lines(self) -> bool:
        return True

    def make(self, context: Context) -> Method:
        """Creates the method, with untrained networks; see CycleGanConfig.make."""
        from cyclegan.methods.paired import Paired

        return Paired(self, context)


class UgatitConfig(CommonConfig):
    """U-GAT-IT (Kim et al. 2020); the defaults are those of the light network, as published."""

    networks = ("ugatit",)

    kind: Literal["ugatit"] = "ugatit"
    generator: GeneratorConfig = GeneratorConfig(network="ugatit", blocks=4)
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    losses: UgatitLossConfig = UgatitLossConfig()
    optimizer: DecayingOptimizerConfig = DecayingOptimizerConfig(lr_generator=1e-4, lr_discriminator=1e-4)

    @property
    def of_lineart(self) -> GeneratorConfig:
        """The settings of the generator from colour to lineart, which has no lines to keep."""
        return self.generator.model_copy(update={"head": "tanh"})

    @property
    def smallest_crop(self) -> int:
        return 3 * 4 * 2**self.discriminator.layers  # the global discriminator halves it twice more than the local one

    def make(self, context: Context) -> Method:
        """Creates the method, with untrained networks; see CycleGanConfig.make."""
        from cyclegan.methods.ugatit import Ugatit

        return Ugatit(self, context)


class MunitConfig(CommonConfig):
    """MUNIT (Huang et al. 2018); the defaults are as published."""

    networks = ("munit",)

    kind: Literal["munit"] = "munit"
    generator: GeneratorConfig = GeneratorConfig(network="munit", blocks=4)
    discriminator: DiscriminatorConfig = DiscriminatorConfig(layers=4)
    losses: MunitLossConfig = MunitLossConfig()
    optimizer: DecayingOptimizerConfig = DecayingOptimizerConfig(lr_generator=1e-4, lr_discriminator=1e-4)

    @property
    def smallest_crop(self) -> int:
        return 4 * 2**self.discriminator.layers  # a quarter of it is halved so often

    def make(self, context: Context) -> Method:
        """Creates the method, with untrained networks; see CycleGanConfig.make."""
        from cyclegan.methods.munit import Munit

        return Munit(self, context)


MethodName = Literal["cyclegan", "paired", "ugatit", "munit"]
METHODS: Mapping[MethodName, type[CycleGanConfig] | type[PairedConfig] | type[UgatitConfig] | type[MunitConfig]] = {
    "cyclegan": CycleGanConfig,
    "paired": PairedConfig,
    "ugatit": UgatitConfig,
    "munit": MunitConfig,
}


def _kind(method: Any) -> Any:
    return method.get("kind", "cyclegan") if isinstance(method, Mapping) else getattr(method, "kind", None)


MethodConfig = Annotated[
    Annotated[CycleGanConfig, Tag("cyclegan")]
    | Annotated[PairedConfig, Tag("paired")]
    | Annotated[UgatitConfig, Tag("ugatit")]
    | Annotated[MunitConfig, Tag("munit")],
    Discriminator(
        _kind,
        custom_error_type="method",
        custom_error_message=f"no such method.kind; choose one of {', '.join(METHODS)}",
    ),
]
