"""The state of a training run, built from a recipe and put back from a checkpoint."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric
from torch import nn

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
from stacks.recipe import recipe_hash, recipe_text
from stacks.spec import PhaseSpec, Recipe, StageSpec
from stacks.stack import Stack
from translate.batches import Batch
from translate.losses.history import HistoricalAverage
from translate.optim import MovingAverage
from translate.presentation import Presentation, PresentationSpec
from translate.tables import TableError

Network = TypeVar("Network", bound=nn.Module)


def bf16_pays(device: torch.device) -> bool:
    """Whether the hardware multiplies in bf16; elsewhere it would be emulated, and slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def launch(recipe: Recipe, devices: int = 1, nodes: int = 1) -> Fabric:
    """Fabric on the best device there is, in the recipe's precision."""
    fabric = Fabric(accelerator="auto", devices=devices, num_nodes=nodes, precision="32-true")
    wanted = recipe.precision
    if wanted == "bf16" or (wanted == "auto" and bf16_pays(fabric.device)):
        fabric = Fabric(
            accelerator="auto", devices=devices, num_nodes=nodes, precision="bf16-mixed"
        )
    fabric.launch()
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
    seconds: float = 0.0

    def __post_init__(self) -> None:
        for stage in self.recipe.stage:
            for term in stage.objective.specs("generator").values():
                term.prepare()
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
            stage.name: Presentation(presentation_of(stage)).to(device)
            for stage in self.recipe.stage
        }
        self.histories = {
            (side, stage.name): HistoricalAverage()
            for stage in self.recipe.stage
            for side in ("generator", "discriminator")
            if any(term.remembers for term in stage.objective.specs(side).values())
        }
        self.average = MovingAverage(self.stack, self.recipe.ema.decay)
        self.check_truths()
        self.check_crops()
        if self.recipe.compile and self.has_compiler():
            # In place: the names of the weights, and so checkpoints, stay as they are.
            for stage in self.stack.stages.values():
                if stage.generator is not None:
                    stage.generator.compile()
        self.begin_phase(0)

    @property
    def phase_spec(self) -> PhaseSpec:
        """The phase the run is in."""
        return self.recipe.phase[self.phase]

    def begin_phase(self, index: int) -> None:
        """Freeze what does not learn, and start the optimisers of what does."""
        self.phase = index
        phase, optimizer = self.phase_spec, self.recipe.optimizer
        # A generator that several of the stages use learns from all of them, once.
        owners = dict.fromkeys(self.stack.owner(name) for name in phase.train)
        for name, stage in self.stack.stages.items():
            stage.requires_grad_(name in owners)
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

    def check_truths(self) -> None:
        """Every stage that learns has a truth in some batches.

        Raises:
            TableError: a stage enlarges by a factor that no degradation reduces by.
        """
        scales = self.scales()
        for index, phase in enumerate(self.recipe.phase):
            for name in phase.train:
                stage = self.stack.stages[name]
                own = stage.writes.scale
                if stage.spec.truth == "target" and all(scale % own for scale in scales):
                    given = ", ".join(str(scale) for scale in scales)
                    raise TableError(
                        f"phase[{index}].train: stage {name!r} enlarges the source by {own}, but "
                        f"sources are reduced by {given} only, so it has no truth to learn from"
                    )

    def scales(self) -> list[int]:
        """Target pixels on one of the source, along one side, of the batches there are."""
        if self.recipe.points:
            return [self.recipe.data.size]
        return sorted({choice.scale for choice in self.recipe.degrade.degradations} or {1})

    def check_crops(self) -> None:
        """The networks take the crops of every phase.

        Raises:
            TableError: a crop, reduced, does not divide by what the stack needs.
        """
        needed = self.stack.multiple * max(self.scales())
        for index, phase in enumerate(self.recipe.phase):
            key = f"phase[{index}].size" if phase.size else "data.size"
            size = phase.size or self.recipe.data.size
            if size % needed:
                raise TableError(
                    f"{key}: got {size}; the networks of this stack need a multiple of {needed}"
                )

    def has_compiler(self) -> bool:
        """Whether torch.compile has what it needs; where not, a line says so and speed is lost."""
        compilers = (os.environ.get("CXX"), "g++", "clang++", "cl")
        headers = Path(sysconfig.get_path("include"), "Python.h")
        if headers.is_file() and any(shutil.which(name) for name in compilers if name):
            return True
        if self.fabric.is_global_zero:
            print(
                "not compiled, so slower: torch.compile needs a C++ compiler and Python's headers "
                "(on Debian: apt-get install g++ python3-dev)",
                file=sys.stderr,
            )
        return False

    def adversaries(self) -> list[str]:
        """Stages that have a discriminator in this phase."""
        if not self.phase_spec.adversarial:
            return []
        return [name for name in self.phase_spec.train if name in self.discriminators]

    @property
    def draws(self) -> int:
        """Batches that a step of this phase takes."""
        return self.recipe.optimizer.discriminator_steps if self.adversaries() else 1

    def phase_start(self, index: int) -> int:
        """The first step of a phase."""
        return sum(phase.steps for phase in self.recipe.phase[:index])

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
        write(path, STATE, tensors, self.facts() | {"recipe": recipe_text(self.recipe)})

    @property
    def judge(self) -> str:
        """What the best weights are the best at."""
        return f"{self.recipe.validation.metric} at {self.recipe.validation.degrade or 'none'}"

    def facts(self) -> dict[str, Any]:
        """Where the run is."""
        return {
            "phase": self.phase,
            "step": self.step,
            "best": self.best,
            "judge": self.judge,
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
        self.begin_phase(phase)
        load_weights(self.stack, without_prefix("stack", tensors), path)
        load_weights(self.average.module, without_prefix("average", tensors), path)
        load_weights(self.discriminators, without_prefix("discriminators", tensors), path)
        load_optimizer("generator_optimizer", self.generator_optimizer, tensors)
        if self.discriminator_optimizer:
            load_optimizer("discriminator_optimizer", self.discriminator_optimizer, tensors)
        for name, presentation in self.presentations.items():
            presentation.take_up(without_prefix(f"presentations.{name}", tensors))
        for (side, name), history in self.histories.items():
            # A term that came with the resumed recipe starts to remember now.
            if kept := without_prefix(f"history.{side}.{name}", tensors):
                history.load_state_dict(kept)
        self.step, self.seconds = step, seconds
        # A best by another measure, or at another task, is not comparable.
        if facts.get("judge", self.judge) == self.judge:
            self.best = best


def presentation_of(stage: StageSpec) -> PresentationSpec:
    """How a stage's pictures are presented.

    A discriminator that looks at how much a batch varies is shown real and fake apart, or each
    would tell on the other (Salimans et al. 2016, section 3.2).
    """
    diverse = getattr(stage.discriminator, "diversity", "none") != "none"
    return replace(stage.presentation, apart=stage.presentation.apart or diverse)


def laid_out(module: Network, device: torch.device) -> Network:
    """The module with its kernels channels last in memory, where convolutions prefer that.

    Pictures are channels last everywhere. On the CPU the convolutions bring kernels into an order
    of their own, and the fused optimizer copies those that do not lie in the default one.
    """
    if device.type == "cpu":
        return module
    # The stubs of `to` know this form for tensors alone.
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def discriminator_channels(stack: Stack, name: str) -> int:
    """Channels that the discriminator of a stage is shown: the picture and its condition.

    Raises:
        TableError: the band is of a picture that has other channels than what it is added to, or
            there is no condition.
    """
    stage = stack.stages[name]
    together = stage.spec.presentation.pack
    channels = stage.writes.channels
    if stage.spec.sees == "picture":
        return channels * together
    if stage.spec.sees == "pair":
        read = sum(stage.kinds[view].channels for view in stage.conditions)
        if not read:
            raise TableError(
                f"stage {name!r}: sees = 'pair', but it reads noise alone, which is no condition"
            )
        return (channels + read) * together
    base = stack.views[band_base(stack, name)]
    if base.kind.family not in ("rgb", "gray"):
        raise TableError(
            f"stage {name!r}: sees = 'band' is what was added to a picture, but "
            f"{band_base(stack, name)!r} is {base.kind}; use sees = 'pair'"
        )
    if channels != base.channels:
        raise TableError(
            f"stage {name!r}: sees = 'band' is what was added to the picture before, but a picture "
            f"of {channels} channels is written and that has {base.channels}"
        )
    classes = sum(stage.kinds[view].channels for view in stage.classes)
    return (channels + base.channels + classes) * together


def band_base(stack: Stack, name: str) -> str:
    """The view that a band was added to: the source, or in a stack from noise what is read."""
    return "source" if "source" in stack.inputs else stack.stages[name].spec.reads[0]
