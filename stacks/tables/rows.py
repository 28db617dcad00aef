"""Rows of tables of pairs, as `translate.rows` reads them: pictures by where they lie, and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from stacks.whole import write_whole

Row = dict[str, str]


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a CSV file, whole or not at all."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())


def check_held_out(
    held_out: int, count: int, what: str, where: Path, refusal: Callable[[str], BaseException]
) -> None:
    """See that something is held out, and something left to train on.

    Args:
        held_out: how many of them.
        count: how many there are.
        what: they are, in the plural.
        where: they lie.
        refusal: makes an error of the message.

    Raises:
        BaseException: what ``refusal`` makes, where it is none or all.
    """
    if not 1 <= held_out < count:
        raise refusal(
            f"{where}: {count} {what}; {held_out} to be held out, expected 1 to {count - 1}"
        )


def beneath(path: Path, root: Path, refusal: Callable[[str], BaseException]) -> str:
    """A file or folder as tables name it: from the data root.

    Raises:
        BaseException: what ``refusal`` makes of the message, where it does not lie there.
    """
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        raise refusal(
            f"{path}: does not lie beneath {root}; tables name pictures from where they lie, "
            "--root names a folder above both"
        ) from None
