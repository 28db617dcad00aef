"""A recipe's data: pairs, degradations and the sampler of its batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stacks.spec import FolderSpec, PhaseSpec, Recipe
from translate.augment import Augment
from translate.batches import Sampler
from translate.layouts import Layout, Reading, find_sets
from translate.pairs import DataError, Pairs
from translate.zoom import needed


def training_groups(recipe: Recipe) -> list[tuple[Pairs, float]]:
    """The pairs of every training folder, with its share.

    Raises:
        DataError: a folder is missing or empty, or a pair does not match.
    """
    return [(open_folder(recipe, folder), folder.share) for folder in recipe.data.folder]


LOOKED_AT = 32
"""Pictures of each folder whose sizes are read before a run; `pixstack check-data` reads all."""


def mirrored(recipe: Recipe, groups: Sequence[tuple[Pairs, float]]) -> str:
    """What is to be told of pictures that are smaller than the crops of a run; empty of none.

    Their edges are mirrored to fill the crop, which networks then learn to draw.
    """
    if recipe.data.fit == "resize":
        return ""
    sizes_of_phases = (phase.size or recipe.data.size for phase in recipe.phase if phase.steps)
    crop = max(sizes_of_phases, default=0)
    side = needed(crop, recipe.augment.zoom)
    sizes = []
    for pairs, _ in groups:
        for one in (pairs, *pairs.apart):
            every = -(-len(one.items) // LOOKED_AT)
            seen = (item.views for item in one.items[::every] if item.views)
            sizes += [(views.get("target") or next(iter(views.values()))).size() for views in seen]
    small = [size for size in sizes if min(size) < side]
    if not small:
        return ""
    return (
        f"data.size: {len(small)} of {len(sizes)} pictures looked at are smaller than the crop of "
        f"{crop} pixels, the smallest {min(map(min, small))}: their edges are mirrored to fill it; "
        "take a smaller crop, or leave them out (pixstack check-data names them)"
    )


def phase_sampler(
    recipe: Recipe, groups: Sequence[tuple[Pairs, float]], phase: PhaseSpec
) -> Sampler:
    """The sampler of a phase's batches."""
    degradations = recipe.degrade.degradations
    shares = recipe.degrade.shares or (1.0,) * len(degradations)
    return Sampler(
        groups,
        phase.batch or recipe.batch,
        phase.size or recipe.data.size,
        list(zip(degradations, shares, strict=True)),
        Augment(recipe.augment),
        recipe.seed,
        recipe.degrade.told,
        recipe.data.kinds,
        recipe.points,
        recipe.data.swapped,
        0 if phase.size else recipe.data.width,
        recipe.data.scale,
        leaves=recipe.degrade.where == "device",
    )


def validation_pairs(recipe: Recipe) -> list[Pairs]:
    """The held-out pictures; empty where the recipe names none.

    A measure needs truths: pairs, with the same names in each folder, even where pictures without
    correspondence are trained on.
    """
    layout = "views" if recipe.data.layout == "unpaired" else None
    return [open_folder(recipe, folder, layout) for folder in recipe.validation.folder]


def open_folder(recipe: Recipe, folder: FolderSpec, layout: Layout | None = None) -> Pairs:
    """The pairs of one folder, in the layout of the data where no other is given."""
    data = recipe.data
    path = Path(data.root) / folder.path
    reading = reading_of(recipe, folder)
    sets = [items[folder.chosen()] for items in find_sets(path, layout or data.layout, reading)]
    if not all(sets):
        raise DataError(f"{path}: no picture is left by pictures = {folder.pictures!r}")
    folders = (*data.folder, *recipe.validation.folder)
    share = folder.share / sum(other.share for other in folders)
    # Each folder's cache is cut to its share, and never so small that a picture is read each time.
    cache = recipe.data.cache * 2**30 * max(min(share, 1.0), 0.1)
    first, *apart = (Pairs(items, int(cache / len(sets))) for items in sets)
    return replace(first, apart=apart)


def reading_of(recipe: Recipe, folder: FolderSpec) -> Reading:
    """How the pictures of a folder are read."""
    data = recipe.data
    return Reading(
        data.views,
        folder.reduce,
        data.shape if data.fit == "resize" else None,
        data.swap,
        data.palette,
        data.names,
        Path(data.root),
        data.joints,
        data.scale,
    )
