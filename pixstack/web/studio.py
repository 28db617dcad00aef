"""What the tabs share: the models, one translator each, and a picture's way through one."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Lock
from typing import Any

import numpy as np

from export.manifest import Manifest
from export.runtime import images
from export.runtime.cancel import check as check_cancel
from export.runtime.errors import ModelError
from export.runtime.images import size_of
from export.runtime.model_file import read_manifest
from export.runtime.request import check_size
from export.runtime.translator import Translator
from pixstack.errors import one_line
from pixstack.web.poses import sized_poses
from pixstack.web.previews import write_previews
from pixstack.web.runs import Runs
from pixstack.web.sources import drawn_size, prepare, store_drawing
from pixstack.web.uploads import Limits, as_text, check_upload

UNCHANGED = "nothing was changed, choose what is to change"
TIMES, TO = "\N{MULTIPLICATION SIGN}", "\N{RIGHTWARDS ARROW}"


@dataclass(frozen=True)
class Order:
    """What a tab asks a model for.

    model: a key of the studio's models.
    output: which output of the model.
    inputs: classes, strengths and poses by name; what is missing takes the model's default.
    seed: of the noise that the model reads.
    drawing: what the visitor drew, as data URL; empty where a picture was uploaded.
    told: a further output of which the line tells something.
    tell: what it tells, of that output as (H, W, C) in the type of the picture.
    careful: the mean over the positions that the model learned from.
    """

    model: str
    output: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    drawing: str = ""
    told: str = ""
    tell: Callable[[np.ndarray], str] = lambda output: ""
    careful: bool = False


@dataclass(frozen=True)
class Result:
    """What a tab shows of one run.

    picture: the full-resolution PNG.
    before, after: previews of one size; nothing comes before what is drawn from noise.
    line: size, time, model and provider.
    drawn: the (height, width) in which the model drew it, where that is less than it has.
    """

    picture: Path
    before: Path | None
    after: Path
    line: str
    drawn: tuple[int, int] | None = None


@dataclass
class Studio:
    """The models of one app and the way a picture goes through them.

    models: .onnx files by name.
    cache: the folder in which results are made, each in a folder of its own, which `forget`
        deletes: gradio loses sight of what it is handed for a component that was updated.
    """

    models: dict[str, Path]
    cache: Path
    precision: str = "exact"
    provider: str = "auto"
    limits: Limits = field(default_factory=Limits)
    runs: Runs = field(default_factory=Runs)
    _manifests: dict[str, Manifest] | None = field(default=None, init=False)
    _translators: dict[tuple[str, bool], Translator] = field(default_factory=dict, init=False)
    _folders: dict[Path, float] = field(default_factory=dict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)
    _turn: Lock = field(default_factory=Lock, init=False)

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

    def models_for(self, *tasks: str) -> list[str]:
        """The names of the models of some tasks."""
        return [name for name, manifest in self.manifests.items() if manifest.task in tasks]

    def check(self, upload: str, models: Sequence[str]) -> None:
        """Refuse what none of the models takes, as far as the head of the file tells.

        Raises:
            ImageError: it is no picture, or too large.
            InputError: it is too small.
        """
        manifests = [self.manifests[name] for name in models]
        scale = min(output.scale for one in manifests for output in one.outputs)
        _, size = check_upload(upload, scale, self.limits)
        least = min(manifests, key=lambda one: one.min_size)
        # Pictures that are too large for a model are reduced, see `prepare`.
        check_size(replace(least, max_pixels=None), *size)

    def reduced(self, picture: str, size: tuple[int, int]) -> str:
        """A result brought to the (height, width) in which it was drawn.

        Raises:
            ImageError: it is no longer there or cannot be written.
        """
        whole = images.read(picture)
        alpha = whole.alpha if whole.alpha is None else images.resize(whole.alpha, *size)
        target = Path(tempfile.mkdtemp(dir=self.cache)) / Path(picture).name
        pixels = images.resize(whole.pixels, *size)
        images.write(target, replace(whole, pixels=pixels, alpha=alpha))
        self._keep(target)
        return str(target)

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
            upload: the file that was uploaded; not looked at beside a drawing, or by a model that
                draws from noise.
            progress: called with (tiles done, tiles in all).
            cancel: ends the run between two tiles.

        Raises:
            ImageError: the picture cannot be taken; the message is for the page.
            InputError: the order does not fit the model.
            Cancelled: `cancel` was set; nothing is left behind.
        """
        translator = self._translator(order.model, order.careful)
        manifest = translator.manifest
        found: list[str] = []
        also = {order.told: lambda output: found.append(order.tell(output))} if order.told else {}
        source, prepared, size = None, None, None
        with self._one_at_a_time(cancel), self._folder() as folder:
            start = time.perf_counter()
            if order.drawing and manifest.picture:
                upload = str(store_drawing(order.drawing, manifest.picture, folder))
            if manifest.picture is None:
                target = folder / f"{order.model}-{order.seed}.png"
                translator.draw(
                    target, order.inputs, order.output, progress, cancel, seed=order.seed
                )
            else:
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
                    also=also,
                )
            seconds = time.perf_counter() - start
            if prepared and manifest.output(order.output).keeps and _same(prepared, target):
                found.append(UNCHANGED)
            before, after, reduced = write_previews(source, target, folder)
            # Nobody waits for a run that was stopped, and nobody would learn of its files.
            check_cancel(cancel)
            self._keep(*filter(None, (target, before, after)))
        drawn = drawn_size(manifest, order.output, *size) if size else None
        sizes = _sizes(size or size_of(target), size_of(target), drawn)
        made_by = [as_text(order.model), *(["careful"] if order.careful else [])]
        parts = [sizes, *found, f"{seconds:.1f} s", *made_by, translator.provider]
        if reduced:
            parts.append("shown reduced, the download is full size")
        return Result(target, before, after, " · ".join(parts), drawn)

    @contextmanager
    def _one_at_a_time(self, cancel: Event) -> Iterator[None]:
        """Wait for the run before: gradio takes one that was stopped for ended while it still works
        on its last tile, or writes.
        """
        while not self._turn.acquire(timeout=0.1):
            check_cancel(cancel)
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        """A new folder for the files of a run, of which nothing is left where that fails."""
        self.cache.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self.cache))
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def end(self, patience: float = 10.0) -> None:
        """Stop all runs; wait, in seconds, for the one that works."""
        self.runs.stop_all()
        if self._turn.acquire(timeout=patience):
            self._turn.release()

    def forget(self, age: float) -> None:
        """Delete results that were made longer than `age` seconds ago, for good."""
        oldest = time.monotonic() - age
        with self._lock:
            old = [folder for folder, made in self._folders.items() if made <= oldest]
            for folder in old:
                del self._folders[folder]
        for folder in old:
            shutil.rmtree(folder, ignore_errors=True)

    def _keep(self, *files: Path) -> None:
        """Delete what lies beside these files of one folder, and keep them until they are old."""
        folder = files[0].parent
        for path in set(folder.iterdir()) - set(files):
            path.unlink()
        with self._lock:
            self._folders[folder] = time.monotonic()

    def _translator(self, model: str, careful: bool) -> Translator:
        with self._lock:
            if (model, careful) not in self._translators:
                self._translators[model, careful] = Translator(
                    self.models[model],
                    providers=self.provider,
                    precision=self.precision,
                    self_ensemble=careful,
                )
            return self._translators[model, careful]


def _same(source: Path, result: Path) -> bool:
    """Whether a result has the pixels of its source, transparency aside."""
    return np.array_equal(images.read(source).pixels, images.read(result).pixels)


def _sizes(size: tuple[int, int], result: tuple[int, int], drawn: tuple[int, int] | None) -> str:
    """Sizes as (height, width) in words; people read them the other way around."""

    def written(one: tuple[int, int]) -> str:
        return f"{one[1]}{TIMES}{one[0]}"

    words = written(size) if result == size else f"{written(size)} {TO} {written(result)}"
    return f"{words} pixels" + (f", drawn in {written(drawn)}" if drawn else "")
