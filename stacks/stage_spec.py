"""What a recipe says of a stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stacks.derive import DeriveSpec, parse_derived
from stacks.inside import InsideSpec
from translate.discriminators import DISCRIMINATORS
from translate.generators import GENERATORS
from translate.objective import ObjectiveSpec
from translate.presentation import PresentationSpec
from translate.tables import TableError, require


def parse_generator(table: object, path: str) -> Any:
    """A generator spec from its table."""
    return GENERATORS.parse(table, path)


def parse_discriminator(table: object, path: str) -> Any:
    """A discriminator spec from its table."""
    return DISCRIMINATORS.parse(table, path)


@dataclass(frozen=True)
class StageSpec:
    """One generator, what it reads and writes, and what judges it."""

    name: str
    """By which phases name it."""
    generator: Any = field(default=None, metadata={"parse": parse_generator})
    """The network, a table with its kind; needed but where a stage is ``like`` another."""
    like: str = ""
    """An earlier stage whose generator this one uses again, with the same weights, on other views.
    It is for training alone: how a cycle is closed (Zhu et al. 2017, arXiv 1703.10593)."""
    ships: bool = True
    """Whether the exported file holds the stage; stages ``like`` another are never in it."""
    derive: Mapping[str, DeriveSpec] = field(
        default_factory=dict[str, DeriveSpec], metadata={"parse": parse_derived}
    )
    """Views that are made of others right before the stage reads them."""
    reads: tuple[str, ...] = ("source",)
    """The views that the generator reads, as channels of one map. The first that has a size must be
    the largest; smaller ones are enlarged to it by a whole factor. Classes, angles and points of
    noise are the same everywhere."""
    writes: str = "target"
    """The view that is made; later stages may read it."""
    truth: str = "target"
    """The view of the data that the written one is held against, reduced to its size where it is
    larger; or ``noise_map``, of the noise of ``degrade.choices``."""
    join: Literal["replace", "add", "told", "inside", "light", "tone", "move"] = "replace"
    """``replace``: what is generated is the view; ``add``: it is added to the first view read,
    enlarged to the new size; ``told``: a strength given by the caller stands in for it; ``inside``:
    it replaces the first view read inside an area, and elsewhere that view stays as it is;
    ``light``: that view is read without the mean color along its frame, which is added to what is
    generated; ``tone``: the same, and what stands out from the frame by its hue nears the mean
    color that it has in that view; ``move``: of each pixel it is generated where in that view it
    comes from (appearance flow, Zhou et al. 2016, arXiv 1605.03557), so that its colors and its
    texture stay."""
    inside: InsideSpec | None = None
    """The area of ``join = "inside"``, and of no other; its views need not be among those the
    generator reads."""
    features: str = ""
    """View of features read from a stage before, by generators of kind resnet, enhancer or
    pyramid."""
    hands_up: str = ""
    """View of features written for a stage after."""
    reduce: int = 1
    """Average what is read by this factor first: a stage that draws the whole at a smaller size
    (the global generator of pix2pixHD, Wang et al. 2018, arXiv 1711.11585, section 3.2)."""
    discriminator: Any = field(default=None, metadata={"parse": parse_discriminator})
    """What judges the written view, a table with its kind; optional: without one the stage has no
    adversary."""
    sees: Literal["picture", "pair", "band"] = "picture"
    """What the discriminator sees: the picture alone; ``pair``: with what the stage reads, but
    noise and strengths, enlarged to its size, as the condition (Mirza and Osindero 2014, Isola et
    al. 2017); ``band``: what is added to the enlarged source, with the enlarged source, and classes
    that the stage reads, as its condition (LapGAN, Denton et al. 2015, section 3.2)."""
    presentation: PresentationSpec = field(default_factory=PresentationSpec)
    """How pictures are shown to the discriminator."""
    objective: ObjectiveSpec = field(default_factory=ObjectiveSpec)
    """What the stage is judged by."""

    def __post_init__(self) -> None:
        require(bool(self.reads), "reads", self.reads, "one view or more")
        if (self.join == "inside") != (self.inside is not None):
            raise TableError("inside: the area of join = 'inside'; give both or neither")
        require(self.reduce >= 1, "reduce", self.reduce, "1 or more")
        if self.discriminator is None:
            for side in ("generator", "discriminator"):
                for name, term in self.objective.specs(side).items():
                    if term.judged:
                        raise TableError(
                            f"objective.{side}.{name}: needs a discriminator; the stage has none"
                        )
        if self.sees == "band" and self.reads[0] in self.derive:
            raise TableError(f"sees: 'band' is added to a view; {self.reads[0]!r} is derived")
        if "color" in self.presentation.augment and self.sees == "band":
            raise TableError("presentation.augment: 'color' is of pictures; a band has none")

    @property
    def needs(self) -> tuple[str, ...]:
        """Views read by the generator, and those that tell where it may change the picture; what
        is derived stands for what it is made of.
        """
        given = (*self.reads, *(self.inside.needs if self.inside else ()))
        bases = (base for derived in self.derive.values() for base in derived.needs)
        names = (*(name for name in given if name not in self.derive), *bases)
        return tuple(dict.fromkeys(names))

    @property
    def sources(self) -> tuple[str, ...]:
        """Views read by the generator; what is derived stands for what it is made of."""
        names = (self.derive[name].needs if name in self.derive else (name,) for name in self.reads)
        return tuple(dict.fromkeys(view for views in names for view in views))

    @property
    def shipped(self) -> bool:
        """Whether the exported file holds the stage."""
        return self.ships and not self.like
