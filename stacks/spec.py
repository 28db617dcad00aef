"""What a recipe says, as frozen dataclasses.

`Recipe` is read from TOML by `stacks.recipe`; engineers who prefer Python build the same objects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from stacks.data_spec import DataSpec, DegradeSpec, FolderSpec
from stacks.doubts import doubts
from stacks.health_spec import HealthSpec
from stacks.phase_spec import PhaseSpec
from stacks.stage_spec import StageSpec
from stacks.wiring import (
    check_areas,
    check_colors,
    check_likes,
    check_moves,
    check_ships,
    check_symmetries,
    check_told,
    check_unpaired,
)
from translate.augment import AugmentSpec
from translate.compatibility import Conflict, conflicts
from translate.optim import OptimizerSpec, ScheduleSpec
from translate.tables import TableError, require


@dataclass(frozen=True)
class EmaSpec:
    """Moving average of the generators' weights: what is evaluated and shipped."""

    decay: float = 0.999
    """Share of the average that a step leaves as it is; 0 takes the weights of the last step."""

    def __post_init__(self) -> None:
        require(0 <= self.decay < 1, "decay", self.decay, "0 up to 1")


@dataclass(frozen=True)
class ValidationSpec:
    """Held-out pictures and how often they are looked at."""

    folder: tuple[FolderSpec, ...] = ()
    """Where they are, as in ``[[data.folder]]``; none by default: nothing is held out."""
    degrade: str = ""
    """How their sources are made, as in ``degrade.choices``; the noise is the same at every
    look."""
    metric: Literal["psnr_y", "psnr_rgb", "ssim_y", "band_error"] = "psnr_rgb"
    """By which the best weights are kept; of ``band_error`` the lowest is best."""
    every: int = 1000
    """Steps between two looks; there is one at the end of each phase, too."""
    patience: int = 0
    """Looks in a row, within a phase, none of which beats the best of the run, after which the run
    ends; 0: never. Looks at networks that still grow do not count, nor those of phases in which the
    stage that writes what is measured does not learn."""

    def __post_init__(self) -> None:
        require(self.every >= 1, "every", self.every, "1 or more")
        require(self.patience >= 0, "patience", self.patience, "0 or more")


@dataclass(frozen=True)
class LogSpec:
    """How often a run speaks and saves, in steps; at the end of each phase it does, too."""

    every: int = 50
    """Between two lines of the log."""
    samples: int = 1000
    """Between two sheets of sample pictures, in RUN/samples."""
    checkpoint: int = 500
    """Between two writings of the whole state, from which ``--resume`` goes on."""

    def __post_init__(self) -> None:
        for key in ("every", "samples", "checkpoint"):
            require(getattr(self, key) >= 1, key, getattr(self, key), "1 or more")


@dataclass(frozen=True)
class Recipe:
    """A stack and how it is trained."""

    name: str
    """Of the stack; the exported file tells it."""
    stage: tuple[StageSpec, ...]
    """The stages, in the order in which they read and write."""
    phase: tuple[PhaseSpec, ...]
    """What is trained, in this order."""
    schema: Literal[1] = 1
    """Version of this format."""
    task: Literal["super-resolution", "denoising", "pose", "photo", "translation"] = "translation"
    """Which tab of the app serves the model; `translation` is shown in that of ``photo``."""
    description: str = ""
    """One sentence for those who choose among models."""
    license: str = ""
    """SPDX identifier of the weights' license, which the exported file tells; empty says nothing:
    what its data allow is for its maker to know."""
    seed: int = 0
    """Of all that is drawn in a run: weights, order, crops, noise."""
    batch: int = 16
    """Items a batch over all devices; a phase may have its own."""
    accumulate: int = 1
    """Batches whose gradients are averaged before a step of either side."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Of the networks; losses and weights stay fp32. ``auto`` is bf16 where the processor or the
    GPU computes in it, else fp32; fp16 needs a CUDA GPU, and is fp32 elsewhere."""
    deterministic: bool = False
    """Refuse operations whose result varies from run to run, at some cost in speed."""
    compile: bool = False
    """Compile the generators with torch.compile, where there are a C++ compiler and Python's
    headers."""
    checkpointing: bool = False
    """Generators keep few activations and compute the others again in the backward pass: less
    memory for more time, and the same weights (Chen et al. 2016, arXiv 1604.06174)."""
    force: bool = False
    """Train combinations that the literature reports cannot work; they are warned of."""
    data: DataSpec = field(default_factory=DataSpec)
    """Where the pictures are and how they are read."""
    degrade: DegradeSpec = field(default_factory=DegradeSpec)
    """How sources are made of targets, where there are no pairs."""
    augment: AugmentSpec = field(default_factory=AugmentSpec)
    """The symmetries that the data have."""
    optimizer: OptimizerSpec = field(default_factory=OptimizerSpec)
    """Of both sides, and how often each is updated."""
    schedule: ScheduleSpec = field(default_factory=ScheduleSpec)
    """The rate over a phase."""
    ema: EmaSpec = field(default_factory=EmaSpec)
    """The moving average of the generators' weights."""
    validation: ValidationSpec = field(default_factory=ValidationSpec)
    """What is held out, and how it is measured."""
    health: HealthSpec = field(default_factory=HealthSpec)
    """When a run is called sick, and what is done about it."""
    log: LogSpec = field(default_factory=LogSpec)
    """How often a run speaks and saves."""

    def __post_init__(self) -> None:
        require(self.batch >= 1, "batch", self.batch, "1 or more")
        require(self.accumulate >= 1, "accumulate", self.accumulate, "1 or more")
        require(0 <= self.seed < 2**63, "seed", self.seed, "0 up to 2^63")
        if self.compile and self.checkpointing:
            raise TableError(
                "checkpointing: of compiled generators the compiler says what is kept; set compile "
                "= false, or leave checkpointing out"
            )
        if self.precision == "fp16" and self.optimizer.unroll:
            raise TableError(
                "optimizer.unroll: the gradients of the updates that are looked ahead are not "
                "scaled, and vanish in fp16; take precision bf16 or fp32, or leave unroll out"
            )
        require(bool(self.stage), "stage", [], "one stage or more")
        require(bool(self.phase), "phase", [], "one phase or more")
        if self.degrade.choices and not self.data.alone:
            raise TableError(
                "degrade.choices: sources are made from targets alone: with data.layout 'targets', "
                "or 'shards' without source and class"
            )
        target = self.data.kinds["target"]
        if self.degrade.choices and target.family == "labels":
            raise TableError(
                f"degrade.choices: sources are made from pictures; the target is of kind {target}"
            )
        if self.data.width and (self.degrade.choices or self.points):
            why = "crops that are degraded" if self.degrade.choices else "pictures from noise"
            raise TableError(f"data.width: {why} are squares of data.size; leave it out")
        if self.data.width and self.augment.turn:
            raise TableError("augment.turn: turned pictures of data.width are of another size")
        noisy = any(kind.is_noise for kind in self.data.kinds.values())
        if self.data.alone and not (self.degrade.choices or (noisy and self.points)):
            raise TableError(
                f"degrade.choices: missing; with data.layout {self.data.layout!r} sources are "
                "made, or the stack starts from a view of kind noise:C and has no source"
            )
        if self.degrade.choices and self.validation.folder and not self.validation.degrade:
            raise TableError(
                "validation.degrade: missing; targets that are not degraded have no sources"
            )
        if self.validation.degrade:
            self.degrade.read(self.validation.degrade, "validation.degrade")
        if self.points and self.validation.folder:
            raise TableError(
                "validation.folder: a stack that starts from noise has no source to be held "
                "against a target; leave it out"
            )
        if self.validation.folder and target.family == "labels":
            raise TableError(
                f"validation.folder: {self.validation.metric} is of pictures; the target is of "
                f"kind {target}; leave it out"
            )
        names = [stage.name for stage in self.stage]
        for name in {name for name in names if names.count(name) > 1}:
            raise TableError(f"stage: two stages are called {name!r}")
        for index, stage in enumerate(self.stage):
            for key, value in (("truth", "noise_map"), ("join", "told")):
                if getattr(stage, key) == value and not self.degrade.choices:
                    raise TableError(
                        f"stage[{index}].{key}: {value!r} needs the noise of degrade.choices"
                    )
            self.check_terms(stage, f"stage[{index}]")
        for index, phase in enumerate(self.phase):
            self.check_phase(phase, f"phase[{index}].train")
            self.check_packs(phase, f"phase[{index}].batch" if phase.batch else "batch")
            self.check_crop(phase, f"phase[{index}].size" if phase.size else "data.size")
            self.check_growth(phase, f"phase[{index}]")
        self.check_written()
        check_symmetries(self.data.kinds, self.augment)
        check_likes(self.stage)
        check_areas(self.stage, self.data.kinds)
        check_colors(self.stage, self.data.kinds)
        check_ships(self.stage, made=bool(self.degrade.choices))
        check_moves(self.stage, self.data.fit, self.phase)
        check_told(self.stage, self.data.kinds)
        if self.data.layout == "unpaired":
            check_unpaired(self.stage, self.phase, self.data.kinds)
        for conflict in self.conflicts():
            if conflict.impossible and not self.force:
                raise TableError(f"{conflict}; force = true trains it all the same")

    @property
    def points(self) -> bool:
        """Whether the stack starts from points of noise: no picture is given."""
        pictures = [view for view, kind in self.data.kinds.items() if kind.is_picture]
        return not self.degrade.choices and pictures == ["target"]

    def conflicts(self) -> list[Conflict]:
        """What does not go together, or is known to be fragile, with the reason and the paper."""
        found: list[Conflict] = []
        for index, stage in enumerate(self.stage):
            if stage.discriminator is not None and any(
                phase.adversarial and phase.steps and stage.name in phase.train
                for phase in self.phase
            ):
                found += conflicts(
                    stage.objective, stage.discriminator, self.optimizer, f"stage[{index}]"
                )
        return [*found, *doubts(self)]

    def check_terms(self, stage: StageSpec, path: str) -> None:
        """Terms of labels are for stages that write labels, those of draws for readers of noise."""
        kinds = self.data.kinds
        labels = stage.truth in kinds and kinds[stage.truth].family == "labels"
        noise = any(view in kinds and kinds[view].is_noise for view in stage.reads)
        for name, term in stage.objective.specs("generator").items():
            if term.labels and not labels:
                raise TableError(
                    f"{path}.objective.generator.{name}: is of labels; the stage's truth, "
                    f"{stage.truth!r}, holds none"
                )
            if term.redraws and not noise:
                raise TableError(
                    f"{path}.objective.generator.{name}: holds draws of noise apart, and the stage "
                    f"reads none; let it read a view of kind noise:C ({path}.reads, data.views)"
                )

    def check_crop(self, phase: PhaseSpec, path: str) -> None:
        """Crops reduce by whole factors."""
        size = phase.size or self.data.size
        for choice in self.degrade.degradations:
            if size % choice.scale:
                raise TableError(
                    f"{path}: got {size}; must be a multiple of {choice.scale} for the degradation "
                    f"{choice.text!r}"
                )
        scale = self.data.scale
        require(size % scale == 0, path, size, f"a multiple of data.scale {scale}")

    def check_growth(self, phase: PhaseSpec, path: str) -> None:
        """Where a phase sets depth or fading, a network grows; both sides grow alike."""
        levels: set[int] = set()
        own = {stage.name: stage.generator for stage in self.stage}
        for stage in self.stage:
            if stage.name not in phase.train:
                continue
            sides = (own.get(stage.like or stage.name), stage.discriminator)
            made, judging = (getattr(side, "depths", 0) for side in sides)
            grows = 0 < phase.depth < made or phase.fade > 0
            if made and grows and stage.join in ("add", "inside", "move"):
                raise TableError(
                    f"{path}: stage {stage.name!r} with join = {stage.join!r} writes detail of "
                    "what it reads, which a network below its full depth, or fading in, cannot "
                    "show; use 'replace', or leave depth and fade out"
                )
            if made and judging and made != judging:
                raise TableError(
                    f"stage {stage.name!r}: the generator grows over {made} levels, the "
                    f"discriminator over {judging}; give both the same size"
                )
            levels |= {made, judging} - {0}
        if not levels and (phase.depth or phase.fade):
            key = "depth" if phase.depth else "fade"
            raise TableError(
                f"{path}.{key}: no network of the stages that learn grows; kinds that do: "
                "progressive, progressive_unet"
            )
        if phase.depth and phase.depth > min(levels):
            raise TableError(f"{path}.depth: got {phase.depth}; allowed: 0 to {min(levels)}")

    def check_written(self) -> None:
        """Each view is written by one stage, and none is what the caller brings."""
        written: dict[str, str] = {"source": "the caller", "strength": "the caller"}
        for index, stage in enumerate(self.stage):
            for key in ("writes", "hands_up"):
                if not (view := getattr(stage, key)):
                    continue
                if view in written:
                    raise TableError(
                        f"stage[{index}].{key}: {view!r} is brought by {written[view]} already; "
                        "choose another name"
                    )
                written[view] = f"stage {stage.name!r}"

    def check_packs(self, phase: PhaseSpec, path: str) -> None:
        """Batches divide into the packs that are judged together."""
        for name, together in self.packs(phase).items():
            require(
                (phase.batch or self.batch) % together == 0,
                path,
                phase.batch or self.batch,
                f"a multiple of the {together} pictures that stage {name!r} packs",
            )

    def draws(self, phase: PhaseSpec) -> int:
        """Batches that a step of a phase takes."""
        return (self.optimizer.discriminator_steps if self.plays(phase) else 1) * self.accumulate

    def plays(self, phase: PhaseSpec) -> bool:
        """Whether a discriminator learns in a phase."""
        return phase.adversarial and any(
            stage.discriminator is not None and stage.name in phase.train for stage in self.stage
        )

    def packs(self, phase: PhaseSpec) -> dict[str, int]:
        """How many pictures are judged together in a phase, by stage."""
        return {
            stage.name: stage.presentation.pack
            for stage in self.stage
            if phase.adversarial and stage.name in phase.train
        }

    def check_phase(self, phase: PhaseSpec, path: str) -> None:
        """The stages that learn are there, once, and something judges them."""
        stages = {stage.name: stage for stage in self.stage}
        for name in phase.train:
            if name not in stages:
                raise TableError(f"{path}: unknown stage {name!r}; known: {', '.join(stages)}")
            if phase.train.count(name) > 1:
                raise TableError(f"{path}: {name!r} stands twice")
        # One is enough: its gradients reach the stages before it.
        if not any(judged(stages[name], phase) for name in phase.train):
            given = ", ".join(repr(name) for name in phase.train)
            raise TableError(
                f"{path}: nothing judges {given}; give a stage an objective above 0, or a "
                f"discriminator in an adversarial phase"
            )


def judged(stage: StageSpec, phase: PhaseSpec) -> bool:
    """Whether any term of a stage's objective counts in a phase."""
    adversarial = phase.adversarial and stage.discriminator is not None
    return bool(stage.objective.generator_terms(adversarial))
