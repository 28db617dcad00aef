"""What the commands print: tables, JSON, and a progress bar for what takes over a second."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pixstack.errors import printable

PATIENCE = 1.0  # seconds before a progress bar appears
FOLDED = 12  # characters that a column keeps at least where it folds
GAP = 2  # characters that rich leaves around a column


def write_json(value: Any, target: str) -> None:
    """Write `value` as JSON to the file `target`, or to stdout for `-`."""
    # Of names that are not UTF-8 what remains is an escape, as JSON has it.
    text = json.dumps(value, indent=2, ensure_ascii=False)
    path = Path(target)
    if target == "-":
        print(text)
    elif path.exists() and not path.is_file():
        # A pipe or a device such as /dev/null stays what it is; nothing takes its place.
        path.write_text(text + "\n", "utf-8", "backslashreplace")
    else:
        # Here, because it brings the whole runtime, which most tables need not wait for.
        from export.runtime.whole import whole_file

        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            temporary.write_text(text + "\n", "utf-8", "backslashreplace")


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], folding: Collection[str] = ()
) -> None:
    """Print rows under their column names.

    Args:
        columns: their names.
        rows: of as many cells each.
        folding: columns that go on over several lines where the terminal is narrow, as the last one
            always does. Others are never cut: where even so not all fits, lines pass the edge.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
    cells = [[Text(printable(str(cell))) for cell in row] for row in rows]
    least = whole = 0
    for index, column in enumerate(columns):
        width = max(Text(column).cell_len, *(row[index].cell_len for row in cells), 0)
        whole += width + GAP
        if folds := column in folding or index == len(columns) - 1:
            width = min(width, FOLDED)
        # A column that does not wrap is cut, unless it says how wide it must be.
        table.add_column(column, no_wrap=not folds, overflow="fold", min_width=width)
        least += width + GAP
    for row in cells:
        table.add_row(*row)
    console = Console()
    console.width = max(console.width, least)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        # Whoever reads a pipe line by line wants each row on one of them.
        console.width = max(console.width, whole)
    with console.capture() as captured:
        console.print(table)
    # The spaces that fill up the last column are of no use, and long in a pipe.
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr that appears when the work takes over a second.

    Yields:
        A callback for `(done, total)`; it prints nothing where stderr is no terminal.
    """
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()
    bar = Progress(*columns, TimeLeft(), console=Console(stderr=True), transient=True)
    task = bar.add_task(title, total=None)
    # By a timer, for the first step alone may take long.
    appear = threading.Timer(PATIENCE, bar.start)
    appear.start()
    try:
        yield lambda done, total: bar.update(task, completed=done, total=total)
    finally:
        appear.cancel()
        appear.join()
        bar.stop()
