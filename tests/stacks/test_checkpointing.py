"""Recipes with `checkpointing`: the same run to the bit, whatever else they ask for."""

from pathlib import Path

import pytest
import torch
from torch import nn

from stacks.checkpoint import STATE, read
from stacks.recipe import parse_recipe
from stacks.run import Run, launch
from stacks.spec import Recipe
from stacks.train import train
from tests.stacks import kinds
from tests.stacks.tiny import TRANSLATION, super_resolution
from translate.generators import GENERATORS
from translate.generators.level import LevelSpec
from translate.tables import TableError

SPECTRAL = (
    'stage.0.generator={ kind = "pix2pix", channels = 4, depth = 3, norm = "spectral", '
    "dropout = 0.5, blocks = 1 }"
)
CYCLE = """
batch = 2
precision = "fp32"
[data]
size = 16
[[stage]]
name = "there"
generator = { kind = "resnet", channels = 4, downs = 1, blocks = 2, norm = "spectral" }
discriminator = { kind = "patch", channels = 4, layers = 1, norm = "spectral" }
[[stage]]
name = "again"
like = "there"
ships = false
reads = ["target"]
writes = "again"
[[phase]]
train = ["there", "again"]
steps = 3
"""


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders ``source`` and ``target``."""
    return kinds.write_data(tmp_path_factory.mktemp("pairs"))


def translation(root: Path, *changes: str) -> Recipe:
    """One stage, on the pairs beneath ``root``."""
    return parse_recipe(TRANSLATION, [f"data.root={str(root)!r}", *changes])


def learned(recipe: Recipe, folder: Path) -> dict[str, torch.Tensor]:
    """All the tensors of a run's last state: weights, averages, buffers, moments."""
    train(recipe, folder)
    return read(folder / "last" / "state.safetensors", STATE).tensors


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param([], id="plain"),
        pytest.param([SPECTRAL], id="spectral norm and dropout"),
        pytest.param(
            [SPECTRAL, "stage.0.objective.discriminator.wgan_gp=10",
             "optimizer.discriminator_steps=2"], id="penalty"),
        pytest.param([SPECTRAL, "stage.0.discriminator.norm=layer", "optimizer.unroll=2"],
                     id="unrolled"),
        pytest.param([SPECTRAL, "accumulate=2"], id="accumulated"),
        pytest.param([SPECTRAL, "precision=bf16"], id="bf16"),
        pytest.param(
            ['stage.0.generator={ kind = "resnet", channels = 4, blocks = 2, norm = "virtual" }'],
            id="virtual batch norm"),
        pytest.param(
            ['stage.0.generator={ kind = "progressive_unet", size = 16, channels = 4 }',
             "phase=[{ train = ['paint'], steps = 2, depth = 2, fade = 0.5 }, "
             "{ train = ['paint'], steps = 2 }]"], id="growing"),
    ],
)  # fmt: skip
def test_a_run_is_the_same_to_the_bit(pairs: Path, tmp_path: Path, changes: list[str]) -> None:
    plain = learned(translation(pairs, *changes), tmp_path / "plain")
    again = learned(translation(pairs, *changes, "checkpointing=true"), tmp_path / "again")
    assert list(plain) == list(again)
    assert [name for name in plain if not torch.equal(plain[name], again[name])] == []


def test_stages_that_hand_features_up(targets: Path, tmp_path: Path) -> None:
    plain = learned(super_resolution(targets), tmp_path / "plain")
    again = learned(super_resolution(targets, "checkpointing=true"), tmp_path / "again")
    assert [name for name in plain if not torch.equal(plain[name], again[name])] == []


def test_a_generator_that_is_used_twice(pairs: Path, tmp_path: Path) -> None:
    text = f'name = "cycle"\n{CYCLE}'
    states = [
        learned(
            parse_recipe(text, [f"data.root={str(pairs)!r}", f"checkpointing={setting}"]),
            tmp_path / setting,
        )
        for setting in ("false", "true")
    ]
    vectors = [name for name in states[0] if name.endswith("._u")]
    assert any("stages.there.generator" in name for name in vectors)
    assert [name for name in states[0] if not torch.equal(*(s[name] for s in states))] == []


def test_generators_from_noise(tmp_path: Path) -> None:
    root = kinds.write_data(tmp_path / "data") / "classes"
    states = [
        learned(
            kinds.recipe(kinds.DRAW, f"data.root={str(root)!r}", f"checkpointing={setting}"),
            tmp_path / setting,
        )
        for setting in ("false", "true")
    ]
    counts = [name for name in states[0] if name.endswith("num_batches_tracked")]
    assert counts
    assert [name for name in states[0] if not torch.equal(*(s[name] for s in states))] == []


def test_weights_keep_their_names_and_averages_stay_plain(pairs: Path) -> None:
    plain, again = (
        Run(recipe, launch(recipe))
        for recipe in (translation(pairs), translation(pairs, "checkpointing=true"))
    )
    assert list(plain.stack.state_dict()) == list(again.stack.state_dict())

    def changed(network: nn.Module) -> int:
        return sum("forward" in vars(module) for module in network.modules())

    assert changed(again.stack) > 0
    assert changed(plain.stack) == changed(again.average.module) == 0


def test_it_is_not_for_compiled_generators(pairs: Path) -> None:
    with pytest.raises(TableError) as error:
        translation(pairs, "checkpointing=true", "compile=true")
    assert str(error.value).startswith("checkpointing: of compiled generators the compiler says")


def test_a_kind_without_segments_is_refused(pairs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Bare(LevelSpec):
        """As of a plugin."""

        kind = "level"

        def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
            return nn.Conv2d(reads, writes, 1)

    monkeypatch.setitem(GENERATORS._specs, "level", Bare)
    recipe = translation(pairs, 'stage.0.generator={ kind = "level" }', "checkpointing=true")
    with pytest.raises(TableError) as error:
        Run(recipe, launch(recipe))
    assert str(error.value) == (
        "checkpointing: the generator of stage 'paint' is of kind 'level', which names no "
        "segments; give its module a method segments(), or leave checkpointing out"
    )
