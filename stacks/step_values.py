"""What a step tells of itself: the values of its terms, and of those that were not due at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from stacks.run import Run


def averaged(parts: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The values of a step that was made in parts: of each the mean over the parts that have it."""
    if len(parts) == 1:
        return dict(parts[0])
    names = dict.fromkeys(name for part in parts for name in part)
    return {
        name: torch.stack([part[name].detach() for part in parts if name in part]).mean(dim=0)
        for name in names
    }


def with_lazy(run: Run, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Values of a step, and the last ones of terms that were not due at it.

    Terms go by the steps before this one, looks by those up to it: a term of every other step would
    not be seen at any look.
    """
    run.lazy |= {name: value for name, value in values.items() if name in run.lazy_terms}
    return {**values, **run.lazy}
