"""What a run leaves on disk: whole files only, tensors and text only.

Everything is a safetensors file, written beside its place, flushed, and renamed over it, so that a
run killed at any moment leaves the previous file whole. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from stacks.recipe import parse_recipe, recipe_text
from stacks.run_folder import weights_of
from stacks.sketch import sketch
from stacks.spec import Recipe
from stacks.stack import Stack
from stacks.whole import write_whole
from translate.layers.folding import fold

WEIGHTS = "pixstack.stack"
STATE = "pixstack.training"


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged, or of another recipe."""


class FitError(CheckpointError):
    """Weights are of other networks than the recipe's."""


@dataclass
class Checkpoint:
    """The content of a file: tensors by name, and plain facts."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def write(path: Path, form: str, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write a file so that ``path`` is always either the old one or the new one, whole."""
    content = save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
        metadata={"form": form, "facts": json.dumps(facts)},
    )
    write_whole(path, content)


def read(path: Path, form: str) -> Checkpoint:
    """Read a file of a form.

    Raises:
        CheckpointError: no such file, not a whole safetensors file, or of another form.
    """
    with opened(path) as file:
        facts = facts_of(file, path, form)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return Checkpoint(tensors, facts)


def header(path: Path, form: str = STATE) -> dict[str, Any]:
    """The facts of a file, without its tensors; errors as of `read`."""
    with opened(path) as file:
        return facts_of(file, path, form)


def form_of_stack(path: Path) -> str:
    """The form of a file that holds a stack: a training state has its averaged weights, too."""
    with opened(path) as file:
        return STATE if (file.metadata() or {}).get("form") == STATE else WEIGHTS


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A safetensors file; CheckpointError where it is missing, damaged, or something else."""
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint")
    try:
        with safe_open(str(path), "pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path}: not a whole safetensors file ({error}); only safetensors are read"
        ) from None


def facts_of(file: Any, path: Path, form: str) -> dict[str, Any]:
    """The facts in the header of a file of a form."""
    head = file.metadata() or {}
    if head.get("form") != form:
        raise CheckpointError(f"{path}: expected a {form} file, got {head.get('form', 'another')}")
    try:
        facts = json.loads(head["facts"])
    except (KeyError, ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise CheckpointError(f"{path}: its header does not hold the facts of a {form} file")
    return facts


def count_fact(facts: Mapping[str, Any], name: str, path: Path) -> int:
    """A fact of a file that is a whole number of 0 or more; anything else is a CheckpointError."""
    value = facts.get(name)
    if type(value) is not int or value < 0:
        raise wrong_fact(facts, name, "a whole number of 0 or more", path)
    return value


def number_fact(facts: Mapping[str, Any], name: str, path: Path) -> float:
    """A fact of a file that is a number, infinite ones included."""
    value = facts.get(name)
    # JSON has no truth values among its numbers, but Python does; and a NaN is none.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        raise wrong_fact(facts, name, "a number", path)
    return value


def wrong_fact(facts: Mapping[str, Any], name: str, expected: str, path: Path) -> CheckpointError:
    """What is wrong with a fact, and what to do."""
    given = f"got {reprlib.repr(facts[name])}" if name in facts else "there is none"
    return CheckpointError(
        f"{path}: its fact {name!r}: expected {expected}, {given}; take another copy of the file "
        "or begin the run anew"
    )


def save_stack(path: Path, stack: Stack, recipe: Recipe, facts: dict[str, Any]) -> None:
    """Weights with their recipe: what `load_stack`, evaluation and export take."""
    tensors = dict(stack.state_dict())
    write(path, WEIGHTS, tensors, {"recipe": recipe_text(recipe), **facts})


def load_stack(path: str | Path, overrides: Sequence[str] = ()) -> Stack:
    """The trained stack of ``RUN/best.safetensors``, in evaluation mode.

    Args:
        path: of the file, or of the folder of its run; ``RUN/last/state.safetensors`` has the
            averaged weights of the last step in place of the best ones.
        overrides: of its recipe, as ``stage.1.ships=true``.

    Raises:
        CheckpointError: the file is missing, damaged, not a stack's weights, or its recipe is of
            unknown kinds.
        FitError: its recipe is of other networks than the weights are.
        TableError: an override is of no key, or of a value that is not allowed.
    """
    path = weights_of(Path(path))
    form = form_of_stack(path)
    checkpoint = read(path, form)
    tensors = checkpoint.tensors
    if form == STATE:
        tensors = without_prefix("average", tensors)
    return stack_of(recipe_in(checkpoint.facts, path), tensors, path, overrides)


def stack_of(
    text: str, tensors: dict[str, Tensor], path: Path, overrides: Sequence[str] = ()
) -> Stack:
    """The stack of a recipe with averaged weights, in evaluation mode.

    Args:
        text: of the recipe.
        tensors: by the names of the stack's weights and buffers.
        path: of the file that holds both, for what is said of it.
        overrides: of the recipe.

    Raises:
        FitError, CheckpointError, TableError: as `load_stack` tells.
    """
    try:
        recipe = parse_recipe(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: its recipe: {error}") from None
    if overrides:
        recipe = parse_recipe(text, overrides)
    try:
        # The recipe may be anybody's: its networks get memory once they are seen to be those of
        # the weights. Averaged weights are kept as they act, without the constraints they were
        # trained under.
        check_fit(sketch(recipe, len(tensors)), tensors, path)
        stack = fold(Stack(recipe))
    except FitError:
        raise
    except ValueError as error:
        raise CheckpointError(f"{path}: its recipe: {error}") from None
    stack.load_state_dict(tensors)
    return stack.eval()


def recipe_in(facts: Mapping[str, Any], path: Path) -> str:
    """The recipe that stands among the facts of a file."""
    recipe = facts.get("recipe")
    if not isinstance(recipe, str):
        raise CheckpointError(f"{path}: its header does not hold the recipe of the stack")
    return recipe


def load_weights(module: torch.nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Strictly load weights; what differs is named in one line (FitError)."""
    check_fit(module, tensors, path)
    module.load_state_dict(tensors)


def beginning(stack: Stack, start: Stack) -> dict[str, Tensor]:
    """The weights of ``start``; of stages that it has not at all, the stack's own.

    So the weights of a stage that was trained alone begin a stack that has more.
    """
    others = [name for name in stack.stages if name not in start.stages]
    own = stack.state_dict()
    kept = {key for key in own for name in others if key.startswith(f"stages.{name}.")}
    return {key: own[key] for key in kept} | start.state_dict()


def check_fit(module: torch.nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Raise FitError where names and shapes are not those of the module's own weights."""
    own = module.state_dict()
    wrong = sorted(
        name
        for name in own.keys() | tensors.keys()
        if name not in own or name not in tensors or own[name].shape != tensors[name].shape
    )
    if wrong:
        raise FitError(
            f"{path}: does not fit the recipe's networks: {len(wrong)} tensors differ, "
            f"first {wrong[0]!r}; use the recipe that the checkpoint was "
            "trained with, recipe.toml in its run"
        )


def optimizer_tensors(prefix: str, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The moments of an optimiser by name."""
    return {
        f"{prefix}.{index}.{key}": value
        for index, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
    }


def load_optimizer(
    prefix: str, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]
) -> None:
    """Put the moments back.

    Raises:
        CheckpointError: they are of other weights than the optimiser's.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in without_prefix(prefix, tensors).items():
        index, key = name.split(".", 1)
        weight = parameters[int(index)] if int(index) < len(parameters) else None
        if weight is None or tensor.shape not in (weight.shape, ()):
            raise CheckpointError(
                f"{prefix}: its state is of other weights; resume with the phases of the run"
            )
        if tensor.shape == weight.shape:
            # A fused optimiser goes through weights and moments as they lie in memory: a moment in
            # another order than its weight would move the wrong numbers.
            tensor = torch.empty_like(weight).copy_(tensor)
        state.setdefault(int(index), {})[key] = tensor
    table = optimizer.state_dict()
    table["state"] = state
    optimizer.load_state_dict(table)


def with_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names of one part of a training state."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def without_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The part of a training state that `with_prefix` named."""
    return {
        name[len(prefix) + 1 :]: tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{prefix}.")
    }
