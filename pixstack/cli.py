"""The command line: `pixstack COMMAND`.

Each command is one module in `pixstack.commands` with one function named `command`. The table
below knows the names and their help, so `pixstack --help` imports none of them.
"""

from __future__ import annotations

import io
import sys
import traceback
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from pixstack import __version__
from pixstack.errors import WrongUse, one_line
from pixstack.interrupts import ended_as_by_interrupt

COMMANDS = {
    "run": "Translate pictures with an ONNX file.",
    "serve": "Open the web app.",
    "models": "List the models at hand.",
    "info": "Print what an ONNX file says of itself.",
    "bench": "Time ONNX files on every provider that works here.",
    "train": "Train a stack from a recipe.",
    "report": "Write one HTML page about a training run.",
    "eval": "Measure a trained stack or an ONNX file on pictures.",
    "judge": "Train a classifier of your labels, for measures of sets.",
    "landscape": "Train a recipe in many settings and tell what each choice is worth.",
    "compare": "Let people judge two results blindly, or lay two reports side by side.",
    "export": "Turn a trained stack into an ONNX file.",
    "check-data": "Find what is wrong with a folder of training pictures.",
    "new": "Look at a folder of pictures and write a fitting recipe.",
    "recipes": "List the recipes that come with Pixstack, or print one.",
    "keys": "Tell what a recipe may say: each key, its type and its default.",
}

# typer keeps its click to itself; its public error class is the way to the common base.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]


class LazyGroup(TyperGroup):
    """A group that lists its commands from a table and imports the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, summary in COMMANDS.items():
            self.add_command(TyperCommand(name, callback=None, short_help=summary, help=summary))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, listed, rest = super().resolve_command(ctx, args)
        if name is None:
            return name, listed, rest
        return name, _load(name), rest


def _load(name: str) -> Any:
    module = import_module(f"pixstack.commands.{name.replace('-', '_')}")
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name, short_help=COMMANDS[name])(module.command)
    return typer.main.get_command(single)


application = typer.Typer(
    cls=LazyGroup, add_completion=False, rich_markup_mode=None, no_args_is_help=True
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"pixstack {__version__}")
        raise typer.Exit()


@application.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where an error comes from; may stand anywhere.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Translate pictures with small models; train, measure and ship your own.

    \b
    pixstack serve                                    the web app
    pixstack run photo-sr small.jpg -o large.png      one picture
    pixstack COMMAND --help                           options and examples
    """


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 failed, 2 wrong use."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # --debug may stand behind the command too, where people add it after a failure.
    end = arguments.index("--") if "--" in arguments else len(arguments)
    debug = "--debug" in arguments[:end]
    arguments = [item for item in arguments[:end] if item != "--debug"] + arguments[end:]
    group = typer.main.get_command(application)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names of files need not be UTF-8; what cannot be shown must not cost the rest.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with ended_as_by_interrupt():
            code = group.main(arguments, prog_name="pixstack", standalone_mode=False)
    except UsageError as error:
        return _tell_usage(error, arguments)
    # An interrupt that comes while the command line begins or ends is not typer's to catch.
    except (typer.Abort, KeyboardInterrupt):
        return _tell("interrupted", 130)
    except WrongUse as error:
        return _tell(f"error: {one_line(error)}", 2, debug)
    except Exception as error:
        return _tell(f"error: {one_line(error)}", 1, debug)
    if code == 130:
        return _tell("interrupted", 130)
    return code if isinstance(code, int) else 0


def _tell(message: str, code: int, debug: bool = False) -> int:
    if debug:
        traceback.print_exc()
    print(message, file=sys.stderr)
    return code


def _tell_usage(error: Any, arguments: list[str]) -> int:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message())
        return 2
    # Of an option without its value the error does not say whose it is.
    named = f"pixstack {arguments[0]}" if arguments and arguments[0] in COMMANDS else "pixstack"
    path = context.command_path if context is not None else named
    message = " ".join(error.format_message().split())
    return _tell(f"error: {message} (see {path} --help)", 2)
