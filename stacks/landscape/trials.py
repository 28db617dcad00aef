"""The trials of a study on disk: a result is a file, and so is who works at it.

Several processes share a folder. What is finished is known by its result, written whole; what is
being worked at by a lock, which the system lifts when its process dies, however that happens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from stacks.checkpoint import write_whole
from stacks.landscape.combine import Settings

State = Literal["done", "pruned", "diverged", "refused", "failed"]
RUN: tuple[State, ...] = ("done", "pruned", "diverged")
"""States of trials that tell something of their settings."""


@dataclass(frozen=True)
class Result:
    """What came of one trial."""

    key: str
    settings: dict[str, str | int | float]
    seed: int
    state: State
    reason: str = ""
    """Why it was refused, pruned, diverged or failed."""
    forced: bool = False
    steps: int = 0
    """That were trained."""
    fid: float | None = None
    """At the last look; None where nothing could be measured."""
    kid: float | None = None
    ms_ssim: float | None = None
    """Between pictures that were made: 1 for copies."""
    collapsed: bool = False
    """By the study's criterion, or because the run diverged."""
    looks: list[tuple[int, float]] = field(default_factory=list)
    """Step and FID."""
    alarms: list[str] = field(default_factory=list)
    seconds: float = 0.0
    """Of training and measuring."""
    processor_seconds: float = 0.0
    """Of that, on processors: what it takes on a machine that others work on, too."""

    @property
    def ran(self) -> bool:
        """Whether it tells something of its settings."""
        return self.state in RUN


class Trials:
    """The results and claims in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "trials"

    def run_folder(self, key: str) -> Path:
        """Where a trial trains."""
        return self.folder / key

    def path(self, key: str) -> Path:
        """Of a result."""
        return self.folder / f"{key}.json"

    def finished(self, key: str) -> bool:
        """Whether there is a result; what failed is tried again."""
        found = read_result(self.path(key))
        return found is not None and found.state != "failed"

    def write(self, result: Result) -> None:
        """Keep a result, whole or not at all."""
        write_whole(self.path(result.key), json.dumps(asdict(result), indent=2).encode())

    def results(self) -> list[Result]:
        """All there are, in the order of their names; what is hidden was not written whole."""
        found = [read_result(path) for path in sorted(self.folder.glob("[!.]*.json"))]
        return [result for result in found if result is not None]

    def begin(self, key: str, settings: Settings) -> None:
        """Note what is tried, for other processes to see while it is."""
        write_whole(self.run_folder(key) / "settings.json", json.dumps(dict(settings)).encode())

    def running(self) -> list[Settings]:
        """What living processes are trying at this time."""
        found: list[Settings] = []
        for path in sorted(self.folder.glob("*/settings.json")):
            key = path.parent.name
            if self.path(key).exists():
                continue
            with self.claim(key) as free:
                if not free:
                    found.append(json.loads(path.read_text("utf-8")))
        return found

    @contextmanager
    def claim(self, key: str) -> Iterator[bool]:
        """Inside, a trial is this process's own, where it yields True; else it is another's."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / f"{key}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()


def read_result(path: Path) -> Result | None:
    """A result; None where there is none, or none that can be read."""
    try:
        facts: dict[str, Any] = json.loads(path.read_text("utf-8"))
        known = {entry.name for entry in fields(Result)}
        result = Result(**{name: value for name, value in facts.items() if name in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return result
