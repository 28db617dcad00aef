"""`pixstack report`: a run as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pixstack.plugins import Plugins, import_plugins


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that `pixstack train` wrote.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--to", metavar="FILE.html", help="Where to; RUN/report.html if not."),
    ] = None,
    public: Annotated[
        bool,
        typer.Option(
            "--public", help="Leave out what may not be shown: samples, and where the data lay."
        ),
    ] = False,
    plugins: Plugins = None,
) -> None:
    """Write one self-contained HTML file about a run, finished or still going on.

    It shows the result, the alarms, samples over time, curves, the recipe and the environment.

    Needs the train extra.

    \b
    Examples:
      pixstack report runs/mine
      pixstack report runs/mine -o mine.html
      pixstack report runs/mine -o docs/mine.html --public
    """
    from pixstack.errors import require_page, require_train

    require_train()
    import_plugins(plugins or [])
    from stacks.report.history import published, read_run
    from stacks.report.page import page
    from stacks.whole import write_whole

    target = output or run / "report.html"
    require_page(target, "-o")
    history = read_run(run)
    write_whole(target, page(published(history) if public else history).encode())
    print(target)
