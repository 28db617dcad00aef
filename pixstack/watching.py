"""What `pixstack eval` writes of each picture on its way: attention maps, results, measures."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixstack.errors import WrongUse

if TYPE_CHECKING:
    from pixstack.opened import Opened
    from stacks.evaluate import Predict, Score

MEASURES = "measures.csv"


@contextmanager
def attended(
    opened: Opened, predict: Predict, folder: Path, names: Sequence[str]
) -> Iterator[Predict]:
    """A predictor that writes the attention maps of each picture, FOLDER/NAME.png in their order.

    Raises:
        WrongUse: of an ONNX file, whose layers cannot be looked into.
    """
    if opened.stack is None:
        raise WrongUse("--attention: looks into a trained stack; give its best.safetensors")
    from PIL import Image

    from export.runtime.whole import whole_file
    from stacks.attention import sheet, watch

    files = iter(files_of(folder, names))
    with watch(opened.stack) as watched:
        folder.mkdir(parents=True, exist_ok=True)

        def watching(views: Mapping[str, Any]) -> Mapping[str, Any]:
            made = predict(views)
            with whole_file(next(files)) as path:
                Image.fromarray(sheet(made[opened.output], watched)).save(path)
            return made

        yield watching


def keeping(opened: Opened, predict: Predict, folder: Path, names: Sequence[str]) -> Predict:
    """A predictor that writes each result, FOLDER/NAME.png in their order."""
    import numpy as np
    from PIL import Image

    from export.runtime.whole import whole_file

    files = iter(files_of(folder, names))
    folder.mkdir(parents=True, exist_ok=True)

    def watching(views: Mapping[str, Any]) -> Mapping[str, Any]:
        made = predict(views)
        # As it is measured: rounded to 8 bits.
        pixels = (np.clip(made[opened.output], 0, 1) * 255).round().astype(np.uint8)
        with whole_file(next(files)) as path:
            Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(path)
        return made

    return watching


def write_measures(folder: Path, scores: Sequence[Score], names: Sequence[str]) -> None:
    """FOLDER/measures.csv: a line for each picture, beside its result."""
    from export.runtime.whole import whole_file

    measures = list(dict.fromkeys(key for score in scores for key in score.measures))
    with (
        whole_file(folder / MEASURES) as path,
        open(path, "w", newline="", encoding="utf-8") as file,
    ):
        lines = csv.writer(file)
        lines.writerow(["picture", *measures, "seconds"])
        for target, score in zip(files_of(folder, names), scores, strict=True):
            values = [score.measures.get(key, "") for key in measures]
            lines.writerow([target.name, *values, f"{score.seconds:.3f}"])


def files_of(folder: Path, names: Sequence[str]) -> list[Path]:
    """FOLDER/NAME.png for each picture; of several folders two may have one name."""
    bare = [name.replace("/", "_").replace("\\", "_") for name in names]
    return [
        folder / f"{name}{f'-{bare[:index].count(name) + 1}' if name in bare[:index] else ''}.png"
        for index, name in enumerate(bare)
    ]
