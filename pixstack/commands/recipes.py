"""`pixstack recipes`: the presets, or one as a file to start from."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def command(
    name: Annotated[str | None, typer.Argument(help="A preset to print as TOML.")] = None,
    json_target: Annotated[
        str | None, typer.Option("--json", metavar="-|FILE", help="Write the table as JSON.")
    ] = None,
) -> None:
    """List the recipes that come with Pixstack, or print one to start from.

    GMACs are those of a source picture of 256x256; of a stack that starts from noise, those of one
    picture of its own size. The JSON has the stages and the folders of data too.

    Needs the train extra.

    \b
    Examples:
      pixstack recipes
      pixstack recipes photo-sr > mine.toml
      pixstack recipes --json -
    """
    from pixstack.console import print_table, write_json
    from pixstack.errors import WrongUse, require_train

    require_train()
    from stacks.presets import preset_names, preset_text
    from translate.tables import TableError

    if name is not None:
        if json_target is not None:
            raise WrongUse("--json: is of the table of presets; a preset itself is TOML")
        try:
            print(preset_text(name), end="")
        except TableError as error:
            raise WrongUse(str(error)) from None
        return
    rows = [describe(preset) for preset in preset_names()]
    if json_target is not None:
        write_json(rows, json_target)
    if json_target != "-":
        print_table(
            ("name", "task", "parameters", "GMACs *", "what it does"),
            [
                (
                    row["name"],
                    row["task"],
                    f"{row['parameters'] / 1e6:.2f} M",
                    f"{row['gmacs']:.1f}",
                    row["description"],
                )
                for row in rows
            ],
        )
        print("* for a source of 256x256 pixels; for one picture where it is made from noise")


def describe(preset: str) -> dict[str, Any]:
    """One preset as a row."""
    from stacks.cost import macs, shipped_parameters
    from stacks.recipe import load_recipe
    from stacks.stack import Stack

    recipe = load_recipe(preset)
    stack = Stack(recipe)
    return {
        "name": preset,
        "task": recipe.task,
        "description": recipe.description,
        "stages": [stage.name for stage in recipe.stage],
        "data": [folder.path for folder in recipe.data.folder],
        "parameters": shipped_parameters(stack),
        "gmacs": macs(stack, 256, 256) / 1e9,
    }
