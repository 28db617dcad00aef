"""Tables of pairs for pose translation from `hands`: the same hand in two gestures.

The sign-language digits of Mavi 2020 (Apache-2.0) come as one folder a gesture and ``runs.csv``,
where a complete run shows one person's hand in all ten gestures: ninety ordered pairs. The last
complete runs are held out, whole, so that nobody who is validated on was trained on.

    python -m stacks.tables.hand_pairs data/hands --to data
    pixstack train hand-pose -o runs/hand-pose --data data
"""

from __future__ import annotations

import argparse
import csv
import itertools
from pathlib import Path

from stacks.tables.rows import Row, beneath, check_held_out, write_table

COLUMNS: tuple[str, ...] = ("name", "source", "target", "gesture")
NEEDED = {"run", "complete", "gesture", "file"}


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Write tables of hands in two gestures.")
    parser.add_argument("hands", type=Path, help="folder of the pictures, with runs.csv")
    parser.add_argument("--to", type=Path, default=Path("data"), help="folder of the tables")
    parser.add_argument("--held-out", type=int, default=15, help="complete runs for validation")
    parser.add_argument("--root", type=Path, help="of the data; the folder of the tables if unsaid")
    given = parser.parse_args()
    write(given.hands, given.to, given.held_out, given.root)


def write(hands: Path, to: Path, held_out: int = 15, root: Path | None = None) -> None:
    """Write hand-pairs-train.csv and hand-pairs-validation.csv.

    Raises:
        SystemExit: there is no list of runs, or none would be left to train on or to validate.
    """
    runs = complete_runs(hands / "runs.csv")
    folder = beneath(hands, root or to, SystemExit)
    check_held_out(held_out, len(runs), "complete runs", hands, SystemExit)
    parts = {"train": runs[:-held_out], "validation": runs[-held_out:]}
    for part, chosen in parts.items():
        rows = [pair for run in chosen for pair in pairs(run, folder)]
        path = to / f"hand-pairs-{part}.csv"
        write_table(path, COLUMNS, rows)
        print(f"{path}: {len(rows)} pairs of {len(chosen)} hands")


def complete_runs(table: Path) -> list[dict[str, str]]:
    """File of each gesture, by its name, of every complete run, in their order."""
    if not table.is_file():
        raise SystemExit(f"{table}: no such file; expected columns run, complete, gesture, file")
    runs: dict[str, dict[str, str]] = {}
    with open(table, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if missing := NEEDED - set(reader.fieldnames or ()):
            raise SystemExit(f"{table}: has no column {min(missing)!r}")
        for row in reader:
            if row["complete"] == "1":
                runs.setdefault(row["run"], {})[row["gesture"]] = row["file"]
    return list(runs.values())


def pairs(run: dict[str, str], folder: str) -> list[Row]:
    """All ordered pairs of two gestures of one hand."""
    return [
        {
            "name": f"{Path(run[before]).stem}-{before}-{after}",
            "source": f"{folder}/{run[before]}",
            "target": f"{folder}/{run[after]}",
            "gesture": after,
        }
        for before, after in itertools.permutations(sorted(run), 2)
    ]


if __name__ == "__main__":
    main()
