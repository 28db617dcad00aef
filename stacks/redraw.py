"""What a stage makes of the same views from other noise, for terms that hold two draws apart."""

from __future__ import annotations

from collections.abc import Callable

import torch

from stacks.reference import referred
from stacks.run import Run
from stacks.stage import Views
from translate.context import Redrawn
from translate.losses.mode_seeking import distances


def redrawing(run: Run, name: str, views: Views) -> Callable[[], Redrawn] | None:
    """A stage once more, of views as it has read them but for its noise.

    Args:
        run: whose.
        name: of the stage.
        views: all there are, those that it reads among them.

    Returns:
        None where no term of the stage asks for it.
    """
    stage = run.stack.stages[name]
    terms = stage.spec.objective.specs("generator").values()
    noises = [view for view, kind in stage.kinds.items() if kind.is_noise]
    if not noises or not any(term.redraws for term in terms):
        return None

    def again() -> Redrawn:
        drawn = {view: torch.randn_like(views[view]) for view in noises}
        with run.fabric.autocast(), referred(run, [name]):
            written = stage({**views, **drawn}, run.stack.generator(name))
        one, other = (
            torch.cat([source[view].flatten(1) for view in noises], dim=1)
            for source in (views, drawn)
        )
        return Redrawn(written[stage.spec.writes], distances(one, other))

    return again
