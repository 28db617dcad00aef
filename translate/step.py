"""One step of the discriminators and one of the generators.

A `Case` is one stage of one step: its prediction, its truth, its terms and, in adversarial phases,
its discriminator. Both steps sum over the cases, so stages that learn together share one backward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.func import functional_call

from translate.context import Autocast, Change, Redrawn, Said, StepContext
from translate.descent import WHOLE, Part, Reduce, descend
from translate.discriminators.registry import Verdict
from translate.layers.growing import Growing
from translate.losses.adversarial import Mean
from translate.losses.history import HistoricalAverage
from translate.losses.penalties import clip_weights_
from translate.objective import Term, total
from translate.presentation import (
    Presentation,
    PresentationSpec,
    random_state,
    set_random_state,
)
from translate.unroll import unroll


@dataclass
class Case:
    """What one stage puts before its judges.

    Args:
        name: of the stage, for the log.
        fake: prediction ``(N, C, H, W)`` in [0, 1], with its graph.
        truth: the same shape.
        generator_terms, discriminator_terms: what each side pays.
        discriminator: None in phases without an adversary.
        show: picture -> what the discriminator sees of it, condition included.
        presentation: what happens to that on the way.
        generator: whose weights terms may look at.
        generator_history, discriminator_history: running means, where terms ask for them; the
            caller updates them after the steps.
        mean: of logits, over all devices.
        compares: whether the generator's terms look at what the discriminator says of the truth;
            where they do not, it is spared looking.
        redraw: the same stage once more, from other noise; None where no term asks for it.
    """

    name: str
    fake: Tensor
    truth: Tensor
    generator_terms: Sequence[Term]
    discriminator_terms: Sequence[Term] = ()
    discriminator: nn.Module | None = None
    show: Callable[[Tensor], Tensor] = field(default=lambda picture: picture)
    presentation: Presentation = field(default_factory=lambda: Presentation(PresentationSpec()))
    generator: nn.Module | None = None
    generator_history: HistoricalAverage | None = None
    discriminator_history: HistoricalAverage | None = None
    mean: Mean = torch.mean
    compares: bool = True
    redraw: Callable[[], Redrawn] | None = None


@dataclass(frozen=True)
class Settings:
    """How a step is carried out."""

    autocast: Autocast
    reduce: Reduce
    generator_clip: float = 0.0
    discriminator_clip: float = 0.0
    weight_clip: float = 0.0
    """Weights of the discriminators are held within this bound; 0 leaves them free."""
    unroll: int = 0
    """Discriminator updates that the generator looks ahead."""
    part: Part = WHOLE
    """Of the step, where gradients of several batches are accumulated."""
    scaler: GradScaler | None = None
    """Of gradients in fp16."""
    measured: bool = False
    """Whether the norms of the gradients are among the values."""

    def descend(
        self, side: str, losses: Sequence[Tensor], optimizer: torch.optim.Optimizer, clip: float
    ) -> dict[str, Tensor]:
        """Descend the losses of a side; returns the norm of its gradient where it is measured."""
        norm = descend(losses, optimizer, clip, self.reduce, self.part, self.scaler, self.measured)
        return {f"{side}/gradient": norm} if self.measured and norm is not None else {}


def discriminator_step(
    cases: Sequence[Case], optimizer: torch.optim.Optimizer, step: int, settings: Settings
) -> dict[str, Tensor]:
    """Update the discriminators on the present fakes; returns the values of their terms.

    Of an accumulated step it is called for each part, also where no case has a discriminator.
    """
    values: dict[str, Tensor] = {}
    losses: list[Tensor] = []
    for case in cases:
        if case.discriminator is None:
            continue
        fake = case.fake.detach()
        with settings.autocast():
            context = judged(case, case.discriminator, fake, step, pooled=True)
            context.parameters = working(case.discriminator)
            context.history = case.discriminator_history
            loss, terms = total(case.discriminator_terms, context, step)
        losses.append(loss)
        values |= {f"{case.name}/discriminator/{name}": value for name, value in terms.items()}
        for side, logits in (("real", context.real_logits), ("fake", context.fake_logits)):
            mean = torch.stack([scale.detach().float().mean() for scale in logits]).mean()
            values[f"{case.name}/discriminator/{side}"] = mean
    clip = settings.discriminator_clip
    values |= settings.descend("discriminator", losses, optimizer, clip)
    if settings.weight_clip and settings.part.last:
        # Of all that moved: the cases of the last part may be others than those before.
        clip_weights_(moved(optimizer), settings.weight_clip)
    return values


def moved(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Weights that the last step moved: those that a loss of any of its parts reached."""
    weights = (weight for group in optimizer.param_groups for weight in group["params"])
    return [weight for weight in weights if weight.grad is not None]


def generator_step(
    cases: Sequence[Case],
    optimizer: torch.optim.Optimizer,
    step: int,
    settings: Settings,
    adversary: torch.optim.Optimizer | None = None,
) -> dict[str, Tensor]:
    """Update the generators of all cases with one backward; returns the values of their terms.

    ``adversary`` is the discriminators' optimiser, which unrolling needs.
    """
    values: dict[str, Tensor] = {}
    losses: list[Tensor] = []
    for case in cases:
        context = StepContext(case.fake, case.truth, mean=case.mean)
        if case.discriminator is not None:
            with settings.autocast(), frozen(case.discriminator):
                weights = None
                if settings.unroll and adversary is not None:
                    weights = looked_ahead(case, adversary, step, settings)
                alike = any(term.alike for term in case.generator_terms)
                context = judged(
                    case, case.discriminator, case.fake, step, weights,
                    compared=case.compares, alike=alike,
                )  # fmt: skip
        context.parameters = working(case.generator) if case.generator else []
        context.history = case.generator_history
        context.autocast, context.redraw = settings.autocast, case.redraw
        loss, terms = total(case.generator_terms, context, step)
        losses.append(loss)
        values |= {f"{case.name}/generator/{name}": value for name, value in terms.items()}
    return values | settings.descend("generator", losses, optimizer, settings.generator_clip)


def working(network: nn.Module) -> list[Tensor]:
    """The parameters of a network; of one that grows, those of levels that do not work yet are
    constants, which no term of the weights moves.
    """
    if not isinstance(network, Growing):
        return list(network.parameters())
    depths = range(network.depth + 1, network.depths + 1)
    later = tuple(begin for depth in depths for begin in network.joining(depth))
    return [
        weight.detach() if name.startswith(later) else weight
        for name, weight in network.named_parameters()
    ]


def judged(
    case: Case,
    discriminator: nn.Module,
    fake: Tensor,
    step: int,
    weights: Mapping[str, Tensor] | None = None,
    pooled: bool = False,
    compared: bool = True,
    alike: bool = False,
) -> StepContext:
    """The truth and a fake before the discriminator; whose weights count is left to the caller.

    Args:
        case: whose.
        discriminator: the judge.
        fake: ``(N, C, H, W)`` in [0, 1].
        step: of the run.
        weights: in place of the discriminator's own.
        pooled: show earlier fakes among the present ones.
        compared: otherwise what is said of the fake stands on both sides.
        alike: the truth is moved, colored and noised as its own fake is, for a term that holds the
            one against the other.
    """

    def verdict(shown: Tensor) -> Verdict:
        if weights is None:
            return discriminator(shown)
        return functional_call(discriminator, dict(weights), (shown,))

    def verdicts(real_shown: Tensor, fake_shown: Tensor) -> tuple[Verdict, Verdict]:
        if present.spec.apart:
            return verdict(real_shown), verdict(fake_shown)
        # Real and fake go through as one batch: one pass over the weights instead of two.
        both = verdict(torch.cat([real_shown, fake_shown]))
        return halves(both, 0), halves(both, 1)

    present = case.presentation
    fake_shown = case.show(fake)
    if pooled:
        fake_shown = present.from_pool(fake_shown)
    drawn = random_state(fake.device) if alike else None
    fake_shown = present(fake_shown, step)
    if drawn is not None:
        set_random_state(drawn, fake.device)
    if compared:
        real_shown = present(case.show(case.truth), step)
        real, made = verdicts(real_shown, fake_shown)
    else:
        real_shown = fake_shown
        real = made = verdict(fake_shown)

    def after(change: Change) -> Said:
        again = verdicts(change(real_shown), change(fake_shown))
        return Said(*(one.logits for one in again))

    return StepContext(
        fake,
        case.truth,
        real.logits,
        made.logits,
        real.features,
        made.features,
        critic=lambda picture: verdict(present(case.show(picture), step)).logits,
        after=after,
        growing=discriminator if isinstance(discriminator, Growing) else None,
        pack=present.spec.pack,
        mean=case.mean,
    )


def halves(verdict: Verdict, half: int) -> Verdict:
    """One half of a verdict on a batch of two halves."""
    return Verdict(
        tuple(logits.chunk(2)[half] for logits in verdict.logits),
        tuple(features.chunk(2)[half] for features in verdict.features),
    )


def looked_ahead(
    case: Case, adversary: torch.optim.Optimizer, step: int, settings: Settings
) -> dict[str, Tensor]:
    """The discriminator's weights, and buffers, after the updates that are looked ahead."""
    discriminator: Any = case.discriminator
    # Statistics and power iterations of weights that are only looked at are none of the module's.
    buffers = {name: buffer.clone() for name, buffer in discriminator.named_buffers()}

    def loss(weights: dict[str, Tensor]) -> Tensor:
        context = judged(case, discriminator, case.fake, step, {**weights, **buffers})
        context.parameters = list(weights.values())
        context.history = case.discriminator_history
        return total(case.discriminator_terms, context, step)[0]

    ahead = unroll(discriminator, loss, adversary, settings.unroll, settings.weight_clip)
    return {**ahead, **buffers}


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Gradients pass through the module but its weights collect none."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)
