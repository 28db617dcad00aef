"""What label maps hold: colors outside the palette, ids above the last, labels that never stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from stacks.doctor.findings import Finding
from stacks.doctor.looks import COLOR, Values
from stacks.doctor.subject import Subject
from translate.pairs import LOSSY

ENOUGH = 8
"""Label maps from which on a value that one alone has is taken for a stray."""
STRAY = 0.05
"""Share of its picture above which such a value is a label all the same."""
MOST_TOLD = 4


@dataclass(slots=True)
class Holder:
    """Who has a value: how many pictures, the first of them, and how much of that one it is."""

    pictures: int
    file: str
    pixels: int
    share: float


@dataclass
class Census:
    """The values of the label maps of one view, added picture by picture.

    Args:
        allowed: values that are labels, with their names; None of a folder, which does not say.
        pictures: that were added.
        holders: by value.
        pixels: by value, over all pictures.
        faults: by file, what is wrong with it and what to do.
    """

    allowed: Mapping[int, str] | None
    pictures: int = 0
    holders: dict[int, Holder] = field(default_factory=dict)
    pixels: dict[int, int] = field(default_factory=dict)
    faults: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, file: str, values: Values) -> None:
        """Take up a picture."""
        if file.lower().endswith(tuple(LOSSY)):
            # Its colors are taken for the nearest ones, which `modes` warns of.
            return
        if values.many:
            what = "has more colors than a label map can"
            self.faults[file] = (what, "bring a label map, of flat colors or ids")
            return
        self.pictures += 1
        pixels = Counter[int]()
        for value, count in values.pixels.items():
            pixels[self.meant(value)] += count
        if self.allowed is not None and (
            strange := {v: count for v, count in pixels.items() if v not in self.allowed}
        ):
            self.faults[file] = stranger(strange, max(self.allowed))
        total = pixels.total()
        for value, count in pixels.items():
            self.pixels[value] = self.pixels.get(value, 0) + count
            if value in self.holders:
                self.holders[value].pictures += 1
            else:
                self.holders[value] = Holder(1, file, count, count / total)

    def meant(self, value: int) -> int:
        """The color of a palette that a gray, or an id, stands for; other values as they are."""
        colors = [color for color in self.allowed or () if color >= COLOR]
        if value >= COLOR or not colors:
            return value
        gray = COLOR + value * 0x010101
        if gray in colors:
            return gray
        return colors[value] if value < len(colors) else value

    def strays(self) -> dict[int, Holder]:
        """Values that one picture alone has, in little of it: of a folder, which says no palette,
        the best guess at what is no label.
        """
        if self.allowed is not None or self.pictures < ENOUGH:
            return {}
        return {
            value: holder
            for value, holder in self.holders.items()
            if holder.pictures == 1 and holder.share < STRAY
        }

    def labels(self) -> dict[int, str]:
        """The values that are labels, with what they are called; of ids all up to the highest."""
        if self.allowed is not None:
            return dict(self.allowed)
        strays = self.strays()
        kept = sorted(value for value in self.pixels if value not in strays)
        if kept and kept[-1] >= COLOR:
            return {value: spoken(value) for value in kept}
        return {value: str(value) for value in range(max(kept, default=-1) + 1)}

    def shares(self) -> dict[str, float]:
        """Share of all pixels of each label."""
        total = sum(self.pixels.values()) or 1
        return {
            name: round(self.pixels.get(value, 0) / total, 6)
            for value, name in self.labels().items()
        }


def open_census(subject: Subject, view: str) -> Census:
    """A census of a view of labels, with the values that its recipe allows."""
    data = subject.recipe.data
    if subject.guessed:
        return Census(None)
    names = data.names.get(view, ())
    values = [
        COLOR + (red << 16 | green << 8 | blue) for red, green, blue in palette_of(subject, view)
    ]
    values = values or list(range(data.kinds[view].count))
    told = names or tuple(spoken(value) for value in values)
    return Census(dict(zip(values, told, strict=True)))


def palette_of(subject: Subject, view: str) -> tuple[tuple[int, ...], ...]:
    """Colors of a view's labels; none where they are ids."""
    return tuple(subject.recipe.data.palette.get(view, ()))


def check_labels(view: str, census: Census, entries: Mapping[str, list[int]]) -> list[Finding]:
    """Label maps of one view that hold what is no label, and labels that no map holds.

    Args:
        view: of labels.
        census: of its pictures.
        entries: places by file.
    """
    labels = census.labels()
    faults = dict(census.faults)
    alone: dict[str, dict[int, int]] = {}
    for value, holder in census.strays().items():
        alone.setdefault(holder.file, {})[value] = holder.pixels
    for file, strange in alone.items():
        faults[file] = stranger(strange, max(labels, default=0))
    findings = [
        Finding("palette", "error", *fault, file, tuple(entries[file]))
        for file, fault in faults.items()
    ]
    for value, name in labels.items():
        if value not in census.pixels:
            what = f"view {view!r}: label {name} stands in no picture"
            todo = "add pictures that show it, or take the label out"
            findings.append(Finding("palette", "warning", what, todo))
    return findings


def stranger(strange: Mapping[int, int], highest: int) -> tuple[str, str]:
    """What of a picture is no label, and what to do."""
    told = ", ".join(
        f"{spoken(value)} ({count} pixels)" for value, count in list(strange.items())[:MOST_TOLD]
    )
    more = f" and {len(strange) - MOST_TOLD} more" if len(strange) > MOST_TOLD else ""
    if max(strange) >= COLOR:
        what = f"has colors outside the palette: {told}{more}"
        return what, "paint them over, or add them to data.palette"
    told_range = "none of the palette's colors" if highest >= COLOR else f"labels are 0..{highest}"
    what = f"has ids that are no labels: {told}{more}; {told_range}"
    return what, "paint them over, or raise K of labels:K in data.views"


def spoken(value: int) -> str:
    """An id, or a color as (red, green, blue)."""
    return str(value) if value < COLOR else str(color_of(value))


def color_of(value: int) -> tuple[int, int, int]:
    """Red, green and blue."""
    return (value >> 16) & 255, (value >> 8) & 255, value & 255
