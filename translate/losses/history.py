"""Historical averaging (Salimans et al. 2016, arXiv 1606.03498, section 3.3).

Each player pays |theta - 1/t sum of theta[i]|^2, the squared distance of its weights to the mean of
what they have been. In low-dimensional games it leads to equilibria around which plain gradient
descent only circles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from translate.losses.precision import full


class HistoricalAverage:
    """The running mean of a list of parameters, which are told apart by their order.

    `update` it after each step of the optimizer. The mean costs as much memory as the parameters.
    """

    def __init__(self) -> None:
        self.count = 0
        """Updates so far, t."""
        self.means: list[Tensor] = []

    def penalty(self, parameters: Iterable[Tensor]) -> Tensor:
        """|theta - mean|^2, summed over all parameters; 0 before the first update.

        Raises:
            ValueError: not the parameters that the mean is of.
        """
        present = [full(parameter) for parameter in parameters]
        if not self.count:
            return torch.zeros((), device=present[0].device if present else None)
        self.check(present)
        distances = [
            (parameter - mean.to(parameter.device)).square().sum()
            for parameter, mean in zip(present, self.means, strict=True)
        ]
        return torch.stack(distances).sum()

    @torch.no_grad()
    def update(self, parameters: Iterable[Tensor]) -> None:
        """Take the present values into the mean.

        Raises:
            ValueError: not the parameters that the mean is of.
        """
        present = [full(parameter.detach()) for parameter in parameters]
        if not self.count:
            self.means = [torch.zeros_like(parameter) for parameter in present]
        self.check(present)
        self.count += 1
        # mean + (theta - mean) / t: a sum would grow, and round the more the longer a run is.
        self.means = [
            torch.lerp(mean.to(parameter.device), parameter, 1 / self.count)
            for parameter, mean in zip(present, self.means, strict=True)
        ]

    def check(self, parameters: list[Tensor]) -> None:
        """Raises a ValueError where the shapes are not those of the mean."""
        given = [tuple(parameter.shape) for parameter in parameters]
        known = [tuple(mean.shape) for mean in self.means]
        if given != known:
            raise ValueError(f"the mean is of parameters of shapes {known}; given are {given}")

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors by name, for a checkpoint: ``count`` and the means ``mean.0``, ``mean.1``, ..."""
        means = {f"mean.{index}": mean for index, mean in enumerate(self.means)}
        return {"count": torch.tensor(self.count), **means}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up what `state_dict` gave; nothing changes where that fails.

        Raises:
            ValueError: a tensor is missing or one too many.
        """
        names = [f"mean.{index}" for index in range(len(state) - 1)]
        if set(state) != {"count", *names}:
            raise ValueError(f"not the state of a historical average: {', '.join(sorted(state))}")
        self.count = int(state["count"])
        self.means = [state[name].detach().clone() for name in names]
