"""Labels, classes and noise between stages, with generators that pass on what they are shown."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from stacks.recipe import parse_recipe
from stacks.sight import discriminator_channels
from stacks.stack import Stack
from tests.stacks import kinds
from translate.batches import Batch
from translate.generators.registry import GENERATORS
from translate.tables import TableError


@dataclass(frozen=True)
class PickSpec:
    """The channels from ``first`` on of what is read, enlarged by nearest neighbors."""

    first: int = 0
    scale: int = 1
    multiple: int = 1
    features: int = 0

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        return Pick(self, reads, writes)


class Pick(nn.Module):
    def __init__(self, spec: PickSpec, reads: int, writes: int) -> None:
        super().__init__()
        self.spec, self.reads, self.writes = spec, reads, writes

    def forward(self, read: Tensor) -> Tensor:
        assert read.shape[1] == self.reads
        made = read[:, self.spec.first : self.spec.first + self.writes]
        return made.repeat_interleave(self.spec.scale, 2).repeat_interleave(self.spec.scale, 3)


@pytest.fixture(autouse=True)
def pick() -> Iterator[None]:
    GENERATORS.register("pick")(PickSpec)
    yield
    del GENERATORS._specs["pick"]


PHOTO = "source = 'rgb', layout = 'labels:2', mood = 'class:3', noise = 'noise:3', "


def stack(*stages: str, views: str = PHOTO, target: str = "rgb") -> Stack:
    """A stack of inline stage tables, named a, b ... on a table of these views."""
    tables = "".join(f"[[stage]]\nname = '{'abc'[index]}'\n{text}\n"
                     for index, text in enumerate(stages))  # fmt: skip
    data = f"[data]\nlayout = 'table'\nviews = {{ {views} target = '{target}' }}\n"
    return Stack(parse_recipe(f"name = 'test'\n{data}{tables}[[phase]]\ntrain = ['a']\nsteps = 1"))


def full(value: float, channels: int = 3, side: int = 4, items: int = 1) -> Tensor:
    return torch.full((items, channels, side, side), value)


def constant(values: list[float], side: int = 4) -> Tensor:
    return torch.tensor(values).reshape(1, -1, 1, 1).expand(-1, -1, side, side)


def test_a_class_is_constant_planes() -> None:
    built = stack("reads = ['source', 'mood']\ngenerator = { kind = 'pick', first = 3 }")
    made = built({"source": full(0.25, items=2), "mood": torch.tensor([1, 2])})["target"]
    assert torch.equal(made[:1], constant([0.0, 1, 0]))
    assert torch.equal(made[1:], constant([0.0, 0, 1]))


def test_the_order_of_what_is_read_is_that_of_the_stage() -> None:
    built = stack("reads = ['mood', 'source']\ngenerator = { kind = 'pick' }")
    made = built({"source": full(0.25), "mood": torch.tensor([1])})["target"]
    assert torch.equal(made, constant([0.0, 1, 0])), "the map gives the size wherever it stands"


def test_noise_comes_as_it_is() -> None:
    built = stack("reads = ['source', 'noise']\ngenerator = { kind = 'pick', first = 3 }")
    made = built({"source": full(0.25), "noise": torch.tensor([[2.5, -1, 0]])})["target"]
    # The network saw 2.5, -1 and 0; what it wrote goes from [-1, 1] to [0, 1].
    assert torch.equal(made, constant([1.75, 0, 0.5]))


def test_noise_maps_come_as_they_are() -> None:
    views = "source = 'rgb', grain = 'noise-map:3',"
    built = stack(
        "reads = ['source', 'grain']\ngenerator = { kind = 'pick', first = 3 }", views=views
    )
    grain = torch.randn(1, 3, 4, 4)
    made = built({"source": full(0.25), "grain": grain})["target"]
    assert torch.equal(made, (grain + 1) / 2)


def test_a_picture_from_noise_and_a_class_alone() -> None:
    built = Stack(kinds.recipe(kinds.DRAW)).eval()
    assert list(built.inputs) == ["noise", "group"]
    assert built.multiple == 1
    assert built.views["target"].scale == 32
    noise = torch.randn(1, 8).expand(2, -1)
    with torch.inference_mode():
        made = built({"noise": noise, "group": torch.tensor([0, 1])})["target"]
    assert made.shape == (2, 3, 32, 32)
    assert 0 <= float(made.min()) < float(made.max()) <= 1
    assert not torch.equal(made[0], made[1]), "the class tells the two apart"


PARSE = "writes = 'parsed'\ntruth = 'layout'\ngenerator = { kind = 'pick' }"
READ = "reads = ['parsed']\ngenerator = { kind = 'pick' }"


def test_labels_are_written_as_probabilities() -> None:
    built = stack(PARSE, READ, target="gray")
    # Seen as 1/8 and -1/8, which stretched by 8 are logits of 1 and -1.
    written = built({"source": constant([0.5625, 0.4375, 0])})
    likely = 1 / (1 + math.exp(-2))
    assert written["parsed"].shape == (1, 2, 4, 4)
    assert torch.allclose(written["parsed"], constant([likely, 1 - likely]))
    assert torch.allclose(written["target"], full(likely, 1)), "read as they were written"
    random = built({"source": torch.rand(2, 3, 4, 4)})["parsed"]
    assert torch.allclose(random.sum(dim=1), torch.ones(2, 4, 4))


def test_the_truth_of_labels_is_read_in_place_of_probabilities() -> None:
    built = stack(PARSE, READ, target="gray")
    ids = torch.tensor([[0, 1], [1, 1]])[None, None]
    truth = built.truth("a", Batch({"layout": ids}, 1))
    assert truth is not None
    assert truth[0].tolist() == [[[1, 0], [0, 0]], [[0, 1], [1, 1]]]
    for given in (truth, ids):
        written = built({"source": full(0.5, side=2)}, truths={"parsed": given})
        assert written["target"][0, 0].tolist() == [[1, 0], [0, 0]]


def test_ids_and_their_planes_are_the_same() -> None:
    built = Stack(kinds.recipe(kinds.PAINT)).eval()
    ids = torch.randint(4, (2, 1, 8, 12))
    planes = nn.functional.one_hot(ids[:, 0], 4).permute(0, 3, 1, 2).float()
    mood = torch.tensor([0, 2])
    one = built({"layout": ids, "mood": mood})["target"]
    assert torch.equal(one, built({"layout": planes, "mood": mood})["target"])
    assert not torch.equal(one, built({"layout": ids, "mood": torch.tensor([1, 2])})["target"])


def test_labels_are_enlarged_by_repetition() -> None:
    built = stack(
        "writes = 'x2'\ngenerator = { kind = 'pick', scale = 2 }",
        "reads = ['x2', 'layout']\nwrites = 'out'\ngenerator = { kind = 'pick', first = 3 }",
        views="source = 'rgb', layout = 'labels:3',",
    )
    ids = torch.tensor([[0, 2]])[None, None]
    made = built({"source": full(0.5)[:, :, :1, :2], "layout": ids})["out"]
    assert made[0, :, 0].tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1]]
    assert torch.equal(made[:, :, 0], made[:, :, 1])


# What a discriminator of pairs is shown.


def test_the_condition_is_what_was_read_without_noise() -> None:
    built = stack(
        "reads = ['noise', 'layout', 'source', 'mood']\nwrites = 'x2'\nsees = 'pair'\n"
        "generator = { kind = 'pick', scale = 2 }"
    )
    views = {
        "source": full(0.25, side=2), "mood": torch.tensor([1]), "noise": torch.randn(1, 3),
        "layout": torch.ones(1, 1, 2, 2, dtype=torch.int64),
    }  # fmt: skip
    assert built.stages["a"].conditions == ["layout", "source", "mood"]
    shown = built.stages["a"].condition(views)
    assert torch.equal(shown, constant([0, 1, 0.25, 0.25, 0.25, 0, 1, 0]))
    # Three channels are written, eight are their condition.
    assert discriminator_channels(built, "a") == 3 + 8


def test_a_class_alone_is_a_condition_of_the_picture_s_size() -> None:
    built = Stack(kinds.recipe(kinds.DRAW))
    views = {"noise": torch.randn(1, 8), "group": torch.tensor([1])}
    assert torch.equal(built.stages["draw"].condition(views), constant([0.0, 1], side=32))
    assert discriminator_channels(built, "draw") == 3 + 2


def test_noise_alone_is_no_condition() -> None:
    built = stack("reads = ['noise']\nsees = 'pair'\ngenerator = { kind = 'pick' }")
    with pytest.raises(TableError, match="stage 'a': sees = 'pair', but it reads noise alone, whi"):
        discriminator_channels(built, "a")


@pytest.mark.parametrize("base", ["layout", "noise", "mood"])
def test_a_band_is_of_pictures(base: str) -> None:
    views = "layout = 'labels:3', mood = 'class:3', noise = 'noise:3',"
    built = stack(
        f"reads = ['{base}']\nsees = 'band'\ngenerator = {{ kind = 'pick' }}", views=views
    )
    with pytest.raises(TableError, match=f"stage 'a': sees = 'band' .* but '{base}' is .*:3; use"):
        discriminator_channels(built, "a")


# The inputs, and what does not fit together.


def test_inputs_are_in_the_order_of_the_data() -> None:
    built = stack("reads = ['noise', 'source', 'mood']\ngenerator = { kind = 'pick' }")
    assert list(built.inputs) == ["source", "mood", "noise"]
    assert [str(view.kind) for view in built.inputs.values()] == ["rgb", "class:3", "noise:3"]
    built = stack(PARSE, READ.replace("'parsed'", "'parsed', 'layout'"), target="gray")
    assert list(built.inputs) == ["source", "layout"]


def test_maps_of_another_scale_are_padded_with_the_source() -> None:
    built = stack(
        "reads = ['fine']\nwrites = 'f'\ngenerator = { kind = 'pick' }",
        "reads = ['source']\ngenerator = { kind = 'pick', multiple = 4 }",
        views="source = 'rgb', fine = 'noise-map:3@2', group = 'class:2',",
    )
    padded = built.padded(
        {"source": full(0.5, side=5), "fine": full(1.0, side=10), "group": torch.tensor([1])}
    )
    shapes = {name: tuple(view.shape[2:]) for name, view in padded.items()}
    assert shapes == {"source": (8, 8), "fine": (16, 16), "group": ()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("reads = ['grain', 'source']", ": the first map it reads must not be noise"),
        ("reads = ['source', 'fine']", ": the first map it reads must be the largest"),
        ("reads = ['source', 'sauce']",
         " reads 'sauce', which no earlier stage writes; known: source, grain"),
        ("reads = ['mood', 'source']\njoin = 'add'",
         ": join = 'add' is of pictures; 'mood' is class:2, and rgb is written"),
        ("reads = ['layout']\njoin = 'add'",
         ": join = 'add' is of pictures; 'layout' is labels:4, and rgb is written"),
        ("reads = ['noise']\njoin = 'add'", ": join = 'add' is of pictures; 'noise' is noise:4"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together(text: str, message: str) -> None:
    views = (
        "source = 'rgb', grain = 'noise-map:1', fine = 'noise-map:1@2', layout = 'labels:4', "
        "mood = 'class:2', noise = 'noise:4', "
    )
    reading = (
        "reads = ['source', 'grain', 'layout', 'mood', 'noise']\nwrites = 'b'\n"
        "generator = { kind = 'pick' }"
    )
    # The second stage reads everything, so that all of it is there.
    with pytest.raises(TableError) as error:
        stack(f"{text}\ngenerator = {{ kind = 'pick' }}", reading, views=views)
    assert str(error.value).startswith(f"stage[0]: stage 'a'{message}")


def test_labels_are_not_added() -> None:
    text = "truth = 'layout'\njoin = 'add'\ngenerator = { kind = 'pick' }"
    with pytest.raises(
        TableError, match=r"stage 'a': join = 'add' is .* 'source' is rgb, and labels:2 is w"
    ):
        stack(text)


@pytest.mark.parametrize("truth", ["mood", "noise"])
def test_what_is_no_picture_is_no_truth(truth: str) -> None:
    message = f"stage truth '{truth}' is no picture of the data; known: source, layout, target"
    with pytest.raises(TableError, match=message):
        stack(f"truth = '{truth}'\ngenerator = {{ kind = 'pick' }}")
