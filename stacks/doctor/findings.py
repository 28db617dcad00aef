"""What the doctor says: one finding, one line on what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]
"""Training stops at errors or learns what is wrong from them; warnings it lives with."""

MOST_ALIKE = 20
"""More findings than this that say the same of single files are said once."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Args:
        check: which check found it.
        severity: of it.
        what: is wrong.
        todo: against it, in a line.
        file: that it is about; empty where it is about all of them.
        entries: places of the items that it concerns; a cleaned copy leaves out those of errors.
    """

    check: str
    severity: Severity
    what: str
    todo: str
    file: str = ""
    entries: tuple[int, ...] = ()

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "check": self.check,
            "severity": self.severity,
            "file": self.file,
            "what": self.what,
            "todo": self.todo,
        }


def condemned(findings: Iterable[Finding]) -> set[int]:
    """Places of the items that have errors."""
    return {
        entry for finding in findings if finding.severity == "error" for entry in finding.entries
    }


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Each once: errors first, then by check and file."""
    return sorted(
        dict.fromkeys(findings),
        key=lambda finding: (finding.severity, finding.check, finding.file, finding.what),
    )


def at_most(findings: Sequence[Finding], summary: str) -> list[Finding]:
    """Findings that say alike of single files, or one with their number where they are many.

    Of warnings alone: each error has a file to mend.
    """
    if len(findings) <= MOST_ALIKE:
        return list(findings)
    first = findings[0]
    entries = tuple(entry for finding in findings for entry in finding.entries)
    what = f"{summary}: {len(findings)} files, of which {first.file} is the first"
    return [Finding(first.check, first.severity, what, first.todo, "", entries)]
