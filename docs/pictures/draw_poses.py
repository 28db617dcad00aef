"""Draw the example poses of the Pose tab, and people in some of them.

    python docs/pictures/draw_poses.py

writes `pose-*.json` (what can be chosen) and `figure-*.png` (who can be shown in it) into
`examples/`, the same every time.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from stacks.tables.bodies import JOINTS, Figure, Pose, picture, place

FOLDER = Path(__file__).resolve().parents[2] / "examples"
SIZE = 96

# Lean, nod, then arms, elbows, legs and knees, left and right, in degrees.
POSES = {
    "at-ease": Pose(0, 0, (18, 18), (-6, -6), (8, 8), (-4, -4)),
    "cheer": Pose(0, 0, (140, 140), (25, 25), (16, 16), (-8, -8)),
    "lunge": Pose(8, -6, (95, 60), (0, -15), (12, 46), (-45, 0)),
    "point": Pose(-4, 6, (92, 20), (0, 100), (10, 14), (-6, -6)),
    "star": Pose(0, 0, (112, 112), (0, 0), (36, 36), (0, 0)),
    "wave": Pose(3, -8, (20, 105), (-10, 70), (8, 14), (-4, -8)),
}
PEOPLE = {"at-ease": 5, "wave": 11}
"""Who is shown in a pose, by seed."""


def main() -> None:
    """Write every pose and figure."""
    middle = Figure.drawn_from(np.random.default_rng(0))
    for name, pose in POSES.items():
        places = place(middle, pose)
        joints = {joint: (places[joint] * SIZE - 0.5).round(1).tolist() for joint in JOINTS}
        text = json.dumps({"size": [SIZE, SIZE], "joints": joints}, indent=1)
        (FOLDER / f"pose-{name}.json").write_text(text + "\n")
    for name, seed in PEOPLE.items():
        figure = Figure.drawn_from(np.random.default_rng(seed))
        drawn = picture(figure, place(figure, POSES[name]), SIZE)
        drawn.save(FOLDER / f"figure-{name}.png", optimize=True)


if __name__ == "__main__":
    main()
