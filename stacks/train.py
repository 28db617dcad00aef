"""The training loop: one readable function over phases."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stacks.checkpoint import beginning, load_stack, load_weights
from stacks.checks import reductions
from stacks.collectives import (
    average_gradients,
    mean_over_devices,
    share_batches,
    shared_values,
    whole_batch,
)
from stacks.data import mirrored, phase_sampler, training_groups, validation_pairs
from stacks.determinism import deterministic
from stacks.evaluate import check_measured, held_out_protocol, output_of_scale
from stacks.growth import as_grown, grow
from stacks.keeper import GO_ON, Due, Keeper, States, Verdict
from stacks.mishaps import check_memory, prepare_folder, told
from stacks.recipe import recipe_text
from stacks.record import Record
from stacks.redraw import redrawing
from stacks.reference import fed, reference_batch, referred
from stacks.run import Run, launch
from stacks.run_folder import BEST, RECIPE, claim, refuse_second_run, state_of
from stacks.sight import band_base
from stacks.spec import Recipe
from stacks.spoken import opening
from stacks.stack import Stack
from stacks.step_values import averaged, with_lazy
from stacks.stopping import Stopped, Stopping
from stacks.validation import out_of_patience, training_sample
from stacks.whole import sweep, write_whole
from translate.batches import Batch, Prefetch, workers_for
from translate.descent import Part
from translate.kinds import planes
from translate.layers.folding import assign
from translate.layers.resampling import upsample
from translate.optim import set_rate
from translate.pixels import to_network
from translate.step import Case, Settings, discriminator_step, generator_step


def train(
    recipe: Recipe,
    folder: Path,
    resume: bool = False,
    start: Path | None = None,
    devices: int = 1,
    nodes: int = 1,
    watch: Callable[[Run], str] = lambda run: "",
    read_start: Callable[[Path], Stack] = load_stack,
) -> Path:
    """Train a recipe's stack; returns the path of the best weights.

    Args:
        recipe: what to train.
        folder: of the run; ``recipe.toml``, ``log.jsonl``, ``samples/``, ``last/`` and
            ``best.safetensors`` are written there.
        resume: go on from ``last/``.
        start: weights to begin with, of a stack of the same shape or of some of its stages.
        watch: sees the run after every step, of several devices after those at which they meet;
            what it says, if anything, is why the run ends there.
        read_start: reads the file of ``start``.

    Raises:
        RunExistsError: there is a run in the folder and ``resume`` was not asked.
        CheckpointError: the checkpoint to go on from or to begin with cannot be used.
        DataError: the data cannot be used, or a batch does not divide among the devices.
        TableError, OutOfMemory: a batch does not fit into memory.
        OSError: the folder cannot be written to, or the disk is full.
        DivergenceError: the run has diverged, and going back did not help.
        Stopped: SIGINT or SIGTERM asked for it; the run is written up to its last step.
    """
    refuse_second_run(folder, resume)
    state = state_of(folder)
    # Data first: what is wrong with them must not cost the time of building networks.
    groups, validation = training_groups(recipe), validation_pairs(recipe)
    samplers = [phase_sampler(recipe, groups, phase) for phase in recipe.phase]
    fabric = launch(recipe, devices, nodes)
    keys = [
        f"phase[{index}].batch" if phase.batch else "batch"
        for index, phase in enumerate(recipe.phase)
    ]
    share_batches(fabric, samplers, keys, [recipe.packs(phase) for phase in recipe.phase])
    for sampler, key in zip(samplers, keys, strict=True):
        check_memory(sampler, key)
    run = Run(recipe, fabric)
    reduced = reductions(recipe, run.stack)
    for sampler in samplers:
        sampler.reductions = reduced
    run.reference = reference_batch(run, samplers[0])
    if validation:
        # What cannot be measured must not be found out at the first look, hours later.
        output_of_scale(run.stack, held_out_protocol(recipe).scale)
        check_measured(held_out_protocol(recipe), validation)
    if state.exists():
        run.restore(state)
        asked = run.phase_start(len(recipe.phase))
        if fabric.is_global_zero and run.step >= asked:
            print(
                f"note: {run.step} steps are done and the phases have {asked}: nothing is left to "
                "train; give a phase more steps",
                file=sys.stderr,
            )
    elif start is not None:
        weights = beginning(run.average.module, read_start(start))
        load_weights(run.average.module, weights, start)
        assign(run.stack, weights)
        run.health.begin(run.step, run.weight_norms())

    prepare_folder(folder)
    claimed = claim(folder) if fabric.is_global_zero else nullcontext()
    # One process speaks and writes for all of them; the others do as it says.
    record = None
    if fabric.is_global_zero:
        for conflict in recipe.conflicts():
            print(f"careful: {conflict}", file=sys.stderr)
        if small := mirrored(recipe, groups):
            print(f"careful: {small}", file=sys.stderr)
        sweep(folder)
        write_whole(folder / RECIPE, recipe_text(recipe).encode())
        record = Record(folder, recipe, run.step, run.seconds)
        record.begin(opening(run, [pairs for pairs, _ in groups], validation))
    careful = deterministic(recipe.deterministic)
    with claimed, told(run, folder), careful, Stopping() as stopping, record or nullcontext():
        keeper = None
        if record:
            known = training_sample(run, [pairs for pairs, _ in groups])
            keeper = Keeper(run, folder, record, validation, known, stopping)
            keeper.states.begin(run)
        verdict = Verdict(over=out_of_patience(run))
        while not verdict.over and run.goes_on():
            first = run.phase_start(run.phase)
            numbers, pin = batch_numbers(run, first), fabric.device.type == "cuda"
            workers = workers_for(fabric.device, devices)
            batches = Prefetch(samplers[run.phase], numbers, workers=workers, pin=pin)
            started = time.perf_counter()
            for drawn in groups_of(run.draws, batches):
                set_rates(run, run.step - first)
                grow(run, run.step - first)
                values = train_step(run, drawn)
                run.step += 1
                # Of this step: the keeper may have gone back to another when devices meet.
                meet, verdict = Due.after(run, run.step).meet, GO_ON
                failure: Exception | None = None
                if keeper:
                    waiting = batches.waited / (time.perf_counter() - started)
                    try:
                        verdict = keeper.after_step(values, drawn[-1], waiting)
                        if verdict == GO_ON and (meet or fabric.world_size == 1):
                            verdict = Verdict(over=watch(run))
                    except Exception as error:
                        # The others wait for a verdict, and would go on waiting.
                        failure, verdict = error, Verdict(failed=True)
                verdict = agreed(run, verdict) if meet else verdict
                if failure:
                    raise failure
                if verdict.failed:
                    raise RunFailed(f"step {run.step}: the first process has failed; it says why")
                if verdict.back and not keeper:
                    States(folder, recipe.health.settled).go_back(run)
                if verdict.back or verdict.over:
                    break
        if verdict.stopped:
            raise Stopped(verdict.stopped, run.step, verdict.unwritten)
        if keeper:
            keeper.finish()
    # Nobody goes on to read the weights before they are written.
    fabric.barrier()
    return folder / BEST


class RunFailed(ValueError):
    """Another process, which looks after the run, has failed."""


def agreed(run: Run, verdict: Verdict) -> Verdict:
    """The verdict of the process that looks after the run, in all of them."""
    return run.fabric.broadcast(verdict) if run.fabric.world_size > 1 else verdict


def batch_numbers(run: Run, first: int) -> range:
    """Which batches the rest of a phase sees: those of step ``n`` follow from ``n`` alone, and no
    phase sees those of another.
    """
    recipe = run.recipe
    before = sum(phase.steps * recipe.draws(phase) for phase in recipe.phase[: run.phase])
    done, steps = run.step - first, run.phase_spec.steps
    return range(before + done * run.draws, before + steps * run.draws)


def groups_of(size: int, batches: Iterable[Batch]) -> Iterator[list[Batch]]:
    """Batches by so many at a time."""
    iterator = iter(batches)
    while group := list(itertools.islice(iterator, size)):
        yield group


def train_step(run: Run, batches: Sequence[Batch]) -> dict[str, Tensor]:
    """Updates of the discriminators, each on batches of its own, and one of the generators.

    The generators learn from the last ones. Returns the terms' values there, and what is looked at
    besides, where a look is due.
    """
    # Whatever a network draws (noise, dropout) depends on the step alone, so resuming repeats it.
    # Devices draw for the whole batch and take what is their items'.
    keys = [run.recipe.seed, run.step]
    torch.manual_seed(int(np.random.SeedSequence(keys).generate_state(1, np.uint64)[0]))
    optimizer, parts = run.recipe.optimizer, run.recipe.accumulate
    look = Due.after(run, run.step + 1).look
    settings = Settings(
        run.fabric.autocast,
        lambda parameters: average_gradients(run.fabric, parameters),
        optimizer.generator.clip,
        optimizer.discriminator.clip,
        optimizer.weight_clip,
        optimizer.unroll,
        scaler=run.scaler,
        measured=look,
    )
    values: dict[str, Tensor] = {}
    said: list[dict[str, Tensor]] = []
    cases: list[Case] = []
    adversary = run.discriminator_optimizer
    last = len(batches) - parts
    with whole_batch(run.fabric, len(batches[0])):
        for index, batch in enumerate(batches):
            if adversary is None:
                break
            settings = replace(settings, part=Part(index % parts, parts))
            # Only the last fakes teach the generators; the others need no graph.
            shared = parts == 1 and index == last
            with nullcontext() if shared else torch.no_grad():
                cases = predict(run, batch.on(run.fabric.device))
            # Without a case that is judged it is a part all the same: of 0, and maybe the last.
            if settings.part.first:
                said = []
            said.append(discriminator_step(cases, adversary, run.step, settings))
            if settings.part.last:
                remember(run, "discriminator")
        values |= averaged(said)
        said = []
        for index, batch in enumerate(batches[last:]):
            settings = replace(settings, part=Part(index, parts))
            # Of several batches no graph is kept while the discriminators learn from the others.
            if parts > 1 or not adversary:
                cases = predict(run, batch.on(run.fabric.device))
            said.append(
                generator_step(cases, run.generator_optimizer, run.step, settings, adversary)
            )
        values |= averaged(said)
        remember(run, "generator")
    run.average.update(run.stack, run.step, run.frozen)
    # How diverse outputs are is seen by the device that speaks for all, in its own items.
    values = with_lazy(run, shared_values(run.fabric, values))
    return values | (diversities(run, cases) if look else {})


def remember(run: Run, side: str) -> None:
    """Take the weights of a side that a step has moved into their running means."""
    for (of, name), history in run.histories.items():
        if of != side or name not in run.phase_spec.train:
            continue
        judge = side == "discriminator"
        network = run.discriminators[name] if judge else run.stack.generator(name)
        # A stage whose truth no part of the step had stands still.
        if any(weight.grad is not None for weight in network.parameters()):
            history.update(network.parameters())


def diversities(run: Run, cases: Sequence[Case]) -> dict[str, Tensor]:
    """How diverse the outputs of generators with an adversary are, beside their truths."""
    seen = {
        case.name: run.diversity.see(case.name, case.fake, case.truth)
        for case in cases
        if case.discriminator is not None
    }
    return {
        f"{name}/diversity": torch.tensor(share)
        for name, share in seen.items()
        if share is not None
    }


def predict(run: Run, batch: Batch) -> list[Case]:
    """Run the stages that this batch has a truth for; put each that learns before its judges."""
    phase = run.phase_spec
    truths, given = run.stack.truths(batch), fed(run, batch)
    names = needed(run, truths)
    with run.fabric.autocast(), referred(run, names):
        written = run.stack(batch.views, names, given)
    # What stages read: what was written, or the truth in its place.
    known = written | (given or {})
    adversaries = run.adversaries()
    cases: list[Case] = []
    for name in phase.train:
        if name not in truths:
            continue
        stage, truth = run.stack.stages[name].spec, as_grown(run, name, truths[name])
        adversary = name in adversaries
        cases.append(
            Case(
                name,
                written[stage.writes],
                truth,
                stage.objective.generator_terms(adversary),
                stage.objective.discriminator_terms(),
                run.discriminators[name] if adversary else None,
                shown(run, name, batch, known),
                run.presentations[name],
                run.stack.generator(name),
                run.histories.get(("generator", name)),
                run.histories.get(("discriminator", name)) if adversary else None,
                lambda logits: mean_over_devices(run.fabric, logits),
                stage.objective.compares or mixes(run, name),
                redrawing(run, name, {**batch.views, **known}),
            )
        )
    return cases


def needed(run: Run, truths: Mapping[str, Tensor]) -> list[str]:
    """The stages that run in this phase: those with a truth, up to the last one that learns.

    Where the truth is fed in place of what stages write, those that do not learn have nothing to
    say, but for features that they hand up.
    """
    names, phase = list(run.stack.stages), run.phase_spec
    last = max(names.index(name) for name in phase.train)
    fed = phase.feed == "truth"
    return [
        name
        for name in names[: last + 1]
        if name in truths
        and (name in phase.train or not fed or run.stack.stages[name].spec.hands_up)
    ]


def mixes(run: Run, name: str) -> bool:
    """Whether what a discriminator says of a fake depends on the truth beside it."""
    norm = getattr(run.stack.stages[name].spec.discriminator, "norm", "none")
    return norm == "batch" and not run.presentations[name].spec.apart


BAND_GAIN = 4.0
"""What a stack adds is small; enlarged to the range of a picture, the first layer sees it."""


def shown(
    run: Run, name: str, batch: Batch, given: Mapping[str, Tensor]
) -> Callable[[Tensor], Tensor]:
    """What the discriminator of a stage sees of a picture; ``given`` are views written so far."""
    stage = run.stack.stages[name]
    if stage.spec.sees == "picture":
        return to_network
    if stage.spec.sees == "pair":
        # What the stage read is given: no gradient reaches the stages that wrote it.
        views = batch.views | {view: picture.detach() for view, picture in given.items()}
        condition = to_network(stage.condition(views))

        def pair(picture: Tensor) -> Tensor:
            return torch.cat([to_network(picture), condition], dim=1)

        return pair
    name_of_base = band_base(run.stack, name)
    before = {**batch.views, **given}[name_of_base].detach()
    base = upsample(before, int(stage.writes.scale / run.stack.views[name_of_base].scale))
    classes = [
        planes(batch.views[view], stage.kinds[view]).expand(-1, -1, *base.shape[2:])
        for view in stage.classes
    ]
    condition = to_network(torch.cat([base, *classes], dim=1))

    def band(picture: Tensor) -> Tensor:
        return torch.cat([(picture - base) * BAND_GAIN, condition], dim=1)

    return band


def set_rates(run: Run, step: int) -> None:
    """Rates of both sides at a step of the phase."""
    phase, recipe = run.phase_spec, run.recipe
    factor = phase.rate * recipe.schedule.factor(step, phase.steps) * run.slowed
    set_rate(run.generator_optimizer, recipe.optimizer.generator.rate * factor)
    if run.discriminator_optimizer:
        set_rate(run.discriminator_optimizer, recipe.optimizer.discriminator.rate * factor)
