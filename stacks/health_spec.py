"""The `[health]` table of a recipe: when a run is looked at, and what counts as sick."""

from __future__ import annotations

from dataclasses import dataclass

from translate.tables import require


@dataclass(frozen=True)
class HealthSpec:
    """Thresholds of the alarms, and what is done about a run that diverges."""

    every: int = 10
    """Steps between two looks at losses, gradients, weights and the diversity of outputs."""
    window: int = 20
    """Looks that a verdict rests on: a running median, or a state that lasts this long."""
    warmup: int = 500
    """Steps at the start of a phase in which saturation, collapse, noise and distance are not
    judged: networks that have learned nothing yet look much like ones that have lost it."""
    divergence: float = 100.0
    """How many times its running median a loss or a gradient may be; above that, and above a tenth
    as many times the largest it has been in its phase, the run has diverged."""
    weights: float = 2.0
    """How many times what it was five looks ago the norm of a network's weights may be, which
    moves by some percent while all is well."""
    saturation: float = 0.02
    """Share of the way from the least loss that a discriminator's labels allow to that of a guess;
    one whose loss stays below it has nothing left to teach (Arjovsky and Bottou 2017, arXiv
    1701.04862, theorem 2.4)."""
    collapse: float = 0.05
    """Diversity of a batch of outputs, relative to that of their truths; below it a generator has
    collapsed to one picture (Salimans et al. 2016, arXiv 1606.03498, section 3.2)."""
    noise: float = 0.002
    """Distance, on [0, 1], between outputs for one input and several noises; below it, which is
    half a step of 8 bits, the noise is not listened to (Isola et al. 2017, section 3.1)."""
    gap: float = 1.0
    """How far scores on training pictures may draw away from those on held-out ones, from where
    they were closest, in standard deviations over the held-out pictures."""
    pictures: int = 4
    """Training pictures measured beside the held-out ones; 0 measures none, and no gap."""
    distance: float = 10.0
    """How many times its first steady value the Wasserstein estimate may grow to; it falls while
    a generator learns (Arjovsky et al. 2017, arXiv 1701.07875, section 4)."""
    rollbacks: int = 8
    """How often a run that diverged goes back to its last healthy checkpoint."""
    slower: float = 0.5
    """What all rates are multiplied by at each of these, for the rest of the run."""

    def __post_init__(self) -> None:
        for key in ("every", "window"):
            require(getattr(self, key) >= 1, key, getattr(self, key), "1 or more")
        for key in ("warmup", "pictures", "rollbacks"):
            require(getattr(self, key) >= 0, key, getattr(self, key), "0 or more")
        for key in ("divergence", "weights", "distance"):
            require(getattr(self, key) > 1, key, getattr(self, key), "above 1")
        for key in ("saturation", "collapse"):
            require(0 <= getattr(self, key) < 1, key, getattr(self, key), "0 up to 1")
        for key in ("noise", "gap"):
            require(getattr(self, key) >= 0, key, getattr(self, key), "0 or more")
        require(0 < self.slower < 1, "slower", self.slower, "above 0 and below 1")

    @property
    def settled(self) -> int:
        """Steps after which a state, with no alarm since, is taken for a healthy one."""
        return self.every * self.window
