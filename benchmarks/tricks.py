"""Every technique of the literature on the small problem that its authors showed it on.

Runs the experiments and writes the page, beside it the figures as JSON and the pictures. What is
not run keeps its figures, so that the page can grow one experiment at a time.

    python -m benchmarks.tricks [--quick] [--only NAME] [--render]
"""

from __future__ import annotations

import importlib
import json
import sys
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

Written by `python -m benchmarks.tricks`; the figures are in [{figures}]({figures}). Means and
standard deviations are over seeds; seconds a step are processor seconds of {threads}, all seeds of
a variant together. A verdict is worked out from the figures: where a claim does not reproduce, the
page says so. The settings are small and the same for all variants of an experiment but for what a
variant names.
"""


def find(name: str) -> Any:
    """The module of an experiment; torch is imported only when one is run."""
    from benchmarks.toys.page import Experiment

    return cast(Experiment, importlib.import_module(f"benchmarks.toys.{name}"))


def measure(name: str, seeds: int, quick: bool, pictures: Path) -> dict[str, Any]:
    """Run an experiment, write its picture, and give its entry for the JSON."""
    from benchmarks.toys.page import Options

    print(f"{name} ...", flush=True)
    begun = time.process_time()
    outcome = find(name).run(Options(seeds, quick))
    pictures.mkdir(parents=True, exist_ok=True)
    outcome.picture.quantize(64).save(pictures / f"{name}.png", optimize=True)
    return {
        "seeds": seeds,
        "quick": quick,
        "minutes": round((time.process_time() - begun) / 60, 2),
        "results": outcome.results,
    }


def write(entries: dict[str, Any], page: Path, threads: int) -> None:
    """The page, of all experiments that have figures."""
    from benchmarks.toys.page import render

    plural = "one thread" if threads == 1 else f"{threads} threads"
    parts = [HEAD.format(figures=page.with_suffix(".json").name, threads=plural)]
    for name in EXPERIMENTS:
        if name in entries:
            entry = entries[name]
            seeds = "1 seed" if entry["seeds"] == 1 else f"{entry['seeds']} seeds"
            length = ", a quick run" if entry["quick"] else ""
            parts.append(
                render(find(name).section(entry["results"]), f"pictures/tricks/{name}.png")
            )
            parts.append(
                f"*{seeds}{length}, {entry['minutes']:.1f} minutes; again by "
                f"`python -m benchmarks.tricks --only {name}`.*\n"
            )
    page.write_text("\n".join(parts), encoding="utf-8")


def run(
    quick: Annotated[bool, typer.Option(help="One seed and few steps: does it run?")] = False,
    only: Annotated[str, typer.Option(help=f"One of {', '.join(EXPERIMENTS)}.")] = "",
    seeds: Annotated[int, typer.Option(help="Seeds of every variant.", min=1)] = 5,
    output: Annotated[Path, typer.Option(help="The page; figures and pictures beside it.")] = Path(
        "docs/tricks.md"
    ),
    threads: Annotated[int, typer.Option(help="Threads of torch.", min=1)] = 1,
    render: Annotated[bool, typer.Option(help="Write the page from kept figures.")] = False,
) -> None:
    """Run the experiments and write the page."""
    import torch

    from benchmarks.toys.page import UnavailableError

    if only and only not in EXPERIMENTS:
        print(f"--only: got {only!r}; known: {', '.join(EXPERIMENTS)}")
        sys.exit(2)
    torch.set_num_threads(threads)
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
        figures.write_text(json.dumps(entries, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        write(entries, output, threads)
    if render:
        write(entries, output, threads)
    if chosen and len(missing) == len(chosen):
        sys.exit(2)
    print(output)


if __name__ == "__main__":
    typer.run(run)
