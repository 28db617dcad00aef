"""What a stack's file says of itself, drawn from the recipe."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from export.graph import View, written_views
from export.manifest import Input, Manifest, Output
from stacks.data_spec import DataSpec
from stacks.recipe import portable, recipe_hash, recipe_text
from stacks.spec import Recipe
from stacks.stack import Stack
from translate.degrade import Noise
from translate.pixels import SIGMA_UNIT

TOOLS = ("torch", "onnx", "onnxscript", "onnxslim", "onnxruntime-gpu", "onnxruntime", "pixstack")
_MOST_PIXELS = 2**22
"""Of a picture that must be run untiled."""


def describe(
    stack: Stack,
    halo: int | None,
    least: int,
    name: str | None,
    version: str,
    metrics: Mapping[str, Any],
    tools: Mapping[str, str],
) -> Manifest:
    """The manifest of a stack.

    Args:
        stack: what is exported.
        halo: pixels that a pixel depends on around it; None for the whole picture.
        least: side of the smallest picture, in pixels.
        name: of the model; the recipe's where it is None.
        version: of the model.
        metrics: measures with their protocol.
        tools: further versions by name.
    """
    recipe = portable(stack.recipe)
    # A stack that saw whole pictures at one size knows things by their size in it.
    fixed = recipe.data.fit == "resize" and not recipe.points
    tiling = "fixed" if fixed else "whole" if halo is None else "exact"
    return Manifest(
        name=name or recipe.name,
        task=recipe.task,
        inputs=tuple(describe_input(stack, name) for name in stack.inputs),
        outputs=tuple(
            describe_output(view, recipe.data, recipe.points) for view in written_views(stack)
        ),
        version=version,
        description=recipe.description,
        size_multiple=stack.multiple,
        min_size=least,
        halo=halo or 0,
        tiling=tiling,
        size=network_size(recipe.data) if fixed else None,
        max_pixels=_MOST_PIXELS if tiling == "whole" else None,
        license=recipe.license,
        data=describe_data(recipe),
        recipe=recipe_text(recipe),
        recipe_hash=recipe_hash(recipe),
        metrics=metrics,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        tools=tool_versions() | dict(tools),
    )


def network_size(data: DataSpec) -> int | tuple[int, int]:
    """The size of whole pictures, as manifests tell it: a side, or height and width."""
    height, width = data.shape
    return height if height == width else (height, width)


def describe_input(stack: Stack, name: str) -> Input:
    """What is fed under a name."""
    if name == "strength":
        return Input(
            name,
            "strength",
            default=-1,
            range=(0, strongest(stack.recipe)),
            unit=f"noise sigma on 0..{SIGMA_UNIT:g}",
            description="strength of the noise; -1: found in the picture",
        )
    view, data = stack.inputs[name], stack.recipe.data
    if view.kind.family == "strength":
        return Input(
            name, "strength", default=-1, range=(0, 1), description="-1: left to the model"
        )
    if view.kind.family == "angle":
        text = "degrees; a whole turn more or less is the same"
        return Input(name, "angle", default=0, range=(-180, 180), unit="degrees", description=text)
    if view.kind.is_noise:
        return Input(name, "noise", scale=int(view.scale), description="standard normal values")
    if view.kind.family == "keypoints" and data.joints:
        return Input(
            name,
            str(view.kind),
            names=data.joints.names,
            limbs=data.joints.numbered_limbs,
            description="x, y in pixels of the picture, visible 0 or 1",
        )
    names = data.names.get(name, ())
    if view.kind.family == "colors":
        text = "red, green and blue; -1: left to the model"
        return Input(name, str(view.kind), default=-1, range=(0, 1), names=names, description=text)
    if view.kind.family == "class":
        return Input(name, str(view.kind), default=0, names=names)
    text = data.descriptions.get(name, "")
    if view.kind.family == "labels":
        palette = colors(data, name)
        return Input(name, str(view.kind), palette=palette, names=names, description=text)
    paper = data.paper.get(name, "")
    return Input(
        name, str(view.kind), scale=int(view.scale), range=(0, 1), description=text, paper=paper
    )


def colors(data: DataSpec, view: str) -> tuple[tuple[int, int, int], ...]:
    """The palette of a view; empty where its pictures hold ids."""
    return tuple((red, green, blue) for red, green, blue in data.palette.get(view, ()))


def describe_output(view: View, data: DataSpec, points: bool) -> Output:
    """What comes back under a name, of a stack from ``points`` of noise or from a picture."""
    if view.kind.family == "labels":
        return Output(
            view.name,
            str(view.kind),
            scale=view.scale,
            palette=colors(data, view.truth),
            names=data.names.get(view.truth, ()),
            keeps=view.keeps,
        )
    if view.truth == "noise_map":
        text = f"noise sigma that was told or found, divided by {SIGMA_UNIT:g}"
    elif points:
        text = f"a picture of {view.scale}x{view.scale} pixels"
    elif view.scale > 1:
        text = f"the picture, {view.scale} times as large"
    else:
        text = ""
    return Output(
        view.name,
        str(view.kind),
        scale=view.scale,
        range=(0, 1),
        description=text,
        keeps=view.keeps,
    )


def strongest(recipe: Recipe) -> float:
    """The largest noise sigma that was trained with; the whole range where nothing tells it."""
    sigmas = [
        step.sigma.high
        for choice in recipe.degrade.degradations
        for step in choice.plain_steps
        if isinstance(step, Noise)
    ]
    return max(sigmas, default=SIGMA_UNIT)


def describe_data(recipe: Recipe) -> str:
    """The folders trained on, with the part that was taken of each."""
    return ", ".join(
        folder.path if folder.pictures == ":" else f"{folder.path} ({folder.pictures})"
        for folder in recipe.data.folder
    )


def tool_versions() -> dict[str, str]:
    """Versions of what the export went through, by package name; what is absent is left out."""
    versions: dict[str, str] = {}
    for tool in TOOLS:
        try:
            versions[tool] = metadata.version(tool)
        except metadata.PackageNotFoundError:
            continue
    return versions
