"""One step of the discriminators and one of the generators.

A `Case` is one stage of one step: its prediction, its truth, its terms and, in adversarial phases,
its discriminator. Both steps sum over the cases, so stages that learn together share one backward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from translate.objective import StepContext, Term, total

Autocast = Callable[[], AbstractContextManager[None]]
Reduce = Callable[[Sequence[nn.Parameter]], None]


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
    """

    name: str
    fake: Tensor
    truth: Tensor
    generator_terms: Sequence[Term]
    discriminator_terms: Sequence[Term] = ()
    discriminator: nn.Module | None = None
    show: Callable[[Tensor], Tensor] = field(default=lambda picture: picture)


def discriminator_step(
    cases: Sequence[Case], optimizer: torch.optim.Optimizer, step: int, settings: Settings
) -> dict[str, Tensor]:
    """Update the discriminators on the present fakes; returns the values of their terms."""
    values: dict[str, Tensor] = {}
    losses: list[Tensor] = []
    for case in cases:
        if case.discriminator is None:
            continue
        with settings.autocast():
            context = StepContext(case.fake.detach(), case.truth)
            # Real and fake go through as one batch: one pass over the weights instead of two.
            context.real_logits, context.fake_logits = case.discriminator(
                torch.cat([case.show(case.truth), case.show(case.fake.detach())])
            ).chunk(2)
            loss, terms = total(case.discriminator_terms, context, step)
        losses.append(loss)
        values |= {f"{case.name}/discriminator/{name}": value for name, value in terms.items()}
        real, fake = context.logits()
        values[f"{case.name}/discriminator/real"] = real.detach().mean()
        values[f"{case.name}/discriminator/fake"] = fake.detach().mean()
    descend(losses, optimizer, settings.discriminator_clip, settings.reduce)
    return values


def generator_step(
    cases: Sequence[Case], optimizer: torch.optim.Optimizer, step: int, settings: Settings
) -> dict[str, Tensor]:
    """Update the generators of all cases with one backward; returns the values of their terms."""
    values: dict[str, Tensor] = {}
    losses: list[Tensor] = []
    for case in cases:
        context = StepContext(case.fake, case.truth)
        if case.discriminator is not None:
            with settings.autocast(), frozen(case.discriminator):
                context.real_logits, context.fake_logits = case.discriminator(
                    torch.cat([case.show(case.truth), case.show(case.fake)])
                ).chunk(2)
        loss, terms = total(case.generator_terms, context, step)
        losses.append(loss)
        values |= {f"{case.name}/generator/{name}": value for name, value in terms.items()}
    descend(losses, optimizer, settings.generator_clip, settings.reduce)
    return values


@dataclass(frozen=True)
class Settings:
    """How a step is carried out, the same for both sides."""

    autocast: Autocast
    reduce: Reduce
    generator_clip: float = 0.0
    discriminator_clip: float = 0.0


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Gradients pass through the module but its weights collect none."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)


def descend(
    losses: Sequence[Tensor], optimizer: torch.optim.Optimizer, clip: float, reduce: Reduce
) -> None:
    """Backward, reduce the gradients over the devices, clip, step."""
    # A stage may have no term that is due at this step.
    losses = [loss for loss in losses if loss.requires_grad]
    if not losses:
        return
    optimizer.zero_grad(set_to_none=True)
    torch.stack(losses).sum().backward()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    reduce(parameters)
    if clip:
        nn.utils.clip_grad_norm_(parameters, clip, foreach=True)
    optimizer.step()
