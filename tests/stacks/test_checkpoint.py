"""Files of a run: whole or not at all, and never unpickled."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import stacks.whole
from stacks.checkpoint import (
    STATE,
    WEIGHTS,
    CheckpointError,
    load_optimizer,
    load_stack,
    load_weights,
    optimizer_tensors,
    read,
    save_stack,
    with_prefix,
    without_prefix,
    write,
)
from stacks.recipe import parse_recipe, recipe_text
from stacks.stack import Stack
from stacks.whole import sweep
from tests.stacks.tiny import SUPER_RESOLUTION
from translate.optim import Side


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A whole file of weights."""
    path = tmp_path / "run" / "best.safetensors"
    write(path, WEIGHTS, {"a": torch.arange(6.0).reshape(2, 3)}, {"step": 3, "name": "é"})
    return path


def test_tensors_and_facts_come_back(file: Path) -> None:
    checkpoint = read(file, WEIGHTS)
    assert checkpoint.facts == {"step": 3, "name": "é"}
    assert checkpoint.tensors["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    # Another program of the same format reads it as well.
    assert load_file(file)["a"].shape == (2, 3)
    assert [path.name for path in file.parent.iterdir()] == ["best.safetensors"]


def test_whatever_the_memory_order_the_values_stay(tmp_path: Path) -> None:
    weight = torch.arange(54.0).reshape(2, 3, 3, 3).to(memory_format=torch.channels_last)
    parameter = nn.Parameter(weight.clone(memory_format=torch.preserve_format))
    tensors = {"weight": parameter, "part": weight[:, 1:2], "step": torch.tensor(4)}
    write(tmp_path / "a.safetensors", STATE, tensors, {})
    back = read(tmp_path / "a.safetensors", STATE).tensors
    assert torch.equal(back["weight"], weight)
    assert torch.equal(back["part"], weight[:, 1:2])
    assert int(back["step"]) == 4


@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
def test_a_failure_in_the_middle_leaves_the_old_file(
    file: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    if moment == "write":

        class Full:
            def __init__(self, path: Path, mode: str) -> None:
                self.file = open(path, mode)  # noqa: SIM115

            def write(self, content: bytes) -> None:
                self.file.write(content[: len(content) // 2])
                full()

            def __enter__(self) -> "Full":
                return self

            def __exit__(self, *_: object) -> None:
                self.file.close()

        monkeypatch.setattr(stacks.whole, "open", Full, raising=False)
    else:
        monkeypatch.setattr(os, moment, full)
    with pytest.raises(OSError, match="No space left"):
        write(file, WEIGHTS, {"a": torch.zeros(1000)}, {})
    monkeypatch.undo()
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["best.safetensors"]
    write(file, WEIGHTS, {"a": torch.zeros(1)}, {"step": 4})
    assert read(file, WEIGHTS).facts == {"step": 4}


def test_what_a_killed_run_was_writing_is_in_nobodys_way(file: Path) -> None:
    (file.parent / ".best.0a1b2c3d.writing.safetensors").write_bytes(b"half of a fi")
    write(file, WEIGHTS, {"a": torch.zeros(1)}, {"step": 4})
    assert read(file, WEIGHTS).facts == {"step": 4}
    sweep(file.parent)
    assert [path.name for path in file.parent.iterdir()] == ["best.safetensors"]


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_a_truncated_file(file: Path, share: float) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CheckpointError, match=r"best\.safetensors: not a whole safetensors file"):
        read(file, WEIGHTS)
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        load_stack(file)


class Trap:
    """Unpickling it leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, (str(self.trace),))


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    path, trace = tmp_path / "best.safetensors", tmp_path / "trace"
    path.write_bytes(pickle.dumps(Trap(trace)))
    with pytest.raises(CheckpointError, match="only safetensors are read"):
        load_stack(path)
    torch.save({"a": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match="only safetensors are read"):
        read(path, STATE)
    assert not trace.exists()


def test_files_of_another_form(file: Path, tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"expected a pixstack\.training file, got pixstack\."
    ):
        read(file, STATE)
    save_file({"a": torch.zeros(2)}, tmp_path / "strange.safetensors")
    with pytest.raises(CheckpointError, match=r"expected a pixstack\.stack file, got another"):
        load_stack(tmp_path / "strange.safetensors")


def test_a_form_without_facts(tmp_path: Path) -> None:
    deep = {"facts": "[" * 100_000}
    for index, facts in enumerate(({}, {"facts": "{"}, {"facts": "[]"}, {"facts": "{}"}, deep)):
        path = tmp_path / f"{index}.safetensors"
        save_file({"a": torch.zeros(2)}, path, metadata={"form": WEIGHTS, **facts})
        with pytest.raises(CheckpointError, match=rf"{index}\.safetensors: its header does"):
            load_stack(path)


def test_no_file(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.safetensors", tmp_path):
        with pytest.raises(CheckpointError, match="no such checkpoint"):
            load_stack(path)


def test_the_folder_of_a_run_means_its_best(tmp_path: Path) -> None:
    recipe = parse_recipe(SUPER_RESOLUTION)
    save_stack(tmp_path / "best.safetensors", Stack(recipe), recipe, {})
    assert load_stack(tmp_path).recipe == recipe


def test_a_stack_comes_back_with_its_recipe(tmp_path: Path) -> None:
    recipe = parse_recipe(SUPER_RESOLUTION)
    torch.manual_seed(3)
    stack = Stack(recipe).eval()
    save_stack(tmp_path / "best.safetensors", stack, recipe, {"step": 7})
    torch.manual_seed(4)
    loaded = load_stack(str(tmp_path / "best.safetensors"))
    assert not loaded.training
    assert loaded.recipe == recipe
    source = torch.rand(1, 3, 6, 5)
    for name, picture in stack({"source": source}).items():
        assert torch.equal(loaded({"source": source})[name], picture)


def recipe_file(path: Path, *overrides: str) -> Path:
    """A file of a kilobyte of one weight, and a recipe that may ask for anything."""
    recipe = recipe_text(parse_recipe(SUPER_RESOLUTION, overrides))
    write(path, WEIGHTS, {"stages.x2.a": torch.zeros(1)}, {"recipe": recipe})
    return path


# Hundreds of terabytes, more than fits an address, more than fits a number, and a day of building.
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("channels=1000000", r"does not fit the recipe's networks: \d+ tensors differ, first 'st"),
        (f"channels={10**15}", "its recipe: its networks cannot be built: "),
        (f"channels={10**30}", "its recipe: its networks cannot be built: "),
        (f"blocks={10**9}", "its recipe: it asks for more layers than there are weights"),
    ],
    ids=["channels", "address", "number", "blocks"],
)
def test_a_recipe_of_a_huge_network_takes_no_memory(
    override: str, message: str, tmp_path: Path
) -> None:
    path = recipe_file(tmp_path / "huge.safetensors", f"stage.1.generator.{override}")
    with pytest.raises(CheckpointError, match=rf"huge\.safetensors: {message}") as error:
        load_stack(path)
    assert "\n" not in str(error.value)


def test_a_recipe_that_is_none_is_told_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    for text, message in [
        ("name = ", "the recipe is not valid TOML"),
        (SUPER_RESOLUTION.replace("batch = 2", "batch = 0"), "batch: got 0; allowed: 1 or more"),
        (SUPER_RESOLUTION.replace('reads = ["x2"]', 'reads = ["x3"]'), "reads 'x3', which no"),
    ]:
        write(path, WEIGHTS, {"a": torch.zeros(1)}, {"recipe": text})
        with pytest.raises(CheckpointError, match=rf"best\.safetensors: its recipe: .*{message}"):
            load_stack(path)


@pytest.mark.parametrize(
    ("known", "own", "key"),
    [
        ('kind = "pyramid"', 'kind = "own"', r"stage\[0\]\.generator\.kind: unknown kind 'own'"),
        ("l1 = 0.5", "own = 0.5", r"stage\[0\]\.objective\.generator\.own: unknown term"),
    ],
)
def test_kinds_of_ones_own_have_a_remedy(known: str, own: str, key: str, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    text = SUPER_RESOLUTION.replace(known, own)
    write(path, WEIGHTS, {"a": torch.zeros(1)}, {"recipe": text})
    with pytest.raises(CheckpointError, match=rf"t\.safetensors: its .*{key}.*--plugin MODULE$"):
        load_stack(path)


def test_weights_of_other_networks(tmp_path: Path) -> None:
    recipe = parse_recipe(SUPER_RESOLUTION)
    wider = Stack(parse_recipe(SUPER_RESOLUTION, ["stage.1.generator.channels=9"]))
    before = {name: tensor.clone() for name, tensor in wider.state_dict().items()}
    with pytest.raises(CheckpointError, match=r"run: does not fit .* first 'stages\.x4\.") as error:
        load_weights(wider, Stack(recipe).state_dict(), Path("run"))
    assert "\n" not in str(error.value)
    assert all(torch.equal(before[name], tensor) for name, tensor in wider.state_dict().items())
    tensors = dict(wider.state_dict())
    missing = tensors.popitem()[0]
    with pytest.raises(CheckpointError, match=f"1 tensors differ, first '{missing}'"):
        load_weights(wider, tensors, Path("run"))
    with pytest.raises(CheckpointError, match="1 tensors differ, first 'more'"):
        load_weights(wider, {**wider.state_dict(), "more": torch.zeros(1)}, Path("run"))


def convolutions() -> nn.Module:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3))
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def learn(module: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        picture = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        module(picture).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_an_optimizer_goes_on_where_it_was(tmp_path: Path, kind: str) -> None:
    side = Side(kind=kind, rate=0.01)  # type: ignore[arg-type]
    module = convolutions()
    optimizer = side.build(module.parameters())
    learn(module, optimizer, range(3))
    tensors = {
        **with_prefix("module", module.state_dict()),
        **optimizer_tensors("optimizer", optimizer),
    }
    write(tmp_path / "state", STATE, tensors, {})
    learn(module, optimizer, range(3, 6))

    resumed = convolutions()
    other = side.build(resumed.parameters())
    back = read(tmp_path / "state", STATE).tensors
    load_weights(resumed, without_prefix("module", back), tmp_path)
    load_optimizer("optimizer", other, back)
    learn(resumed, other, range(3, 6))
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_moments_of_other_weights() -> None:
    optimizer = Side().build((module := convolutions()).parameters())
    learn(module, optimizer, range(1))
    tensors = optimizer_tensors("optimizer", optimizer)
    fewer = Side().build([nn.Parameter(torch.zeros(4, 3, 3, 3))])
    with pytest.raises(CheckpointError, match="optimizer: its state is of other weights"):
        load_optimizer("optimizer", fewer, tensors)
    shaped = Side().build(nn.Conv2d(3, 5, 3).parameters())
    with pytest.raises(CheckpointError, match="optimizer: its state is of other weights"):
        load_optimizer("optimizer", shaped, tensors)


def test_prefixes() -> None:
    tensors: dict[str, Tensor] = {"a.b": torch.zeros(1), "c": torch.zeros(2)}
    named = {**with_prefix("one", tensors), **with_prefix("one_more", tensors)}
    assert set(named) == {"one.a.b", "one.c", "one_more.a.b", "one_more.c"}
    assert without_prefix("one", named).keys() == tensors.keys()
    assert without_prefix("on", named) == {}
