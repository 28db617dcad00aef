"""What `pixstack eval` writes of each picture on its way: attention maps, results, measures."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixstack.errors import WrongUse

if TYPE_CHECKING:
    from pixstack.opened import Opened
    from stacks.evaluate import Predict, Score
    from translate.pairs import Pairs

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
    from stacks.attention import sheet, watch

    with watch(opened.stack) as watched:
        yield writing(opened, predict, folder, names, lambda made: sheet(made, watched))


def keeping(opened: Opened, predict: Predict, folder: Path, names: Sequence[str]) -> Predict:
    """A predictor that writes each result as it is measured, FOLDER/NAME.png in their order."""
    from translate.pixels import to_bytes

    return writing(opened, predict, folder, names, to_bytes)


def writing(
    opened: Opened,
    predict: Predict,
    folder: Path,
    names: Sequence[str],
    draw: Callable[[Any], Any],
) -> Predict:
    """A predictor that writes what is drawn, in 8 bits, of each result."""
    from PIL import Image

    from export.runtime.whole import whole_file

    files = iter(files_of(folder, names))
    folder.mkdir(parents=True, exist_ok=True)

    def watching(views: Mapping[str, Any]) -> Mapping[str, Any]:
        made = predict(views)
        pixels = draw(made[opened.output])
        with whole_file(next(files)) as path:
            Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels).save(path)
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


def spare_inputs(folders: Mapping[str, Path | None], pairs: Pairs) -> None:
    """See that no result would take the place of a picture that is measured, or of another result.

    Args:
        folders: that results go to, by the option that names them.
        pairs: that are measured.

    Raises:
        WrongUse: one would.
    """
    asked = {option: folder.resolve() for option, folder in folders.items() if folder is not None}
    if len(set(asked.values())) < len(asked):
        raise WrongUse(f"{' and '.join(asked)} name one folder; give each a folder of its own")
    names = [item.name for item in pairs.items]
    # Members of tars are none that could be written over.
    paths = (view.path for item in pairs.items for view in item.views.values())
    read = {path.resolve() for path in paths if isinstance(path, Path)}
    for option, folder in asked.items():
        if hit := next((file for file in files_of(folder, names) if file in read), None):
            raise WrongUse(
                f"{option} {folder}: this would overwrite {hit.name}, which is measured; name "
                "another folder"
            )


def files_of(folder: Path, names: Sequence[str]) -> list[Path]:
    """FOLDER/NAME.png for each picture; of several folders two may have one name."""
    files: dict[Path, None] = {}
    for name in names:
        bare = name.replace("/", "_").replace("\\", "_")
        candidates = (folder / f"{bare}{f'-{n}' if n > 1 else ''}.png" for n in itertools.count(1))
        files[next(file for file in candidates if file not in files)] = None
    return list(files)
