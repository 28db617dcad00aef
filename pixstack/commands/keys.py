"""`pixstack keys`: what a recipe may say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pixstack.plugins import Plugins, import_plugins

if TYPE_CHECKING:
    from stacks.keys import Table


def command(
    name: Annotated[
        str | None,
        typer.Argument(metavar="TABLE|KIND|KEY", help="Such as data, pix2pix or rate."),
    ] = None,
    whole: Annotated[bool, typer.Option("--all", help="Print every table.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print as Markdown: docs/recipe.md is this, of all.")
    ] = False,
    plugins: Plugins = None,
    json_target: Annotated[
        str | None, typer.Option("--json", metavar="-|FILE", help="Write the tables as JSON.")
    ] = None,
) -> None:
    """Tell what a recipe may say: each key, what it means, its type and its default.

    Without a name it lists the tables. What it prints is TOML, to be copied into a recipe. Needs
    the train extra.

    \b
    Examples:
      pixstack keys
      pixstack keys optimizer
      pixstack keys pix2pix
      pixstack keys data.size
      pixstack keys --plugin my_kinds my_generator
    """
    from pixstack.console import print_table, write_json
    from pixstack.errors import WrongUse, require_train

    require_train()
    from stacks.keys import chosen, tables
    from translate.tables import hint

    if name is not None and whole:
        raise WrongUse("--all is every table; leave TABLE out, or --all")
    import_plugins(plugins or [])
    among = tables()
    found = among if name is None else chosen(name, among)
    if not found:
        known = {part for table in among for part in (table.path, table.path.rpartition(".")[2])}
        known |= {key.name for table in among for key in table.keys}
        near = hint(str(name), sorted(known))
        raise WrongUse(
            f"{name}: no table, kind or key of a recipe; {near}`pixstack keys` lists all"
        )
    if json_target is not None:
        write_json([plain_table(table) for table in found], json_target)
        if json_target == "-":
            return
    if markdown:
        print("\n\n".join(section(table) for table in found))
    elif name is None and not whole:
        print_table(("table", "keys", "what it says"), [outline(table) for table in found])
    else:
        print("\n\n\n".join(table.toml for table in found))


def outline(table: Table) -> tuple[str, str, str]:
    """A table as a row."""
    first = table.text.partition("\n\n")[0].replace("\n", " ").replace("``", "")
    return table.path, str(len(table.keys)), first


def section(table: Table) -> str:
    """A table as a section of a page."""
    return f"### {table.path}\n\n```toml\n{table.toml}\n```"


def plain_table(table: Table) -> dict[str, object]:
    """A table as JSON writes it."""
    from translate.tables import plain

    # Nothing stands for "needed", which `plain` would leave out.
    keys = [{**plain(key), "default": key.default} for key in table.keys]
    return {"table": table.path, "text": table.text, "keys": keys}
