"""Settings of a study as recipes: each combination resolved, or refused with the reason."""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stacks.landscape.study import Study
from stacks.presets import table_of
from stacks.recipe import put
from stacks.spec import Recipe
from translate.tables import TableError, parse

Settings = Mapping[str, str | int | float]
"""A choice for each axis, a number for each range that is searched."""


@dataclass(frozen=True)
class Combination:
    """One trial to be: what is set, by which seed, and the recipe that comes of it.

    key: names the trial's files; it follows from the recipe, wherever the data are. refused: why
    it cannot work; nothing where it is trained. forced: trained although it is refused.
    """

    key: str
    settings: Settings
    seed: int
    recipe: Recipe
    refused: str = ""
    forced: bool = False


class Combinations:
    """All that a study asks for.

    Args:
        study: what is varied.
        source: TOML of the recipe that it varies.
        data: root of the data in place of the recipe's.

    Raises:
        TableError: the recipe, or an override of the study, is wrong.
    """

    def __init__(self, study: Study, source: str, data: str | None = None) -> None:
        self.study, self.data = study, data
        self.table = table_of(source)
        for path, value in study.set.items():
            put(self.table, path, copy.deepcopy(value), f"set.{path}")
        if study.steps:
            if len(self.table.get("phase", [])) != 1:
                raise TableError("steps: is of recipes of one phase; set them in [set] instead")
            put(self.table, "phase.0.steps", study.steps, "steps")
        # Every choice once, beside the first ones of the others: a typo ends it here.
        first = {axis: next(iter(choices)) for axis, choices in study.axis.items()}
        numbers = {name: number(found.low, found.whole) for name, found in study.range.items()}
        highest = {name: number(found.high, found.whole) for name, found in study.range.items()}
        for axis, choices in study.axis.items():
            for choice in choices:
                self.resolve({**first, axis: choice, **numbers}, study.seeds[0])
        self.resolve({**first, **highest}, study.seeds[0])
        self.recipe = self.resolve({**first, **numbers}, study.seeds[0]).recipe
        """One of them, for what all have in common: the data."""
        if not self.recipe.points:
            raise TableError(
                f"recipe: {study.recipe} reads pictures; a study measures sets of pictures that "
                "are made from noise"
            )

    def resolve(self, settings: Settings, seed: int) -> Combination:
        """The recipe of some settings.

        Raises:
            TableError: it is wrong for another reason than that techniques do not go together.
        """
        table = copy.deepcopy(self.table)
        for axis, choices in self.study.axis.items():
            if axis in settings:
                overrides = choices[str(settings[axis])]
                for path, value in overrides.items():
                    said = f"axis.{axis}.{settings[axis]}"
                    put(table, path, copy.deepcopy(value), said)
        for name, found in self.study.range.items():
            if name in settings:
                for path in found.keys:
                    put(table, path, settings[name], f"range.{name}")
        table["seed"] = seed
        forced = bool(table.get("force", False)) or any(
            named.items() <= dict(settings).items() for named in self.study.force
        )
        try:
            # Read as forced, whatever is wrong with it is no matter of techniques.
            recipe = parse(Recipe, {**table, "force": True})
        except TableError as error:
            raise TableError(f"{told(settings)}: {error}") from None
        impossible = [str(conflict) for conflict in recipe.conflicts() if conflict.impossible]
        refused = impossible[0] if impossible and not forced else ""
        forced = forced and bool(impossible)
        table["force"] = forced
        if self.data is not None:
            recipe = replace(recipe, data=replace(recipe.data, root=self.data))
        if not refused:
            recipe = replace(recipe, force=forced)
        return Combination(key(table, settings, seed), settings, seed, recipe, refused, forced)

    def grid(self, only: Mapping[str, Sequence[str]], seeds: Sequence[int]) -> list[Combination]:
        """The full product, seed by seed.

        Within a seed the order is that of hashes of the settings: wherever a budget ends it, what
        was tried is spread over all axes.

        Args:
            only: choices that are taken of an axis; all of those that are not named.
            seeds: each combination is trained with all of them.
        """
        axes: dict[str, Sequence[str | int | float]] = {
            axis: [choice for choice in choices if choice in only.get(axis, choices)]
            for axis, choices in self.study.axis.items()
        }
        for name, found in self.study.range.items():
            if found.grid:
                axes[name] = [number(value, found.whole) for value in found.grid]
        products = [
            dict(zip(axes, chosen, strict=True)) for chosen in itertools.product(*axes.values())
        ]
        products.sort(key=lambda settings: digest(settings))
        return [self.resolve(settings, seed) for seed in seeds for settings in products]

    def describes(self, key: str, settings: Settings, seed: int) -> bool:
        """Whether a trial is one of this study as it is now."""
        axes, ranges = self.study.axis, self.study.range
        for name, value in settings.items():
            if name not in ranges and (name not in axes or value not in axes[name]):
                return False
        try:
            return self.resolve(settings, seed).key == key
        except TableError:
            return False


def number(value: float, whole: bool) -> int | float:
    """A number of a range."""
    return int(value) if whole else float(value)


def told(settings: Settings) -> str:
    """Settings for people: ``loss=minimax penalty=gp rate=0.0002``."""
    return " ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in settings.items()
    )


def key(table: Mapping[str, Any], settings: Settings, seed: int) -> str:
    """The name of a trial: readable, and another one wherever anything of its recipe differs."""
    words = "-".join(str(value) for value in settings.values() if isinstance(value, str))
    words = re.sub(r"[^A-Za-z0-9-]+", "_", words)[:80]
    return f"{words}-s{seed}-{digest(table)[:10]}".lstrip("-")


def digest(table: Mapping[str, Any]) -> str:
    """SHA-256 of plain tables."""
    return hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()
