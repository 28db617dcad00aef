"""`pixstack check-data`: what is wrong with a folder of training pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixstack.errors import WrongUse
from pixstack.overrides import Overrides
from pixstack.plugins import Plugins, import_plugins

if TYPE_CHECKING:
    from stacks.doctor.examine import Report
    from stacks.doctor.subject import Subject

MOST_LINES = 40
"""Findings that the terminal shows; --json and --page have them all."""


def command(
    data: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|RECIPE", help="Pictures, a CSV, JSONL or tar file, a recipe, a preset."
        ),
    ],
    root: Annotated[
        Path | None, typer.Option("--data", help="Root of a recipe's data, for its data.root.")
    ] = None,
    overrides: Overrides = None,
    quick: Annotated[bool, typer.Option("--quick", help="Read headers alone.")] = False,
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write the findings beside samples as a page."),
    ] = None,
    samples: Annotated[int, typer.Option(min=0, help="Items that the page shows.")] = 12,
    fix: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a copy without what has errors.")
    ] = None,
    copy: Annotated[bool, typer.Option("--copy", help="With --fix, never link files.")] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads that read and decode; one a core if unsaid.")
    ] = None,
    plugins: Plugins = None,
    json_target: Annotated[
        str | None, typer.Option("--json", metavar="-|FILE", help="Write the report as JSON.")
    ] = None,
) -> None:
    """Find what is wrong with training pictures, before a run finds out.

    Names without partners, files that cannot be read, sizes, modes, pictures that stand on both
    sides of the split, pairs out of alignment, colors that are no labels, missing classes. Exits
    with 1 where there are errors. --fix writes a copy without them and leaves the data as it is.
    Needs the train extra.

    \b
    Examples:
      pixstack check-data data/facades
      pixstack check-data data/facades --page facades.html --fix data/facades-clean
      pixstack check-data mine.toml --quick --json -
    """
    from pixstack.errors import require_train

    require_train()
    # Before torch is imported, which takes seconds.
    refuse_missing(data)
    from pixstack.console import progress_bar, write_json
    from stacks.doctor.examine import WORKERS, examine

    if page is not None and page.suffix.lower() not in (".html", ".htm"):
        raise WrongUse(f"--page {page}: expected the name of an .html file to write")
    if copy and fix is None:
        raise WrongUse("--copy is about what --fix writes; give both")
    import_plugins(plugins or [])
    subject = opened(data, root, overrides or [])
    with progress_bar("check-data") as progress:
        report = examine(subject, quick, threads or WORKERS, progress)
    result = report.plain()
    if page is not None:
        write_page(report, page, samples)
    if fix is not None:
        from stacks.doctor.clean import write_clean

        result["fixed"] = write_clean(report, fix, copy)
    if json_target is not None:
        write_json(result, json_target)
    if json_target != "-":
        tell(report)
        if fix is not None:
            print("{items} items kept, {left_out} left out".format(**result["fixed"]), f"in {fix}")
    if report.count("error"):
        raise typer.Exit(1)


def refuse_missing(data: str) -> None:
    """See that there is something to look at.

    Raises:
        ValueError: no folder, file or preset is called so; the message lists the presets.
    """
    from stacks.presets import preset_names

    if not Path(data).exists() and data not in preset_names():
        known = ", ".join(preset_names())
        raise ValueError(f"no such folder, file or preset: {data}; presets: {known}")


def opened(data: str, root: Path | None, overrides: list[str]) -> Subject:
    """What is to be looked at: a folder, a table, tars, or the data of a recipe."""
    from stacks.doctor.guess import TABLES, guess
    from stacks.doctor.subject import open_subject
    from stacks.recipe import load_recipe, toml_value
    from translate.shards import is_shards

    path = Path(data)
    if path.is_dir() or path.suffix.lower() in TABLES or is_shards(path):
        if root is not None or overrides:
            raise WrongUse("--data and --set change a recipe; with a folder give neither")
        return open_subject(data, guess(path), guessed=True)
    changes = [*overrides, *([f"data.root={toml_value(str(root))}"] if root is not None else [])]
    return open_subject(data, load_recipe(data, changes))


def write_page(report: Report, to: Path, count: int) -> None:
    """The page, whole or not at all."""
    from export.runtime.whole import whole_file
    from stacks.doctor.page import page
    from stacks.doctor.samples import samples

    to.parent.mkdir(parents=True, exist_ok=True)
    text = page(report, samples(report, count))
    with whole_file(to) as path:
        path.write_text(text, "utf-8")


def tell(report: Report) -> None:
    """The report in the terminal."""
    from pixstack.console import print_table

    if report.findings:
        print_table(
            ("", "check", "what, and what to do"),
            [
                (
                    finding.severity,
                    finding.check,
                    f"{finding.file}: {finding.what}; {finding.todo}".removeprefix(": "),
                )
                for finding in report.findings[:MOST_LINES]
            ],
        )
    if (left := len(report.findings) - MOST_LINES) > 0:
        print(f"and {left} more; --json and --page have them all")
    print_table(
        ("view", "kind", "pictures", "sizes"),
        [
            (
                name,
                view["kind"],
                view["pictures"],
                " to ".join(
                    dict.fromkeys("x".join(map(str, view[key])) for key in ("smallest", "largest"))
                ),
            )
            for name, view in report.views.items()
        ],
    )
    errors, warnings = report.count("error"), report.count("warning")
    told = f"{errors} errors, {warnings} warnings" if errors + warnings else "nothing is wrong"
    splits = ", ".join(f"{count} {split}" for split, count in report.subject.splits.items())
    print(f"{report.subject.name}: {told}; layout {report.subject.layout}; items: {splits}")
