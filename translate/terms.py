"""The terms that a recipe can name: a spec dataclass each, with its weight and its own settings.

``l1 = 100`` in a recipe is short for ``l1 = { weight = 100 }``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, cast

import torch
from torch import Tensor

from translate.context import StepContext
from translate.losses.consistency import consistency, displaced
from translate.losses.features import batch_mean_matching, layer_matching
from translate.losses.labels import cross_entropy_of_probabilities, dice
from translate.losses.mode_seeking import below_bound, distances, inverse_ratio
from translate.losses.penalties import dragan, r1, r2, weight_l2, wgan_gp, zero_centered
from translate.losses.perceptual import Perceptual
from translate.losses.reconstruction import RECONSTRUCTION
from translate.pixels import to_network
from translate.registry import Registry
from translate.tables import UnknownKind, convert, require, suggest

GENERATOR_TERMS = Registry("generator term")
DISCRIMINATOR_TERMS = Registry("discriminator term")


@dataclass(frozen=True)
class TermSpec(ABC):
    """One summand of a loss: it counts every ``every`` steps, ``every`` times its weight."""

    weight: float = 1.0
    """Of the term in the loss; a bare number in place of the table is this."""
    every: int = 1
    """Steps from one use of the term to the next; it then counts ``every`` times its weight
    (lazily, as in Karras et al. 2020, arXiv 1912.04958, appendix B)."""

    judged: ClassVar[bool] = False
    """Whether it needs a discriminator."""
    remembers: ClassVar[bool] = False
    """Whether it needs the running mean of the weights."""
    labels: ClassVar[bool] = False
    """Whether it is of labels, and not of pictures."""
    redraws: ClassVar[bool] = False
    """Whether it needs what the stage makes from other noise: one more pass of its generator."""
    per_picture: ClassVar[bool] = False
    """Whether it holds the gradient at each picture apart from the others of its batch."""

    def __post_init__(self) -> None:
        require(self.weight >= 0, "weight", self.weight, "0 or more")
        require(self.every >= 1, "every", self.every, "1 or more")

    @property
    def paired(self) -> bool:
        """Whether it holds a picture against the truth of the very same scene."""
        return False

    def prepare(self) -> None:  # noqa: B027 (most terms need nothing)
        """Read what the term needs, so that what is missing ends a run before its first step."""

    @abstractmethod
    def value(self, context: StepContext) -> Tensor:
        """The unweighted term, a scalar in float32."""


def read_terms(registry: Registry, table: Mapping[str, Any]) -> dict[str, TermSpec]:
    """Terms by name; of weight 0 there is none.

    Raises:
        UnknownKind: an unknown name.
        TableError: a setting out of range; the name comes first.
    """
    terms: dict[str, TermSpec] = {}
    for name, setting in table.items():
        if name not in set(registry):
            raise UnknownKind(f"{name}: unknown term; {suggest(name, registry)}")
        if isinstance(setting, Mapping):
            terms[name] = registry.parse({"kind": name, **setting}, name)
        else:
            # The key of a bare number is the term itself.
            weight = convert(float, setting, name)
            require(cast(float, weight) >= 0, name, weight, "0 or more")
            terms[name] = registry[name](weight=weight)
    return {name: term for name, term in terms.items() if term.weight}


def register_pictures(name: str, function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Make a function of (fake, truth) in [0, 1] known as a term of the generator."""

    @GENERATOR_TERMS.register(name)
    @dataclass(frozen=True)
    class OfPictures(TermSpec):  # pyright: ignore[reportUnusedClass]
        @property
        def paired(self) -> bool:
            return name != "total_variation"

        def value(self, context: StepContext) -> Tensor:
            return function(context.fake.float(), context.truth.float())

    OfPictures.__doc__ = function.__doc__


for _name, _function in RECONSTRUCTION.items():
    register_pictures(_name, _function)


@GENERATOR_TERMS.register("cross_entropy")
@dataclass(frozen=True)
class CrossEntropy(TermSpec):
    """Of the label of each pixel, for stages that write labels."""

    labels: ClassVar[bool] = True

    @property
    def paired(self) -> bool:
        return True

    def value(self, context: StepContext) -> Tensor:
        return cross_entropy_of_probabilities(context.fake, context.truth_ids)


@GENERATOR_TERMS.register("dice")
@dataclass(frozen=True)
class Dice(TermSpec):
    """1 - the overlap of each label's area with the true one, for stages that write labels."""

    labels: ClassVar[bool] = True

    @property
    def paired(self) -> bool:
        return True

    def value(self, context: StepContext) -> Tensor:
        return dice(context.fake, context.truth_ids)


@GENERATOR_TERMS.register("perceptual")
@dataclass(frozen=True)
class PerceptualTerm(TermSpec):
    """Mean squared difference of VGG-19 features, summed over the layers."""

    file: str = ""
    """Weights; empty looks in torch hub's cache."""
    layers: tuple[str, ...] = ("conv5_4",)
    """Whose features are compared: ``conv5_4`` before the activation, ``relu5_4`` behind it."""

    @property
    def paired(self) -> bool:
        return True

    def prepare(self) -> None:
        vgg(self.file, self.layers)

    def value(self, context: StepContext) -> Tensor:
        network = vgg(self.file, self.layers).to(context.fake.device)
        with context.autocast():
            return network(context.fake.float(), context.truth.float())


@cache
def vgg(file: str, layers: tuple[str, ...]) -> Perceptual:
    """The network, read once."""
    return Perceptual(dict.fromkeys(layers, 1.0), file or None)


@GENERATOR_TERMS.register("feature_matching")
@dataclass(frozen=True)
class FeatureMatching(TermSpec):
    """Distance of what the discriminator's layers answer."""

    form: Literal["layers", "means"] = "layers"
    """``layers``: L1 picture by picture, the mean over all layers and scales (pix2pixHD adds the
    layers up); ``means``: squared distance of the batches' means at the last layer (Salimans et al.
    2016, section 3.1)."""

    judged: ClassVar[bool] = True

    @property
    def paired(self) -> bool:
        return self.form == "layers"

    def value(self, context: StepContext) -> Tensor:
        real = [features.float() for features in context.real_features]
        fake = [features.float() for features in context.fake_features]
        if self.form == "means":
            return batch_mean_matching(real[-1], fake[-1])
        return layer_matching(real, fake)


@GENERATOR_TERMS.register("mode_seeking")
@dataclass(frozen=True)
class ModeSeeking(TermSpec):
    """Other noise makes another picture: by how much two draws differ over how much noises do.

    Distances are means of absolute differences, of pictures on the network's range of [-1, 1].
    """

    form: Literal["bounded", "inverse"] = "bounded"
    """``bounded``: what the ratio lacks of ``bound`` (Yang et al. 2019, arXiv 1901.09024, section
    3); ``inverse``: one over the ratio, without an end (Mao et al. 2019, arXiv 1903.05628)."""
    bound: float = 0.2
    """From which on more diversity earns nothing: 0.2 are pictures that differ by a ninth of their
    range."""

    redraws: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.bound > 0, "bound", self.bound, "above 0")

    def value(self, context: StepContext) -> Tensor:
        if context.redraw is None:
            raise ValueError("mode_seeking: the stage reads no noise that could be drawn again")
        other = context.redraw()
        apart = distances(to_network(context.fake), to_network(other.fake))
        if self.form == "bounded":
            return below_bound(apart, other.distances, self.bound)
        return inverse_ratio(apart, other.distances, context.mean)


@GENERATOR_TERMS.register("history")
@DISCRIMINATOR_TERMS.register("history")
@dataclass(frozen=True)
class History(TermSpec):
    """Squared distance of the weights to their running mean (Salimans et al. 2016, sec. 3.3)."""

    remembers: ClassVar[bool] = True

    def value(self, context: StepContext) -> Tensor:
        if context.history is None:
            raise ValueError("history: no running mean of the weights is kept")
        return context.history.penalty(context.parameters)


@DISCRIMINATOR_TERMS.register("weight_l2")
@dataclass(frozen=True)
class WeightL2(TermSpec):
    """Half the squared norm of the discriminator's weights (Kurach et al., arXiv 1807.04720)."""

    judged: ClassVar[bool] = True

    def value(self, context: StepContext) -> Tensor:
        return weight_l2(context.parameters)


@DISCRIMINATOR_TERMS.register("drift")
@dataclass(frozen=True)
class Drift(TermSpec):
    """Mean square of what is said of real pictures (Karras et al. 2018, arXiv 1710.10196, A.1).

    To a Wasserstein critic differences alone count, and both sides of them may wander off.
    """

    weight: float = 0.001

    judged: ClassVar[bool] = True

    def value(self, context: StepContext) -> Tensor:
        return torch.stack([real.square().mean() for real, _ in context.logits()]).sum()


@DISCRIMINATOR_TERMS.register("consistency")
@dataclass(frozen=True)
class Consistency(TermSpec):
    """What is said of a picture stays where it is mirrored and moved.

    Zhang et al. 2020, arXiv 1910.12027, section 3.
    """

    weight: float = 10.0
    fakes: bool = True
    """Of fakes as of real ones (balanced: Zhao et al. 2021, arXiv 2002.04724, section 3.1)."""

    judged: ClassVar[bool] = True

    def value(self, context: StepContext) -> Tensor:
        if context.after is None:
            raise ValueError("consistency: needs a discriminator; the stage has none")
        after = context.after(displaced)
        value = consistency(context.real_logits, after.real)
        return value + consistency(context.fake_logits, after.fake) if self.fakes else value


@dataclass(frozen=True)
class GradientPenalty(TermSpec):
    """Holds the critic's gradient at each picture; of weight 10 where nothing is said."""

    weight: float = 10.0

    judged: ClassVar[bool] = True
    per_picture: ClassVar[bool] = True


@dataclass(frozen=True)
class NormPenalty(GradientPenalty):
    """Holds the norm of that gradient at ``norm``."""

    norm: float = 1.0
    """At which it is held."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.norm >= 0, "norm", self.norm, "0 or more")


@DISCRIMINATOR_TERMS.register("wgan_gp")
@dataclass(frozen=True)
class WganGp(NormPenalty):
    """Gradient norm held at ``norm`` between real and fake (Gulrajani et al. 2017, eq. 3)."""

    one_sided: bool = False
    """Only norms above it cost."""

    def value(self, context: StepContext) -> Tensor:
        critic, real, fake = context.judge()
        return wgan_gp(critic, real, fake, self.norm, self.one_sided, pack=context.pack)


@DISCRIMINATOR_TERMS.register("dragan")
@dataclass(frozen=True)
class Dragan(NormPenalty):
    """Gradient norm held at ``norm`` around the data (Kodali et al. 2017, arXiv 1705.07215)."""

    def value(self, context: StepContext) -> Tensor:
        critic, real, _ = context.judge()
        return dragan(critic, real, self.norm, mean=context.mean)


@DISCRIMINATOR_TERMS.register("r1")
@dataclass(frozen=True)
class R1(GradientPenalty):
    """Half the squared gradient norm at real pictures (Mescheder et al. 2018, equation 9)."""

    def value(self, context: StepContext) -> Tensor:
        critic, real, _ = context.judge()
        return r1(critic, real)


@DISCRIMINATOR_TERMS.register("r2")
@dataclass(frozen=True)
class R2(GradientPenalty):
    """Half the squared gradient norm at fakes (Mescheder et al. 2018, equation 10)."""

    def value(self, context: StepContext) -> Tensor:
        critic, _, fake = context.judge()
        return r2(critic, fake)


@DISCRIMINATOR_TERMS.register("zero_centered")
@dataclass(frozen=True)
class ZeroCentered(GradientPenalty):
    """Squared gradient norm between real and fake (Thanh-Tung et al. 2019, arXiv 1902.03984)."""

    def value(self, context: StepContext) -> Tensor:
        critic, real, fake = context.judge()
        return zero_centered(critic, real, fake, pack=context.pack)
