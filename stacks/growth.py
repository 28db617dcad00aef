"""Growing networks at the depth that a phase sets (Karras et al. 2018, arXiv 1710.10196)."""

from __future__ import annotations

from torch import Tensor

from stacks.run import Run
from translate.layers.growing import Growing


def grow(run: Run, step: int) -> None:
    """Set depth and fading of every network for a step of the phase, counted from 0.

    Both follow from the step alone, so resuming repeats them. Stages that do not learn work at
    their full depth; the average of the weights is looked at as deep as the weights are.
    """
    phase = run.phase_spec
    learning = run.owners
    for name, stage in run.stack.stages.items():
        generators = (stage.generator, run.average.module.stages[name].generator)
        networks = [(network, name in learning) for network in generators]
        if name in run.discriminators:
            networks.append((run.discriminators[name], name in phase.train))
        for network, learns in networks:
            if isinstance(network, Growing):
                network.grow(*((phase.depth, phase.alpha(step)) if learns else (0, 1.0)))


def as_grown(run: Run, name: str, truth: Tensor) -> Tensor:
    """A truth ``(N, C, H, W)`` as far as the generator of a stage can show it by now."""
    generator = run.stack.generator(name)
    return generator.at_depth(truth) if isinstance(generator, Growing) else truth


def full_grown(run: Run) -> bool:
    """Whether all that ships works at its full depth, as it will in the file.

    Below it, and while a level fades in, the outer levels are not what they will be, or have
    learned nothing yet.
    """
    networks = (
        stage.generator for stage in run.average.module.stages.values() if stage.spec.shipped
    )
    return not any(
        isinstance(network, Growing) and (network.depth < network.depths or network.fading)
        for network in networks
    )
