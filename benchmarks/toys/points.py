"""Every variant on one mixture: measured, drawn and put into words."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from PIL.Image import Image

from benchmarks.toys.adversaries import SAMPLES, Run, Setting, train
from benchmarks.toys.drawing import Point, scatter, tile
from benchmarks.toys.ensemble import Draws
from benchmarks.toys.mixtures import HOLD
from benchmarks.toys.page import (
    Options,
    Outcome,
    Results,
    Section,
    Table,
    Verdict,
    milliseconds,
    spread,
)
from benchmarks.toys.variants import HISTORY, NOISE, PACKED, PLAIN, SHOWN, UNROLLED, Variant

SHARED = (
    "Every variant has the networks, rates and steps of plain training but for what its name "
    f"says; none is tuned. A mode is recovered when one of {SAMPLES} points is of high quality, "
    f"within three sigma of it (PacGAN, section 4); it is held when {HOLD:.0%} of them are, which "
    "a stray point does not do. Packing keeps the number of points a step. "
    "Separate and mixed batches differ only where the discriminator normalizes over the batch, so "
    "that both rows have batch normalization there. Historical averaging (Salimans et al. 2016, "
    f"section 3.3) has weight {HISTORY}; instance noise (Sonderby et al. 2017, arXiv 1610.04490) "
    f"starts at sigma {NOISE} and falls to 0; WGAN-GP has weight 10, clipping the bound 0.01, and "
    "both take one step of the critic like the others. A relativistic Wasserstein loss is none of "
    "its own and has no row. All seeds of a variant train at once, and the time is that of a step "
    "of all."
)

AVERAGED = "moving average of plain's generator"
DRAWN = 500
"""Points of a panel."""


def measure(setting: Setting, variants: Sequence[Variant], options: Options, quick: int) -> Outcome:
    """Train every variant on all seeds; ``quick`` is the number of steps of a quick run."""
    steps = options.steps(setting.steps, quick)
    seeds = range(options.seeds)
    rows: list[Results] = []
    panels: list[Image] = []
    for variant in variants:
        found = train(setting, variant, seeds, steps)
        rows.append(row(variant.name, found))
        print(
            f"  {variant.name}: modes {rows[-1]['modes']}, {found.seconds * 1000:.1f} ms",
            flush=True,
        )
        if variant == PLAIN:
            rows.append(row(AVERAGED, found) | averaged(found))
        panels.append(panel(setting, variant, found))
    results: Results = {"steps": steps, "batch": setting.batch, "rows": rows}
    return Outcome(results, tile(panels, 6), options.seeds)


def row(name: str, found: Run) -> Results:
    """The figures of a variant, a list entry a seed."""
    return {
        "name": name,
        "modes": [seed.modes for seed in found.final],
        "held": [seed.held for seed in found.final],
        "quality": [round(seed.quality, 4) for seed in found.final],
        "late": [round(fmean(curve[len(curve) // 2 :]), 2) for curve in found.curve],
        "seconds": found.seconds,
    }


def averaged(found: Run) -> Results:
    """What differs where the moving average of the generator is asked."""
    return {
        "modes": [seed.modes for seed in found.averaged],
        "held": [seed.held for seed in found.averaged],
        "quality": [round(seed.quality, 4) for seed in found.averaged],
        "late": [],
    }


def panel(setting: Setting, variant: Variant, found: Run) -> Image:
    """Real points in gray, those of the first seed in color."""
    real = setting.mixture.sample(Draws(range(1)), DRAWN)[0]
    layers: list[list[Point]] = [
        [(float(x), float(y)) for x, y in points] for points in (real, found.points[0, :DRAWN])
    ]
    reach = 1.25 * max(abs(value) for center in setting.mixture.centers for value in center)
    return scatter(f"{variant.name}: {found.final[0].modes}"[:38], layers, reach)


def section(title: str, text: str, modes: int, results: Results) -> Section:
    """The page's words; ``modes`` is how many there are to be found."""
    rows = {row["name"]: row for row in results["rows"]}
    table = Table(
        (
            "variant",
            f"modes of {modes}",
            "modes held",
            "modes, mean of the last half",
            "high quality",
            "a step",
        ),
        [
            (
                row["name"],
                spread(row["modes"]),
                spread(row["held"]),
                spread(row["late"]) if row["late"] else "",
                spread([100 * share for share in row["quality"]]) + " %",
                milliseconds(row["seconds"]),
            )
            for row in results["rows"]
        ],
    )
    plain = rows[PLAIN.name]["modes"]
    verdicts = [
        Verdict("plain training loses modes", fmean(plain) < modes, f"{spread(plain)} of {modes}")
    ]
    for variant in (*UNROLLED, *PACKED, *SHOWN):
        if variant.name in rows:
            found = rows[variant.name]["modes"]
            verdicts.append(
                Verdict(
                    f"{variant.name} recovers more modes than plain training",
                    fmean(found) > fmean(plain),
                    f"{spread(found)} against {spread(plain)}",
                )
            )
    length = f"{results['steps']} steps of Adam, batches of {results['batch']}."
    return Section(title, f"{text} {length} {SHARED}", [table], verdicts)
