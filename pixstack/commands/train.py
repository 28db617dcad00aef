"""`pixstack train`: a stack from a recipe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def command(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE|PRESET", help="A .toml file or a preset's name.")
    ],
    output: Annotated[Path, typer.Option("-o", "--to", metavar="RUN", help="Folder of the run.")],
    data: Annotated[
        Path | None, typer.Option(help="Root of the data, in place of the recipe's data.root.")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY.PATH=VALUE", help="Change the recipe; may be repeated."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in RUN.")] = False,
    start: Annotated[
        Path | None,
        typer.Option(help="Weights to begin with: another run's best.safetensors."),
    ] = None,
    devices: Annotated[int, typer.Option(min=1, help="Devices on each machine.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Machines.")] = 1,
    plugins: Annotated[
        list[str] | None,
        typer.Option("--plugin", metavar="MODULE", help="Import a module that registers kinds."),
    ] = None,
) -> None:
    """Train a stack from a recipe.

    RUN receives recipe.toml, log.jsonl, samples/, tensorboard/, last/ (the full state) and
    best.safetensors, which `pixstack eval` and `pixstack export` take; `pixstack report RUN` makes
    a page of it. Ctrl-C and SIGTERM finish the step in hand and write it before the run ends, with
    the exit code 130 or 143.

    \b
    Examples:
      pixstack train photo-sr -o runs/sr --data pictures/
      pixstack train mine.toml -o runs/mine --set stage.0.generator.blocks=8
      pixstack train mine.toml -o runs/mine --resume
      pixstack train photo-sr-crisp -o runs/crisp --start runs/sr/best.safetensors \\
          --set phase.0.steps=0
    """
    from pixstack.errors import require_train
    from pixstack.plugins import import_plugins

    require_train()
    import_plugins(plugins or [])
    from lightning_fabric.utilities.rank_zero import rank_zero_only

    from stacks.recipe import load_recipe, toml_value
    from stacks.stopping import Stopped
    from stacks.train import train

    # Of the processes that share a run, one speaks for all of them.
    say = rank_zero_only(print)
    changes = list(overrides or [])
    if data is not None:
        changes.append(f"data.root={toml_value(str(data))}")
    try:
        best = train(load_recipe(recipe, changes), output, resume, start, devices, nodes)
    except Stopped as stopped:
        say(stopped, file=sys.stderr)
        raise typer.Exit(stopped.code) from None
    say(best)
