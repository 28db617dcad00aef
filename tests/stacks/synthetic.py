"""Made-up data in every layout that a recipe can name."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stacks.data_spec import DataSpec
from translate.kinds import Kind

ITEMS = 6


def write_data(data: DataSpec, root: Path, where: str, side: int, items: int = ITEMS) -> None:
    """Items beneath ``root / where`` (a CSV file in layout ``table``), pictures of ``side``."""
    random = np.random.default_rng(0)
    place, kinds = root / where, data.kinds
    pictures = {view: kind for view, kind in kinds.items() if kind.is_picture}
    place.parent.mkdir(parents=True, exist_ok=True)
    if data.layout == "table":
        rows = [
            {
                view: row(root, f"{view}-{index}.png", data, view, kind, side, random)
                for view, kind in kinds.items()
                if kind.is_picture or kind.is_value
            }
            for index in range(items)
        ]
        with open(place, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        if data.joints is not None:
            write_joints(root / data.joints.file, rows, data, side, random)
        return
    for index in range(items):
        made = {view: picture(data, view, kind, side, random) for view, kind in pictures.items()}
        if data.layout == "side-by-side":
            halves = [made["source"], made["target"]][:: -1 if data.swap else 1]
            save(place / f"{index}.png", np.concatenate(halves, axis=1))
        elif data.layout in ("views", "unpaired"):
            for view, pixels in made.items():
                save(place / view / f"{index}.png", pixels)
        elif data.layout == "classes":
            [count] = [kind.count for kind in kinds.values() if kind.family == "class"]
            for label in range(count):
                save(place / f"{label:03d}" / f"{index}.png", made["target"])
        elif data.layout == "targets":
            save(place / f"{index}.png", made["target"])
        else:
            raise AssertionError(f"say here how layout {data.layout!r} lies on disk")


def row(
    root: Path,
    name: str,
    data: DataSpec,
    view: str,
    kind: Kind,
    side: int,
    random: np.random.Generator,
) -> str:
    """What a table holds of a view: a path beneath the root, a class, an angle, or whose joints."""
    if kind.family == "angle":
        return f"{random.uniform(-180, 180):.1f}"
    if kind.family == "keypoints":
        return name
    if kind.family == "class":
        return str(random.integers(kind.count))
    save(root / "pictures" / name, picture(data, view, kind, side, random))
    return f"pictures/{name}"


def write_joints(
    file: Path, rows: list[dict[str, str]], data: DataSpec, side: int, random: np.random.Generator
) -> None:
    """Joints anywhere in the pictures, one of each not visible."""
    assert data.joints is not None
    views = [view for view, kind in data.kinds.items() if kind.family == "keypoints"]
    lines = ["picture,joint,x,y,visible"]
    for name in [row[view] for row in rows for view in views]:
        for index, joint in enumerate(data.joints.names):
            x, y = random.uniform(0, side, 2)
            lines.append(f"{name},{joint},{x:.2f},{y:.2f},{min(index, 1)}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines))


def picture(
    data: DataSpec, view: str, kind: Kind, side: int, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Noise on a slope, or label ids in the colors of the palette where the view has one."""
    if kind.family == "labels":
        ids = random.integers(kind.count, size=(side, side), dtype=np.uint8)
        return np.asarray(data.palette[view], np.uint8)[ids] if view in data.palette else ids
    slope = np.linspace(0, 200, side)[:, None, None]
    pixels = slope + random.uniform(0, 55, (side, side, kind.channels))
    return pixels.astype(np.uint8)


def save(path: Path, pixels: NDArray[np.uint8]) -> None:
    """A PNG file, its folder with it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels).save(path)
