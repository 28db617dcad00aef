"""What the tabs share: the models, one translator each, and a picture's way through one."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Any

from export.manifest import Manifest
from export.runtime.errors import ModelError
from export.runtime.images import size_of
from export.runtime.model_file import read_manifest
from export.runtime.translator import Translator
from pixstack.errors import one_line
from pixstack.web.poses import sized_poses
from pixstack.web.previews import write_previews
from pixstack.web.runs import Runs
from pixstack.web.sources import prepare, store_drawing
from pixstack.web.uploads import Limits, check_upload

# Small tiles cost a few percent, but the progress bar moves and Stop answers at once.
TILE_MEMORY = 256 * 2**20  # bytes
TIMES, TO = "\N{MULTIPLICATION SIGN}", "\N{RIGHTWARDS ARROW}"


@dataclass(frozen=True)
class Order:
    """What a tab asks a model for.

    model: a key of the studio's models.
    output: which output of the model.
    inputs: classes, strengths and poses by name; what is missing takes the model's default.
    seed: of the noise that the model reads.
    drawing: what the visitor drew, as data URL; empty where a picture was uploaded.
    """

    model: str
    output: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    drawing: str = ""


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
    _manifests: dict[str, Manifest] | None = field(default=None, init=False)
    _translators: dict[str, Translator] = field(default_factory=dict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    @property
    def manifests(self) -> dict[str, Manifest]:
        """What each model says of itself; a file that is no model is told on stderr, once."""
        if self._manifests is None:
            self._manifests = {}
            for name, path in self.models.items():
                try:
                    self._manifests[name] = read_manifest(path)
                except ModelError as error:
                    print(f"skipped: {one_line(error)}", file=sys.stderr)
        return self._manifests

    def models_for(self, task: str) -> list[str]:
        """The names of the models of a task."""
        return [name for name, manifest in self.manifests.items() if manifest.task == task]

    def translate(
        self,
        order: Order,
        upload: str | None,
        progress: Callable[[int, int], None],
        cancel: Event,
    ) -> Result:
        """Send a picture through a model and write the result as PNG.

        Args:
            order: what is asked for, and the drawing where there is one.
            upload: the file that was uploaded; not looked at beside a drawing.
            progress: called with (tiles done, tiles in all).
            cancel: ends the run between two tiles.

        Raises:
            ImageError: the picture cannot be taken; the message is for the page.
            InputError: the order does not fit the model.
            Cancelled: `cancel` was set; nothing is left behind.
        """
        translator = self._translator(order.model)
        manifest = translator.manifest
        self.cache.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self.cache))
        start = time.perf_counter()
        try:
            if order.drawing and manifest.picture:
                upload = str(store_drawing(order.drawing, manifest.picture, folder))
            scale = manifest.output(order.output).scale
            source, size = check_upload(upload, scale, self.limits)
            target = folder / f"{source.stem}-{order.output}.png"
            prepared = prepare(source, manifest, folder)
            translator.file(
                prepared,
                target,
                inputs=sized_poses(manifest, order.inputs, size),
                output=order.output,
                progress=progress,
                cancel=cancel,
                seed=order.seed,
            )
            seconds = time.perf_counter() - start
            before, after, reduced = write_previews(source, target, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        line = _line(size, size_of(target), seconds, order.model, translator.provider)
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
