"""How pixels are kept: gray among color, 16 bits among 8, alpha that training puts on white."""

from __future__ import annotations

from stacks.doctor.findings import Finding, at_most
from stacks.doctor.headers import Header
from stacks.doctor.subject import Headers, Subject
from translate.kinds import Kind
from translate.pictures import LOSSY, File

_PLAIN = {
    "rgb": ("rgb 8 bit", "palette 8 bit"),
    # Colors that are all equal are gray, which `pixstack new` finds by looking at the pixels.
    "gray": ("gray 8 bit", "gray 1 bit", "rgb 8 bit", "palette 8 bit"),
    "colors": ("rgb 8 bit", "palette 8 bit", "gray 8 bit", "gray 1 bit"),
    "ids": ("gray 8 bit",),
}


def plain_modes(kind: Kind, palette: bool) -> tuple[str, ...]:
    """Modes of files that need no translation, the plainest first."""
    if kind.family == "labels":
        return _PLAIN["colors" if palette else "ids"]
    return _PLAIN[kind.family]


def convertible(subject: Subject, headers: Headers) -> dict[File, str]:
    """Files in another mode than their view's, with what training makes of them.

    To translate them is safe: it is what reading them does. Files that are read for views of
    different kinds, as a photograph beside its labels is, stay as they are.
    """
    found: dict[File, set[str]] = {}
    for name, files in subject.views().items():
        kind = subject.recipe.data.kinds.get(name, Kind("rgb"))
        palette = bool(subject.recipe.data.palette.get(name))
        plain = plain_modes(kind, palette)
        for path in files:
            header = headers[path]
            odd = isinstance(header, Header) and header.mode not in plain
            found.setdefault(path, set()).add(str(kind) if odd else "")
    return {
        path: next(iter(kinds))
        for path, kinds in found.items()
        if len(kinds) == 1 and "" not in kinds
    }


def check_modes(subject: Subject, headers: Headers) -> list[Finding]:
    """Files that are read as something else than they hold."""
    entries = subject.files()
    mended = convertible(subject, headers)
    findings: list[Finding] = []
    for name, files in subject.views().items():
        kind = subject.recipe.data.kinds.get(name, Kind("rgb"))
        plain = plain_modes(kind, bool(subject.recipe.data.palette.get(name)))
        odd: dict[str, list[Finding]] = {}
        for path in files:
            header = headers[path]
            if not isinstance(header, Header) or header.mode in plain:
                continue
            what = f"is {header.mode}; view {name!r} is {kind}, and training translates it"
            todo = f"bring it as {plain[0]}"
            todo += "; --fix does" if path in mended else ""
            places = tuple(entries[path])
            finding = Finding("mode", "warning", what, todo, str(path), places)
            odd.setdefault(header.mode, []).append(finding)
        for mode, alike in odd.items():
            findings += at_most(alike, f"view {name!r} is {kind}, but the pictures are {mode}")
        if kind.family == "labels":
            findings += lossy_labels(name, files, entries)
    return findings


def lossy_labels(name: str, files: dict, entries: dict[File, list[int]]) -> list[Finding]:
    """Label maps whose colors a codec changed."""
    found = [
        Finding(
            "palette",
            "warning",
            f"view {name!r} is labels, and {path.suffix} changes colors",
            "bring label maps as PNG",
            str(path),
            tuple(entries[path]),
        )
        for path in files
        if path.suffix.lower() in LOSSY
    ]
    return at_most(found, f"labels of view {name!r} in a format that changes colors")
