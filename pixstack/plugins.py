"""Kinds of one's own: modules named by `--plugin`, imported for what they register."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from pixstack.errors import WrongUse

Plugins = Annotated[
    list[str] | None,
    typer.Option("--plugin", metavar="MODULE", help="Import a module that registers kinds."),
]
"""The option of every command that reads recipes."""


def import_plugins(names: Sequence[str]) -> None:
    """Import the modules, from the working directory as well as from what is installed.

    Raises:
        WrongUse: there is no module of that name, or it is no Python.
    """
    if names and os.getcwd() not in sys.path:
        # `python -m pixstack` looks there, the installed script does not. Last, so that no file
        # that happens to lie there stands in for a library.
        sys.path.append(os.getcwd())
    for name in names:
        try:
            import_module(name)
        except (TypeError, SyntaxError) as error:
            # A path in place of a name, or a module that is none.
            raise WrongUse(
                f"--plugin {name}: cannot be imported ({error}); give the name of a module, such "
                "as my_kinds for my_kinds.py in the working directory"
            ) from None
        except ModuleNotFoundError as error:
            raise WrongUse(
                f"--plugin {name}: no module is named {error.name!r}; it must be installed or lie "
                "in the working directory"
            ) from None
