"""What the results say: of each choice, of each combination, and of how much trying pays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import Any

from stacks.landscape.combine import told
from stacks.landscape.search import Landscape
from stacks.landscape.study import Study
from stacks.landscape.trials import Result

TOP = 0.05
"""Share of the trials that count as the top, as in figure 1 of arXiv 1807.04720; one at least."""


@dataclass(frozen=True)
class Row:
    """What trials that have something in common reached.

    Args:
        trials: how many ran; refused: how many are refused.
        best: FID; top: mean of the best `TOP`; middle: median, with those that diverged as the
            worst. None where nothing was measured.
        collapsed: share of the trials that ran.
        pruned: how many of them ended early, and count with their last FID.
        seconds: mean of a trial.
    """

    trials: int
    refused: int
    best: float | None
    top: float | None
    middle: float | None
    collapsed: float | None
    pruned: int
    seconds: float | None


def row(results: Iterable[Result]) -> Row:
    """Sum up."""
    results = list(results)
    ran = [result for result in results if result.ran]
    fids = sorted(math.inf if result.fid is None else result.fid for result in ran)
    top = fids[: max(1, math.ceil(TOP * len(fids)))]
    return Row(
        len(ran),
        sum(result.state == "refused" for result in results),
        finite(fids[0]) if fids else None,
        finite(fmean(top)) if fids else None,
        finite(median(fids)) if fids else None,
        fmean(result.collapsed for result in ran) if ran else None,
        sum(result.state == "pruned" for result in ran),
        fmean(result.seconds for result in ran) if ran else None,
    )


def finite(value: float) -> float | None:
    """A number; None where it is none."""
    return value if math.isfinite(value) else None


def by_choice(study: Study, results: Sequence[Result]) -> dict[str, dict[str, Row]]:
    """A row for each choice, and each point of a grid, of each axis that any result has.

    What is forced once, to show why it is refused, stands in its own table and in none of these.
    """
    found: dict[str, dict[str, Row]] = {}
    counted = [result for result in results if not result.forced]
    for axis in [*study.axis, *(name for name, each in study.range.items() if each.grid)]:
        values = study.axis[axis] if axis in study.axis else study.range[axis].grid
        groups = {
            str(value): [each for each in counted if each.settings.get(axis) == value]
            for value in values
        }
        rows = {value: row(group) for value, group in groups.items() if group}
        if rows:
            found[axis] = rows
    return found


def by_pair(results: Sequence[Result], first: str, second: str) -> dict[tuple[str, str], Row]:
    """A row for each two choices of two axes."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        if not result.forced and {first, second} <= result.settings.keys():
            place = (str(result.settings[first]), str(result.settings[second]))
            groups.setdefault(place, []).append(result)
    return {place: row(group) for place, group in groups.items()}


@dataclass(frozen=True)
class Repeated:
    """One combination over its seeds; ``deviation`` is None of a single one."""

    settings: str
    seeds: int
    fid: float | None
    deviation: float | None
    kid: float | None
    ms_ssim: float | None
    collapsed: int
    seconds: float
    forced: bool


def by_combination(results: Sequence[Result]) -> list[Repeated]:
    """Every combination that ran, the best first; one seed that diverged leaves no mean."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        if result.ran:
            groups.setdefault(told(result.settings), []).append(result)
    rows: list[Repeated] = []
    for name, group in groups.items():
        fids, kids, likeness = (
            [value for each in group if (value := getattr(each, key)) is not None]
            for key in ("fid", "kid", "ms_ssim")
        )
        whole = len(fids) == len(group)
        rows.append(
            Repeated(
                name,
                len(group),
                fmean(fids) if whole else None,
                stdev(fids) if whole and len(fids) > 1 else None,
                fmean(kids) if whole else None,
                fmean(likeness) if whole else None,
                sum(each.collapsed for each in group),
                fmean(each.seconds for each in group),
                any(each.forced for each in group),
            )
        )
    return sorted(rows, key=lambda each: (each.fid is None, each.fid or 0.0, each.settings))


def best_of(fids: Sequence[float]) -> list[float]:
    """Expected best FID of k trials, for k from 1 to all, drawn of these without replacement.

    Exactly: of n sorted values the i-th (from 1) is the least of k drawn ones in
    ``C(n - i, k - 1)`` of ``C(n, k)`` draws. Lucic et al. 2018 (arXiv 1711.10337, section 5) and
    figure 2 of arXiv 1807.04720 estimate the same by drawing.

    Args:
        fids: one a trial, in any order.
    """
    ordered, count = sorted(fids), len(fids)
    return [
        sum(
            math.comb(count - place, drawn - 1) / math.comb(count, drawn) * value
            for place, value in enumerate(ordered, start=1)
            if count - place >= drawn - 1
        )
        for drawn in range(1, count + 1)
    ]


def fids_of(results: Sequence[Result], worst: float) -> list[float]:
    """FIDs of the trials that ran; one that diverged counts as ``worst``."""
    return [
        worst if result.fid is None else result.fid
        for result in results
        if result.ran and not result.forced
    ]


def worst_of(results: Sequence[Result]) -> float:
    """The largest FID that was measured; 0 where none was."""
    return max((result.fid for result in results if result.fid is not None), default=0.0)


def curves(study: Study, results: Sequence[Result]) -> dict[str, dict[str, list[float]]]:
    """Expected best of k: over all trials, and for each choice of each axis."""
    worst = worst_of(results)
    found = {"all": {"all": best_of(fids_of(results, worst))}}
    for axis, choices in study.axis.items():
        lines = {
            choice: best_of(
                fids_of([each for each in results if each.settings.get(axis) == choice], worst)
            )
            for choice in choices
        }
        found[axis] = {choice: line for choice, line in lines.items() if line}
    return {axis: lines for axis, lines in found.items() if any(lines.values())}


def summary(landscape: Landscape, results: Sequence[Result], facts: dict[str, Any]) -> dict:
    """All of it as plain tables, for `landscape.json`.

    Args:
        landscape: the study.
        results: of `Landscape.results`.
        facts: of the real pictures.
    """
    study = landscape.study
    return {
        "study": study.name,
        "notes": list(study.notes),
        "protocol": facts,
        "collapse": criterion(study),
        "trials": vars(row([result for result in results if not result.forced])),
        "choices": {
            axis: {choice: vars(found) for choice, found in rows.items()}
            for axis, rows in by_choice(study, results).items()
        },
        "pairs": [
            {
                "axes": [first, second],
                "rows": [
                    {first: one, second: other, **vars(found)}
                    for (one, other), found in by_pair(results, first, second).items()
                ],
            }
            for first, second in study.pairs
        ],
        "combinations": [vars(each) for each in by_combination(results)],
        "best_of": curves(study, results),
        "results": [vars(result) for result in results],
    }


def criterion(study: Study) -> str:
    """When a run counts as collapsed, in words."""
    return (
        "diverged, or 1 - MS-SSIM between its pictures below "
        f"{study.metric.collapse:g} of that between real ones"
    )
