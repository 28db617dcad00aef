"""The training loop: one readable function over phases."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from stacks.checkpoint import (
    CheckpointError,
    load_stack,
    load_weights,
    save_stack,
    sweep,
    write_whole,
)
from stacks.collectives import (
    average_gradients,
    mean_over_devices,
    share_batches,
    shared_values,
    whole_batch,
)
from stacks.data import phase_sampler, training_groups, validation_pairs
from stacks.evaluate import Protocol, evaluate, means, output_of_scale, stack_predictor
from stacks.growth import as_grown, grow
from stacks.recipe import recipe_text
from stacks.record import Record
from stacks.reference import fed, reference_batch, referred, settle
from stacks.run import Run, band_base, launch
from stacks.spec import Recipe
from translate.batches import Batch, Prefetch
from translate.kinds import planes
from translate.layers.folding import assign
from translate.layers.resampling import upsample
from translate.optim import set_rate
from translate.pairs import Pairs
from translate.pixels import to_network
from translate.step import Case, Settings, discriminator_step, generator_step


def train(
    recipe: Recipe,
    folder: Path,
    resume: bool = False,
    start: Path | None = None,
    devices: int = 1,
    nodes: int = 1,
) -> Path:
    """Train a recipe's stack; returns the path of the best weights.

    Args:
        recipe: what to train.
        folder: of the run; ``recipe.toml``, ``log.jsonl``, ``samples/``, ``last/`` and
            ``best.safetensors`` are written there.
        resume: go on from ``last/``.
        start: weights to begin with, of a stack of the same shape.

    Raises:
        CheckpointError: there is a run in the folder and ``resume`` was not asked, or the
            checkpoint cannot be used.
        DataError: the data cannot be used, or a batch does not divide among the devices.
    """
    state = folder / "last" / "state.safetensors"
    if state.exists() and not resume:
        raise CheckpointError(
            f"{folder} holds a run already; add --resume or choose another folder"
        )
    # Data first: what is wrong with them must not cost the time of building networks.
    groups, validation = training_groups(recipe), validation_pairs(recipe)
    samplers = [phase_sampler(recipe, groups, phase) for phase in recipe.phase]
    fabric = launch(recipe, devices, nodes)
    share_batches(fabric, samplers)
    run = Run(recipe, fabric)
    run.reference = reference_batch(run, samplers[0])
    if validation:
        # What cannot be measured must not be found out at the first look, hours later.
        output_of_scale(
            run.stack, Protocol(recipe.degrade.written(recipe.validation.degrade)).scale
        )
    if state.exists():
        run.restore(state)
    elif start is not None:
        weights = load_stack(start).state_dict()
        load_weights(run.average.module, weights, start)
        assign(run.stack, weights)

    # One process speaks and writes for all of them; gradients keep the others in step with it.
    record = None
    if fabric.is_global_zero:
        for conflict in recipe.conflicts():
            print(f"careful: {conflict}", file=sys.stderr)
        sweep(folder)
        write_whole(folder / "recipe.toml", recipe_text(recipe).encode())
        record = Record(folder, recipe, run.step, run.seconds)
    with record or nullcontext():
        for index in range(run.phase, len(recipe.phase)):
            if index > run.phase:
                run.begin_phase(index)
            phase, first = recipe.phase[index], run.phase_start(index)
            pin = fabric.device.type == "cuda"
            batches = Prefetch(samplers[index], batch_numbers(run, first), pin=pin)
            started = time.perf_counter()
            for drawn in groups_of(run.draws, batches):
                set_rates(run, run.step - first)
                grow(run, run.step - first)
                values = train_step(run, drawn)
                batch = drawn[-1]
                run.step += 1
                if record is None:
                    continue
                last = run.step == first + phase.steps
                saving = last or run.step % recipe.log.checkpoint == 0
                speaking = last or run.step % recipe.log.every == 0
                if saving or speaking:
                    # The terms are from before the update: a gradient that overflowed in it shows
                    # in the weights alone.
                    weights = weight_norms(run) if saving else {}
                    refuse_divergence(values | weights, run.step, folder)
                if speaking:
                    waiting = batches.waited / (time.perf_counter() - started)
                    record.scalars(run, values, waiting)
                record.advance(run)
                measuring = last or run.step % recipe.validation.every == 0
                showing = last or run.step % recipe.log.samples == 0
                if saving or measuring or showing:
                    settle(run)
                if validation and measuring:
                    validate(run, validation, folder, record)
                if showing:
                    record.samples(run, batch)
                if saving:
                    run.seconds = record.seconds()
                    run.save(state)
        if record and (not validation or not (folder / "best.safetensors").exists()):
            save_best(run, folder, {})
    # Nobody goes on to read the weights before they are written.
    fabric.barrier()
    return folder / "best.safetensors"


class DivergenceError(ValueError):
    """A term of the objective, or a weight, is no longer a number."""


def weight_norms(run: Run) -> dict[str, Tensor]:
    """The norm of the weights of each network, which is finite where all of them are."""
    networks = {"generator": run.stack.stages, "discriminator": run.discriminators}
    return {
        f"{name}/{side}/weights": nn.utils.get_total_norm(network.parameters())
        for side, stages in networks.items()
        for name, network in stages.items()
    }


def refuse_divergence(values: Mapping[str, Tensor], step: int, folder: Path) -> None:
    """End a run whose numbers are not finite before it writes over its last good state."""
    for name, value in values.items():
        if not torch.isfinite(value):
            raise DivergenceError(
                f"step {step}: {name} is {float(value)}, the run has diverged; {folder / 'last'} "
                "holds the last good state: resume it with smaller rates "
                "(--resume --set optimizer.generator.rate=...)"
            )


def batch_numbers(run: Run, first: int) -> range:
    """Which batches the rest of a phase sees: those of step ``n`` follow from ``n`` alone."""
    last = first + run.phase_spec.steps
    return range(first + (run.step - first) * run.draws, first + (last - first) * run.draws)


def groups_of(size: int, batches: Iterable[Batch]) -> Iterator[list[Batch]]:
    """Batches by so many at a time."""
    iterator = iter(batches)
    while group := list(itertools.islice(iterator, size)):
        yield group


def train_step(run: Run, batches: Sequence[Batch]) -> dict[str, Tensor]:
    """Updates of the discriminators, a batch each, and one of the generators on the last batch.

    Returns the terms' values at the last.
    """
    # Whatever a network draws (noise, dropout) depends on the step alone, so resuming repeats it.
    # Devices draw for the whole batch and take what is their items'.
    keys = [run.recipe.seed, run.step]
    torch.manual_seed(int(np.random.SeedSequence(keys).generate_state(1, np.uint64)[0]))
    optimizer = run.recipe.optimizer
    settings = Settings(
        run.fabric.autocast,
        lambda parameters: average_gradients(run.fabric, parameters),
        optimizer.generator.clip,
        optimizer.discriminator.clip,
        optimizer.weight_clip,
        optimizer.unroll,
    )
    values: dict[str, Tensor] = {}
    adversary = run.discriminator_optimizer
    with whole_batch(run.fabric, len(next(iter(batches[0].views.values())))):
        for index, batch in enumerate(batches):
            # Only the last fakes teach the generators; the others need no graph.
            last = index == len(batches) - 1
            with nullcontext() if last else torch.no_grad():
                cases = predict(run, to_device(batch, run.fabric))
            if adversary and any(case.discriminator is not None for case in cases):
                values |= discriminator_step(cases, adversary, run.step, settings)
            if last:
                learner = run.generator_optimizer
                values |= generator_step(cases, learner, run.step, settings, adversary)
    run.average.update(run.stack, run.step)
    return shared_values(run.fabric, values)


def predict(run: Run, batch: Batch) -> list[Case]:
    """Run the stages that this batch has a truth for; put each that learns before its judges."""
    phase = run.phase_spec
    truths, given = run.stack.truths(batch), fed(run, batch)
    names = needed(run, truths)
    with run.fabric.autocast(), referred(run, names):
        written = run.stack(batch.views, names, given)
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
                shown(run, name, batch, written | (given or {})),
                run.presentations[name],
                run.stack.generator(name),
                run.histories.get(("generator", name)),
                run.histories.get(("discriminator", name)) if adversary else None,
                lambda logits: mean_over_devices(run.fabric, logits),
                stage.objective.compares or mixes(run, name),
            )
        )
    return cases


def needed(run: Run, truths: Mapping[str, Tensor]) -> list[str]:
    """The stages that run in this phase: those with a truth, up to the last one that learns."""
    names = list(run.stack.stages)
    last = max(names.index(name) for name in run.phase_spec.train)
    return [name for name in names[: last + 1] if name in truths]


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
    factor = phase.rate * recipe.schedule.factor(step, phase.steps)
    set_rate(run.generator_optimizer, recipe.optimizer.generator.rate * factor)
    if run.discriminator_optimizer:
        set_rate(run.discriminator_optimizer, recipe.optimizer.discriminator.rate * factor)


def to_device(batch: Batch, fabric: Fabric) -> Batch:
    """The batch on the device, channels last; copies overlap with work where memory is pinned."""
    views = {
        name: view.to(fabric.device, non_blocking=view.is_pinned())
        for name, view in batch.views.items()
    }
    return Batch(views, batch.scale)


def validate(run: Run, validation: Sequence[Pairs], folder: Path, record: Record) -> None:
    """Measure the averaged weights on held-out pictures and keep the best."""
    stack, spec = run.average.module, run.recipe.validation
    protocol = Protocol(run.recipe.degrade.written(spec.degrade), run.recipe.seed)
    predictor = stack_predictor(stack)
    output = output_of_scale(stack, protocol.scale)
    scores = [
        score for pairs in validation for score in evaluate(predictor, pairs, protocol, output)
    ]
    measures = means(scores)
    record.measures(run, measures)
    # Higher is better of every metric but the error.
    score = -measures[spec.metric] if spec.metric == "band_error" else measures[spec.metric]
    if score > run.best:
        run.best = score
        save_best(run, folder, measures)


def save_best(run: Run, folder: Path, measures: Mapping[str, float]) -> None:
    """The averaged weights with their recipe."""
    facts = {"step": run.step, "measures": dict(measures)}
    save_stack(folder / "best.safetensors", run.average.module, run.recipe, facts)
