"""`pixstack serve`: the web app."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from pixstack.commands.run import Precision, check_provider

PASSWORD_VARIABLE = "PIXSTACK_PASSWORD"
"""Where a password is taken from: on the command line others could read it."""


def command(
    host: Annotated[str, typer.Option(help="0.0.0.0 opens the app to the network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = 7860,
    models: Annotated[
        Path | None, typer.Option(help="A folder of further .onnx files; its own names win.")
    ] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped/--no-shipped", help="Serve the models that ship as well.")
    ] = True,
    precision: Annotated[Precision, typer.Option(help="fast may use TF32, bf16 or fp16.")] = (
        Precision.exact
    ),
    provider: Annotated[str, typer.Option(help="auto, cpu, cuda, openvino or tensorrt.")] = "auto",
    share: Annotated[
        bool, typer.Option("--share", help="Open a public address through gradio's tunnel.")
    ] = False,
    login: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Ask visitors for it and a password: PIXSTACK_PASSWORD's, or typed.",
        ),
    ] = None,
) -> None:
    """Open the web app, with the tabs Enlarge, Denoise, Pose and Photo.

    Pose and Photo are there where there is a model for them.

    \b
    Examples:
      pixstack serve
      pixstack serve --host 0.0.0.0 --port 8080
      pixstack serve --host 0.0.0.0 --login studio
      pixstack serve --models runs/exported --precision fast
    """
    check_provider(provider)
    from export.runtime.session import problem
    from pixstack.shelf import how_to_export, list_models
    from pixstack.web.launch import Settings, serve

    # Models are opened when they are first asked for, by visitors who can change nothing about it.
    if why := problem(provider):
        raise ValueError(f"--provider {provider}: {why}; use auto or cpu")

    if share and login is None:
        print(
            "note: whoever learns the public address can use the app; --login NAME asks for a "
            "password",
            file=sys.stderr,
        )
    if models is not None and not list_models(models, shipped=False):
        print(f"note: {models}: holds no .onnx files{how_to_export(models)}", file=sys.stderr)
    serve(
        Settings(
            host=host,
            port=port,
            models=models,
            shipped=shipped,
            precision=precision.value,
            provider=provider,
            share=share,
            login=(login, password_of(login)) if login is not None else None,
        )
    )


def password_of(name: str) -> str:
    """The password that goes with a name, from the environment, or asked for.

    Raises:
        WrongUse: there is none, and nobody to ask.
    """
    from pixstack.errors import WrongUse

    if not name:
        raise WrongUse("--login: expected a name, which visitors are asked for; got none")
    password = os.environ.get(PASSWORD_VARIABLE, "")
    if not password and sys.stdin.isatty():
        password = typer.prompt(f"Password for {name}", hide_input=True, confirmation_prompt=True)
    if not password:
        raise WrongUse(f"--login {name}: needs a password; set {PASSWORD_VARIABLE} to it")
    return password
