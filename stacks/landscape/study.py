"""What a study says, as frozen dataclasses read from strict TOML.

A study names a recipe, the axes along which it is varied, and how what comes out is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stacks.data_spec import FolderSpec
from stacks.shipped import Shipped
from translate.tables import TableError, parse, require, suggest

Choices = Mapping[str, Mapping[str, Any]]
"""Of an axis: overrides of the recipe by key path, by the choice's name."""


@dataclass(frozen=True)
class RangeSpec:
    """Numbers that a search may choose from; a grid takes ``grid`` alone."""

    keys: tuple[str, ...]
    """Paths in the recipe, all of which are set to the number."""
    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"
    whole: bool = False
    """Whole numbers only."""
    grid: tuple[float, ...] = ()
    """What a grid search takes; of none, the recipe's own value stays."""

    def __post_init__(self) -> None:
        require(bool(self.keys), "keys", [], "one path or more")
        require(self.low < self.high, "high", self.high, f"above low, which is {self.low:g}")
        require(self.scale == "linear" or self.low > 0, "low", self.low, "above 0 on a log scale")
        for value in self.grid:
            require(self.low <= value <= self.high, "grid", value, f"{self.low:g} to {self.high:g}")
        if self.whole and not all(value.is_integer() for value in (self.low, self.high)):
            raise TableError(f"low, high: got {self.low:g}, {self.high:g}; expected whole numbers")


@dataclass(frozen=True)
class MetricSpec:
    """How pictures are measured: as many real ones as made ones, through one network."""

    pictures: int = 1000
    """Of each kind, or as many real ones as there are."""
    looks: int = 1
    """How often a trial is measured, evenly over its steps; pruning rests on the early ones."""
    folder: tuple[FolderSpec, ...] = ()
    """Real pictures beneath the data root; the training pictures where there are none."""
    collapse: float = 0.5
    """A run has collapsed where 1 - MS-SSIM between its pictures is below this share of that
    between real ones (Odena et al. 2017, arXiv 1610.09585, section 4.1)."""
    seed: int = 0
    """Of the noise that pictures are made from, the same in all trials."""

    def __post_init__(self) -> None:
        require(self.pictures >= 2, "pictures", self.pictures, "2 or more")
        require(self.looks >= 1, "looks", self.looks, "1 or more")
        require(0 <= self.collapse < 1, "collapse", self.collapse, "0 up to 1")


@dataclass(frozen=True)
class JudgeSpec:
    """What FID and KID look through: a classifier that is trained once for the study."""

    network: str = ""
    """In place of it, what `pixstack eval --features` takes: ``inception``, or a file."""
    path: str = ""
    """Folder of one folder a class beneath the data root; the recipe's own where it is such."""
    size: int = 32
    steps: int = 1200
    batch: int = 32
    mirror: bool = False
    seed: int = 0


@dataclass(frozen=True)
class PruningSpec:
    """When a trial ends early, held against others at the same look."""

    kind: Literal["none", "median", "halving"] = "none"
    """``median``: worse than the median of the others (Golovin et al. 2017); ``halving``: not among
    the best third (asynchronous successive halving, Li et al. 2020, arXiv 1810.05934)."""
    startup: int = 5
    """Trials that are finished before any is ended early."""

    def __post_init__(self) -> None:
        require(self.startup >= 1, "startup", self.startup, "1 or more")


@dataclass(frozen=True)
class Study:
    """A recipe, what of it is varied, and how that is measured."""

    name: str
    recipe: str
    """A preset's name, or a file beside the study."""
    schema: Literal[1] = 1
    description: str = ""
    notes: tuple[str, ...] = ()
    """What a reader of the results should know: baselines of a paper, for one."""
    set: Mapping[str, Any] = field(default_factory=dict)
    """Overrides of the recipe by key path, in every trial."""
    steps: int = 0
    """Of each trial; 0 leaves the recipe's."""
    axis: Mapping[str, Choices] = field(default_factory=dict)
    """Named choices. Axes are applied in their order: a later one may change what an earlier one
    has put there."""
    range: Mapping[str, RangeSpec] = field(default_factory=dict)
    force: tuple[Mapping[str, str], ...] = ()
    """Combinations, by axis, that are trained although Pixstack refuses them."""
    seeds: tuple[int, ...] = (0,)
    search: Literal["grid", "gp"] = "grid"
    budget: float = 0.0
    """Minutes after which no trial begins; 0 sets no end."""
    trials: int = 0
    """Trials after which a search ends, what was refused left out; 0 sets no end."""
    pairs: tuple[tuple[str, ...], ...] = ()
    """Two axes each, whose choices are laid against each other in the results."""
    metric: MetricSpec = field(default_factory=MetricSpec)
    judge: JudgeSpec = field(default_factory=JudgeSpec)
    pruning: PruningSpec = field(default_factory=PruningSpec)

    def __post_init__(self) -> None:
        require(bool(self.seeds), "seeds", [], "one seed or more")
        require(self.steps >= 0, "steps", self.steps, "0 or more")
        require(self.budget >= 0, "budget", self.budget, "0 or more minutes")
        require(self.trials >= 0, "trials", self.trials, "0 or more")
        if not self.axis and not self.range:
            raise TableError("axis: missing; a study varies one axis or range or more")
        for name in self.axis.keys() & self.range.keys():
            raise TableError(f"range.{name}: there is an axis of this name; choose another")
        for name, choices in self.axis.items():
            require(bool(choices), f"axis.{name}", {}, "one choice or more")
        for index, combination in enumerate(self.force):
            self.check_choices(combination, f"force[{index}]")
        for index, pair in enumerate(self.pairs):
            require(len(pair) == 2, f"pairs[{index}]", list(pair), "two axes")
            for name in pair:
                require_known(name, self.axis, f"pairs[{index}]", "axis")
        if self.pruning.kind != "none" and self.metric.looks < 2:
            raise TableError("metric.looks: pruning rests on an early look; expected 2 or more")

    def check_choices(self, chosen: Mapping[str, str], path: str) -> None:
        """See that these choices are there.

        Raises:
            TableError: no such axis, or no such choice.
        """
        for name, choice in chosen.items():
            require_known(name, self.axis, path, "axis")
            require_known(choice, self.axis[name], f"{path}.{name}", "choice")


def require_known(name: str, known: Mapping[str, object], path: str, what: str) -> None:
    """Refuse a name that is not there.

    Raises:
        TableError: with the names that are.
    """
    if name not in known:
        raise TableError(f"{path}: unknown {what} {name!r}; {suggest(name, known)}")


STUDIES = Shipped("studies", "study", "study", ", or a .toml file of your own")
study_text = STUDIES.source


def parse_study(text: str) -> Study:
    """A study from TOML text.

    Raises:
        TableError: no TOML, or what it says cannot be; the message names the key's path.
    """
    return parse(Study, STUDIES.table(text))
