"""The `[[phase]]` tables of a recipe: what learns, one phase after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from translate.tables import require


@dataclass(frozen=True)
class PhaseSpec:
    """Which stages learn, from what, and for how long."""

    train: tuple[str, ...]
    """Names of the stages that learn; the others are frozen."""
    steps: int
    """Updates of the generators; 0 leaves the phase out."""
    feed: Literal["truth", "predicted"] = "predicted"
    """Where the conditions of a stage come from: the batch, or the stages before."""
    adversarial: bool = True
    """Whether the discriminators take part; stages without one have no adversary in any phase."""
    rate: float = 1.0
    """What the rates of both sides are multiplied by."""
    batch: int = 0
    """Items a batch in this phase; 0 takes the recipe's."""
    size: int = 0
    """Side of the crop in this phase; 0 takes the data's. Large crops late in a run show the
    networks pictures as they will meet them: most of a small crop lies near an edge."""
    depth: int = 0
    """Levels of growing networks that work, from the innermost on (Karras et al. 2018, arXiv
    1710.10196, section 2); 0 takes all."""
    fade: float = 0.0
    """Share of the steps over which the outermost of these levels fades in, on a line."""

    def __post_init__(self) -> None:
        require(bool(self.train), "train", self.train, "one stage or more")
        require(self.steps >= 0, "steps", self.steps, "0 or more")
        require(self.rate > 0, "rate", self.rate, "above 0")
        require(self.batch >= 0, "batch", self.batch, "0 or more")
        require(self.size == 0 or self.size >= 8, "size", self.size, "0, or 8 or more")
        require(self.depth >= 0, "depth", self.depth, "0 or more")
        require(0 <= self.fade <= 1, "fade", self.fade, "0 to 1")
        innermost = self.depth == 1 and self.fade > 0
        require(not innermost, "fade", self.fade, "0 at depth 1, which nothing stands within")

    def alpha(self, step: int) -> float:
        """Share of the outermost level at a step of the phase, counted from 0."""
        return min(1.0, step / (self.fade * self.steps)) if self.fade and self.steps else 1.0
