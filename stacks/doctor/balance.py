"""How often each class and each label stands in the data."""

from __future__ import annotations

from stacks.doctor.findings import Finding
from stacks.doctor.subject import TRAINING, Subject

UNEVEN = 20
"""Times that the most frequent class may stand more often than the rarest."""


def class_counts(subject: Subject) -> dict[str, dict[str, int]]:
    """Of each view of classes: training items by class."""
    data = subject.recipe.data
    table: dict[str, dict[str, int]] = {}
    for view, kind in data.kinds.items():
        if kind.family != "class":
            continue
        names = data.names.get(view) or tuple(str(index) for index in range(kind.count))
        counts = [0] * kind.count
        for entry in subject.entries:
            value = entry.item.values.get(view)
            if entry.split == TRAINING and isinstance(value, int) and value < kind.count:
                counts[value] += 1
        table[view] = dict(zip(names, counts, strict=True))
    return table


def check_classes(table: dict[str, dict[str, int]]) -> list[Finding]:
    """Classes that are missing or rare."""
    findings: list[Finding] = []
    for view, counts in table.items():
        missing = [name for name, count in counts.items() if not count]
        todo = "add pictures of it, or take the class out"
        findings += [
            Finding("classes", "error", f"{view}: no picture is of class {name!r}", todo)
            for name in missing
        ]
        present = {name: count for name, count in counts.items() if count}
        if not present:
            continue
        rare, often = min(present, key=present.__getitem__), max(present, key=present.__getitem__)
        if present[often] > UNEVEN * present[rare]:
            what = f"{view}: {present[often]} pictures of {often!r}, {present[rare]} of {rare!r}"
            findings.append(Finding("classes", "warning", what, "add pictures of the rare classes"))
    return findings
