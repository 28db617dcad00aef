"""Make the hands that the Pose tab offers as examples: results of the model that ships.

    python -m docs.pictures.make_hands DATA

reads photographs of held-out people from `DATA/hands` (Mavi 2020, Apache-2.0), asks
`models/hand-pose.onnx` for another gesture and keeps what it draws. No photograph is copied.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from benchmarks.pose import SIZE, read_photos
from benchmarks.toys.hands import split_rows
from export.runtime import Translator

ROOT = Path(__file__).resolve().parents[2]

# name: place of the person among those held out, gesture of the photograph, gesture asked for
HANDS = {"five": (1, 3, 5), "two": (3, 5, 2)}


def main(data: Path) -> None:
    """Rewrite the same files every time."""
    _, held_out = split_rows(data / "hands")
    people = read_photos(data / "hands", held_out, SIZE).by_person()
    model = Translator(ROOT / "models" / "hand-pose.onnx")
    for name, (person, before, after) in HANDS.items():
        views = {"source": people[person, before], "gesture": after}
        picture = model.run(views, outputs="target")["target"]
        Image.fromarray(picture).save(ROOT / "examples" / f"hand-{name}.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
