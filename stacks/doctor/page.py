"""The report as one HTML file that needs nothing beside it: no script, no network."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from PIL import Image

from stacks.doctor.examine import Report
from stacks.doctor.samples import Shown

MOST_ROWS = 500
"""Findings that a page lists; the rest is in the JSON."""

STYLE = """
:root { color-scheme: light dark; --line: #8884; --error: #c62828; --warning: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --error: #ff8a80; --warning: #f2c14e; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { white-space: nowrap; }
.error { color: var(--error); font-weight: 600; } .warning { color: var(--warning); }
.item { display: flex; flex-wrap: wrap; gap: 1rem; padding: .75rem 0;
  border-bottom: 1px solid var(--line); }
figure { margin: 0; } figcaption { font-size: .85rem; }
img { display: block; image-rendering: pixelated; width: 16rem; max-width: 100%; }
"""


def page(report: Report, items: Iterable[Sequence[Shown]]) -> str:
    """The page.

    Args:
        report: whose findings it lists.
        items: samples, as the networks see them.
    """
    subject = report.subject
    errors, warnings = report.count("error"), report.count("warning")
    splits = ", ".join(f"{count} {split}" for split, count in subject.splits.items())
    verdict = f"{errors} errors, {warnings} warnings" if errors or warnings else "nothing is wrong"
    parts = [
        f"<h1>{escape(subject.name)}: {verdict}</h1>",
        f"<p>Layout {escape(subject.layout)}; items: {splits}. "
        + ("Headers alone were read." if report.quick else "Every picture was decoded.")
        + "</p>",
        "<h2>Findings</h2>",
        findings_table(report),
        "<h2>Views</h2>",
        table(
            ("view", "kind", "pictures", "smallest", "median", "largest", "modes"),
            [
                (
                    name,
                    view["kind"],
                    view["pictures"],
                    *("x".join(map(str, view[key])) for key in ("smallest", "median", "largest")),
                    ", ".join(f"{mode}: {count}" for mode, count in view["modes"].items()),
                )
                for name, view in report.views.items()
            ],
        ),
        *balance(report.classes, "items", "{}"),
        *balance(report.labels, "of the pixels", "{:.2%}"),
        "<h2>As the networks see them</h2>",
        samples_part(items),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(subject.name)}: data</title>\n<style>{STYLE}</style>\n"
        + "\n".join(parts)
        + "\n</html>\n"
    )


def findings_table(report: Report) -> str:
    """Errors first; a line below says how many are not listed."""
    if not report.findings:
        return "<p>None.</p>"
    rows = "".join(
        f'<tr><td class="{finding.severity}">{finding.severity}</td><td>{finding.check}</td>'
        f"<td>{escape(finding.file)}</td><td>{escape(finding.what)}</td>"
        f"<td>{escape(finding.todo)}</td></tr>\n"
        for finding in report.findings[:MOST_ROWS]
    )
    heads = "".join(f"<th>{head}</th>" for head in ("", "check", "file", "what", "what to do"))
    left = len(report.findings) - MOST_ROWS
    more = f"<p>{left} more are in the JSON (--json).</p>" if left > 0 else ""
    return f"<table><tr>{heads}</tr>\n{rows}</table>{more}"


def balance(views: Mapping[str, Mapping[str, float]], unit: str, written: str) -> list[str]:
    """Of each view, how often each class or label stands."""
    return [
        f"<h2>{escape(view)}</h2>"
        + table(("class", unit), [(name, written.format(value)) for name, value in counts.items()])
        for view, counts in views.items()
    ]


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A plain table."""
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>\n"
        for row in rows
    )
    return f"<table><tr>{top}</tr>\n{body}</table>"


def samples_part(items: Iterable[Sequence[Shown]]) -> str:
    """A row an item."""
    rows = ["".join(figure(shown) for shown in item) for item in items]
    if not rows:
        return "<p>No item could be shown.</p>"
    return "\n".join(f'<div class="item">{row}</div>' for row in rows)


def figure(shown: Shown) -> str:
    """A picture inside the page, or a value in words."""
    caption = f"<figcaption>{escape(shown.name)} ({escape(shown.told)})</figcaption>"
    if shown.pixels is None:
        return f"<figure>{caption}</figure>"
    file = io.BytesIO()
    Image.fromarray(shown.pixels).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    return (
        f'<figure><img alt="{escape(shown.name)}" src="data:image/png;base64,{data}">'
        f"{caption}</figure>"
    )
