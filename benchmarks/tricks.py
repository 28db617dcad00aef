"""Every technique of the literature on the small problem that its authors showed it on.

Runs the experiments and writes a page, beside it the figures as JSON and the pictures: to a folder
of its own, unless --output names the page. What is not run keeps its figures there, so that a page
can grow one experiment at a time.

    python -m benchmarks.tricks [--quick] [--only NAME] [--output docs/tricks.md] [--render]
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any, cast

import typer

EXPERIMENTS = (
    "ring",
    "grid",
    "games",
    "disjoint",
    "spectral",
    "constraints",
    "digits",
    "cost",
    "combinations",
    "gestures",
)
"""Modules of `benchmarks.toys`, in the order of the page."""

HEAD = """# Techniques, each where its authors showed it

Written by `python -m benchmarks.tricks --output docs/tricks.md`, one experiment again by
`--only NAME`; without `--output` a page is written to a temporary folder. The figures are in
[{figures}]({figures}). The line below an experiment tells over how many seeds its means and
standard deviations are, and on how many threads it ran; times are the processor's, unless an
experiment says otherwise. A verdict is worked out from the figures: where a claim does not
reproduce, the page says so. The settings are small and the same for all variants of an experiment
but for what a variant names.
"""


def find(name: str) -> Any:
    """The module of an experiment; torch is imported only when one is run."""
    from benchmarks.toys.page import Experiment

    return cast(Experiment, importlib.import_module(f"benchmarks.toys.{name}"))


def measure(name: str, seeds: int, quick: bool, pictures: Path) -> dict[str, Any]:
    """Run an experiment, write its picture, and give its entry for the JSON."""
    import torch

    from benchmarks.toys.page import Options

    print(f"{name} ...", flush=True)
    begun = time.process_time()
    outcome = find(name).run(Options(seeds, quick))
    pictures.mkdir(parents=True, exist_ok=True)
    outcome.picture.quantize(64).save(pictures / f"{name}.png", optimize=True)
    return {
        "seeds": outcome.seeds,
        "quick": quick,
        "threads": torch.get_num_threads(),
        "minutes": round((time.process_time() - begun) / 60, 2),
        "results": outcome.results,
    }


def write(entries: dict[str, Any], page: Path) -> None:
    """The page, of all experiments that have figures."""
    from benchmarks.toys.page import render

    parts = [HEAD.format(figures=page.with_suffix(".json").name)]
    for name in EXPERIMENTS:
        if name in entries:
            entry = entries[name]
            parts.append(
                render(find(name).section(entry["results"]), f"pictures/tricks/{name}.png")
            )
            parts.append(f"*{effort(entry)}; again by `--only {name}`.*\n")
    page.write_text("\n".join(parts), encoding="utf-8")


def effort(entry: dict[str, Any]) -> str:
    """What went into the figures of an experiment."""
    parts = [counted(entry["seeds"], "seed")] if entry["seeds"] else []
    parts += ["a quick run"] if entry["quick"] else []
    return ", ".join(
        [*parts, counted(entry["threads"], "thread"), f"{entry['minutes']:.1f} minutes"]
    )


def counted(count: int, what: str) -> str:
    """So many of something."""
    return f"{count} {what}" + ("" if count == 1 else "s")


def run(
    quick: Annotated[bool, typer.Option(help="One seed and few steps: does it run?")] = False,
    only: Annotated[str, typer.Option(help=f"One of {', '.join(EXPERIMENTS)}.")] = "",
    seeds: Annotated[int, typer.Option(help="Seeds of every variant.", min=1)] = 5,
    output: Annotated[
        Path | None,
        typer.Option(help="The page; figures and pictures beside it. Unsaid: a temporary folder."),
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads of torch.", min=1)] = 1,
    render: Annotated[bool, typer.Option(help="Write the page from kept figures.")] = False,
) -> None:
    """Run the experiments and write the page."""
    import torch

    from benchmarks.toys.page import UnavailableError

    if only and only not in EXPERIMENTS:
        print(f"--only: got {only!r}; known: {', '.join(EXPERIMENTS)}")
        sys.exit(2)
    if render and output is None:
        print("--render: name the page, beside which the kept figures lie, by --output")
        sys.exit(2)
    torch.set_num_threads(threads)
    # Not docs/tricks.md, whose figures are of a full run: whoever tries this out leaves them alone.
    output = output or Path(tempfile.mkdtemp(prefix="pixstack-")) / "tricks.md"
    figures = output.with_suffix(".json")
    entries: dict[str, Any] = json.loads(figures.read_text()) if figures.exists() else {}
    missing: list[str] = []
    chosen = [] if render else [only] if only else list(EXPERIMENTS)
    for name in chosen:
        try:
            entries[name] = measure(
                name, 1 if quick else seeds, quick, output.parent / "pictures" / "tricks"
            )
        except UnavailableError as error:
            print(f"{name}: {error}")
            missing.append(name)
            continue
        # After every experiment, so that one that is interrupted costs only itself.
        # In the order in which an experiment tells them, which is that of its tables.
        figures.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
        write(entries, output)
    if render:
        write(entries, output)
    if output.is_file():
        print(output)
    if missing:
        print(f"not run: {', '.join(missing)}")
        sys.exit(2)


if __name__ == "__main__":
    typer.run(run)
