"""The pictures that a recipe holds out, as its training measures by them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pixstack.errors import WrongUse

if TYPE_CHECKING:
    from stacks.evaluate import Protocol
    from stacks.spec import Recipe
    from translate.pairs import Pairs


def held_out(model: str, data: Path | None = None) -> tuple[Protocol, list[Pairs]]:
    """The protocol by which a model's training is validated, and the pictures, folder by folder.

    Args:
        model: a stack's weights, their run, an ONNX file or a shipped model's name.
        data: root of the data, in place of the recipe's.

    Raises:
        ValueError: the model holds no recipe, or its recipe holds no pictures out.
        WrongUse: it is an exported file, and no root is given.
        DataError: they are not where the recipe has them.
    """
    from stacks.data import validation_pairs
    from stacks.evaluate import held_out_protocol
    from translate.pairs import DataError

    recipe = recipe_of(model)
    if data is None and is_exported(model):
        raise WrongUse(
            f"{model}: an exported file does not keep where its pictures lay; add --data DIR, the "
            "root of the data (data.root of its recipe)"
        )
    if data is not None:
        recipe = replace(recipe, data=replace(recipe.data, root=str(data)))
    if not recipe.validation.folder:
        raise ValueError(
            f"{model}: its recipe holds no pictures out (validation.folder); give --targets DIR"
        )
    try:
        sets = validation_pairs(recipe)
    except DataError as error:
        raise DataError(f"{error}; --data DIR names another root of the data") from None
    return held_out_protocol(recipe), sets


def is_exported(model: str) -> bool:
    """Whether a model is an ONNX file, by itself or by its name, and not a run or its weights."""
    return not (model.endswith(".safetensors") or Path(model).is_dir())


def recipe_of(model: str) -> Recipe:
    """The recipe by which a model was trained.

    Raises:
        ValueError: there is no such model, or it holds none that can be read.
        WrongUse: they are two models in a row.
    """
    from export.runtime.model_file import read_manifest
    from pixstack.shelf import find_model
    from stacks.checkpoint import form_of_stack, header, recipe_in
    from stacks.recipe import parse_recipe
    from stacks.run_folder import weights_of

    if not is_exported(model):
        path = weights_of(Path(model))
        text = recipe_in(header(path, form_of_stack(path)), path)
    elif "+" in model and not Path(model).exists():
        raise WrongUse("--held-out: is of one model; measure two in a row by --targets DIR")
    else:
        path = find_model(model)
        text = read_manifest(path).recipe
    if not text:
        raise ValueError(f"{path}: holds no recipe; give --targets DIR")
    try:
        return parse_recipe(text)
    except ValueError as error:
        raise ValueError(f"{path}: its recipe: {error}") from None
