"""What is checked of the networks of a run before its first step, by their shapes alone."""

from __future__ import annotations

import copy
import os
import shutil
import sys
import sysconfig
from fractions import Fraction
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import nn

from stacks.sight import discriminator_channels
from stacks.spec import Recipe
from stacks.stack import Stack
from translate.tables import TableError


def scales(recipe: Recipe) -> list[int]:
    """Target pixels on one of the source, along one side, of the batches there are."""
    if recipe.points:
        return [recipe.data.size]
    return sorted({choice.scale for choice in recipe.degrade.degradations} or {recipe.data.scale})


def check_truths(recipe: Recipe, stack: Stack) -> None:
    """Every stage that learns has a truth in some batches.

    Raises:
        TableError: a stage enlarges by a factor that no degradation reduces by.
    """
    for index, phase in enumerate(recipe.phase):
        for name in phase.train:
            stage = stack.stages[name]
            if stage.spec.truth == "target" and not judged_scales(recipe, stage.writes.scale):
                given = ", ".join(str(scale) for scale in scales(recipe))
                raise TableError(
                    f"phase[{index}].train: stage {name!r} enlarges the source by "
                    f"{stage.writes.scale}, but sources are reduced by {given} only, so it has no "
                    "truth to learn from"
                )


def judged_scales(recipe: Recipe, own: Fraction) -> list[int]:
    """Of the scales of batches those that have a target for a stage that writes at ``own``."""
    return [scale for scale in scales(recipe) if scale % own == 0]


def reductions(recipe: Recipe, stack: Stack) -> set[int]:
    """By how much targets are reduced for the stages that write at less than their size."""
    own = {
        stage.writes.scale
        for stage in stack.stages.values()
        if stage.spec.truth == "target" and stage.writes.scale >= 1
    }
    return {int(scale / one) for one in own for scale in judged_scales(recipe, one)} - {1}


def check_crops(recipe: Recipe, stack: Stack) -> None:
    """The networks take the crops of every phase.

    Raises:
        TableError: a crop, reduced, does not divide by what the stack needs.
    """
    needed = stack.multiple * max(scales(recipe))
    for index in range(len(recipe.phase)):
        for key, side in crop(recipe, index).items():
            if side % needed:
                raise TableError(
                    f"{key}: got {side}; the networks of this stack need a multiple of {needed}"
                )


def crop(recipe: Recipe, index: int) -> dict[str, int]:
    """Height and width of the crops of a phase, by the keys that say so; one where it is square."""
    if recipe.phase[index].size:
        return {f"phase[{index}].size": recipe.phase[index].size}
    sides = {"data.size": recipe.data.size, "data.width": recipe.data.width}
    return {key: side for key, side in sides.items() if side}


def check_discriminators(recipe: Recipe, stack: Stack, discriminators: nn.ModuleDict) -> None:
    """The discriminators take what every phase shows them.

    Raises:
        TableError: pictures are too small for the layers, or of another size than the only one.
    """
    shells = {
        name: copy.deepcopy(discriminator).to("meta")
        for name, discriminator in discriminators.items()
    }
    for index, phase in enumerate(recipe.phase):
        sides = list(crop(recipe, index).values())
        for name in phase.train if phase.adversarial and phase.steps else ():
            if name not in shells:
                continue
            own, channels = stack.stages[name].writes.scale, discriminator_channels(stack, name)
            for scale in judged_scales(recipe, own):
                height, width = (int(side * own / scale) for side in (sides[0], sides[-1]))
                try:
                    shells[name](torch.empty(2, channels, height, width, device="meta"))
                except RuntimeError as error:
                    place = [stage.name for stage in recipe.stage].index(name)
                    reason = str(error).splitlines()[0]
                    raise TableError(
                        f"stage[{place}].discriminator: takes no pictures of {width}x{height}, "
                        f"which phase[{index}] shows it ({reason}); fewer layers, or larger crops"
                    ) from None


def has_compiler(fabric: Fabric) -> bool:
    """Whether torch.compile has what it needs; where not, a line says so and speed is lost."""
    compilers = (os.environ.get("CXX"), "g++", "clang++", "cl")
    headers = Path(sysconfig.get_path("include"), "Python.h")
    if headers.is_file() and any(shutil.which(name) for name in compilers if name):
        return True
    if fabric.is_global_zero:
        print(
            "not compiled, so slower: torch.compile needs a C++ compiler and Python's headers "
            "(on Debian: apt-get install g++ python3-dev)",
            file=sys.stderr,
        )
    return False
