"""The page of a comparison and its key: which result stands left is drawn, and told by no page."""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from export.runtime import images
from export.runtime.transparency import on_white
from pixstack.jobs import is_picture

KEY_FORM = "pixstack.compare-key"
QUESTION = "Which picture is better?"


@dataclass(frozen=True)
class Trial:
    """Two results of one source, which may be shown too."""

    name: str
    first: Path
    second: Path
    source: Path | None = None


def find_trials(first: Path, second: Path, sources: Path | None) -> list[Trial]:
    """Results of the same names (without extension), in name order.

    Raises:
        ValueError: a folder is missing or empty, or a name stands in one of them alone.
    """
    found, others = pictures_of(first), pictures_of(second)
    for own, other, folder in ((found, others, second), (others, found, first)):
        if missing := sorted(own.keys() - other.keys()):
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise ValueError(
                f"{folder}: has no picture named {missing[0]!r}{more}; both folders must hold the "
                "same names"
            )
    shown: Mapping[str, Path] = pictures_of(sources) if sources is not None else {}
    if sources is not None and (missing := sorted(found.keys() - shown.keys())):
        raise ValueError(f"{sources}: has no source named {missing[0]!r}")
    return [Trial(name, path, others[name], shown.get(name)) for name, path in found.items()]


def pictures_of(folder: Path) -> dict[str, Path]:
    """Pictures of a folder by name without extension, in name order.

    Raises:
        ValueError: no such folder, no pictures, or two of one name.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; expected a folder of pictures")
    found: dict[str, Path] = {}
    for path in sorted(path for path in folder.iterdir() if is_picture(path)):
        if path.stem in found:
            raise ValueError(
                f"{folder}: {found[path.stem].name} and {path.name} share a name; keep one"
            )
        found[path.stem] = path
    if not found:
        raise ValueError(f"{folder}: holds no pictures")
    return found


def make_page(
    trials: Sequence[Trial],
    sides: tuple[str, str],
    seed: int,
    question: str = QUESTION,
    count: int | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> tuple[str, dict[str, Any]]:
    """One self-contained HTML page, and the key that says what stood where.

    The order of the trials is drawn, and so are the sides, each result left as often as the other
    (but for one): who prefers a side prefers no result. Pictures are written anew, so that nothing
    in a file tells where it comes from.

    Args:
        trials: what may be shown.
        sides: what the two results are called in the key.
        seed: of the draw.
        question: that is asked.
        count: so many of the trials, drawn; None takes all.
        progress: called with (trials done, trials in all).

    Raises:
        ValueError: the two pictures of a trial differ in size, which would tell them apart, or one
            cannot be read.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(trials))[:count]
    flips = random.permutation(np.arange(len(order)) % 2).tolist()
    shown: list[dict[str, str]] = []
    placed: list[dict[str, str]] = []
    for position, flip in zip(order.tolist(), flips, strict=True):
        trial = trials[position]
        pair = [read(trial.first), read(trial.second)]
        (height, width), (other_height, other_width) = (one.pixels.shape[:2] for one in pair)
        if (height, width) != (other_height, other_width):
            raise ValueError(
                f"{trial.name}: {width}x{height} in one folder, {other_width}x{other_height} in "
                "the other; results must be of one size, or their size tells them apart"
            )
        left, right = (as_address(one) for one in (reversed(pair) if flip else pair))
        source = {"source": as_address(read(trial.source))} if trial.source else {}
        shown.append({"left": left, "right": right} | source)
        placed.append({"name": trial.name, "left": "B" if flip else "A"})
        progress(len(shown), len(order))
    page_id = hashlib.sha256(json.dumps([shown, question]).encode()).hexdigest()[:16]
    # In a script element, "<" could end it.
    data = json.dumps({"page": page_id, "trials": shown}).replace("<", "\\u003c")
    template = files("pixstack.blind").joinpath("page.html").read_text("utf-8")
    page = template.replace("{{QUESTION}}", escape(question)).replace("{{DATA}}", data)
    key = {
        "form": KEY_FORM,
        "page": page_id,
        "seed": seed,
        "question": question,
        "sides": {"A": sides[0], "B": sides[1]},
        "trials": placed,
    }
    return page, key


def read(path: Path) -> images.Picture:
    """A picture in 8 bits on white, without what else its file holds."""
    picture = images.read(path)
    pixels = picture.pixels
    if picture.alpha is not None:
        # What is transparent has colors, too, which nobody would see.
        pixels = on_white(pixels, picture.alpha)
    if pixels.dtype == np.uint16:
        pixels = (pixels / 257).round().astype(np.uint8)
    elif pixels.dtype != np.uint8:
        pixels = (np.clip(pixels, 0, 1) * 255).round().astype(np.uint8)
    return images.Picture(pixels, profile=picture.profile)


def as_address(picture: images.Picture) -> str:
    """A PNG inside a `data:` address."""
    with tempfile.TemporaryDirectory(prefix="pixstack-") as folder:
        path = Path(folder) / "picture.png"
        images.write(path, picture)
        encoded = base64.b64encode(path.read_bytes()).decode()
    return f"data:image/png;base64,{encoded}"
