"""What a run says while it trains: a progress bar, a log, TensorBoard, sample pictures."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import Tensor
from torch.utils.tensorboard.writer import SummaryWriter

from stacks.environment import environment
from stacks.health import Alarm
from stacks.pace import Pace
from stacks.run import Run
from stacks.spec import Recipe
from stacks.spoken import brief, look, remaining
from stacks.whole import write_whole
from translate.batches import Batch
from translate.joints import draw
from translate.kinds import Kind, most_probable, planes
from translate.layers.resampling import upsample
from translate.pairs import Palette
from translate.pixels import to_bytes, to_picture

COLUMNS = "columns"
"""The text of a sample's PNG file that names its columns, as a list in JSON."""


class Record:
    """Context manager around a run.

    Args:
        folder: of the run.
        recipe: what is trained.
        step: the step the run goes on from; later lines of an interrupted run are dropped.
        before: seconds that training took up to that step.
    """

    def __init__(self, folder: Path, recipe: Recipe, step: int, before: float = 0.0) -> None:
        self.folder = folder
        self.total = sum(phase.steps for phase in recipe.phase)
        self.pace = Pace(step)
        self.log = folder / "log.jsonl"
        self.console = Console(file=sys.stderr)
        self.started = time.perf_counter()
        self.latest = ""
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TaskProgressColumn(show_speed=True),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[latest]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.progress.add_task(recipe.name, total=self.total, completed=step, latest="")
        self.before = before
        self._drop_after(step)
        self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=step)
        write_whole(folder / "environment.json", json.dumps(environment(), indent=2).encode())

    def __enter__(self) -> Record:
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.progress.stop()
        self.board.close()

    def seconds(self) -> float:
        """Time that training took so far, in seconds, earlier parts included."""
        return self.before + time.perf_counter() - self.started

    def begin(self, line: str) -> None:
        """Say what is trained, on what."""
        if self.console.is_terminal:
            self.console.print(line, highlight=False)
        else:
            print(line, flush=True)

    def advance(self, run: Run) -> None:
        """Move the progress bar."""
        alarms = "".join(f"[{alarm}] " for alarm in run.health.active)
        self.progress.update(self.task, completed=run.step, latest=alarms + self.latest)

    def scalars(self, run: Run, values: Mapping[str, float], waiting: float) -> None:
        """Log the terms' values and the share of the time spent waiting for data."""
        numbers = dict(values)
        numbers["rate/generator"] = run.generator_optimizer.param_groups[0]["lr"]
        numbers["waiting"] = waiting
        speed = self.pace.at(run.step)
        numbers["steps_per_second"] = speed
        self._write(run, "train", numbers)
        terms = brief(values)
        self.latest = terms[:70]
        alarms = "".join(f" ALARM {alarm}" for alarm in run.health.active)
        left = remaining((self.total - run.step) / speed)
        self._say(run, f"{speed:.2f} steps/s, {left}: {terms}{alarms}")

    def measures(self, run: Run, measures: Mapping[str, float]) -> None:
        """Log what was measured on held-out pictures."""
        self._write(run, "validation", dict(measures))
        self._say(run, look(measures, run.recipe.validation))

    def alarm(self, run: Run, alarm: Alarm, **more: float) -> None:
        """Tell an alarm that begins: in the log, on the board, to whoever watches."""
        told = {"alarm": alarm.name, "where": alarm.where, "said": alarm.said, **more}
        self._log(run, "alarm", told)
        self.board.add_scalar(f"alarm/{alarm.name}", 1, run.step)
        self.board.add_text("alarm", str(alarm), run.step)
        self._say(run, f"ALARM {alarm}")
        if self.console.is_terminal:
            self.console.print(f"step {run.step}: {alarm}", style="bold red", highlight=False)

    def back(self, run: Run, alarm: Alarm, found: int) -> None:
        """The run was found sick at step ``found`` and has gone back to the step it is at now."""
        self._drop_after(run.step)
        self.pace.back(run.step)
        self.board.close()
        self.board = SummaryWriter(str(self.folder / "tensorboard"), purge_step=run.step)
        self.alarm(run, alarm, found=found, rollback=run.rollbacks, slowed=run.slowed)
        self._say(run, f"back from step {found}, rates times {run.slowed:g}")
        self.advance(run)

    def end(self, run: Run, reason: str) -> None:
        """Why a run ends before its last step."""
        self._log(run, "end", {"reason": reason})
        self.board.add_text("end", reason, run.step)
        self._say(run, f"ends here: {reason}")

    def samples(self, run: Run, batch: Batch) -> None:
        """One picture of the first items: what is read, every picture written, the target."""
        with torch.inference_mode():
            batch = batch.on(run.fabric.device)
            views = {name: view[:4] for name, view in batch.views.items()}
            written = run.average.module(views, run.stack.truths(batch))
        read = [
            name
            for name, view in run.stack.inputs.items()
            if view.kind.is_picture or view.kind.family == "keypoints"
        ]
        target = views["target"]
        data, size = run.recipe.data, (target.shape[-2], target.shape[-1])
        truths = {stage.writes: stage.truth for stage in run.recipe.stage}

        def show(name: str, view: Tensor) -> Tensor:
            palette = data.palette.get(truths.get(name, name), ())
            return shown(view, run.stack.views[name].kind, size, palette)

        sheet = [(name, show(name, views[name])) for name in read]
        sheet += [(heading(name), show(name, view)) for name, view in written.items()]
        truth = shown(target, data.kinds["target"], size, data.palette.get("target", ()))
        sheet.append(("target", truth))
        sheet = [(name, picture) for name, picture in sheet if picture.shape[1] in (1, 3)]
        pictures = [picture for _, picture in sheet]
        height, width = max(picture.shape[-2:] for picture in pictures)
        columns = [upsample(picture.float(), width // picture.shape[-1]) for picture in pictures]
        rows = [
            np.concatenate(
                [np.broadcast_to(to_picture(c, index), (height, width, 3)) for c in columns], axis=1
            )
            for index in range(len(views["target"]))
        ]
        pixels = to_bytes(np.concatenate(rows))
        file, headings = io.BytesIO(), PngInfo()
        # In the file, where they cannot be parted from the columns; the report reads them.
        headings.add_text(COLUMNS, json.dumps([name for name, _ in sheet]))
        Image.fromarray(pixels).save(file, "PNG", pnginfo=headings)
        write_whole(self.folder / "samples" / f"{run.step:08d}.png", file.getvalue())
        self.board.add_image("samples", pixels, run.step, dataformats="HWC")

    def _write(self, run: Run, kind: str, numbers: Mapping[str, float]) -> None:
        self._log(run, kind, numbers)
        for name, number in numbers.items():
            self.board.add_scalar(f"{kind}/{name}", number, run.step)

    def _log(self, run: Run, kind: str, facts: Mapping[str, Any]) -> None:
        line = {"step": run.step, "phase": run.phase, "kind": kind, **facts}
        with open(self.log, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _say(self, run: Run, text: str) -> None:
        """Where there is no terminal for a bar, lines go to the log of whoever started the run."""
        if not self.console.is_terminal:
            print(f"step {run.step}/{self.total} {text}", flush=True)

    def _drop_after(self, step: int) -> None:
        """Forget the lines of steps that will be done again."""
        if not self.log.exists():
            return
        lines = self.log.read_text("utf-8").splitlines()
        kept = [line for line in lines if is_line(line) and json.loads(line)["step"] <= step]
        write_whole(self.log, "".join(f"{line}\n" for line in kept).encode())


def heading(view: str) -> str:
    """What a column of a written view is called: beside the target its result."""
    return "result" if view == "target" else f"{view} (result)"


def shown(view: Tensor, kind: Kind, size: tuple[int, int], palette: Palette) -> Tensor:
    """A view as a picture in [0, 1]: ``(N, C, H, W)`` -> ``(N, 1 or 3, H, W)``.

    Labels are in the colors of their palette, in steps of gray where there is none; keypoints are
    drawn on black, as large as ``size``.
    """
    if kind.family == "keypoints":
        return draw(view, kind.drawing, size).amax(1, keepdim=True)
    if kind.family != "labels":
        return view
    labels = most_probable(planes(view, kind))
    if not palette:
        return labels / max(1, kind.count - 1)
    colors = torch.tensor(palette, dtype=torch.float32, device=view.device) / 255
    return colors[labels[:, 0]].permute(0, 3, 1, 2)


def is_line(line: str) -> bool:
    """Whether a line is whole: a killed run may have left half of one."""
    try:
        return "step" in json.loads(line)
    except ValueError:
        return False
