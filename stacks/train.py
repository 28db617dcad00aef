"""The training loop: one readable function over phases."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

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
from stacks.data import phase_sampler, training_groups, validation_pairs
from stacks.evaluate import Protocol, evaluate, means, output_of_scale, stack_predictor
from stacks.recipe import recipe_text
from stacks.record import Record
from stacks.run import Run, launch
from stacks.spec import Recipe
from translate.batches import Batch, Prefetch, Sampler
from translate.layers.resampling import upsample
from translate.optim import set_rate
from translate.pairs import DataError, Pairs
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
    if validation:
        # What cannot be measured must not be found out at the first look, hours later.
        output_of_scale(run.stack, Protocol(recipe.validation.degrade).scale)
    if state.exists():
        run.restore(state)
    elif start is not None:
        load_weights(run.stack, load_stack(start).state_dict(), start)
        run.average.module.load_state_dict(run.stack.state_dict())

    # One process speaks and writes for all of them; gradients keep the others in step with it.
    record = None
    if fabric.is_global_zero:
        sweep(folder)
        write_whole(folder / "recipe.toml", recipe_text(recipe).encode())
        record = Record(folder, recipe, run.step, run.seconds)
    with record or nullcontext():
        for index in range(run.phase, len(recipe.phase)):
            if index > run.phase:
                run.begin_phase(index)
            phase, first = recipe.phase[index], run.phase_start(index)
            batches = Prefetch(samplers[index], range(run.step, first + phase.steps))
            started = time.perf_counter()
            for batch in batches:
                set_rates(run, run.step - first)
                values = train_step(run, batch)
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
                if validation and (last or run.step % recipe.validation.every == 0):
                    validate(run, validation, folder, record)
                if last or run.step % recipe.log.samples == 0:
                    record.samples(run, batch)
                if saving:
                    run.seconds = record.seconds()
                    run.save(state)
        if record and (not validation or not (folder / "best.safetensors").exists()):
            save_best(run, folder, {})
    # Nobody goes on to read the weights before they are written.
    fabric.barrier()
    return folder / "best.safetensors"


def share_batches(fabric: Fabric, samplers: Sequence[Sampler]) -> None:
    """Give each device its items of every batch, so that their number changes no batch.

    Raises:
        DataError: a batch does not divide among the devices.
    """
    for sampler in samplers:
        if sampler.batch % fabric.world_size:
            raise DataError(
                f"batch: got {sampler.batch}; must be a multiple of the {fabric.world_size} devices"
            )
        sampler.device, sampler.devices = fabric.global_rank, fabric.world_size


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


def train_step(run: Run, batch: Batch) -> dict[str, Tensor]:
    """One update of the discriminators and one of the generators; returns the terms' values."""
    # Whatever a network draws (noise, dropout) depends on the step alone, so resuming repeats it.
    torch.manual_seed(hash((run.recipe.seed, run.step)) % 2**63)
    batch = to_device(batch, run.fabric)
    settings = Settings(
        run.fabric.autocast,
        lambda parameters: average_gradients(run.fabric, parameters),
        run.recipe.optimizer.generator.clip,
        run.recipe.optimizer.discriminator.clip,
    )
    cases = predict(run, batch)
    values: dict[str, Tensor] = {}
    if run.discriminator_optimizer and any(case.discriminator is not None for case in cases):
        values |= discriminator_step(cases, run.discriminator_optimizer, run.step, settings)
    values |= generator_step(cases, run.generator_optimizer, run.step, settings)
    run.average.update(run.stack, run.step)
    return values


def predict(run: Run, batch: Batch) -> list[Case]:
    """Run the stages that this batch has a truth for; put each that learns before its judges."""
    phase = run.phase_spec
    truths = run.stack.truths(batch)
    fed = None
    if phase.feed == "truth":
        fed = {run.stack.stages[name].spec.writes: truth for name, truth in truths.items()}
    with run.fabric.autocast():
        written = run.stack(batch.views, truths, fed)
    adversaries = run.adversaries()
    cases: list[Case] = []
    for name in phase.train:
        if name not in truths:
            continue
        stage, truth = run.stack.stages[name].spec, truths[name]
        adversary = name in adversaries
        cases.append(
            Case(
                name,
                written[stage.writes],
                truth,
                stage.objective.generator_terms(adversary),
                stage.objective.discriminator_terms(),
                run.discriminators[name] if adversary else None,
                shown(run, name, batch),
            )
        )
    return cases


BAND_GAIN = 4.0
"""What a stack adds is small; enlarged to the range of a picture, the first layer sees it."""


def shown(run: Run, name: str, batch: Batch) -> Callable[[Tensor], Tensor]:
    """What the discriminator of a stage sees of a picture."""
    stage = run.stack.stages[name]
    if stage.spec.sees == "picture":
        return to_network
    base = upsample(batch.views["source"], stage.writes.scale)

    def band(picture: Tensor) -> Tensor:
        return torch.cat([(picture - base) * BAND_GAIN, to_network(base)], dim=1)

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
    cuda = fabric.device.type == "cuda"
    views = {
        name: (view.pin_memory() if cuda else view).to(fabric.device, non_blocking=cuda)
        for name, view in batch.views.items()
    }
    return Batch(views, batch.scale)


def average_gradients(fabric: Fabric, parameters: Sequence[nn.Parameter]) -> None:
    """Mean of the gradients over the devices; nothing to do on one."""
    if fabric.world_size == 1:
        return
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad = fabric.all_reduce(parameter.grad, reduce_op="mean")  # type: ignore


def validate(run: Run, validation: Sequence[Pairs], folder: Path, record: Record) -> None:
    """Measure the averaged weights on held-out pictures and keep the best."""
    stack, spec = run.average.module, run.recipe.validation
    protocol = Protocol(spec.degrade, run.recipe.seed)
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
