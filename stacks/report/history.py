"""What a run wrote down, read back: curves, alarms, samples, the recipe, the environment."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stacks.checkpoint import WEIGHTS, CheckpointError, header
from stacks.recipe import load_recipe, portable
from stacks.run_folder import BEST, RECIPE
from stacks.spec import Recipe

LINE = ("step", "phase", "kind")


@dataclass(frozen=True)
class History:
    """A run as its folder tells it."""

    folder: Path
    recipe: Recipe
    lines: list[dict[str, Any]]
    """Of the log, in its order."""
    samples: list[tuple[int, Path]]
    """Pictures by step."""
    environment: dict[str, Any] = field(default_factory=dict)
    """Empty of runs from before it was written down."""
    best: dict[str, Any] = field(default_factory=dict)
    """The facts of the best weights, recipe left out; empty where there are none yet."""

    def curves(self, kind: str) -> dict[str, list[tuple[int, float]]]:
        """Step and value of every number in the lines of a kind."""
        found: dict[str, list[tuple[int, float]]] = {}
        for line in self.of_kind(kind):
            for name, value in line.items():
                if name not in LINE and isinstance(value, (int, float)):
                    found.setdefault(name, []).append((line["step"], float(value)))
        return found

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The lines of a kind."""
        return [line for line in self.lines if line["kind"] == kind]

    @property
    def step(self) -> int:
        """The last step that was written down."""
        return max((line["step"] for line in self.lines), default=0)


def published(history: History) -> History:
    """The history without samples, and without where the data lay on this machine."""
    return replace(history, recipe=portable(history.recipe), samples=[])


def read_run(folder: Path) -> History:
    """Read the folder of a run; the run may still be going on.

    Raises:
        FileNotFoundError: it holds no run.
        TableError: its recipe is of kinds that are not known here.
    """
    log = folder / "log.jsonl"
    if not log.is_file() or not (folder / RECIPE).is_file():
        raise FileNotFoundError(
            f"{folder}: no run; expected the folder that `pixstack train -o` wrote, with "
            "recipe.toml and log.jsonl"
        )
    return History(
        folder,
        load_recipe(str(folder / RECIPE)),
        [line for text in log.read_text("utf-8").splitlines() if (line := parsed(text))],
        sorted(
            (int(path.stem), path)
            for path in (folder / "samples").glob("*.png")
            if path.stem.isdecimal()
        ),
        table(folder / "environment.json"),
        best_facts(folder / BEST),
    )


def parsed(text: str) -> dict[str, Any] | None:
    """A line of the log; None of one that a killed run left half of."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and all(key in line for key in LINE) else None


def table(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is none."""
    try:
        facts = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def best_facts(path: Path) -> dict[str, Any]:
    """What the best weights say of themselves."""
    try:
        facts = header(path, WEIGHTS)
    except CheckpointError:
        return {}
    return {name: value for name, value in facts.items() if name != "recipe"}
