"""`pixstack train`: a stack from a recipe."""

from __future__ import annotations

import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixstack.overrides import Overrides
from pixstack.plugins import Plugins, import_plugins

if TYPE_CHECKING:
    from stacks.spec import Recipe


def command(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE|PRESET", help="A .toml file or a preset's name.")
    ],
    output: Annotated[Path, typer.Option("-o", "--to", metavar="RUN", help="Folder of the run.")],
    data: Annotated[
        Path | None, typer.Option(help="Root of the data, in place of the recipe's data.root.")
    ] = None,
    overrides: Overrides = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in RUN, or begin one.")
    ] = False,
    start: Annotated[
        Path | None,
        typer.Option(
            metavar="WEIGHTS",
            help="Of the same networks, to begin with: a best.safetensors, a model or its name.",
        ),
    ] = None,
    devices: Annotated[int, typer.Option(min=1, help="Devices on each machine.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Machines.")] = 1,
    plugins: Plugins = None,
) -> None:
    """Train a stack from a recipe.

    For pictures of your own `pixstack new FOLDER` writes the recipe. Presets train on the data sets
    that `pixstack recipes PRESET` names, which must lie beneath data/ or --data.

    RUN receives recipe.toml, environment.json, log.jsonl, samples/, tensorboard/, last/ (the full
    state) and best.safetensors, which `pixstack eval` and `pixstack export` take; `pixstack report
    RUN` makes a page of it. Ctrl-C and SIGTERM finish the step in hand and write it before the run
    ends, with the exit code 130 or 143.

    Needs the train extra.

    \b
    Examples:
      pixstack new pictures -o mine.toml
      pixstack train mine.toml -o runs/mine
      pixstack train mine.toml -o runs/other --set batch=2
      pixstack train runs/mine/recipe.toml -o runs/mine --resume
      pixstack train photo-sr -o runs/sr --data downloads
      pixstack train photo-sr-crisp -o runs/crisp --start runs/sr/best.safetensors \\
          --set phase.0.steps=0 --set phase.1.steps=0
      pixstack train photo-sr -o runs/finer --data downloads --start photo-sr
    """
    from pixstack.errors import require_train

    require_train()
    # What can be found out before torch is imported, which takes seconds.
    from stacks.presets import source_text, table_of
    from stacks.run_folder import refuse_second_run, state_of

    refuse_second_run(output, resume)
    table_of(source_text(recipe))
    import_plugins(plugins or [])
    from lightning_fabric.utilities.rank_zero import rank_zero_only

    from export.weights import open_trained
    from pixstack.shelf import find_model
    from stacks.recipe import changes, load_recipe, toml_value
    from stacks.run_folder import RECIPE
    from stacks.stopping import Stopped
    from stacks.train import train

    # Of the processes that share a run, one speaks for all of them.
    say = rank_zero_only(print)
    if resume and not state_of(output).exists():
        say(f"{output} holds no run to go on with: one begins", file=sys.stderr)
    overridden = list(overrides or [])
    if data is not None:
        overridden.append(f"data.root={toml_value(str(data))}")
    if start is not None and not start.suffix and not start.exists():
        start = find_model(str(start))
    made = load_recipe(recipe, overridden)
    if resume and (begun := output / RECIPE).is_file():
        # One that an earlier version wrote may be none any more; the run goes on all the same.
        with suppress(ValueError):
            for change in changes(load_recipe(str(begun)), made):
                say(f"note: not as it went before: {change}", file=sys.stderr)
    if not recipe.endswith(".toml"):
        check_named_data(recipe, made)
    try:
        best = train(made, output, resume, start, devices, nodes, read_start=open_trained)
    except Stopped as stopped:
        how = going_on(output, devices, nodes, plugins or [])
        say(f"{stopped}; go on with: {how}", file=sys.stderr)
        raise typer.Exit(stopped.code) from None
    following = ["pixstack", "export", str(best), "-o", f"{made.name}.onnx", *named(plugins or [])]
    say(f"next: {shlex.join(following)}", file=sys.stderr)
    # Alone on the last line of the output, for scripts.
    say(best)


def going_on(run: Path, devices: int, nodes: int, plugins: list[str]) -> str:
    """The command that goes on with a run as it was."""
    from stacks.run_folder import RECIPE

    command = ["pixstack", "train", str(run / RECIPE), "-o", str(run), "--resume"]
    for option, count in (("--devices", devices), ("--nodes", nodes)):
        command += [option, str(count)] if count > 1 else []
    return shlex.join([*command, *named(plugins)])


def named(plugins: list[str]) -> list[str]:
    """The options that import plugins again."""
    return [part for module in plugins for part in ("--plugin", module)]


def check_named_data(preset: str, recipe: Recipe) -> None:
    """See that the data sets of a preset are there.

    Raises:
        ValueError: one is not; the message says how other pictures are trained on.
    """
    from translate.view_names import view_folders

    root = Path(recipe.data.root)
    for folder in (*recipe.data.folder, *recipe.validation.folder):
        missing = root / folder.path
        # Where A/train and B/train lie, there need not be a train.
        apart = recipe.data.layout in ("views", "unpaired") and view_folders(missing)
        if missing.exists() or apart:
            continue
        if missing.suffix:
            raise ValueError(
                f"{missing}: no such file; the table of this preset is written by a command that "
                f"`pixstack recipes {preset}` names; for your own pictures: pixstack new FOLDER"
            )
        raise ValueError(
            f"{missing}: no such folder; this preset trains on named data sets (see "
            f"`pixstack recipes {preset}` and docs/data.md); for your own pictures: "
            "pixstack new FOLDER"
        )
