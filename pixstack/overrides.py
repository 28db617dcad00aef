"""The option `--set`, by which commands change a recipe."""

from __future__ import annotations

from typing import Annotated

import typer


def checked(settings: list[str] | None) -> list[str] | None:
    """The settings, each of a key and a value; what they mean is the recipe's to say."""
    for setting in settings or []:
        if "=" not in setting:
            raise typer.BadParameter(f"expected KEY.PATH=VALUE, got {setting!r}")
    return settings


Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY.PATH=VALUE",
        help="Change the recipe; may be repeated.",
        callback=checked,
    ),
]
