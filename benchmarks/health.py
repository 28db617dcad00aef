"""Whether healthy presets raise alarms: `python -m benchmarks.health`.

Ten presets of different kinds, shrunk but of the same structure, train for a thousand steps on
pictures made for them, too many to learn by heart: a discriminator that knows its pictures is
rightly called saturated. The table tells the alarms of each. All of them should raise none.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.pictures import figures_to

PRESETS = (
    *("cgan", "cyclegan", "dcgan", "facade-photo", "hand-pose", "lapgan", "photo-denoise"),
    *("photo-sr-crisp", "sagan", "style-hands"),
)
ITEMS = 500


def main(arguments: list[str] | None = None) -> int:
    """Train, print the table; 1 where any preset raised an alarm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="*", default=PRESETS)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--json", default="", help="file for the table; - for stdout")
    given = parser.parse_args(arguments)
    rows = []
    with figures_to(given.json) as write:
        print(f"{'preset':18s} {'steps':>6s} {'seconds':>8s}  alarms")
        for name in given.presets:
            with tempfile.TemporaryDirectory() as folder:
                row = trained(name, given.steps, Path(folder))
            rows.append(row)
            told = ", ".join(f"{one['alarm']} at {one['step']}" for one in row["alarms"]) or "none"
            print(f"{name:18s} {row['steps']:6d} {row['seconds']:8.0f}  {told}", flush=True)
        write(rows)
    return 1 if any(row["alarms"] for row in rows) else 0


def trained(name: str, steps: int, folder: Path) -> dict[str, Any]:
    """One preset, its steps shared out over its phases as they are in it."""
    from stacks.train import train
    from tests.stacks.test_every_preset import shrunk

    recipe = shrunk(name, folder / "data", ITEMS)
    share = steps // len(recipe.phase)
    recipe = replace(
        recipe,
        batch=8,
        phase=tuple(replace(phase, steps=share, batch=0) for phase in recipe.phase),
        log=replace(recipe.log, every=100, samples=500, checkpoint=500),
        # Judged from early on: the phases are short.
        health=replace(recipe.health, warmup=min(recipe.health.warmup, share // 2)),
    )
    started = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        train(recipe, folder / "run")
    log = (folder / "run" / "log.jsonl").read_text("utf-8").splitlines()
    alarms = [line for line in map(json.loads, log) if line["kind"] == "alarm"]
    return {
        "preset": name,
        "steps": share * len(recipe.phase),
        "seconds": time.perf_counter() - started,
        "alarms": [{key: line[key] for key in ("alarm", "step", "where")} for line in alarms],
    }


if __name__ == "__main__":
    sys.exit(main())
