"""What the commands print: tables, JSON, and a progress bar for what takes over a second."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pixstack.errors import printable

PATIENCE = 1.0  # seconds before a progress bar appears


def write_json(value: Any, target: str) -> None:
    """Write `value` as JSON to the file `target`, or to stdout for `-`."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    path = Path(target)
    if target == "-":
        print(text)
    elif path.exists() and not path.is_file():
        # A pipe or a device such as /dev/null stays what it is; nothing takes its place.
        path.write_text(text + "\n", encoding="utf-8")
    else:
        # Here, because it brings the whole runtime, which most tables need not wait for.
        from export.runtime.whole import whole_file

        with whole_file(path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their column names; the last column folds where the terminal is narrow."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
    for column in columns[:-1]:
        table.add_column(column, no_wrap=True)
    table.add_column(columns[-1], overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    Console().print(table)


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
