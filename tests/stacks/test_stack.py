"""Stages and their fold, with generators whose output can be written down."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from stacks.recipe import parse_recipe
from stacks.stack import Stack
from translate.batches import Batch
from translate.generators.registry import GENERATORS
from translate.tables import TableError


@dataclass(frozen=True)
class LinearSpec:
    """``gain`` times the first channels, enlarged by nearest neighbors, plus the features."""

    gain: float = 1.0
    scale: int = 1
    multiple: int = 1
    features: int = 0

    @property
    def reads_features_at(self) -> int:
        return self.multiple

    hands_features_at = reads_features_at

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        return Linear(self, reads, writes)


class Linear(nn.Module):
    def __init__(self, spec: LinearSpec, reads: int, writes: int) -> None:
        super().__init__()
        self.spec, self.reads, self.writes = spec, reads, writes
        self.gain = nn.Parameter(torch.tensor(spec.gain))

    def forward(self, read: Tensor, features: Tensor | None = None) -> object:
        assert read.shape[1] == self.reads
        made = self.gain * read[:, -1:].expand(-1, self.writes, -1, -1)
        made = made.repeat_interleave(self.spec.scale, 2).repeat_interleave(self.spec.scale, 3)
        if features is not None:
            made = made + features.mean()
        if not self.spec.features:
            return made
        return made, torch.full((len(read), self.spec.features, 1, 1), 8.0)


@pytest.fixture(autouse=True)
def linear() -> Iterator[None]:
    GENERATORS.register("linear")(LinearSpec)
    yield
    del GENERATORS._specs["linear"]


def stack(*stages: str, data: str = "") -> Stack:
    """A stack of inline stage tables, named a, b, c ..."""
    data = (
        data
        or """
    [data]
    layout = "targets"
    views = { target = "rgb" }
    [degrade]
    choices = ["noise:25"]
    """
    )
    tables = "".join(f"[[stage]]\nname = '{'abc'[index]}'\n{text}\n"
                     for index, text in enumerate(stages))  # fmt: skip
    phase = "[[phase]]\ntrain = ['a']\nsteps = 1\n"
    return Stack(parse_recipe(f"name = 'test'\n{data}\n{tables}{phase}"))


PAIRS = "[data]\nviews = { source = 'rgb', depth = 'gray', target = 'rgb' }\n"


def full(value: float, channels: int = 3, side: int = 4, items: int = 1) -> Tensor:
    return torch.full((items, channels, side, side), value)


def test_replace_adds_nothing() -> None:
    written = stack("generator = { kind = 'linear', gain = -1 }")({"source": full(0.75)})
    # 0.75 is 0.5 in [-1, 1]; its negative -0.5 is 0.25 in [0, 1].
    assert torch.equal(written["target"], full(0.25))


def test_add_enlarges_the_base() -> None:
    built = stack("writes = 'x2'\njoin = 'add'\ngenerator = { kind = 'linear', scale = 2 }")
    ramp = torch.tensor([0.25, 0.5]).expand(1, 3, 2, 2)
    written = built({"source": ramp})
    # Bilinear 0.25, 0.3125, 0.4375, 0.5, plus half of 2 x - 1 of the nearest pixel: -0.25 and 0.
    expected = torch.tensor([0.0, 0.0625, 0.4375, 0.5]).expand(1, 3, 4, 4)
    assert torch.allclose(written["x2"], expected)
    assert built.views["x2"].scale == 2


def test_add_keeps_the_first_channels_of_the_base() -> None:
    built = stack(
        "reads = ['source', 'depth']\njoin = 'add'\ngenerator = { kind = 'linear', gain = 0 }",
        data=PAIRS,
    )
    source = torch.rand(2, 3, 4, 4)
    assert torch.equal(built({"source": source, "depth": full(0.5, 1, items=2)})["target"], source)


def test_told_stands_in_for_what_is_generated() -> None:
    built = stack(
        "writes = 'noise_map'\ntruth = 'noise_map'\njoin = 'told'\ngenerator = { kind = 'linear' }"
    )
    assert list(built.inputs) == ["source", "strength"]
    written = built({"source": full(0.75, items=4), "strength": torch.tensor([-1.0, 0, 51, 255])})
    levels = written["noise_map"]
    assert levels.shape == (4, 1, 4, 4)
    assert levels[:, 0, 0, 0].tolist() == pytest.approx([0.75, 0, 0.2, 1])


@pytest.mark.parametrize(("bias", "nothing"), [("true", -1.0), ("false", 0.0)])
def test_without_biases_no_noise_is_nothing(bias: str, nothing: float) -> None:
    unet = (
        f"generator = {{ kind = 'unet', widths = [2, 2], blocks = 1, unfold = 1, bias = {bias} }}"
    )
    built = stack(
        "writes = 'noise_map'\ntruth = 'noise_map'\njoin = 'told'\ngenerator = { kind = 'linear' }",
        f"reads = ['source', 'noise_map']\njoin = 'add'\n{unet}",
    )
    read: list[Tensor] = []
    generator = built.stages["b"].generator
    assert generator is not None
    generator.register_forward_pre_hook(lambda module, given: read.append(given[0]))
    source = full(0.5, items=2)
    made = built({"source": source, "strength": torch.tensor([0.0, 255.0])})["target"]
    # Gray is 0 either way; noise of 255 lies two above none.
    assert (read[0][:, :3] == 0).all()
    assert (read[0][0, 3] == nothing).all()
    assert (read[0][1, 3] == nothing + 2).all()
    if bias == "false":
        # Of a gray picture without noise nothing is left to take away.
        assert torch.equal(made[0], source[0])


def test_views_are_read_in_the_order_of_the_recipe() -> None:
    # The generator looks at the last channel it is given.
    views = {"source": full(0.25), "depth": full(0.75, 1)}
    for reads, expected in (("['source', 'depth']", 0.75), ("['depth', 'source']", 0.25)):
        built = stack(f"reads = {reads}\ngenerator = {{ kind = 'linear' }}", data=PAIRS)
        assert torch.equal(built(views)["target"], full(expected))


def test_smaller_views_are_enlarged_to_the_first_one() -> None:
    built = stack(
        "writes = 'x2'\ngenerator = { kind = 'linear', scale = 2 }",
        "reads = ['x2', 'source']\nwrites = 'again'\ngenerator = { kind = 'linear' }",
    )
    ramp = torch.tensor([0.25, 0.5]).expand(1, 3, 2, 2)
    written = built({"source": ramp})
    expected = torch.tensor([0.25, 0.3125, 0.4375, 0.5]).expand(1, 3, 4, 4)
    assert torch.allclose(written["again"], expected)


def test_features_are_handed_up() -> None:
    built = stack(
        "writes = 'x'\nhands_up = 'f'\ngenerator = { kind = 'linear', features = 5 }",
        "reads = ['x']\nfeatures = 'f'\ngenerator = { kind = 'linear', features = 5 }",
    )
    written = built({"source": full(0.5)})
    assert written["f"].shape == (1, 5, 1, 1)
    assert torch.equal(written["target"], full(4.5)), "(8 + 1) / 2: the features came through"


TWO = (
    "writes = 'layout'\ntruth = 'depth'\ngenerator = { kind = 'linear', gain = -1 }",
    "reads = ['layout']\ngenerator = { kind = 'linear', gain = 1 }",
)


def test_a_stage_reads_what_was_predicted_or_the_truth() -> None:
    built = stack(*TWO, data=PAIRS)
    views = {"source": full(0.75), "depth": full(0.9, 1)}
    predicted = built(views)
    assert torch.equal(predicted["layout"], full(0.25, 1))
    assert torch.equal(predicted["target"], full(0.25))
    taught = built(views, truths={"layout": full(1.0, 1)})
    assert torch.equal(taught["layout"], full(0.25, 1)), "what it made is still judged"
    assert torch.equal(taught["target"], full(1.0))


def test_only_the_asked_stages_run() -> None:
    built = stack(*TWO, data=PAIRS)
    written = built({"source": full(0.75), "depth": full(0.9, 1)}, stages=["a"])
    assert list(written) == ["layout"]


def test_the_truth_by_scale() -> None:
    built = stack(
        "writes = 'same'\ngenerator = { kind = 'linear' }",
        "reads = ['same']\nwrites = 'x2'\ngenerator = { kind = 'linear', scale = 2 }",
        "reads = ['x2']\nwrites = 'x4'\ngenerator = { kind = 'linear', scale = 2 }",
    )
    names = ("source", "target", "down2:target", "down4:target")
    views = {name: full(float(index)) for index, name in enumerate(names)}

    def truth(stage: str, scale: int) -> str | None:
        found = built.truth(stage, Batch(views, scale))
        return None if found is None else names[int(found.mean())]

    assert [truth(stage, 4) for stage in "abc"] == ["down4:target", "down2:target", "target"]
    assert [truth(stage, 2) for stage in "abc"] == ["down2:target", "target", None]
    assert [truth(stage, 1) for stage in "abc"] == ["target", None, None]


def test_a_scale_between_has_no_truth() -> None:
    built = stack("writes = 'x3'\ngenerator = { kind = 'linear', scale = 3 }")
    assert built.truth("a", Batch({"target": full(0.0)}, 4)) is None
    assert built.truth("a", Batch({"target": full(0.0)}, 3)) is not None


def test_the_truth_of_a_smaller_grid_than_the_source() -> None:
    built = stack("reduce = 2\nwrites = 'half'\ngenerator = { kind = 'linear' }")
    # A source of 4x4, whose target is of 8x8 at a scale of two.
    target = torch.arange(64.0).reshape(1, 1, 8, 8).expand(1, 3, -1, -1)
    for scale, side in ((1, 2), (2, 4)):
        found = built.truth("a", Batch({"target": target[..., : 4 * scale, : 4 * scale]}, scale))
        assert found is not None
        assert found.shape == (1, 3, 2, 2)
        assert found[0, 0, 0, 0] == target[0, 0, :side, :side].mean()


def test_a_truth_of_its_own() -> None:
    built = stack(*TWO, data=PAIRS)
    views = {"depth": full(0.5, 1), "target": full(1.0)}
    assert built.truth("a", Batch(views, 1)) is views["depth"]
    assert built.truth("b", Batch(views, 1)) is views["target"]


@pytest.mark.parametrize(
    ("needs", "scales", "multiple"),
    [
        ((1,), (1,), 1),
        ((8,), (1,), 8),
        ((1, 2), (2, 2), 1),  # the second reads twice the source's pixels
        ((4, 8), (2, 1), 4),
        ((2, 3), (1, 1), 6),
        ((1, 2), (3, 1), 2),  # three times an odd number is odd
    ],
)
def test_what_the_source_must_divide_by(
    needs: tuple[int, ...], scales: tuple[int, ...], multiple: int
) -> None:
    stages = [
        f"reads = ['{'source' if not index else f'v{index - 1}'}']\nwrites = 'v{index}'\n"
        f"generator = {{ kind = 'linear', multiple = {need}, scale = {scale} }}"
        for index, (need, scale) in enumerate(zip(needs, scales, strict=True))
    ]
    assert stack(*stages).multiple == multiple


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        (["reads = ['sauce']\ngenerator = { kind = 'linear' }"],
         "stage[0]: stage 'a' reads 'sauce', which no earlier stage writes; known: source"),
        (["reads = ['later']\ngenerator = { kind = 'linear' }",
          "writes = 'later'\ngenerator = { kind = 'linear' }"],
         "stage[0]: stage 'a' reads 'later', which no earlier stage writes"),
        (["features = 'f'\ngenerator = { kind = 'linear' }"], "stage[0]: stage 'a' reads 'f', "),
        (["writes = 'x2'\ngenerator = { kind = 'linear', scale = 2 }",
          "reads = ['source', 'x2']\ngenerator = { kind = 'linear' }"],
         "stage[1]: stage 'b': the first map it reads must be the largest"),
        (["writes = 'x2'\ngenerator = { kind = 'linear', scale = 2 }",
          "writes = 'x3'\ngenerator = { kind = 'linear', scale = 3 }",
          "reads = ['x3', 'x2']\ngenerator = { kind = 'linear' }"],
         "stage[2]: stage 'c': 'x2' of scale 2 does not enlarge to scale 3"),
        (["join = 'told'\ngenerator = { kind = 'linear' }"],
         "stage[0]: stage 'a': a told strength stands for one channel"),
        (["truth = 'depth'\ngenerator = { kind = 'linear' }"],
         "stage[0]: stage truth 'depth' is no picture of the data; known: target"),
        (["hands_up = 'f'\ngenerator = { kind = 'linear' }"],
         "stage[0]: stage 'a': hands_up = 'f', but a generator of kind 'linear' makes no features"),
        (["writes = 'x'\nhands_up = 'f'\ngenerator = { kind = 'linear', features = 2 }",
          "features = 'f'\ngenerator = { kind = 'linear' }"],
         "stage[1]: stage 'b': features = 'f', but a generator of kind 'linear' reads no features"),
        (["writes = 'x2'\nhands_up = 'f'\n"
          "generator = { kind = 'linear', features = 2, scale = 2 }",
          "reads = ['x2']\nfeatures = 'f'\ngenerator = { kind = 'linear', features = 2 }"],
         "stage[1]: stage 'b': the features 'f' lie on a grid of scale 1, the generator's own "),
    ],
)  # fmt: skip
def test_what_does_not_fit_together(stages: list[str], message: str) -> None:
    with pytest.raises(TableError) as error:
        stack(*stages)
    assert str(error.value).startswith(message)


def test_adding_more_channels_than_there_are() -> None:
    with pytest.raises(TableError, match="stage 'a': join = 'add' makes of 'depth'"):
        stack("reads = ['depth']\njoin = 'add'\ngenerator = { kind = 'linear' }", data=PAIRS)


def test_inputs_are_what_is_read_and_no_stage_writes() -> None:
    one = "reads = ['source', 'depth']\nwrites = 'made'\ngenerator = { kind = 'linear' }"
    built = stack(one, data=PAIRS.replace("depth =", "layout = 'gray', depth ="))
    assert list(built.inputs) == ["source", "depth"]
    assert [view.channels for view in built.inputs.values()] == [3, 1]
    built = stack(*TWO, data=PAIRS.replace("depth =", "layout = 'gray', depth ="))
    assert list(built.inputs) == ["source"]
    assert built.views["layout"].channels == 1


def test_gray_targets_make_gray_sources() -> None:
    data = (
        "[data]\nlayout = 'targets'\nviews = { target = 'gray' }\n[degrade]\nchoices = ['noise:5']"
    )
    built = stack("generator = { kind = 'linear' }", data=data)
    assert built.inputs["source"].channels == 1
    assert built({"source": full(0.5, 1)})["target"].shape[1] == 1
