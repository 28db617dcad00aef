"""The results for people: Markdown for documents, one HTML page with the curves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from stacks.landscape.search import Landscape
from stacks.landscape.table import (
    Row,
    by_choice,
    by_combination,
    by_pair,
    criterion,
    curves,
    row,
    worst_of,
)
from stacks.landscape.trials import Result
from stacks.report.curves import chart
from stacks.report.page import part, section

COLUMNS = (*("trials", "refused", "best", "top 5 %", "median", "collapsed", "seconds a trial"),)


def cells(found: Row) -> list[str]:
    """A row under `COLUMNS`."""
    trials = f"{found.trials} ({found.pruned} pruned)" if found.pruned else str(found.trials)
    return [
        trials,
        str(found.refused),
        number(found.best),
        number(found.top),
        number(found.middle),
        "" if found.collapsed is None else f"{found.collapsed:.0%}",
        "" if found.seconds is None else f"{found.seconds:.0f}",
    ]


def number(value: float | None, digits: int = 1) -> str:
    """A measure, or nothing where it could not be measured."""
    return "-" if value is None else f"{value:.{digits}f}"


def choice_table(landscape: Landscape, results: Sequence[Result]) -> Iterator[list[str]]:
    """A line a choice, axis after axis, and one of all; the columns come first."""
    yield ["choice", *COLUMNS]
    for axis, rows in by_choice(landscape.study, results).items():
        for choice, found in rows.items():
            yield [f"{axis} {choice}", *cells(found)]
    yield ["all", *cells(row(result for result in results if not result.forced))]


def pair_table(results: Sequence[Result], first: str, second: str) -> Iterator[list[str]]:
    """Best and median FID, the choices of one axis down and those of the other across."""
    rows = by_pair(results, first, second)
    down, across = (list(dict.fromkeys(place[side] for place in rows)) for side in (0, 1))
    yield [f"{first} \\ {second}", *across]
    for one in down:
        cell = [rows.get((one, other)) for other in across]
        yield [one, *("" if found is None else in_pair(found) for found in cell)]


def in_pair(found: Row) -> str:
    """Best and median of two choices."""
    if not found.trials:
        return "refused" if found.refused else ""
    return f"{number(found.best)} / {number(found.middle)}"


def combination_table(results: Sequence[Result]) -> Iterator[list[str]]:
    """A line a combination, the best first."""
    yield ["FID", "±", "KID", "MS-SSIM", "collapsed", "seconds", "combination"]
    for each in by_combination(results):
        yield [
            number(each.fid),
            "" if each.deviation is None else f"{each.deviation:.1f}",
            number(each.kid, 3),
            number(each.ms_ssim, 3),
            f"{each.collapsed} of {each.seeds}",
            f"{each.seconds:.0f}",
            each.settings + (" (forced)" if each.forced else ""),
        ]


def refused_table(results: Sequence[Result]) -> Iterator[list[str]]:
    """Why combinations are refused, each reason once with how many it concerns."""
    yield ["refused", "reason"]
    reasons: dict[str, int] = {}
    for result in results:
        if result.state == "refused":
            reasons[result.reason] = reasons.get(result.reason, 0) + 1
    for reason, count in reasons.items():
        yield [str(count), reason]


def failed_table(results: Sequence[Result]) -> Iterator[list[str]]:
    """Trials that ended with an error, which the next run tries again."""
    yield ["failed", "reason"]
    for result in results:
        if result.state == "failed":
            yield [result.key, result.reason]


def tables(
    landscape: Landscape, results: Sequence[Result]
) -> Iterator[tuple[str, list[list[str]]]]:
    """Every table with its title, columns first; empty ones are left out."""
    found = [("By choice: FID", list(choice_table(landscape, results)))]
    for first, second in landscape.study.pairs:
        title = f"{first} and {second}: best / median FID"
        found.append((title, list(pair_table(results, first, second))))
    found.append(("By combination", list(combination_table(results))))
    found.append(("Refused", list(refused_table(results))))
    found.append(("Failed", list(failed_table(results))))
    yield from ((title, lines) for title, lines in found if len(lines) > 1)


def basis(landscape: Landscape, results: Sequence[Result], facts: Mapping[str, Any]) -> list[str]:
    """What the numbers rest on, a sentence each."""
    network = facts["network"]
    seeds = sorted({result.seed for result in results if result.ran})
    return [
        f"FID, KID and MS-SSIM of {facts['pictures']} pictures of {facts['size']} pixels through "
        f"{network['name']} {network['weights']} ({network['layer']}, {network['input']}).",
        f"Real pictures reach FID {facts['floor']:.2f} ({facts['floor_of']}) and MS-SSIM "
        f"{facts['ms_ssim']:.3f}.",
        f"Seeds: {', '.join(map(str, seeds))}.",
        f"Collapsed: {criterion(landscape.study)}.",
        "Top 5 %: mean of the best twentieth of the trials, of one at least. Trials that diverged "
        "count as the worst. Seconds are those of a trial, measuring included; ± is the standard "
        "deviation over seeds.",
        *landscape.study.notes,
    ]


def markdown(landscape: Landscape, results: Sequence[Result], facts: Mapping[str, Any]) -> str:
    """The tables for a document."""
    parts = [f"- {sentence}" for sentence in basis(landscape, results, facts)]
    for title, (columns, *lines) in tables(landscape, results):
        parts += ["", f"### {title}", ""]
        parts += [bar(columns), bar(["---"] * len(columns)), *map(bar, lines)]
    lines = list(best_lines(landscape, results))
    if len(lines) > 1:
        columns, *rest = lines
        parts += ["", "### Expected best FID of k trials", ""]
        parts += [bar(columns), bar(["---"] * len(columns)), *map(bar, rest)]
    return "\n".join(parts) + "\n"


def bar(items: Sequence[str]) -> str:
    """A line of a table in Markdown."""
    return f"| {' | '.join(item.replace('|', chr(92) + '|') for item in items)} |"


def best_lines(landscape: Landscape, results: Sequence[Result]) -> Iterator[list[str]]:
    """Expected best of k = 1, 2, 5, 10 ... trials, a line a choice."""
    found = curves(landscape.study, results)
    most = max((len(line) for lines in found.values() for line in lines.values()), default=0)
    shown = [k for power in range(6) for k in (10**power, 2 * 10**power, 5 * 10**power)]
    shown = [k for k in shown if k <= most]
    yield ["of", *(f"k = {k}" for k in shown)]
    for axis, lines in found.items():
        for choice, line in lines.items():
            name = "all" if axis == "all" else f"{axis} {choice}"
            yield [name, *(number(line[k - 1]) if k <= len(line) else "" for k in shown)]


def page(landscape: Landscape, results: Sequence[Result], facts: Mapping[str, Any]) -> str:
    """One self-contained HTML page."""
    study = landscape.study
    said = "".join(f"<li>{escape(each)}</li>" for each in basis(landscape, results, facts))
    parts = [
        f"<h1>{escape(study.name)}</h1>",
        f"<p>{escape(study.description)}</p>" if study.description else "",
        f"<ul>{said}</ul>",
        *(section(escape(title), html_table(lines)) for title, lines in tables(landscape, results)),
        section("Expected best FID by the number of trials", best_charts(landscape, results)),
        section("FID along ranges", range_charts(landscape, results)),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(study.name)}: landscape</title><style>{part('page.css')}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def html_table(lines: Sequence[Sequence[str]]) -> str:
    """Columns first."""
    columns, *rest = lines
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(item)}</td>' for item in line)}</tr>" for line in rest
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def best_charts(landscape: Landscape, results: Sequence[Result]) -> str:
    """A chart of all trials, and one an axis with a line a choice."""
    drawn: list[str] = []
    for axis, lines in curves(landscape.study, results).items():
        points = {
            choice: [(float(k), value) for k, value in enumerate(line, start=1)]
            for choice, line in lines.items()
        }
        drawn.append(figure(axis, chart(points, legend=len(points) > 1)))
    return f'<div class="charts">{"".join(drawn)}</div>' if drawn else ""


def range_charts(landscape: Landscape, results: Sequence[Result]) -> str:
    """FID over each number that was searched, a line a choice of the first axis."""
    drawn: list[str] = []
    worst = worst_of(results)
    axis = next(iter(landscape.study.axis), "")
    for name, each in landscape.study.range.items():
        lines: dict[str, list[tuple[float, float]]] = {}
        for result in results:
            if result.ran and name in result.settings:
                value = float(result.settings[name])
                place = math.log10(value) if each.scale == "log" else value
                line = lines.setdefault(str(result.settings.get(axis, name)), [])
                line.append((place, worst if result.fid is None else result.fid))
        title = f"log10 {name}" if each.scale == "log" else name
        if lines:
            sorted_lines = {choice: sorted(points) for choice, points in lines.items()}
            drawn.append(figure(title, chart(sorted_lines, legend=len(lines) > 1)))
    return f'<div class="charts">{"".join(drawn)}</div>' if drawn else ""


def figure(title: str, drawing: str) -> str:
    """A chart with its caption."""
    return f"<figure><figcaption>{escape(title)}</figcaption>{drawing}</figure>"
