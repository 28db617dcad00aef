"""How long presets wait for data: the share of a step in which the trainer has no batch.

Every preset at full size, on pictures made for it, on the device there is. Its own loader decodes,
crops, augments and degrades beside the training, on the same cores where that is a CPU.

    python -m benchmarks.waiting
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.gpu import chosen, made_up, trained
from pixstack.console import print_table
from stacks.run import Run, launch
from translate.batches import AHEAD

MOST = 0.05
"""Share of the time that a preset may wait."""


def run(
    presets: Annotated[str, typer.Option(help="Names with commas; all if unsaid.")] = "",
    steps: Annotated[int, typer.Option(min=2, help="Of each preset.")] = 20,
    warming: Annotated[
        int, typer.Option(min=1, help="Before the clock starts, with batches made ahead.")
    ] = AHEAD,
) -> None:
    """Train each preset for some steps; exit with 1 where one waits more than it may."""
    if warming >= steps:
        print(f"--warming {warming}: expected fewer than the {steps} of --steps", file=sys.stderr)
        raise typer.Exit(2)
    rows: list[tuple[str, str, str]] = []
    shares: dict[str, float] = {}
    for name in chosen(presets):
        with tempfile.TemporaryDirectory() as folder:
            recipe = made_up(name, Path(folder), "compile=false")
            speed, shares[name], _ = trained(Run(recipe, launch(recipe)), steps, warming)
        rows.append((name, f"{speed:.1f}", f"{shares[name]:.2%}"))
        print(f"{name}: {speed:.1f} pictures a second, waits {shares[name]:.2%}", file=sys.stderr)
    print_table(("preset", "trains images/s", "waiting"), rows)
    print(json.dumps({name: round(share, 5) for name, share in shares.items()}, indent=2))
    if any(share > MOST for share in shares.values()):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(run)
