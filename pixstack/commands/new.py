"""`pixstack new`: a recipe that fits a folder of pictures, or tars of samples."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from pixstack.errors import WrongUse


def command(
    folder: Annotated[
        Path, typer.Argument(help="Pictures, a folder for each view or class, or tars.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--to", metavar="RECIPE.toml", help="NAME.toml here if unsaid."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the recipe; the folder's if unsaid.")] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="VIEW=rgb|gray",
            help="What a view holds, where it was taken for labels; may be repeated.",
        ),
    ] = None,
) -> None:
    """Look at a folder of pictures, say what is there, and write a fitting recipe.

    Understood are source/ and target/ (or A/ and B/) with further views beside them, pictures with
    source and target side by side, one folder a class, pictures alone, and uncompressed tars of
    samples as webdataset reads them: KEY.source.png and KEY.target.png, or KEY.png and KEY.cls.

    Needs the train extra.

    \b
    Examples:
      pixstack new data/facades
      pixstack new data/fashion -o fashion.toml
      pixstack new data/shards/train-000.tar
      pixstack new data/posters --kind target=rgb
      pixstack train fashion.toml -o runs/fashion
    """
    from pixstack.errors import require_train

    require_train()
    from export.runtime.whole import whole_file
    from pixstack.console import print_table
    from stacks.recipe import parse_recipe
    from stacks.starter import starter
    from stacks.survey import survey
    from stacks.survey_shards import survey_shards
    from translate.shards import is_shards

    found = survey_shards(folder) if is_shards(folder) else survey(folder)
    found = found.taken_for(parse_kinds(kinds or [], list(found.views)))
    path = folder.resolve()
    name = name or (path.name if path.is_dir() else path.stem)
    target = output or Path(f"{name}.toml")
    if target.suffix != ".toml":
        raise WrongUse(f"--to {target}: expected the name of a .toml file to write")
    if target.exists():
        raise ValueError(f"{target} exists; name another file with -o, or move it away")
    text = starter(found, name, str(found.folder))
    # What is written must be a recipe, whatever the folder was called.
    parse_recipe(text)
    with whole_file(target) as path:
        path.write_text(text, "utf-8")
    print_table(
        ("view", "kind", "colors"),
        [(view, kind.kind, str(len(kind.palette) or "")) for view, kind in found.views.items()],
    )
    small, large = (f"{width}x{height}" for height, width in (found.least, found.most))
    sizes = small if small == large else f"from {small} to {large}"
    print(f"{found.count} items, layout {found.layout}, {sizes} pixels")
    for remark in found.remarks:
        print(f"note: {remark}")
    train = shlex.join(["pixstack", "train", str(target), "-o", f"runs/{name}"])
    print(f"{target}: edit it, look at the data with pixstack check-data, then {train}")


def parse_kinds(settings: list[str], views: list[str]) -> dict[str, str]:
    """Read `VIEW=rgb` and `VIEW=gray`.

    Raises:
        WrongUse: another kind, or no such view.
    """
    kinds: dict[str, str] = {}
    for setting in settings:
        view, _, kind = setting.partition("=")
        if view not in views:
            raise WrongUse(f"--kind {setting}: no view is called {view!r}; use {', '.join(views)}")
        if kind not in ("rgb", "gray"):
            raise WrongUse(f"--kind {setting}: expected {view}=rgb or {view}=gray")
        kinds[view] = kind
    return kinds
