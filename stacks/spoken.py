"""What a run says where there is no terminal for a bar: short lines; the log has every number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from torch import nn

from stacks.run import Run
from stacks.spec import ValidationSpec
from translate.pairs import Pairs

PRECISIONS = {"32-true": "fp32", "bf16-mixed": "bf16", "16-mixed": "fp16"}


def opening(run: Run, training: Sequence[Pairs], validation: Sequence[Pairs]) -> str:
    """What is trained, on what: the first line of a run."""
    devices = run.fabric.world_size
    parts = [
        f"{devices} devices ({run.fabric.device.type})" if devices > 1 else str(run.fabric.device),
        PRECISIONS.get(precision := run.fabric.strategy.precision.precision, str(precision)),
        f"{sum(map(len, training))} training pictures",
        f"{sum(map(len, validation))} held out",
        f"{millions(run.stack)} parameters in generators",
    ]
    if any(True for _ in run.discriminators.parameters()):
        parts.append(f"{millions(run.discriminators)} in discriminators")
    return ", ".join(parts)


def millions(module: nn.Module) -> str:
    """Parameters of a network, in millions."""
    return f"{sum(parameter.numel() for parameter in module.parameters()) / 1e6:.2f} M"


def remaining(seconds: float) -> str:
    """A duration as ``1:02:03``."""
    return f"{timedelta(seconds=round(seconds))} left"


def brief(values: Mapping[str, float]) -> str:
    """What generators and discriminators pay each other, a stage after the other.

    Of stages without a discriminator the terms of the objective, of which there are few.

    Args:
        values: by ``stage/side/term``; others are left out.
    """
    stages: dict[str, dict[str, float]] = {}
    for name, value in values.items():
        match name.split("/"):
            case [stage, "generator" | "discriminator" as side, "adversarial"]:
                stages.setdefault(stage, {})[side] = value
    for name, value in values.items():
        match name.split("/"):
            case [stage, "generator", term] if term != "weights" and not (
                {"generator", "discriminator"} & stages.get(stage, {}).keys()
            ):
                stages.setdefault(stage, {})[term] = value
    return "; ".join(
        f"{stage} " + ", ".join(f"{name} {value:.4g}" for name, value in told.items())
        for stage, told in stages.items()
    )


def look(measures: Mapping[str, float], spec: ValidationSpec) -> str:
    """The measure that weights are chosen by, with its interval where there is one."""
    text = f"held out: {spec.metric} {measures[spec.metric]:.4f}"
    low, high = (measures.get(f"{spec.metric}/{side}") for side in ("low", "high"))
    return text if low is None or high is None else f"{text} (95 %: {low:.4f} to {high:.4f})"
