"""Cycle consistency: two generators used twice each, held against hand-worked losses."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from stacks.checkpoint import load_stack, save_stack
from stacks.cost import parameters, shipped_parameters
from stacks.data import phase_sampler, training_groups
from stacks.recipe import parse_recipe, recipe_text
from stacks.run import Run, launch
from stacks.spec import Recipe
from stacks.stack import Stack
from stacks.train import predict, train, train_step
from tests.photographs import window, write_pictures
from translate.generators import GENERATORS
from translate.step import Settings, generator_step
from translate.tables import TableError

CYCLE = """
name = "tiny-cycle"
batch = 2
precision = "fp32"

[data]
layout = "unpaired"
size = 16

[[stage]]
name = "there"
writes = "made"
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
discriminator = { kind = "patch", channels = 4, layers = 1, norm = "instance" }
presentation = { pool = 3 }
objective = { adversarial = "lsgan", generator = {} }

[[stage]]
name = "back"
reads = ["target"]
writes = "made_source"
truth = "source"
ships = false
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
discriminator = { kind = "patch", channels = 4, layers = 1, norm = "instance" }
objective = { adversarial = "lsgan", relativistic = "average", generator = {} }

[[stage]]
name = "there-back"
like = "back"
reads = ["made"]
writes = "again"
truth = "source"
objective = { generator = { l1 = 10.0 } }

[[stage]]
name = "back-there"
like = "there"
reads = ["made_source"]
writes = "again_target"
objective = { generator = { l1 = 10.0 } }

[log]
every = 1
samples = 2
checkpoint = 1

[[phase]]
train = ["there", "back", "there-back", "back-there"]
steps = 2
"""
NAMES = ["there", "back", "there-back", "back-there"]
IDENTITY = """
[[stage]]
name = "same"
like = "there"
reads = ["target"]
writes = "same"
objective = { generator = { l1 = 5.0 } }
"""


def two_folders(root: Path) -> Path:
    """Two sources and three targets."""
    for side, name, count in (("A", "coffee", 2), ("B", "chelsea", 3)):
        write_pictures(root / side, {f"{index}.png": window(name, 20, 24, top=9 * index)
                                     for index in range(count)})  # fmt: skip
    return root


def recipe(root: Path = Path("data"), *overrides: str) -> Recipe:
    return parse_recipe(CYCLE, [f"data.root={str(root)!r}", *overrides])


def snapshot(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def test_shared_weights_stand_once() -> None:
    stack = Stack(recipe())
    assert {name.split(".")[1] for name in stack.state_dict()} == {"there", "back"}
    one = parameters(stack.stages["there"])
    assert parameters(stack) == 2 * one
    assert shipped_parameters(stack) == one
    assert stack.generator("back-there") is stack.generator("there")
    assert stack.generator("there-back") is not stack.generator("there")


def test_only_the_way_there_is_run_by_whoever_uses_the_stack() -> None:
    stack = Stack(recipe()).eval()
    assert list(stack.inputs) == ["source"]
    views = {"source": torch.rand(1, 3, 16, 16)}
    assert list(stack(views)) == ["made"]
    both = Stack(recipe(Path("data"), "stage.1.ships=true"))
    assert list(both.inputs) == ["source", "target"]
    assert both.shipped == ["there", "back"]


def test_the_cycle_closes_on_what_was_made() -> None:
    stack = Stack(recipe()).eval()
    views = {name: torch.rand(1, 3, 16, 16) for name in ("source", "target")}
    written = stack(views, NAMES)
    assert list(written) == ["made", "made_source", "again", "again_target"]
    back, forth = stack.stages["back"], stack.stages["there"]
    assert torch.equal(written["again"], back({"target": written["made"]})["made_source"])
    assert torch.equal(written["again_target"], forth({"source": written["made_source"]})["made"])


@dataclass(frozen=True)
class GainSpec:
    """A generator that multiplies by one number, so that losses can be worked out by hand."""

    kind = "gain"
    scale = 1
    multiple = 1
    features = 0

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        return Gain()


class Gain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(1.0))

    def forward(self, picture: Tensor) -> Tensor:
        return picture * self.gain


def test_losses_and_gradients_are_those_of_the_equations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equation 2: with gains g and f, F(G(x)) is f g x, so the term is the mean of |f g - 1| |x|.

    Networks see [-1, 1] and losses [0, 1], half of it.
    """
    monkeypatch.setitem(GENERATORS._specs, "gain", GainSpec)
    spec = recipe(
        two_folders(tmp_path),
        "stage.0.generator={ kind = 'gain' }",
        "stage.1.generator={ kind = 'gain' }",
        "optimizer.generator.kind='adam'",
    )
    run = Run(spec, launch(spec))
    gains = {name: run.stack.get_parameter(f"stages.{name}.generator.gain") for name in NAMES[:2]}
    with torch.no_grad():
        gains["there"].fill_(0.5)
        gains["back"].fill_(0.8)
    batch = phase_sampler(spec, training_groups(spec), spec.phase[0])(0)
    cases = [case for case in predict(run, batch) if case.name in ("there-back", "back-there")]
    sizes = {name: float((2 * batch.views[name] - 1).abs().mean()) for name in ("source", "target")}
    settings = Settings(run.fabric.autocast, lambda parameters: None)
    values = generator_step(cases, run.generator_optimizer, 0, settings)
    assert float(values["there-back/generator/l1"]) == pytest.approx(
        0.3 * sizes["source"], rel=1e-5
    )
    assert float(values["back-there/generator/l1"]) == pytest.approx(
        0.3 * sizes["target"], rel=1e-5
    )
    # Of 10 * 0.5 * (1 - f g) (|x| + |y|): both cycles pull at both gains.
    both = sizes["source"] + sizes["target"]
    for name, slope in (("there", -5 * 0.8), ("back", -5 * 0.5)):
        gradient = gains[name].grad
        assert gradient is not None
        assert float(gradient) == pytest.approx(slope * both, rel=1e-4)


def test_a_step_trains_both_directions_and_both_judges(tmp_path: Path) -> None:
    spec = recipe(two_folders(tmp_path))
    run = Run(spec, launch(spec))
    before = snapshot(run.stack), snapshot(run.discriminators)
    batch = phase_sampler(spec, training_groups(spec), spec.phase[0])(0)
    values = train_step(run, [batch])
    assert {"there/generator/adversarial", "back/generator/adversarial"} <= values.keys()
    moved = {
        name.split(".")[1]
        for name, tensor in run.stack.state_dict().items()
        if not torch.equal(tensor, before[0][name])
    }
    assert moved == {"there", "back"}
    assert set(run.discriminators) == {"there", "back"}
    judges = {
        name.split(".")[0]
        for name, tensor in run.discriminators.state_dict().items()
        if not torch.equal(tensor, before[1][name])
    }
    assert judges == {"there", "back"}
    assert int(run.presentations["there"].kept) == 2, "fakes go to the pool"


def test_a_generator_learns_where_any_of_its_stages_does(tmp_path: Path) -> None:
    spec = recipe(
        two_folders(tmp_path), "phase.0.train=['back-there']", "phase.0.adversarial=false"
    )
    run = Run(spec, launch(spec))
    before = snapshot(run.stack)
    batch = phase_sampler(spec, training_groups(spec), spec.phase[0])(0)
    train_step(run, [batch])
    moved = {
        name.split(".")[1]
        for name, tensor in run.stack.state_dict().items()
        if not torch.equal(tensor, before[name])
    }
    assert moved == {"there"}


def test_a_run_trains_saves_resumes_and_loads(tmp_path: Path) -> None:
    spec = recipe(two_folders(tmp_path / "data"))
    best = train(spec, tmp_path / "run")
    longer = recipe(tmp_path / "data", "phase.0.steps=3")
    train(longer, tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "samples" / "00000002.png").is_file()
    stack = load_stack(best)
    assert stack.shipped == ["there"]
    assert load_stack(best, ["stage.0.ships=false", "stage.1.ships=true"]).shipped == ["back"]
    save_stack(tmp_path / "again.safetensors", stack, stack.recipe, {})
    assert parse_recipe(recipe_text(stack.recipe)) == longer


def test_an_identity_term_is_a_stage(tmp_path: Path) -> None:
    """Section 5.2: G(y) is held against y."""
    spec = parse_recipe(CYCLE.replace("[log]", IDENTITY + "[log]"))
    stack = Stack(spec).eval()
    target = torch.rand(1, 3, 16, 16)
    same = stack({"source": target, "target": target}, ["there", "same"])
    assert torch.equal(same["same"], same["made"])


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["stage.2.like='nobody'"], "stage[2].like: got 'nobody'; expected an earlier stage"),
        (["stage.2.like='back-there'"], "known: there, back"),
        (["stage.2.generator={ kind = 'unet' }"], "stage[2].generator: the stage is like"),
        (["stage.2.like=''"], "stage[2].generator: missing"),
        (["stage.0.ships=false"], "stage: none is left for the file"),
        (
            ["stage.2.like=''", "stage.2.generator={ kind = 'unet' }", "stage.0.ships=false"],
            "stage[2].reads: 'made' is written by stage 'there', which is for training alone",
        ),
        (["stage.0.reads=['target']"], "stage[0].reads: 'target' is what the stage learns to"),
        (["stage.0.objective.generator.l1=1"], "stage[0].objective.generator.l1: pictures of"),
        (["stage.0.sees='pair'"], "stage[0].sees: got 'pair'"),
        (["phase.0.feed='truth'"], "phase[0].feed: got 'truth'; pictures of layout 'unpaired'"),
    ],
)
def test_what_cannot_be_a_cycle_is_refused(overrides: list[str], told: str) -> None:
    with pytest.raises(TableError) as caught:
        recipe(Path("data"), *overrides)
    assert told in str(caught.value)


def test_channels_of_a_generator_used_again_must_fit() -> None:
    spec = recipe(Path("data"), "data.views={ source = 'gray', target = 'rgb' }")
    Stack(spec)
    wrong = CYCLE.replace('reads = ["made"]', 'reads = ["made", "source"]')
    with pytest.raises(TableError, match=r"stage\[2\]: stage 'there-back' reads 6, writes 3"):
        Stack(parse_recipe(wrong))
