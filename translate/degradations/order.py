"""Steps of steps: one of several, all in a drawn order, and what happens only sometimes.

The order of what happens to a photograph is as unknown as its strength: BSRGAN (Zhang et al. 2021,
arXiv 2103.14006, section 3.5) shuffles it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from translate.degradations.resize import Bicubic, Fit, Resize
from translate.degradations.step import DegradationError, Picture, Size, Step

Steps = tuple[Step, ...]


class Group(ABC):
    """Steps of which it is drawn which are taken, and when."""

    @abstractmethod
    def chosen(self, random: np.random.Generator) -> Steps:
        """Those that are taken, in their order."""

    def apply(
        self, picture: Picture, random: np.random.Generator, full: Size
    ) -> tuple[Picture, float]:
        return apply_all(self.chosen(random), picture, random, full)


@dataclass(frozen=True)
class OneOf(Group):
    """One of the sequences of steps, all equally likely."""

    options: tuple[Steps, ...]

    def chosen(self, random: np.random.Generator) -> Steps:
        """One of the options."""
        return self.options[int(random.integers(len(self.options)))]


@dataclass(frozen=True)
class Shuffled(Group):
    """All sequences of steps, one after the other in a drawn order."""

    groups: tuple[Steps, ...]

    def chosen(self, random: np.random.Generator) -> Steps:
        """All of them."""
        order = random.permutation(len(self.groups))
        return tuple(step for index in order for step in self.groups[index])


@dataclass(frozen=True)
class Sometimes(Group):
    """Steps that are taken with that chance, or none of them."""

    steps: Steps
    chance: float

    def chosen(self, random: np.random.Generator) -> Steps:
        """All or none."""
        return self.steps if random.random() < self.chance else ()


def apply_all(
    steps: Iterable[Step], picture: Picture, random: np.random.Generator, full: Size
) -> tuple[Picture, float]:
    """Steps one after the other; independent noises add in variance."""
    sigma = 0.0
    for step in steps:
        picture, added = step.apply(picture, random, full)
        sigma = float(np.hypot(sigma, added))
    return picture, sigma


def taken(steps: Iterable[Step], random: np.random.Generator) -> Iterator[Step]:
    """The plain steps that happen to one picture; what is drawn of groups is drawn on the way."""
    for step in steps:
        if isinstance(step, Group):
            yield from taken(step.chosen(random), random)
        else:
            yield step


def leaves(steps: Iterable[Step]) -> Iterator[Step]:
    """The plain steps, groups taken apart."""
    for step in steps:
        if isinstance(step, OneOf):
            yield from leaves(inner for option in step.options for inner in option)
        elif isinstance(step, Shuffled):
            yield from leaves(inner for group in step.groups for inner in group)
        elif isinstance(step, Sometimes):
            yield from leaves(step.steps)
        else:
            yield step


def check_sizes(steps: Steps, text: str) -> None:
    """The scale of the result is known, whatever is drawn.

    Raises:
        DegradationError: it is not.
    """
    plain = list(leaves(steps))
    fits = sum(isinstance(step, Fit) for step in plain)
    resized = any(isinstance(step, Resize) for step in plain)
    if resized and not fits:
        raise DegradationError(
            f"degradation {text!r}: resize leaves a size that is drawn; add fit:S behind it"
        )
    if fits > 1 or (fits and any(isinstance(step, Bicubic) for step in plain)):
        raise DegradationError(
            f"degradation {text!r}: fit:S sets the size once; leave out the other fit or bicubic"
        )
    check_always(steps, text)
    settled = False
    for step in steps:
        inside = list(leaves([step]))
        settled = settled or any(isinstance(leaf, Fit) for leaf in inside)
        if settled and any(isinstance(leaf, Resize) for leaf in inside):
            raise DegradationError(f"degradation {text!r}: resize must stand before fit:S")


def check_always(steps: Iterable[Step], text: str) -> None:
    """What sets the scale happens always."""
    for step in steps:
        if isinstance(step, Shuffled):
            check_always((inner for group in step.groups for inner in group), text)
        elif isinstance(step, (OneOf, Sometimes)) and any(
            isinstance(leaf, (Bicubic, Fit)) for leaf in leaves([step])
        ):
            raise DegradationError(
                f"degradation {text!r}: bicubic and fit set the scale, so they happen always; "
                "take them out of (...) and @CHANCE"
            )
