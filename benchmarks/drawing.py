"""Models that draw photos, and the pictures held out from their training."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from benchmarks.pictures import need_model
from benchmarks.toys.hands import Bytes
from export.runtime import Translator
from pixstack.console import progress_bar
from stacks.data import validation_pairs
from stacks.recipe import load_recipe
from stacks.spec import Recipe
from translate.pairs import DataError, Item, Pairs
from translate.tables import TableError


def need_recipe(name: str, data: Path) -> Recipe:
    """A recipe, with its data beneath the root; without it the benchmark exits with 2."""
    try:
        recipe = load_recipe(name)
    except (FileNotFoundError, TableError) as error:
        print(error)
        sys.exit(2)
    return replace(recipe, data=replace(recipe.data, root=str(data)))


def need_held_out(recipe: Recipe) -> Pairs:
    """The pairs that a recipe validates by; where they are missing, the benchmark exits with 2."""
    try:
        sets = validation_pairs(recipe)
    except DataError as error:
        print(f"{error}; the data root is named by --data or PIXSTACK_DATA")
        sys.exit(2)
    items: list[Item] = [item for pairs in sets for item in pairs.items]
    if not items:
        print(f"{recipe.name}: holds no pictures out; give the recipe a validation.folder")
        sys.exit(2)
    return Pairs(items)


def need_drawer(name: str, recipe: Recipe, threads: int) -> Translator:
    """A model that draws from a recipe's sources; without it the benchmark exits with 2."""
    model = Translator(need_model(name), threads=threads)
    read, expected = model.manifest.picture, recipe.data.views.get("source", "nothing")
    kind = read.kind if read else "nothing"
    if kind != expected:
        print(f"{model.path}: draws from {kind}; expected a model that draws from {expected}")
        sys.exit(2)
    return model


def draw(model: Translator, sources: Sequence[Bytes], seed: int = 0) -> list[Bytes]:
    """What the model draws of each source ``(H, W, 1)``: photos ``(H, W, 3)`` in 8 bits.

    The noise that it reads, if any, is of a seed of its own for each source.
    """
    assert model.manifest.picture is not None
    name, output = model.manifest.picture.name, model.manifest.outputs[0].name
    photos: list[Bytes] = []
    with progress_bar("drawing") as progress:
        for index, source in enumerate(sources):
            drawn = model.run({name: source}, outputs=output, seed=seed + index)
            photos.append(np.asarray(drawn[output]))
            progress(len(photos), len(sources))
    return photos


def sheet(rows: Sequence[Sequence[Bytes]], side: int = 256) -> Image.Image:
    """Rows of pictures ``(H, W, 3)``, each fitted into a white square of ``side`` pixels."""
    squares = [
        [
            np.asarray(ImageOps.pad(Image.fromarray(picture), (side, side), color="white"))
            for picture in row
        ]
        for row in rows
    ]
    return Image.fromarray(np.vstack([np.hstack(row) for row in squares]))
