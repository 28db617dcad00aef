"""What is done between two steps: looks, the log, measures, samples, checkpoints, going back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from torch import Tensor

from stacks.checkpoint import header
from stacks.diversity import over_noises
from stacks.health import Alarm, not_finite
from stacks.record import Record
from stacks.reference import settle
from stacks.run import Run
from stacks.run_folder import BEST
from stacks.stopping import Stopping
from stacks.validation import out_of_patience, save_best, validate
from stacks.whole import link
from translate.batches import Batch
from translate.pairs import Pairs


class DivergenceError(ValueError):
    """Losses, gradients or weights ran away, and going back did not help."""


@dataclass(frozen=True)
class Due:
    """What is done after a step: it follows from the step alone, so all devices agree on it."""

    look: bool
    speak: bool
    save: bool
    measure: bool
    show: bool

    @property
    def meet(self) -> bool:
        """Whether several devices meet: whatever may fail, or may end the run, is done there."""
        return self.look or self.show

    @classmethod
    def after(cls, run: Run, step: int) -> Due:
        """What is due once ``step`` steps of the run are done."""
        recipe = run.recipe
        first = run.phase_start(run.phase)
        last = step == first + run.phase_spec.steps
        speak = last or step % recipe.log.every == 0
        save = last or step % recipe.log.checkpoint == 0
        measured = bool(recipe.validation.folder)
        measure = measured and (last or step % recipe.validation.every == 0)
        regular = step % recipe.health.every == 0
        return cls(
            # What is written, or said, was looked at; terms of the first step are from before any
            # update, which later ones are held against. Measures may end the run.
            look=speak or save or measure or regular or step == first + 1,
            speak=speak,
            save=save,
            measure=measure,
            show=last or step % recipe.log.samples == 0,
        )


@dataclass(frozen=True)
class Verdict:
    """How a run goes on: with the next step, from an earlier one, or not at all."""

    back: bool = False
    over: str = ""
    """Why it ends before its last step."""
    stopped: Signals | None = None
    """Who asked for it, where that is why."""
    unwritten: bool = False
    """It ends with weights that are no numbers, and its last state is an earlier one."""
    failed: bool = False
    """The process that looks after the run has failed, and says why."""


GO_ON = Verdict()


class States:
    """The checkpoints of a run: the last one, and the last that is known to be healthy.

    Divergence begins before it is seen. A state is taken for healthy only once the run has gone on
    from it without an alarm for as long as a verdict takes; until then it waits.
    """

    def __init__(self, folder: Path, settled: int) -> None:
        self.settled = settled
        self.last = folder / "last" / "state.safetensors"
        self.waiting = self.last.with_name("waiting.safetensors")
        self.healthy = self.last.with_name("healthy.safetensors")

    def begin(self, run: Run) -> None:
        """See that there is a state to go back to: the start, where there is no other.

        Without a last state, what lies there is of an earlier attempt that came to nothing.
        """
        if not self.last.exists():
            self.waiting.unlink(missing_ok=True)
        if not (self.last.exists() and self.healthy.exists()):
            run.save(self.healthy)

    def save(self, run: Run) -> None:
        """The full state, and what it tells about earlier ones."""
        run.save(self.last)
        if self.waiting.exists():
            if run.step - int(header(self.waiting)["step"]) < self.settled:
                return
            self.waiting.replace(self.healthy)
        link(self.last, self.waiting)

    def go_back(self, run: Run) -> None:
        """Take up the healthy state, at smaller rates; it is the last one from now on."""
        self.take_up(run, run.rollbacks + 1)

    def give_up(self, run: Run) -> None:
        """Leave the healthy state as the last one: who resumes the run begins there."""
        self.take_up(run, run.rollbacks)
        self.waiting.unlink(missing_ok=True)
        run.save(self.last)

    def take_up(self, run: Run, rollbacks: int) -> None:
        """The healthy state, after going back so many times."""
        best = run.best
        run.restore(self.healthy)
        # The best weights were measured: they are on the disk, whatever came of the run.
        run.rollbacks, run.best = rollbacks, best


class Keeper:
    """Looks after a run in the one process that speaks and writes.

    Args:
        run: that is trained.
        folder: of the run.
        record: of what it says.
        validation: held-out pictures.
        training: some of the others, measured beside them.
        stopping: whether somebody wants it to end.
    """

    def __init__(
        self,
        run: Run,
        folder: Path,
        record: Record,
        validation: Sequence[Pairs],
        training: Sequence[Pairs],
        stopping: Stopping,
    ) -> None:
        self.run, self.folder, self.record = run, folder, record
        self.validation, self.training, self.stopping = validation, training, stopping
        self.states = States(folder, run.recipe.health.settled)

    def after_step(self, values: Mapping[str, Tensor], batch: Batch, waiting: float) -> Verdict:
        """All that is due after a step.

        Args:
            values: of the step's terms.
            batch: its last one, for samples.
            waiting: share of the time spent waiting for data.

        Raises:
            DivergenceError: the run has diverged and has gone back as often as it may.
        """
        run, record, due = self.run, self.record, Due.after(self.run, self.run.step)
        # Several devices end together, after a step that all of them know of.
        stopped = self.stopping.asked if due.meet or run.fabric.world_size == 1 else None
        numbers = {name: float(value) for name, value in values.items()} if due.look else {}
        if due.look:
            for alarm in run.health.look(run.step, self.judged(numbers) | run.weight_norms()):
                if alarm.fatal:
                    return self.go_back(alarm)
                record.alarm(run, alarm)
        if due.speak:
            record.scalars(run, numbers, waiting)
        record.advance(run)
        if due.save or due.measure or due.show or stopped:
            settle(run)
        if self.validation and due.measure:
            alarms = validate(run, self.validation, self.training, self.folder, record)
            for alarm in alarms:
                record.alarm(run, alarm)
        if due.show:
            record.samples(run, batch)
            self.listen(batch)
        over = out_of_patience(run) if due.measure else ""
        if stopped and not over:
            over = f"{stopped.name} asked for it"
        wanted = due.save or bool(over)
        torn = wanted and not self.is_whole()
        if wanted and not torn:
            run.seconds = record.seconds()
            self.states.save(run)
        if over:
            record.end(run, over)
        return Verdict(over=over, stopped=stopped, unwritten=torn and bool(over))

    def judged(self, numbers: Mapping[str, float]) -> dict[str, float]:
        """What health is judged by; of fp16 the scaler leaves out gradients that overflow."""
        return {
            name: number
            for name, number in numbers.items()
            if not (self.run.scaler and name.endswith("/gradient") and not_finite(number))
        }

    def is_whole(self) -> bool:
        """Whether all weights are numbers: this step may be one that nobody looked at."""
        return not any(map(not_finite, self.run.weight_norms().values()))

    def listen(self, batch: Batch) -> None:
        """Whether the outputs follow their noise, where a stack reads it beside other views."""
        run, stack = self.run, self.run.average.module
        views = batch.on(run.fabric.device).views
        distances = over_noises(stack, views, run.recipe.seed)
        for alarm in run.health.listen(run.step, distances):
            self.record.alarm(run, alarm)

    def go_back(self, alarm: Alarm) -> Verdict:
        """Return to the last healthy state, or give up."""
        run, found = self.run, self.run.step
        allowed = run.recipe.health.rollbacks
        if run.rollbacks >= allowed:
            tried = f" after going back {allowed} times" if allowed else ""
            self.record.alarm(run, alarm)
            self.states.give_up(run)
            raise DivergenceError(
                f"step {found}: {alarm.where} {alarm.said}: the run has diverged{tried}; "
                f"{self.states.last.parent} holds the last good state: resume it with smaller "
                f"rates than {run.slowed:g} times those of the recipe "
                "(--resume --set optimizer.generator.rate=...)"
            )
        self.states.go_back(run)
        self.record.back(run, alarm, found)
        self.states.waiting.unlink(missing_ok=True)
        run.save(self.states.last)
        return Verdict(back=True)

    def finish(self) -> None:
        """Weights to ship, where no held-out pictures have chosen any."""
        if not self.validation or not (self.folder / BEST).exists():
            settle(self.run)
            save_best(self.run, self.folder, {})
