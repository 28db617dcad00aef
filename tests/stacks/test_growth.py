"""Phases that set depth and fading: what grows, when, and that nothing of it ships."""

from pathlib import Path

import onnx
import pytest
import torch
from torch import Tensor

import stacks.validation
from export.convert import export_stack
from stacks.checkpoint import STATE, WEIGHTS, read
from stacks.data import phase_sampler, training_groups
from stacks.evaluate import Score
from stacks.growth import as_grown, grow
from stacks.recipe import parse_recipe
from stacks.run import Run, launch
from stacks.spec import PhaseSpec, Recipe
from stacks.train import predict, train
from tests.stacks import tiny
from tests.stacks.test_resume import different, run_until, state
from translate.discriminators import Verdict
from translate.layers.growing import Growing
from translate.objective import ObjectiveSpec, total
from translate.step import Case, judged
from translate.tables import TableError

GROWING = """
name = "tiny-growing"
batch = 2
precision = "fp32"

[data]
layout = "targets"
views = { noise = "noise:5", target = "rgb" }
size = 16
fit = "resize"

[[stage]]
name = "grow"
reads = ["noise"]
generator = { kind = "progressive", size = 16, channels = 6 }
discriminator = { kind = "progressive", size = 16, channels = 6 }
objective = { adversarial = "wasserstein", generator = {}, discriminator = { wgan_gp = 10 } }

[log]
every = 1
samples = 1
checkpoint = 2

[[phase]]
train = ["grow"]
steps = 2
depth = 1

[[phase]]
train = ["grow"]
steps = 4
depth = 2
fade = 0.5

[[phase]]
train = ["grow"]
steps = 2
fade = 0.5
"""


def growing(targets: Path, *overrides: str) -> Recipe:
    return parse_recipe(GROWING, [f"data.root={str(targets)!r}", *overrides])


def test_fading_follows_a_line() -> None:
    phase = PhaseSpec(train=("grow",), steps=200, depth=2, fade=0.5)
    assert [phase.alpha(step) for step in (0, 25, 50, 100, 199)] == [0, 0.25, 0.5, 1, 1]
    assert PhaseSpec(train=("grow",), steps=200, depth=2).alpha(0) == 1
    assert PhaseSpec(train=("grow",), steps=0, fade=1).alpha(0) == 1


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["phase.0.depth=4"], "phase[0].depth: got 4; allowed: 0 to 3"),
        (["phase.0.depth=-1"], "phase[0].depth: got -1; allowed: 0 or more"),
        (["phase.0.fade=0.5"], "phase[0].fade: got 0.5; allowed: 0 at depth 1"),
        (["phase.1.fade=1.5"], "phase[1].fade: got 1.5; allowed: 0 to 1"),
        (
            ["stage.0.discriminator.size=32"],
            "stage 'grow': the generator grows over 3 levels, the discriminator over 4; give both",
        ),
        (
            ["stage.0.generator={kind='dcgan'}", "stage.0.discriminator={kind='dcgan'}"],
            "phase[0].depth: no network of the stages that learn grows; kinds that do: progressive",
        ),
        (
            ["stage.0.join='add'"],
            "phase[0]: stage 'grow' with join = 'add' writes detail of what",
        ),
    ],
)
def test_growth_that_cannot_be(targets: Path, overrides: list[str], message: str) -> None:
    with pytest.raises(TableError) as error:
        growing(targets, *overrides)
    assert str(error.value).startswith(message)


def test_every_network_of_a_stage_is_at_the_depth_of_the_phase(targets: Path) -> None:
    run = Run(recipe := growing(targets), launch(growing(targets)))
    run.begin_phase(1)
    grow(run, 1)
    networks: list[Growing] = [
        module
        for root in (run.stack, run.average.module, run.discriminators)
        for module in root.modules()
        if isinstance(module, Growing)
    ]
    assert [(one.depth, one.fading, float(one.alpha)) for one in networks] == [(2, True, 0.5)] * 3
    batch = phase_sampler(recipe, training_groups(recipe), recipe.phase[1])(0)
    [case] = predict(run, batch)
    # Squares of 2x2 on both sides: neither is told from the other by what it could not show.
    for picture in (case.fake, case.truth):
        assert picture.shape == (2, 3, 16, 16)
        assert torch.equal(picture[..., ::2, ::2], picture[..., 1::2, 1::2])
    assert not torch.equal(case.truth, batch.views["target"])
    run.begin_phase(2)
    grow(run, 1)
    [case] = predict(run, batch)
    assert torch.equal(case.truth, batch.views["target"])


def test_a_stage_that_is_like_another_grows_its_generator(targets: Path) -> None:
    """A circle of two generators; the third stage is the second one again."""
    text = GROWING.replace('views = { noise = "noise:5", target = "rgb" }', "").split("[[stage]]")[
        0
    ]
    stage = """
[[stage]]
name = "{name}"
reads = ["{reads}"]
writes = "{writes}"
truth = "target"
"""
    network = """
generator = {{ kind = "progressive_unet", size = 16, channels = 6 }}
discriminator = {{ kind = "progressive", size = 16, channels = 6 }}
objective = {{ adversarial = "lsgan", generator = {{ l1 = 1 }} }}
"""
    text += "".join(
        [
            stage.format(name="there", reads="source", writes="there") + network.format(),
            stage.format(name="back", reads="there", writes="back") + network.format(),
            stage.format(name="again", reads="source", writes="target")
            + 'like = "back"\nobjective = { generator = { l1 = 1 } }\n',
        ]
    )
    text += '[[phase]]\ntrain = ["there", "again"]\nsteps = 2\ndepth = 1\n'
    recipe = parse_recipe(text, [f"data.root={str(targets)!r}", "degrade.choices=['noise:5']"])
    run = Run(recipe, launch(recipe))
    run.begin_phase(0)
    grow(run, 0)
    depths = [run.stack.generator(name).depth for name in ("there", "back", "again")]
    assert depths == [1, 1, 1]
    assert [run.discriminators[name].depth for name in ("there", "back")] == [1, 3]
    truth = torch.rand(1, 3, 16, 16)
    shown = as_grown(run, "again", truth)
    # One color for each of the 4x4 that depth 1 can show.
    assert torch.equal(shown[..., ::4, ::4], shown[..., 3::4, 3::4])
    assert torch.allclose(shown.mean(dim=(2, 3)), truth.mean(dim=(2, 3)), atol=1e-6)


class Sloped(Growing):
    """Says of a picture what slope its pixels have at the depth it works at."""

    def forward(self, picture: Tensor) -> Verdict:
        return Verdict(((0.5 * self.reduced(picture)).sum(dim=(1, 2, 3))[:, None],), ())


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_gradients_are_held_at_the_pixels_of_the_depth(depth: int) -> None:
    """As if pictures of that size came in: slope 0.5 at each of their numbers."""
    critic = Sloped(3)
    critic.grow(depth)
    objective = ObjectiveSpec(
        "wasserstein", generator={}, discriminator={"r1": 1.0, "wgan_gp": {"norm": 0.0}}
    )
    case = Case(
        "grow",
        fake=critic.at_depth(torch.rand(2, 3, 16, 16)),
        truth=critic.at_depth(torch.rand(2, 3, 16, 16)),
        generator_terms=[],
        discriminator_terms=objective.discriminator_terms(),
        discriminator=critic,
    )
    context = judged(case, critic, case.fake, 0)
    values = total(case.discriminator_terms, context, 0)[1]
    # Pictures come in on [0, 1]; on [-1, 1], where the slope is held, it is half.
    expected = 3 * (2 ** (depth + 1)) ** 2 * 0.25**2
    assert float(values["r1"]) == pytest.approx(expected / 2)
    assert float(values["wgan_gp"]) == pytest.approx(expected)


def test_outer_levels_wait_for_their_phase(targets: Path, tmp_path: Path) -> None:
    recipe = growing(targets)
    start = Run(recipe, launch(recipe)).stack.state_dict()
    train(growing(targets, "phase.1.steps=0", "phase.2.steps=0"), tmp_path)
    after = read(tmp_path / "last" / "state.safetensors", STATE).tensors
    moved = {name for name, value in start.items() if not after[f"stack.{name}"].equal(value)}
    assert {tuple(name.split(".")[3:5]) for name in moved} == {("levels", "0"), ("pictures", "0")}


@pytest.mark.parametrize("term", ["weight_l2", "history"])
def test_terms_of_the_weights_leave_later_levels_alone(
    targets: Path, tmp_path: Path, term: str
) -> None:
    recipe = growing(
        targets, "phase.1.steps=0", "phase.2.steps=0",
        f"stage.0.objective.discriminator.{term}=1e-4",
        "optimizer.discriminator={ kind='adamw', rate=1e-2, weight_decay=0.1 }",
    )  # fmt: skip
    run = Run(recipe, launch(recipe))
    start = {name: weight.clone() for name, weight in run.discriminators.named_parameters()}
    train(recipe, tmp_path)
    after = read(tmp_path / "last" / "state.safetensors", STATE).tensors
    later = (".levels.1.", ".levels.2.", ".enter.1.", ".enter.2.")
    waiting = {name for name in start if any(part in name for part in later)}
    assert len(waiting) >= 4
    moved = {name for name in start if not after[f"discriminators.{name}"].equal(start[name])}
    assert moved
    assert not moved & waiting


def level_of(name: str) -> int:
    """Which level a weight of the generator is of; pictures leave each level by layers of its own,
    at the same place in their list.
    """
    return int(name.removeprefix("stages.grow.generator.").split(".")[1])


def test_the_average_of_a_level_begins_where_it_joins(targets: Path) -> None:
    recipe = growing(targets, "ema.decay=0.999", "stage.0.generator.norm=none", "phase.0.steps=20")
    run = Run(recipe, launch(recipe))
    start = {name: weight.clone() for name, weight in run.average.module.named_parameters()}
    with torch.no_grad():
        for weight in run.stack.parameters():
            weight += 1
    # The first step of the second phase. A memory of n steps keeps (1 + n) / (10 + n) of what was;
    # that of the innermost level is 20 steps old, that of the next one new; the third one waits.
    run.average.update(run.stack, 20)
    moved = [1 - 21 / 30, 1 - 1 / 10, 0.0]
    for name, weight in run.average.module.named_parameters():
        expected = start[name] + moved[level_of(name)]
        torch.testing.assert_close(weight, expected, msg=name)


# Checkpoints stand at steps 2, 4 and 6; the second of them in the middle of fading.
@pytest.mark.parametrize("step", [3, 5])
def test_a_resumed_run_fades_on(
    targets: Path, tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = growing(targets, "phase.1.fade=1.0")
    train(recipe, tmp_path / "whole")
    run_until(recipe, tmp_path / "parts", step, monkeypatch)
    train(recipe, tmp_path / "parts", resume=True)
    assert different(state(tmp_path / "whole"), state(tmp_path / "parts")) == []


def test_what_ships_is_whole(targets: Path, tmp_path: Path) -> None:
    best = train(growing(targets, "phase.2.steps=0", "phase.1.fade=1.0"), tmp_path / "run")
    exported = export_stack(best, tmp_path / "grown.onnx")
    assert exported.difference < 1e-4
    graph = onnx.load(exported.path).graph
    # 4x4 is doubled twice, nothing is enlarged by repetition beyond that; no picture but the last.
    resized = [node for node in graph.node if node.op_type == "Resize"]
    pointwise = [one for one in graph.initializer if list(one.dims[:1] + one.dims[2:]) == [3, 1, 1]]
    assert (len(resized), len(pointwise)) == (2, 1)
    assert not any("alpha" in tensor.name for tensor in graph.initializer)


def test_a_stage_that_reads_pictures_grows_too(targets: Path, tmp_path: Path) -> None:
    table = "{kind='progressive_unet', size=8, channels=6}"
    folders = [tmp_path / "pairs" / view for view in ("source", "target")]
    for folder in folders:
        tiny.write_targets(folder)
    recipe = parse_recipe(
        tiny.TRANSLATION,
        [
            f"data.root={str(tmp_path / 'pairs')!r}",
            f"stage.0.generator={table}",
            "phase.0.depth=2",
            "phase.0.fade=0.5",
        ],
    )
    exported = export_stack(train(recipe, tmp_path / "run"), tmp_path / "unet.onnx")
    assert exported.manifest.size_multiple == 2


def test_the_best_weights_are_full_grown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for view in ("source", "target"):
        tiny.write_targets(tmp_path / "pairs" / view)
    given = [
        f"data.root={str(tmp_path / 'pairs')!r}", "validation.every=1", "validation.patience=2",
        "validation.folder=[{ pictures = '-1:' }]", "health.pictures=0",
        "stage.0.generator={ kind='progressive_unet', size=8, channels=6 }",
        "phase=[{ train=['paint'], steps=3, depth=1 }, { train=['paint'], steps=5, fade=0.5 }]",
    ]  # fmt: skip
    falling = iter([29.0, 28.0, 27.0, 26.0, 25.0, 24.0, 23.0, 22.0])

    def evaluate(*_: object) -> list[Score]:
        return [Score("one", {"psnr_rgb": next(falling)}, 0.1)]

    monkeypatch.setattr(stacks.validation, "evaluate", evaluate)
    best = train(parse_recipe(tiny.TRANSLATION, given), tmp_path / "run")
    # Of five steps the first 2.5 fade: after steps 4, 5 and 6 the outer level is not whole yet.
    facts = read(best, WEIGHTS).facts
    assert (facts["step"], facts["measures"]["psnr_rgb"]) == (7, 23.0)
    after = read(tmp_path / "run" / "last" / "state.safetensors", STATE).facts
    assert (after["step"], after["best"], after["stale"]) == (8, 23.0, 1)
