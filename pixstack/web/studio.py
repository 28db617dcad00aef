"""What the tabs share: the models, one translator each, and a picture's way through one."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock

from export.manifest import Manifest
from export.runtime.errors import ModelError
from export.runtime.images import size_of
from export.runtime.model_file import read_manifest
from export.runtime.translator import Translator
from pixstack.errors import one_line
from pixstack.web.previews import write_previews
from pixstack.web.runs import Runs
from pixstack.web.uploads import Limits, check_upload

# Small tiles cost a few percent, but the progress bar moves and Stop answers at once.
TILE_MEMORY = 256 * 2**20  # bytes
TIMES, TO = "\N{MULTIPLICATION SIGN}", "\N{RIGHTWARDS ARROW}"


@dataclass(frozen=True)
class Result:
    """What a tab shows of one run.

    picture: the full-resolution PNG.
    before, after: previews of one size.
    line: size, time, model and provider.
    """

    picture: Path
    before: Path
    after: Path
    line: str


@dataclass
class Studio:
    """The models of one app and the way a picture goes through them.

    models: .onnx files by name.
    cache: the folder in which results are made; gradio serves and ages it.
    """

    models: dict[str, Path]
    cache: Path
    precision: str = "exact"
    provider: str = "auto"
    limits: Limits = field(default_factory=Limits)
    runs: Runs = field(default_factory=Runs)
    _translators: dict[str, Translator] = field(default_factory=dict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def manifest(self, model: str) -> Manifest:
        """What the model says of itself; its weights are not loaded for that.

        Raises:
            ModelError: the file is no model of this project.
        """
        return read_manifest(self.models[model])

    def models_for(self, task: str) -> list[str]:
        """The names of the models of a task; a file that is no model is told on stderr."""
        found: list[str] = []
        for name in self.models:
            try:
                if self.manifest(name).task == task:
                    found.append(name)
            except ModelError as error:
                print(f"skipped: {one_line(error)}", file=sys.stderr)
        return found

    def translate(
        self,
        model: str,
        upload: str | None,
        output: str,
        inputs: dict[str, float],
        progress: Callable[[int, int], None],
        cancel: Event,
    ) -> Result:
        """Send an uploaded picture through a model and write the result as PNG.

        Args:
            model: a key of `models`.
            upload: the file that was uploaded.
            output: which output of the model.
            inputs: the other inputs, by name.
            progress: called with (tiles done, tiles in all).
            cancel: ends the run between two tiles.

        Raises:
            ImageError: the upload cannot be taken; the message is for the page.
            Cancelled: `cancel` was set; nothing is left behind.
        """
        translator = self._translator(model)
        scale = translator.manifest.output(output).scale
        source, size = check_upload(upload, scale, self.limits)
        self.cache.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self.cache))
        target = folder / f"{source.stem}-{output}.png"
        start = time.perf_counter()
        try:
            translator.file(
                source, target, inputs=inputs, output=output, progress=progress, cancel=cancel
            )
            seconds = time.perf_counter() - start
            before, after, reduced = write_previews(source, target, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        line = _line(size, size_of(target), seconds, model, translator.provider)
        if reduced:
            line += " · shown reduced, the download is full size"
        return Result(target, before, after, line)

    def _translator(self, model: str) -> Translator:
        with self._lock:
            if model not in self._translators:
                self._translators[model] = Translator(
                    self.models[model],
                    providers=self.provider,
                    precision=self.precision,
                    memory=TILE_MEMORY,
                )
            return self._translators[model]


def _line(
    size: tuple[int, int], result: tuple[int, int], seconds: float, model: str, provider: str
) -> str:
    """One line from sizes as (height, width); people read them the other way around."""
    sizes = f"{size[1]}{TIMES}{size[0]}"
    if result != size:
        sizes += f" {TO} {result[1]}{TIMES}{result[0]}"
    return f"{sizes} pixels · {seconds:.1f} s · {model} · {provider}"
