"""`pixstack bench`: how fast model files run here."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixstack.errors import WrongUse

if TYPE_CHECKING:
    from pixstack.bench.race import Entry, Miss, Size

_SIZE = re.compile(r"([1-9][0-9]{0,5})[xX]([1-9][0-9]{0,5})")


def command(
    names: Annotated[
        list[str],
        typer.Argument(metavar="MODEL...", help="Files or names from `pixstack models`."),
    ],
    sizes: Annotated[
        list[str] | None,
        typer.Option("--size", metavar="WIDTHxHEIGHT", help="Of the source; may be repeated."),
    ] = None,
    providers: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...", help="Of cpu, cuda, openvino, tensorrt; all that work if unsaid."
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Timed rounds, after one to warm up.")] = 5,
    threads: Annotated[
        int | None, typer.Option(min=1, max=1024, help="CPU threads; all if unsaid.")
    ] = None,
    models: Annotated[
        Path | None, typer.Option(help="A folder where names are looked up first.")
    ] = None,
    json_target: Annotated[
        str | None, typer.Option("--json", metavar="-|FILE", help="Write the results as JSON.")
    ] = None,
) -> None:
    """Time model files on every provider that works here.

    A made-up 8-bit picture of 512x512 and one of 1920x1080 pixels, or of each --size, goes from
    memory to the model's first output; files are neither read nor written. In each round every
    provider has one turn, so that a busy moment hits all alike; the medians are told. A model of
    a fixed size runs at its own. Further inputs get their defaults. "x CPU" is how many times as
    fast as the CPU provider. Peak memory is that of a process which opens the model and translates
    one picture, without a GPU's own memory; it is told where the system tells it (Linux).
    TensorRT, which compiles for minutes, runs only where --providers names it.

    \b
    Examples:
      pixstack bench photo-sr
      pixstack bench photo-sr my.onnx --size 640x480 --size 1280x720
      pixstack bench photo-denoise --providers cpu,openvino --threads 4 --rounds 9
      pixstack bench hand-pose --json -
    """
    asked_sizes = parse_sizes(sizes or ["512x512", "1920x1080"])
    asked_providers = parse_providers(providers)

    from pixstack.bench.race import Result, enter, lanes_here, race, steps
    from pixstack.bench.report import conditions, describe, describe_misses, print_results, told
    from pixstack.console import progress_bar, write_json
    from pixstack.shelf import find_model

    paths = {name: find_model(name, models) for name in names}
    lanes, problems = lanes_here(asked_providers)
    entries: list[Entry] = []
    misses: list[Miss] = []
    for name, path in paths.items():
        entry, refused = enter(name, path, asked_sizes)
        entries.append(entry)
        misses += refused
    results: list[Result] = []
    total, done = sum(steps(entry, lanes, rounds) for entry in entries), 0
    with progress_bar("bench") as progress:

        def step(count: int) -> None:
            nonlocal done
            done += count
            progress(done, total)

        for entry in entries:
            for found in race(entry, lanes, rounds, threads, step):
                if isinstance(found, Result):
                    results.append(found)
                else:
                    misses.append(found)
    for name, why in problems.items():
        print(f"note: without {name}: {why}", file=sys.stderr)
    for miss in misses:
        print(told(miss), file=sys.stderr)
    rows = describe(results)
    if json_target is not None:
        report = conditions(rounds, threads) | {"results": rows, "skipped": describe_misses(misses)}
        write_json(report, json_target)
    if json_target != "-" and rows:
        print_results(rows)
    if failed := sum(miss.failed for miss in misses):
        raise ValueError(f"{failed} of {failed + len(rows)} timings failed")
    if not rows:
        raise ValueError("nothing was timed, for no size fits; give another --size")


def parse_sizes(texts: list[str]) -> list[Size]:
    """`WIDTHxHEIGHT` as (height, width), each once.

    Raises:
        WrongUse: a text of another form.
    """
    found: list[Size] = []
    for text in texts:
        match = _SIZE.fullmatch(text)
        if match is None:
            raise WrongUse(f"--size {text}: expected WIDTHxHEIGHT in pixels, such as 640x480")
        found.append((int(match[2]), int(match[1])))
    return list(dict.fromkeys(found))


def parse_providers(text: str | None) -> list[str]:
    """Names between commas, each once; none for all that work.

    Raises:
        WrongUse: a name is unknown; the message lists the known ones.
    """
    if text is None:
        return []
    from export.runtime.session import PROVIDERS

    names = list(dict.fromkeys(name.strip().lower() for name in text.split(",")))
    for name in names:
        if name not in PROVIDERS:
            raise WrongUse(f"--providers {text}: {name!r} is unknown; use {', '.join(PROVIDERS)}")
    return names
