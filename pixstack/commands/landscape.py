"""`pixstack landscape`: what the settings of a GAN are worth."""

from __future__ import annotations

import signal
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pixstack.errors import WrongUse
from pixstack.plugins import Plugins, import_plugins

if TYPE_CHECKING:
    from stacks.landscape.measure import Measure
    from stacks.landscape.search import Landscape, Limits
    from stacks.landscape.trials import Result

SHOWN = 10
"""Combinations on the terminal; the page has all of them."""


def command(
    study: Annotated[
        str,
        typer.Argument(
            metavar="STUDY.toml|NAME|FOLDER",
            help="A file, a study that comes with Pixstack, or a folder of a study begun.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--to", metavar="FOLDER", help="Where trials and results are kept."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Root of the data, in place of the recipe's data.root.")
    ] = None,
    search: Annotated[
        Literal["grid", "gp"] | None,
        typer.Option(help="All combinations, or those that a Gaussian process expects most of."),
    ] = None,
    budget: Annotated[
        float | None, typer.Option(min=0, metavar="MINUTES", help="No trial begins after it.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="That share the trials.")] = 1,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="AXIS=CHOICE", help="Take these choices of an axis alone; may be repeated."
        ),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="0,1,2", help="Of each combination, with commas.")
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(
            metavar="NETWORK",
            help="What `eval --features` takes, in place of a classifier of the study's own.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on in FOLDER; finished trials are skipped.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Rebuild tables and page from FOLDER; train nothing.")
    ] = False,
    markdown: Annotated[
        str | None, typer.Option(metavar="FILE.md", help="Write the tables as Markdown.")
    ] = None,
    plugins: Plugins = None,
    json_target: Annotated[
        str | None, typer.Option("--json", metavar="-|FILE", help="Write the result as JSON.")
    ] = None,
) -> None:
    """Train a recipe in many settings and tell what each choice is worth.

    A study names axes (losses, penalties, architectures ...) and ranges (rates, weights ...). Each
    trial is an ordinary run, measured by FID, KID and diversity. Combinations that cannot work are
    recorded with the reason. FOLDER receives landscape.json, landscape.html and all trials; killed
    at any time, it loses the trial at work and no other. The same command with --resume, on as
    many machines as share FOLDER, goes on.

    Needs the train extra.

    \b
    Examples:
      pixstack landscape gestures -o runs/gestures --data data --budget 50
      pixstack landscape gestures -o runs/gestures --data data --resume --seeds 0,1,2
      pixstack landscape gestures -o runs/row --data data --only loss=minimax --only penalty=gp
      pixstack landscape mine.toml -o runs/mine --search gp --budget 120 --processes 4
      pixstack landscape runs/gestures --report --markdown table.md
    """
    from pixstack.errors import require_train

    require_train()
    import_plugins(plugins or [])
    folder = open_folder(study, output, resume, report)
    from stacks.landscape.search import Landscape

    root = str(data) if data is not None else None
    landscape = Landscape(folder, root)
    code = 0
    if not report:
        limits = limits_of(landscape, search, budget, only or [], seeds)
        code = share(landscape, Task(folder, root, judge, tuple(plugins or ()), limits), processes)
        if code > 128:
            raise typer.Exit(code)
    show(landscape, markdown, json_target)
    if code:
        print("a process ended early; --resume tries again what it was at", file=sys.stderr)
        raise typer.Exit(1)


@dataclass(frozen=True)
class Task:
    """What one process needs to take part."""

    folder: Path
    data: str | None
    judge: str | None
    plugins: tuple[str, ...]
    limits: Limits


def open_folder(study: str, output: Path | None, resume: bool, report: bool) -> Path:
    """The folder of a study, which is put there where it is not yet.

    Raises:
        WrongUse: options that do not go together.
    """
    begun = Path(study).is_dir()
    if begun:
        if output is not None:
            raise WrongUse(f"-o {output}: {study} is the folder of a study already; leave it out")
        if resume == report:
            raise WrongUse(f"{study}: holds a study already; add --resume or --report")
        return Path(study)
    if report:
        raise WrongUse(f"--report: {study}: expected the folder of a study")
    if output is None:
        raise WrongUse("-o: missing; a folder for the trials and the results of the study")
    from stacks.landscape.search import create

    create(output, study, resume)
    return output


def limits_of(
    landscape: Landscape,
    search: Literal["grid", "gp"] | None,
    budget: float | None,
    only: list[str],
    seeds: str | None,
) -> Limits:
    """What part of a study the options ask for, and for how long.

    Raises:
        WrongUse: an option cannot be read, or the search would have no end.
        TableError: --only names what the study does not have.
    """
    from stacks.landscape.search import Limits

    study = landscape.study
    chosen: dict[str, list[str]] = {}
    for text in only:
        axis, equals, choice = text.partition("=")
        if not equals:
            raise WrongUse(f"--only {text}: expected AXIS=CHOICE")
        chosen.setdefault(axis, []).append(choice)
    wanted = study.seeds
    if seeds is not None:
        words = seeds.split(",")
        if not all(word.strip().isdecimal() for word in words):
            raise WrongUse(f"--seeds {seeds}: expected whole numbers with commas, as 0,1,2")
        wanted = tuple(int(word) for word in words)
    kind = search or study.search
    minutes = study.budget if budget is None else budget
    if kind == "gp" and not minutes and not study.trials:
        raise WrongUse("--search gp: has no end of its own; give --budget MINUTES")
    if (kind == "gp" or study.pruning.kind != "none") and find_spec("optuna") is None:
        raise WrongUse("searching and pruning need optuna; pip install 'pixstack[train]'")
    until = time.monotonic() + 60 * minutes if minutes else float("inf")
    limits = Limits(kind, tuple(wanted), chosen, until, study.trials)
    limits.check(study)
    return limits


def share(landscape: Landscape, task: Task, processes: int) -> int:
    """Work at a study in so many processes; 0, or the exit code of one that ended early."""
    if processes == 1:
        return take_part(task)
    # The judge and the real pictures once, by this process; the others read them.
    open_measure(landscape, task.judge)
    from export.runtime.session import cores
    from stacks.stopping import Stopping

    context = get_context("spawn")
    threads = max(1, cores() // processes)
    pool = [context.Process(target=take_part_with, args=(task, threads)) for _ in range(processes)]
    with Stopping() as stopping:
        for process in pool:
            process.start()
        passed_on = False
        while alive := [process for process in pool if process.is_alive()]:
            alive[0].join(timeout=0.5)
            # Ctrl-C reaches all of a terminal's processes; SIGTERM this one alone.
            if stopping.asked is signal.SIGTERM and not passed_on:
                passed_on = True
                for process in pool:
                    process.terminate()
    if stopping.asked:
        return 128 + stopping.asked
    return int(any(process.exitcode for process in pool))


def take_part_with(task: Task, threads: int) -> None:
    """One of several processes: its own errors on stderr, its exit code for the first one."""
    import torch

    from pixstack.errors import one_line

    torch.set_num_threads(threads)
    import_plugins(list(task.plugins))
    try:
        code = take_part(task)
    except Exception as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        code = 1
    sys.exit(code)


def take_part(task: Task) -> int:
    """Work at a study until there is no more; the exit code."""
    from stacks.landscape.search import Landscape, search
    from stacks.stopping import Stopped

    landscape = Landscape(task.folder, task.data)
    measure = open_measure(landscape, task.judge)
    try:
        search(landscape, measure, task.limits, tell)
    except Stopped as stopped:
        print("stopped; the trial at work is lost, go on with --resume", file=sys.stderr)
        return stopped.code
    return 0


def open_measure(landscape: Landscape, judge: str | None) -> Measure:
    """What trials are measured with."""
    from pixstack.console import progress_bar
    from pixstack.networks import open_network

    wanted = judge or landscape.study.judge.network
    network = open_network(wanted, option="--judge") if wanted else None
    with progress_bar("judge") as progress:
        return landscape.measure(network, progress)


def tell(result: Result) -> None:
    """One line a trial, on stderr: stdout is the table's."""
    from stacks.landscape.combine import told

    name = f"{told(result.settings)} seed={result.seed}"
    said = f"{result.state}: {result.reason}" if result.reason else result.state
    if result.fid is not None:
        said = f"FID {result.fid:.2f}, {result.seconds:.0f} s" + (
            ", collapsed" if result.collapsed else ""
        )
        said += f", {result.state}" if result.state != "done" else ""
    print(f"{name}: {said}", file=sys.stderr, flush=True)


def show(landscape: Landscape, markdown: str | None, json_target: str | None) -> None:
    """Write the results into the folder and print them.

    Raises:
        FileNotFoundError: nothing has been measured there yet.
    """
    from pixstack.console import print_table, write_json
    from stacks.checkpoint import write_whole
    from stacks.landscape.measure import load_real
    from stacks.landscape.page import choice_table, combination_table, page
    from stacks.landscape.page import markdown as as_markdown
    from stacks.landscape.table import summary

    folder, results = landscape.folder, landscape.results()
    facts = load_real(folder / "real.safetensors").facts
    told = summary(landscape, results, facts)
    write_json(told, str(folder / "landscape.json"))
    write_whole(folder / "landscape.html", page(landscape, results, facts).encode())
    if markdown is not None:
        write_whole(Path(markdown), as_markdown(landscape, results, facts).encode())
    if json_target is not None:
        write_json(told, json_target)
    if json_target != "-":
        columns, *lines = choice_table(landscape, results)
        print_table(columns, lines)
        print()
        columns, *lines = combination_table(results)
        print_table(columns, lines[:SHOWN])
        print(folder / "landscape.html")
