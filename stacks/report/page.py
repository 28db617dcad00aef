"""One self-contained HTML file for a run: no server, no network, nothing beside it."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Iterable, Sequence
from datetime import timedelta
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from stacks.recipe import recipe_text
from stacks.record import COLUMNS
from stacks.report.curves import Points, chart
from stacks.report.history import History

PICTURES = 40
"""Samples that are shown, spread over the run; the first and the last are among them."""
SIDE = 1024
"""Longest side of a sample, in pixels."""
COLUMN = 128
"""Least width that a column of samples is shown at, in pixels."""

TOLD = {
    "generator/adversarial": "What generators pay for being told from the truth",
    "discriminator/adversarial": "What discriminators pay; near 0 they tell every picture",
    "discriminator/logits": "What discriminators say of truths and of fakes",
    "discriminator/distance": "The Wasserstein estimate; it falls as generators learn",
    "gradient": "Norms of the gradients",
    "weights": "Norms of the weights",
    "diversity": "Diversity of outputs, relative to that of their truths",
    "rate": "Rates",
    "gap": "Training pictures ahead of held-out ones, in standard deviations",
    "waiting": "Share of the time spent waiting for data",
    "steps_per_second": "Steps a second",
}


def page(history: History) -> str:
    """The report as HTML."""
    recipe = history.recipe
    parts = [
        f"<h1>{escape(recipe.name)}</h1>",
        f"<p>{escape(recipe.description)}</p>" if recipe.description else "",
        state(history),
        section("Result", table(result_rows(history))),
        section("Alarms", alarms(history)),
        section("Samples", samples(history)),
        section("Held-out pictures", figures(validation_charts(history), history)),
        section("Training", figures(training_charts(history), history)),
        section("Recipe", f"<pre>{escape(recipe_text(recipe))}</pre>", folded=True),
        section("Environment", environment(history), folded=True),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(recipe.name)}: training</title><style>{part('page.css')}</style></head>"
        f"<body><main>{''.join(parts)}</main><script>{part('page.js')}</script></body></html>\n"
    )


def part(name: str) -> str:
    """A file that stands beside this one."""
    return resources.files("stacks.report").joinpath(name).read_text("utf-8")


def section(title: str, content: str, folded: bool = False) -> str:
    """A part of the page with its heading; nothing where it is empty."""
    if not content:
        return ""
    if folded:
        return f"<details><summary><h2>{title}</h2></summary>{content}</details>"
    return f"<section><h2>{title}</h2>{content}</section>"


def state(history: History) -> str:
    """How far the run is, and why it ended where it did so early."""
    total = sum(phase.steps for phase in history.recipe.phase)
    said = f"Step {history.step} of {total}."
    ends = [line for line in history.of_kind("end") if line["step"] == history.step]
    if ends:
        said += f" It ended there: {ends[-1]['reason']}."
    return f'<p class="state">{escape(said)}</p>'


def result_rows(history: History) -> list[tuple[str, str]]:
    """The final table: the best weights, the last measures, how long it took."""
    rows: list[tuple[str, str]] = []
    validation, metric = history.of_kind("validation"), history.recipe.validation.metric
    best = history.best.get("measures", {})
    if best:
        rows.append(("best weights", f"step {history.best['step']}"))
    for name, value in best.items():
        interval = ""
        at = [line for line in validation if line["step"] == history.best["step"]]
        low, high = (at[-1].get(f"{name}/{side}") if at else None for side in ("low", "high"))
        # Runs of before have an interval of one picture too, which is none.
        if name == metric and low is not None and high is not None and low < high:
            interval = f" (95 %: {low:.4f} to {high:.4f})"
        rows.append((f"best {name}", f"{value:.4f}{interval}"))
    if validation:
        last = validation[-1]
        for name in best or ():
            if name in last:
                rows.append((f"last {name}", f"{last[name]:.4f} at step {last['step']}"))
    # The compared terms at the end, as means over the last tenth: one batch says little.
    for name, points in history.curves("train").items():
        if "/generator/" in name and not name.endswith("/weights"):
            tail = [value for _, value in points[-max(1, len(points) // 10) :]]
            rows.append((name, f"{np.mean(tail):.4g}"))
    speed = history.curves("train").get("steps_per_second", [])
    if speed:
        usual = float(np.median([value for _, value in speed]))
        rows.append(("steps a second", f"{usual:.2f}"))
        took = timedelta(seconds=round(history.step / usual)) if usual else None
        rows.append(("time, about", str(took)))
    return rows


def alarms(history: History) -> str:
    """What went wrong, and what was done about it."""
    lines = history.of_kind("alarm")
    if not lines:
        return '<p class="well">None.</p>'
    items: list[str] = []
    for line in lines:
        text = f"{line['where']} {line['said']}"
        step = line.get("found", line["step"])
        if "found" in line:
            text += f"; went back to step {line['step']}, rates times {line['slowed']:g}"
        items.append(f"<li><b>{escape(line['alarm'])}</b> at step {step}: {escape(text)}</li>")
    return f'<ul class="alarms">{"".join(items)}</ul>'


def samples(history: History) -> str:
    """The sample pictures with a slider over them."""
    if not history.samples:
        return ""
    count = min(PICTURES, len(history.samples))
    chosen = [
        history.samples[place]
        for place in np.linspace(0, len(history.samples) - 1, count).astype(int)
    ]
    # The names of views are the user's: none may end the script that holds them.
    pictures = json.dumps([{"step": step, **picture(path)} for step, path in chosen])
    pictures = pictures.replace("<", "\\u003c")
    last = len(chosen) - 1
    return (
        '<figure class="samples"><div class="sheet"><div class="columns" id="columns"></div>'
        '<img alt="samples" id="sample"></div>'
        f'<figcaption><input type="range" id="when" min="0" max="{last}" value="{last}" '
        'aria-label="step"><output id="step"></output></figcaption></figure>'
        f'<script type="application/json" id="pictures">{pictures}</script>'
    )


def picture(path: Path) -> dict[str, Any]:
    """A sample as the page's script shows it: ``data``, an URL, small enough that many make one
    page; ``width`` in pixels, ``enlarged`` where its columns would be too small to see; and what
    the ``columns`` are called, nothing in samples of old runs.
    """
    with Image.open(path) as image:
        columns = json.loads(image.info.get(COLUMNS, "[]"))
        shown = image.convert("RGB")
        shown.thumbnail((SIDE, SIDE))
    times = math.ceil(COLUMN * max(1, len(columns)) / shown.width)
    file = io.BytesIO()
    shown.save(file, "WEBP", quality=85)
    data = f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
    return {
        "data": data,
        "width": shown.width * times,
        "enlarged": times > 1,
        "columns": columns,
    }


def validation_charts(history: History) -> dict[str, dict[str, Points]]:
    """A chart a measure, its interval and the training pictures beside it."""
    charts: dict[str, dict[str, Points]] = {}
    for name, points in history.curves("validation").items():
        measure, _, beside = name.partition("/")
        charts.setdefault(measure, {})[beside or "held out"] = points
    return charts


def training_charts(history: History) -> dict[str, dict[str, Points]]:
    """A chart a term, with a line for each stage."""
    charts: dict[str, dict[str, Points]] = {}
    for name, points in history.curves("train").items():
        title, line = placed(name)
        charts.setdefault(title, {})[line] = points
    return charts


def placed(name: str) -> tuple[str, str]:
    """The chart that a logged value stands in, and what its line is called there."""
    stage, _, rest = name.partition("/")
    match name.split("/"):
        case [stage, "discriminator", ("real" | "fake") as side]:
            return "discriminator/logits", f"{stage} {side}"
        case [stage, side, "weights"]:
            return "weights", f"{stage} {side}"
        case [side, "gradient"]:
            return "gradient", side
        case [stage, "diversity"]:
            return "diversity", stage
        case ["rate", side]:
            return "rate", side
        case [alone]:
            return alone, alone
        case _:
            return rest, stage


def figures(charts: dict[str, dict[str, Points]], history: History) -> str:
    """The charts side by side; alarms are marked in each."""
    marks = [line.get("found", line["step"]) for line in history.of_kind("alarm")]
    drawn = [
        f"<figure><figcaption>{escape(title)}{told(title)}</figcaption>"
        f"{chart(lines, marks, legend=len(lines) > 1)}</figure>"
        for title, lines in charts.items()
    ]
    return f'<div class="charts">{"".join(drawn)}</div>' if drawn else ""


def told(title: str) -> str:
    """What a chart shows, where its name does not say it all."""
    return f"<small>{escape(TOLD[title])}</small>" if title in TOLD else ""


def environment(history: History) -> str:
    """Programs and machine."""
    if not history.environment:
        return "<p>It was not written down when this run began.</p>"
    return table([(name, str(value)) for name, value in history.environment.items()])


def table(rows: Iterable[Sequence[str]]) -> str:
    """Two columns."""
    lines = [f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows]
    return f"<table>{''.join(lines)}</table>" if lines else ""
