"""The one class that other programs use: a model file, ready to run."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from export.runtime import budget, files, images, request, tiles
from export.runtime.cancel import Cancel, check, watched
from export.runtime.ensemble import Ensemble
from export.runtime.errors import InputError, ModelError, run_error
from export.runtime.feeds import Feed, Fit
from export.runtime.images import largest, resize
from export.runtime.model_file import read_model
from export.runtime.progress import Progress, shared
from export.runtime.promises import check_ports
from export.runtime.prune import pruned
from export.runtime.request import Request
from export.runtime.results import Allocate, Result, asked, in_memory
from export.runtime.session import open_session
from export.runtime.tiles import Box, Plan, Tile

# Up to so many pixels no picture is tiled, and its memory stays: taking it anew costs a 20th.
_SMALL = 256 * 256
_TWICE = 0.2  # of the pixels, which may be computed twice if memory is asked for that
_PROBE = 64  # pixels a side of the picture that is run to find out
_EMPTIED = "cpu:0"


class Translator:
    """A model file opened for running; it may be used from several threads at once.

    path: an `.onnx` file that carries a Pixstack manifest.
    providers: "auto" (CUDA where it works, else the CPU), or one or more of "cpu", "cuda",
        "openvino", "tensorrt", of which the first that works is taken.
    precision: "exact" is fp32 everywhere; "fast" allows bf16, fp16 or TF32 where the provider has
        them, and adds OpenVINO to "auto" where its package is installed.
    threads: CPU threads; None takes every core this process may use.
    memory: bytes that the network's activations may take, or "auto": as few as let at most a fifth
        of the pixels be computed twice, and never more than a quarter of what is free, or 2 GB.
    self_ensemble: the mean over the turns and mirror images that the model learned from, up to
        eight, in as many times the time: nearer to the truth, and less of invented texture.

    Raises ModelError for a file that cannot be used, ProviderError for a provider that does not
    work here, InputError for a wrong `memory` and for a model that has no self-ensemble.
    """

    def __init__(
        self,
        path: str | Path,
        providers: str | Sequence[str] = "auto",
        precision: str = "exact",
        threads: int | None = None,
        memory: str | int = "auto",
        self_ensemble: bool = False,
    ) -> None:
        self.path = Path(path)
        self._memory, self._threads = memory, threads
        self._asked = (providers, precision, threads)
        budget.amounts(memory)  # A wrong value is said now, not at the first large picture.
        self._model, self.manifest = read_model(path)
        self._ensemble = Ensemble.of(self.manifest) if self_ensemble else None
        try:
            opened = open_session(self._model, providers, precision, threads)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from None
        self.provider = opened.provider
        self._session = opened.session
        self._shapes = {port.name: port.shape for port in self._session.get_inputs()}
        check_ports(self.path, self.manifest, self._session)
        self._smaller: dict[frozenset[str], onnxruntime.InferenceSession] = {}
        self._pixel_cost: float | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        careful = ", self_ensemble=True" if self._ensemble else ""
        return f"Translator({str(self.path)!r}, provider={self.provider!r}{careful})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process opens the file anew: sessions stay in theirs."""
        return type(self), (self.path, *self._asked, self._memory, self._ensemble is not None)

    def __call__(
        self,
        array: np.ndarray,
        inputs: Mapping[str, Any] | None = None,
        output: str | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
        seed: int = 0,
    ) -> np.ndarray:
        """Translate one picture to the model's first output, or to another one.

        array: (H, W), (H, W, 1), (H, W, 3), or with alpha (H, W, 2) and (H, W, 4); uint8, uint16
            or floats in [0, 1]. Grey given to an RGB model is fed as three equal channels and
            averaged back (BT.601). Alpha is resized beside networks that work pixel by pixel;
            to others the picture is shown on white, and their results are opaque.
        inputs: the other views by name; they, and the rest, are as in `run`.

        Returns the same type and channels; floats as float32, not clipped.
        """
        first = self.manifest.picture
        if first is None:
            raise InputError(
                f"{self.manifest.name} takes no picture, it draws from noise; use run()"
            )
        port = self.manifest.output(asked(self.manifest, output)[0])
        array = np.asarray(array)
        alpha = None
        if first.family != "labels" and array.ndim == 3 and array.shape[2] in (2, 4):
            array, alpha = (
                request.as_picture(first, part) for part in (array[:, :, :-1], array[:, :, -1])
            )
            array = files.as_seen(self.manifest, port, array, alpha)
            if not files.keeps_alpha(self.manifest, port):
                alpha = np.full_like(alpha, largest(alpha.dtype))
        views = {**(inputs or {}), first.name: array}
        result = self.run(views, port.name, progress, cancel, seed)[port.name]
        if alpha is None or port.family not in ("rgb", "gray"):
            return result
        alpha = resize(alpha, *result.shape[:2])
        return np.concatenate([result, alpha.astype(result.dtype)], axis=2)

    def run(
        self,
        views: Mapping[str, Any],
        outputs: str | Sequence[str] | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Every output, or the named ones, by name; what only the others need is not computed.

        views: by input name. `rgb`, `gray`: (H, W), (H, W, 1) or (H, W, 3), uint8, uint16 or
            floats in [0, 1] (values outside pass through). `labels:K`: (H, W) ids, or uint8 in
            the palette's colors, (H, W, 3), or grays, (H, W, 1). `class:K`: an index or a name.
            `strength`: a number, -1 for automatic. `angle`: degrees. `keypoints:K`: (K, 3), x and
            y in pixels, visible 0 or 1; or places by name, as `export.runtime.keypoints` reads
            them. `colors:K`: (K, 3) in [0, 1], -1 for automatic, or some by name, as "#rrggbb".
            `noise`: (C, H, W) or (C,), drawn from `seed` where it is missing. Missing strengths
            and classes take the manifest's default. With (N, H, W, C) as first picture, N
            pictures run one after the other; every view may then have a leading axis N.
        progress: called with (tiles done, tiles in all), first with 0 done; of a self-ensemble
            a tile counts once for each position.
        cancel: a function or a threading.Event, asked between tiles; raises Cancelled. An Event
            also stops the tile that is being computed.

        Returns pictures in the type of the first picture (floats as float32), `labels:K` as ids
        (H, W), `class:K` as int, `strength` as float, `keypoints:K` as (K, 3); with N pictures
        each with a leading axis N.
        Raises InputError where the views or the names do not fit the model.
        """
        names = asked(self.manifest, outputs)
        many = request.split(self.manifest, self._shapes, views)
        if many is None:
            built = request.build(self.manifest, self._shapes, views, seed)
            return self._translate(built, names, in_memory, progress, cancel)
        results: list[dict[str, Any]] = []
        for index, one in enumerate(many):
            built = request.build(self.manifest, self._shapes, one, seed + index)
            part = shared(progress, index, len(many))
            results.append(self._translate(built, names, in_memory, part, cancel))
        return {name: np.stack([result[name] for result in results]) for name in names}

    def plan(self, height: int, width: int) -> Plan:
        """How a picture of height x width pixels will be cut; `plan.overhead` is what that costs.

        Raises InputError for a size that the model does not take.
        """
        manifest = self.manifest
        request.check_size(manifest, height, width)
        small = self._memory == "auto" and height * width <= _SMALL
        if manifest.tiling != "exact" or small:
            return tiles.whole(height, width)
        plan = tiles.whole(height, width)
        for amount in budget.amounts(self._memory):
            largest = max(1, int(amount / self._cost()))
            plan = tiles.plan_tiles(
                height,
                width,
                multiple=manifest.size_multiple,
                halo=manifest.halo,
                largest=largest,
                smallest=manifest.min_size,
            )
            if plan.overhead <= _TWICE:
                break
        return plan

    def draw(
        self,
        target: str | Path,
        inputs: Mapping[str, Any] | None = None,
        output: str | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
        seed: int = 0,
        quality: int = images.QUALITY,
    ) -> Path:
        """Write what a model makes of noise and its further inputs, in 8 bits; else as `file`."""
        images.check_quality(quality)
        [name] = asked(self.manifest, output or self.manifest.outputs[0].name)
        made = self.run(inputs or {}, name, progress=progress, cancel=cancel, seed=seed)
        images.write(target, files.picture_of(made[name], self.manifest.output(name)), quality)
        return Path(target)

    def file(
        self,
        source: str | Path,
        target: str | Path,
        inputs: Mapping[str, Any] | None = None,
        output: str | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
        seed: int = 0,
        also: Mapping[str, Callable[[Any], object]] | None = None,
        quality: int = images.QUALITY,
    ) -> Path:
        """Translate a picture file to a picture file, in bounded memory.

        source: PNG, JPEG, WebP, TIFF, GIF or AVIF; EXIF orientation is applied. The ICC profile,
            the resolution, grey and 16 bits are kept where the target's format has them, and alpha
            as in a call.
        target: .png, .jpg, .webp or .tif; it appears complete or not at all.
        inputs: the other views as in `run`; pictures may be given as paths, keypoints as paths of
            JSON files.
        output: name of a picture output; the model's first one by default.
        also: what is called with further outputs of the same run, by name; these are as `run`
            returns them, in memory.
        quality: of JPEG and WebP, 1 to 100.

        Returns the target. Raises ImageError, InputError, Cancelled.
        """
        images.check_quality(quality)
        further = asked(self.manifest, list(also)) if also else []

        def run(views: Mapping[str, Any], name: str, allocate: Allocate) -> np.ndarray:
            def place(port: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
                return (allocate if port == name else in_memory)(port, shape, dtype)

            built = request.build(self.manifest, self._shapes, views, seed)
            names = list(dict.fromkeys([name, *further]))
            found = self._translate(built, names, place, progress, cancel)
            for port, take in (also or {}).items():
                take(found[port])
            return found[name]

        files.translate_file(
            self.manifest,
            run,
            Path(source),
            Path(target),
            inputs or {},
            self.manifest.output(asked(self.manifest, output)[0]),
            lambda: check(cancel),
            quality,
        )
        return Path(target)

    def _translate(
        self,
        built: Request,
        names: list[str],
        allocate: Allocate,
        progress: Progress | None,
        cancel: Cancel | None,
    ) -> dict[str, Any]:
        """Run one picture tile by tile."""
        results = {name: Result(self.manifest.output(name), built, allocate) for name in names}
        feeds, fit = built.feeds, None
        size = self.manifest.fixed_size
        if self.manifest.tiling == "fixed" and size is not None and built.has_picture:
            fit = Fit.of(built.height, built.width, size)
            feeds = {name: feed.fitted(fit) for name, feed in feeds.items()}
            plan = tiles.whole(*size)
        elif built.has_picture:
            plan = self.plan(built.height, built.width)
        else:
            plan = tiles.whole(built.height, built.width)
        looks = len(self._ensemble.positions) if self._ensemble else 1
        total, done = len(plan.tiles) * looks, 0

        def step() -> None:
            nonlocal done
            done += 1
            if progress is not None and done < total:
                progress(done, total)

        if progress is not None:
            progress(0, total)
        try:
            for count, tile in enumerate(plan.tiles, start=1):
                large = count > 1 or tile.window.pixels > _SMALL
                empties = large and count == len(plan.tiles)
                tensors = self._run_tile(feeds, tile, names, cancel, step, empties)
                for result, tensor in zip(results.values(), tensors, strict=True):
                    if fit is None:
                        result.put(tile, tensor)
                    else:
                        result.put_fitted(fit, tensor)
                # A tile's tensors are as large as its budget: gone before the next is computed.
                del tensors, tensor
            if progress is not None:
                progress(total, total)
        except BaseException:
            if total > 1 and done < total:
                self._let_go(names)
            raise
        return {name: result.array for name, result in results.items()}

    def _let_go(self, names: list[str]) -> None:
        """Give back the memory of a run that was left before its last tile would have done so."""
        side = self._least_side
        feeds, tile = self._blank(side), tiles.whole(side, side).tiles[0]
        # What ended the run is the error to be told.
        with contextlib.suppress(ModelError):
            self._run_tile(feeds, tile, names, None, lambda: None, empties=True)

    def _run_tile(
        self,
        feeds: Mapping[str, Feed],
        tile: Tile,
        names: list[str],
        cancel: Cancel | None,
        step: Callable[[], None],
        empties: bool,
    ) -> list[np.ndarray]:
        session, window = self._session_of(names), tile.window

        def run(tensors: Mapping[str, np.ndarray], empties: bool) -> list[np.ndarray]:
            check(cancel)
            options = onnxruntime.RunOptions()
            options.log_severity_level = 4
            if empties and self.provider == "CPU":
                # Between pictures the memory belongs to others; what small ones take may stay.
                options.add_run_config_entry("memory.enable_memory_arena_shrinkage", _EMPTIED)
            try:
                with watched(cancel, options):
                    found = session.run(names, tensors, options)
            except Exception as error:  # ONNX Runtime's errors share no base class.
                check(cancel)
                raise run_error(self.path.name, (window.width, window.height), error) from None
            step()
            return [np.asarray(tensor) for tensor in found]

        tensors = {name: feed.tensor(window) for name, feed in feeds.items()}
        if self._ensemble is None:
            return run(tensors, empties)
        return self._ensemble(run, tensors, names, window, empties)

    def _session_of(self, names: list[str]) -> onnxruntime.InferenceSession:
        """A session that computes no more than these outputs need, opened when first asked for."""
        wanted = frozenset(names)
        if len(wanted) == len(self.manifest.outputs):
            return self._session
        with self._lock:
            if wanted not in self._smaller:
                session, model = self._session, pruned(self._model, wanted)
                if model is not None:
                    opened = open_session(model, *self._asked)
                    # On another provider the outputs would not be those of the whole.
                    session = opened.session if opened.provider == self.provider else session
                self._smaller[wanted] = session
            return self._smaller[wanted]

    def _blank(self, side: int) -> Mapping[str, Feed]:
        """Inputs of an empty square picture."""
        return request.blank(self.manifest, self._shapes, side).feeds

    @property
    def _least_side(self) -> int:
        """Pixels along one side of the smallest square that the network takes."""
        return max(self.manifest.min_size, self.manifest.size_multiple)

    def _cost(self) -> float:
        """Bytes of activations per pixel of the picture, measured once."""
        with self._lock:
            if self._pixel_cost is None:
                side = max(_PROBE, self._least_side)
                box = Box(0, 0, side, side)
                tensors = {name: feed.tensor(box) for name, feed in self._blank(side).items()}
                try:
                    self._pixel_cost = budget.bytes_per_pixel(
                        self._model, tensors, box.pixels, self._threads
                    )
                except Exception as error:  # ONNX Runtime's errors share no base class.
                    raise run_error(self.path.name, (side, side), error) from None
            return self._pixel_cost
