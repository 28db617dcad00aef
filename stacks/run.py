"""The state of a training run, built from a recipe and put back from a checkpoint."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler

from stacks.checkpoint import (
    STATE,
    CheckpointError,
    count_fact,
    load_optimizer,
    load_weights,
    number_fact,
    optimizer_tensors,
    read,
    with_prefix,
    without_prefix,
    write,
)
from stacks.checks import check_crops, check_discriminators, check_truths, has_compiler
from stacks.determinism import choose_kernels, prepare_devices
from stacks.diversity import Diversity
from stacks.health import Health, chances
from stacks.memory import keep_freed_memory
from stacks.recipe import recipe_hash, recipe_text
from stacks.sight import discriminator_channels, presentation_of
from stacks.spec import PhaseSpec, Recipe
from stacks.stack import Stack
from translate.batches import Batch
from translate.hardware import bf16_pays, laid_out
from translate.layers.growing import Growing
from translate.losses.history import HistoricalAverage
from translate.optim import MovingAverage
from translate.presentation import Presentation


def launch(recipe: Recipe, devices: int = 1, nodes: int = 1) -> Fabric:
    """Fabric on the best device there is, in the recipe's precision."""
    if recipe.deterministic:
        # Networks with spectral normalization multiply when they are built.
        prepare_devices()
    # The precision is said by the run itself.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    fabric = Fabric(accelerator="auto", devices=devices, num_nodes=nodes, precision="32-true")
    wanted, precision = recipe.precision, None
    if wanted == "bf16" or (wanted == "auto" and bf16_pays(fabric.device)):
        precision = "bf16-mixed"
    elif wanted == "fp16" and fabric.device.type == "cuda":
        precision = "16-mixed"
    elif wanted == "fp16":
        print(f"fp16 needs a CUDA GPU; on {fabric.device} training in fp32", file=sys.stderr)
    if precision:
        fabric = Fabric(accelerator="auto", devices=devices, num_nodes=nodes, precision=precision)
    fabric.launch()
    choose_kernels(fabric.device, recipe.deterministic)
    if fabric.device.type == "cpu":
        keep_freed_memory()
    return fabric


@dataclass
class Run:
    """Everything that changes while training.

    Modules are raw: Fabric gives the device, the precision and the collectives, since its wrapped
    modules break ``torch.autograd.grad``.
    """

    recipe: Recipe
    fabric: Fabric
    stack: Stack = field(init=False)
    average: MovingAverage[Stack] = field(init=False)
    discriminators: nn.ModuleDict = field(init=False)
    presentations: dict[str, Presentation] = field(init=False, default_factory=dict)
    """How pictures are presented to the discriminators; they keep pools of fakes."""
    histories: dict[tuple[str, str], HistoricalAverage] = field(init=False, default_factory=dict)
    """Running means of weights by side and stage, where a term asks for them."""
    generator_optimizer: torch.optim.Optimizer = field(init=False)
    discriminator_optimizer: torch.optim.Optimizer | None = field(init=False, default=None)
    reference: Batch | None = None
    """What virtual batch normalization normalizes by."""
    phase: int = 0
    step: int = 0
    """Steps done in the whole run; the data of step n depend on n and the seed alone."""
    best: float = float("-inf")
    stale: int = 0
    """Looks at held-out pictures in this phase since the best one."""
    rollbacks: int = 0
    """How often the run has gone back; each slows it down for good."""
    health: Health = field(init=False)
    diversity: Diversity = field(init=False, default_factory=Diversity)
    lazy_terms: frozenset[str] = field(init=False)
    """Names of the terms that are not due at every step."""
    lazy: dict[str, Tensor] = field(init=False, default_factory=dict)
    """Their last values, in this phase."""
    scaler: GradScaler | None = field(init=False, default=None)
    """Of gradients in fp16."""
    seconds: float = 0.0

    def __post_init__(self) -> None:
        for stage in self.recipe.stage:
            for term in stage.objective.specs("generator").values():
                term.prepare()
        self.lazy_terms = frozenset(
            f"{stage.name}/{term}" for stage in self.recipe.stage for term in stage.objective.lazy
        )
        # Weights are drawn before anything else could draw, so a seed names a start.
        torch.manual_seed(self.recipe.seed)
        device = self.fabric.device
        self.stack = laid_out(Stack(self.recipe).to(device), device)
        discriminators = nn.ModuleDict(
            {
                stage.name: stage.discriminator.build(
                    discriminator_channels(self.stack, stage.name)
                )
                for stage in self.recipe.stage
                if stage.discriminator is not None
            }
        )
        self.discriminators = laid_out(discriminators.to(device), device)
        self.presentations = {
            stage.name: Presentation(
                presentation_of(stage), self.first_step([stage.name], judged=True)
            ).to(device)
            for stage in self.recipe.stage
        }
        self.histories = self.no_histories()
        self.health = Health(self.recipe.health, chances(self.recipe.stage))
        if self.recipe.precision == "fp16" and device.type == "cuda":
            self.scaler = GradScaler(device.type)
        self.average = MovingAverage(self.stack, self.recipe.ema.decay, self.learning_since())
        check_truths(self.recipe, self.stack)
        check_crops(self.recipe, self.stack)
        check_discriminators(self.recipe, self.stack, self.discriminators)
        if self.recipe.compile and has_compiler(self.fabric):
            # In place: the names of the weights, and so checkpoints, stay as they are.
            for stage in self.stack.stages.values():
                if stage.generator is not None:
                    stage.generator.compile()
        if self.recipe.checkpointing:
            self.stack.compute_again()
        self.begin_phase(0)

    def no_histories(self) -> dict[tuple[str, str], HistoricalAverage]:
        """A mean of nothing yet for each side that has a term which remembers."""
        return {
            (side, stage.name): HistoricalAverage()
            for stage in self.recipe.stage
            for side in ("generator", "discriminator")
            if any(term.remembers for term in stage.objective.specs(side).values())
        }

    @property
    def phase_spec(self) -> PhaseSpec:
        """The phase the run is in."""
        return self.recipe.phase[self.phase]

    @property
    def owners(self) -> list[str]:
        """The stages whose generators learn in this phase: one that several use learns from all of
        them, once.
        """
        return list(dict.fromkeys(self.stack.owner(name) for name in self.phase_spec.train))

    @property
    def frozen(self) -> list[str]:
        """How the names of weights begin that do not learn in this phase."""
        owners = self.owners
        return [f"stages.{name}." for name in self.stack.stages if name not in owners]

    def begin_phase(self, index: int) -> None:
        """Freeze what does not learn, and start the optimisers of what does."""
        self.phase, self.stale = index, 0
        self.lazy.clear()
        optimizer = self.recipe.optimizer
        owners = self.owners
        for name, stage in self.stack.stages.items():
            # What does not learn is read without dropout, and nothing in it follows batches.
            stage.requires_grad_(name in owners).train(name in owners)
        learning = [self.stack.stages[name] for name in owners]
        self.generator_optimizer = optimizer.generator.build(
            parameter for stage in learning for parameter in stage.parameters()
        )
        adversaries = self.adversaries()
        self.discriminator_optimizer = (
            optimizer.discriminator.build(
                parameter
                for name in adversaries
                for parameter in self.discriminators[name].parameters()
            )
            if adversaries
            else None
        )
        self.health.begin(self.step, self.weight_norms())

    def goes_on(self) -> bool:
        """Whether a step is left; where the phase is over, the next one begins."""
        while self.step >= self.phase_start(self.phase) + self.phase_spec.steps:
            if self.phase == len(self.recipe.phase) - 1:
                return False
            self.begin_phase(self.phase + 1)
        return True

    def weight_norms(self) -> dict[str, float]:
        """The norm of the weights of each network, which is finite where all of them are."""
        networks = {"generator": self.stack.stages, "discriminator": self.discriminators}
        norms = {
            f"{name}/{side}/weights": nn.utils.get_total_norm(network.parameters())
            for side, stages in networks.items()
            for name, network in stages.items()
        }
        return {name: float(norm) for name, norm in norms.items()}

    def adversaries(self) -> list[str]:
        """Stages that have a discriminator in this phase."""
        if not self.phase_spec.adversarial:
            return []
        return [name for name in self.phase_spec.train if name in self.discriminators]

    @property
    def draws(self) -> int:
        """Batches that a step of this phase takes."""
        return self.recipe.draws(self.phase_spec)

    @property
    def slowed(self) -> float:
        """What the rates are multiplied by after the times that the run went back."""
        return self.recipe.health.slower**self.rollbacks

    def phase_start(self, index: int) -> int:
        """The first step of a phase."""
        return sum(phase.steps for phase in self.recipe.phase[:index])

    def first_step(self, stages: Collection[str], judged: bool = False, depth: int = 1) -> int:
        """The first step that trains one of some stages at a depth or beyond, or the discriminator
        of one.
        """
        starts = (
            self.phase_start(index)
            for index, phase in enumerate(self.recipe.phase)
            if phase.steps
            and (phase.adversarial or not judged)
            # Depth 0 is all levels.
            and (phase.depth or depth) >= depth
            and not set(phase.train).isdisjoint(stages)
        )
        return next(starts, 0)

    def learning_since(self) -> dict[str, int]:
        """The first step that trains weights of the stack, by the beginning of their names; levels
        of growing generators come before the whole stage.
        """
        # A generator learns for every stage that uses it.
        users = {name: set[str]() for name in self.stack.stages}
        for name in users:
            users[self.stack.owner(name)].add(name)
        since: dict[str, int] = {}
        for name, stage in self.stack.stages.items():
            if isinstance(growing := stage.generator, Growing):
                for depth in range(2, growing.depths + 1):
                    first = self.first_step(users[name], depth=depth)
                    begins = growing.joining(depth)
                    since |= {f"stages.{name}.generator.{begin}": first for begin in begins}
            since[f"stages.{name}."] = self.first_step(users[name])
        return since

    def save(self, path: Path) -> None:
        """The full state, as one file that is either the old or the new one."""
        tensors = {
            **with_prefix("stack", self.stack.state_dict()),
            **with_prefix("average", self.average.module.state_dict()),
            **with_prefix("discriminators", self.discriminators.state_dict()),
            **optimizer_tensors("generator_optimizer", self.generator_optimizer),
        }
        if self.discriminator_optimizer:
            tensors |= optimizer_tensors("discriminator_optimizer", self.discriminator_optimizer)
        for name, presentation in self.presentations.items():
            tensors |= with_prefix(f"presentations.{name}", presentation.state_dict())
        for (side, name), history in self.histories.items():
            tensors |= with_prefix(f"history.{side}.{name}", history.state_dict())
        tensors |= with_prefix("diversity", self.diversity.tensors())
        write(path, STATE, tensors, self.facts() | {"recipe": recipe_text(self.recipe)})

    @property
    def judge(self) -> str:
        """What the best weights are the best at: a measure of degraded held-out pictures."""
        spec = self.recipe.validation
        degraded = self.recipe.degrade.written(spec.degrade) or "none"
        held_out = (f"{one.path}[{one.pictures}]/{one.reduce}" for one in spec.folder)
        return f"{spec.metric} at {degraded} of {' + '.join(held_out) or 'none'}"

    def optimizer_kinds(self) -> dict[str, str]:
        """Of both sides, as recipes name them."""
        spec = self.recipe.optimizer
        return {"generator": spec.generator.kind, "discriminator": spec.discriminator.kind}

    def rates(self) -> list[float]:
        """What the recipe asks for, before schedule and rollbacks."""
        spec = self.recipe.optimizer
        return [spec.generator.rate, spec.discriminator.rate, self.phase_spec.rate]

    def facts(self) -> dict[str, Any]:
        """Where the run is."""
        return {
            "phase": self.phase,
            "step": self.step,
            "best": self.best,
            "judge": self.judge,
            "stale": self.stale,
            "rollbacks": self.rollbacks,
            "health": self.health.facts(),
            "lazy": {name: float(value) for name, value in self.lazy.items()},
            "scaler": self.scaler.state_dict() if self.scaler else {},
            "optimizers": self.optimizer_kinds(),
            "rates": self.rates(),
            "seconds": self.seconds,
            "recipe_hash": recipe_hash(self.recipe),
        }

    def restore(self, path: Path) -> None:
        """Go on from a state written by `save`.

        The recipe may differ in what does not shape the networks (steps, rates, weights): that is
        how a run is lengthened.

        Raises:
            CheckpointError: the file is missing or damaged, does not say where the run was, or its
                networks are others.
        """
        checkpoint = read(path, STATE)
        tensors, facts = checkpoint.tensors, checkpoint.facts
        phase, step = (count_fact(facts, name, path) for name in ("phase", "step"))
        best, seconds = (number_fact(facts, name, path) for name in ("best", "seconds"))
        if phase >= len(self.recipe.phase):
            raise CheckpointError(
                f"{path}: was in phase {phase}, but the recipe has {len(self.recipe.phase)}; "
                "resume with the recipe of the run"
            )
        if step < self.phase_start(phase):
            # The schedule of the phase would start before its first step, at rates below zero.
            raise CheckpointError(
                f"{path}: at step {step}, in phase {phase}, which this recipe begins at step "
                f"{self.phase_start(phase)}; lengthen no phase that is over"
            )
        told = facts.get("optimizers")
        for side, kind in self.optimizer_kinds().items():
            # Moments of another kind are of no use to it. Older states do not tell theirs.
            before = told.get(side, kind) if isinstance(told, dict) else kind
            if before != kind:
                raise CheckpointError(
                    f"{path}: was trained with optimizer.{side}.kind = {before!r}, the recipe has "
                    f"{kind!r}; resume with that, or begin anew from its weights with --start"
                )
        self.begin_phase(phase)
        load_weights(self.stack, without_prefix("stack", tensors), path)
        load_weights(self.average.module, without_prefix("average", tensors), path)
        load_weights(self.discriminators, without_prefix("discriminators", tensors), path)
        load_optimizer("generator_optimizer", self.generator_optimizer, tensors)
        if self.discriminator_optimizer:
            load_optimizer("discriminator_optimizer", self.discriminator_optimizer, tensors)
        for name, presentation in self.presentations.items():
            presentation.take_up(without_prefix(f"presentations.{name}", tensors))
        self.histories = self.no_histories()
        for (side, name), history in self.histories.items():
            # A term that came with the resumed recipe starts to remember now.
            if kept := without_prefix(f"history.{side}.{name}", tensors):
                history.load_state_dict(kept)
        self.diversity.restore(without_prefix("diversity", tensors), self.fabric.device)
        self.health.begin(step, self.weight_norms())
        self.health.restore(facts.get("health", {}))
        self.lazy = {name: torch.tensor(value) for name, value in facts.get("lazy", {}).items()}
        if self.scaler and facts.get("scaler"):
            self.scaler.load_state_dict(facts["scaler"])
        # A run from before these were counted has none of them.
        counted = {"stale": 0, "rollbacks": 0} | facts
        self.stale, self.rollbacks = (
            count_fact(counted, name, path) for name in ("stale", "rollbacks")
        )
        if facts.get("rates", self.rates()) != self.rates():
            # Somebody has chosen others: they hold as they are, and may be slowed down again.
            self.rollbacks = 0
        self.step, self.seconds = step, seconds
        # A best by another measure, or at another task, is not comparable.
        if facts.get("judge", self.judge) == self.judge:
            self.best = best
        else:
            self.stale = 0
            self.health.forget_gap()
