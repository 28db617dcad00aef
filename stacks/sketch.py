"""A stack as names and shapes alone: what a recipe asks for, before memory is given to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from stacks.spec import Recipe
from stacks.stack import Stack
from translate.layers.folding import fold

CALLS_PER_TENSOR = 400
"""Of torch's functions; a weight under spectral normalization, the dearest, takes about 80."""


class SketchError(ValueError):
    """No network can be built after a recipe, or it is larger than it may be."""


class Bounded(TorchFunctionMode):
    """Ends what calls torch's functions more often than ``most`` times.

    Without memory to run out of, a recipe of a billion layers would otherwise be built for hours.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.left = most

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        self.left -= 1
        if self.left < 0:
            raise SketchError("it asks for more layers than there are weights")
        return func(*args, **(kwargs or {}))


def sketch(recipe: Recipe, tensors: int) -> Stack:
    """The stack of a recipe, folded, on the meta device: shapes without memory.

    Args:
        recipe: from whoever it may be.
        tensors: how many weights and buffers there are for it.

    Raises:
        SketchError: it has far more layers than that, or sizes that no tensor can have.
        TableError: its stages do not fit each other.
    """
    try:
        with torch.device("meta"), Bounded(CALLS_PER_TENSOR * (tensors + 1)):
            return fold(Stack(recipe))
    except (RuntimeError, TypeError, OverflowError, MemoryError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise SketchError(f"its networks cannot be built: {reason}") from None
