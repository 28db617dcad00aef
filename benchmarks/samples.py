"""What a model makes from noise: a grid of samples, and their diversity beside real pictures'.

Diversity is the mean MS-SSIM of random pairs of one class (Odena et al. 2017, arXiv 1610.09585,
section 4.1); lower is more diverse, and samples much more alike than real pictures tell of a
collapse. A truncation makes pictures better and more alike: models that have an input for it, as
style-hands, are told it; for others noise is drawn again where it lies beyond (Brock et al. 2019,
arXiv 1809.11096, section 3.1), which networks that normalize what they read hardly notice.

    python -m benchmarks.samples cgan.onnx [--real DATA/hands] [--to samples.png]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from benchmarks.pictures import DATA, missing_exits, need_model
from export.runtime import Translator
from pixstack.console import print_table
from stacks.recipe import parse_recipe
from translate.diversity import PAIRS, diversity
from translate.kinds import Kind
from translate.pairs import View, folders_in, list_pictures
from translate.pixels import to_batch, to_bytes, to_floats, to_picture

Groups = dict[str, Tensor]
"""Pictures ``(N, C, H, W)`` in [0, 1] by class; under one name where there are no classes."""
ALL = "all"


@missing_exits()
def run(
    model: Annotated[str, typer.Argument(help="Model or file that starts from noise.")],
    real: Annotated[
        Path, typer.Option(help="Real pictures, or a folder of one folder a class.")
    ] = DATA / "hands",
    to: Annotated[Path, typer.Option(help="Where the grid goes.")] = Path("samples.png"),
    count: Annotated[int, typer.Option(min=2, help="Samples of a class.")] = 40,
    columns: Annotated[int, typer.Option(min=1, help="Samples of a class in the grid.")] = 8,
    pairs: Annotated[int, typer.Option(min=1, help="Pairs of a class.")] = PAIRS,
    truncation: Annotated[
        float, typer.Option(min=0.0, help="What the model is told, or the most of noise; 0: none.")
    ] = 0.0,
    seed: int = 0,
) -> None:
    """Sample a model and measure how diverse it is."""
    translator = Translator(need_model(model))
    if translator.manifest.picture is not None:
        print(f"{model}: starts from a picture; samples are of models that start from noise")
        sys.exit(2)
    if not real.is_dir():
        print(f"{real}: no such folder; name one of real pictures by --real")
        sys.exit(2)
    made = sample(translator, count, seed, truncation)
    grid(made, columns).save(to)
    side, channels = next(iter(made.values())).shape[-1], next(iter(made.values())).shape[1]
    found = real_pictures(real, list(made), side, "rgb" if channels == 3 else "gray", count, seed)
    rows = [
        (name, *(f"{diversity([groups[name]], pairs, seed):.3f}" for groups in (made, found)))
        for name in made
    ]
    totals = {
        what: round(diversity(list(groups.values()), pairs, seed), 4)
        for what, groups in (("samples", made), ("real", found))
    }
    print_table(("class", "MS-SSIM of samples", "of real pictures"), rows)
    print(json.dumps({"model": translator.path.name, "size": side, "ms_ssim": totals}, indent=2))


def sample(translator: Translator, count: int, seed: int = 0, truncation: float = 0.0) -> Groups:
    """``count`` samples of each class, each from a seed of its own."""
    manifest = translator.manifest
    kinds = parse_recipe(manifest.recipe).data.kinds
    noise = {port.name: kinds[port.name] for port in manifest.inputs if port.family == "noise"}
    asked = next((port for port in manifest.inputs if port.family == "class"), None)
    telling = next((port.name for port in manifest.inputs if port.family == "strength"), None)
    told = {telling: truncation} if telling and truncation else {}
    classes = [ALL] if asked is None else list(asked.names) or numbers(asked.count)
    output = manifest.outputs[0].name
    groups: Groups = {}
    for index, name in enumerate(classes):
        pictures = []
        for item in range(count):
            random = np.random.default_rng([seed, index, item])
            most = 0.0 if telling else truncation
            views = {view: draw(kind, random, most) for view, kind in noise.items()}
            chosen = {} if asked is None else {asked.name: index}
            made = translator.run(views | chosen | told, outputs=output)[output]
            pictures.append(to_floats(np.asarray(made)).clip(0, 1))
        groups[name] = to_batch(pictures)
    return groups


def numbers(count: int) -> list[str]:
    """Names of classes that have none, of as many digits each: their order is that of names."""
    return [f"{index:0{len(str(count - 1))}}" for index in range(count)]


def draw(kind: Kind, random: np.random.Generator, truncation: float = 0.0) -> NDArray[np.float32]:
    """Normal noise ``(C,)`` or ``(C, S, S)``; what lies beyond the truncation is drawn again."""
    shape = (kind.count, kind.scale, kind.scale) if kind.is_map else (kind.count,)
    values = random.standard_normal(shape, dtype=np.float32)
    while truncation and (beyond := np.abs(values) > truncation).any():
        values[beyond] = random.standard_normal(int(beyond.sum()), dtype=np.float32)
    return values


def real_pictures(
    folder: Path, classes: Sequence[str], side: int, kind: str, count: int, seed: int = 0
) -> Groups:
    """Up to ``count`` real pictures of each class, brought to ``side`` x ``side``.

    Folders are the classes as in training: by the model's names for them, else in name order.
    """
    found = {path.name: path for path in folders_in(folder)}
    if list(classes) == [ALL]:
        places = list(found.values()) or [folder]
        groups = {ALL: [file for place in places for file in list_pictures(place).values()]}
    elif len(found) == len(classes):
        order = classes if set(classes) == set(found) else list(found)
        groups = {
            name: list(list_pictures(found[place]).values())
            for name, place in zip(classes, order, strict=True)
        }
    else:
        print(f"{folder}: has {len(found)} folders; the model knows {len(classes)} classes")
        sys.exit(2)
    random = np.random.default_rng(seed)
    return {
        name: to_batch(
            [
                to_floats(View(files[index], kind, fit=(side, side)).decode())
                for index in random.permutation(len(files))[:count]
            ]
        )
        for name, files in groups.items()
    }


def grid(groups: Groups, columns: int) -> Image.Image:
    """A row a class; without classes as many rows as columns."""
    rows = [pictures[:columns] for pictures in groups.values()]
    if list(groups) == [ALL]:
        pictures = groups[ALL][: columns * columns]
        rows = [row for row in pictures.split(columns) if len(row) == min(columns, len(pictures))]
    lines = [torch.cat(list(row), dim=2) for row in rows]
    pixels = to_bytes(to_picture(torch.cat(lines, dim=1)[None]))
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


if __name__ == "__main__":
    typer.run(run)
