"""`pixstack judge`: a classifier of one's own labels, for measures of sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pixstack.errors import WrongUse


def command(
    folder: Annotated[Path, typer.Argument(help="One folder of pictures a class.")],
    output: Annotated[
        Path, typer.Option("-o", "--to", metavar="JUDGE.safetensors", help="The file to write.")
    ],
    size: Annotated[int, typer.Option(help="Pixels that pictures are brought to.")] = 64,
    steps: Annotated[int, typer.Option(min=1, help="Of training.")] = 1200,
    batch: Annotated[int, typer.Option(min=2, help="Pictures a step.")] = 32,
    held_out: Annotated[float, typer.Option(help="Share that it is tested on.")] = 0.2,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="A mirrored picture is still of its class.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, split and order.")] = 0,
    json_target: Annotated[
        str | None, typer.Option("--json", metavar="-|FILE", help="Write the result as JSON.")
    ] = None,
) -> None:
    """Train a small classifier of your own classes, on real pictures only.

    `pixstack eval --features JUDGE.safetensors` then measures FID, KID, precision and recall
    through it, offline and on what your pictures show. Measure all that you compare with one judge.

    Needs the train extra.

    \b
    Examples:
      pixstack judge data/gestures -o judge.safetensors
      pixstack judge data/products -o judge.safetensors --size 96 --mirror --json -
      pixstack eval my.onnx --targets B --sources A --features judge.safetensors
    """
    from pixstack.errors import require_train

    require_train()
    from pixstack.console import print_table, progress_bar, write_json
    from stacks.judge import JudgeRecipe, class_names, read_classes, train_judge
    from stacks.mishaps import prepare_folder
    from translate.features.weights import fingerprint

    if output.suffix != ".safetensors":
        raise WrongUse(f"--to {output}: expected the name of a .safetensors file to write")
    if output.is_dir():
        raise WrongUse(f"--to {output}: is a folder; expected the name of a file")
    # Told before the judge is trained.
    prepare_folder(output.parent)
    names = class_names(folder)
    recipe = JudgeRecipe(
        names, size, steps=steps, batch=batch, held_out=held_out, mirror=mirror, seed=seed
    )
    with progress_bar("read") as progress:
        labeled = read_classes(folder, recipe, progress)
    with progress_bar("judge") as progress:
        trained = train_judge(labeled, recipe, progress)
    trained.save(output)
    result = {
        "judge": str(output),
        "weights": fingerprint(output),
        "classes": list(names),
        "learned": trained.learned,
        "held_out": trained.held_out,
        "accuracy": trained.accuracy,
    }
    if json_target is not None:
        write_json(result, json_target)
    if json_target != "-":
        print_table(
            ("judge", "weights", "classes", "learned", "held out", "accuracy"),
            [
                (
                    output,
                    result["weights"],
                    len(names),
                    trained.learned,
                    trained.held_out,
                    f"{trained.accuracy:.4f}",
                )
            ],
            folding=("judge", "weights"),
        )
