"""Training from the first picture to the best weights."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import stacks.train
from stacks.checkpoint import STATE, WEIGHTS, CheckpointError, load_stack, read
from stacks.data import phase_sampler, training_groups
from stacks.keeper import DivergenceError
from stacks.recipe import parse_recipe, recipe_text
from stacks.run import Run, launch
from stacks.run_folder import RunExistsError
from stacks.spec import Recipe
from stacks.train import predict, shown, train
from tests.photographs import write_pictures
from tests.stacks import tiny
from tests.stacks.tiny import super_resolution
from translate.batches import Batch
from translate.pairs import DataError
from translate.tables import TableError

FIDELITY = ["phase=[{ train = ['x2', 'x4'], steps = 2, adversarial = false }]"]


@pytest.fixture(scope="module")
def trained(targets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two steps of fidelity, then four with relativistic average LSGAN."""
    folder = tmp_path_factory.mktemp("run")
    assert train(super_resolution(targets), folder) == folder / "best.safetensors"
    return folder


def log(folder: Path, kind: str) -> dict[int, dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]
    return {line["step"]: line for line in lines if line["kind"] == kind}


def test_what_a_run_leaves(trained: Path, targets: Path) -> None:
    names = {path.name for path in trained.iterdir()}
    assert names == {
        "recipe.toml", "environment.json", "log.jsonl", "tensorboard", "samples", "last",
        "best.safetensors",
    }  # fmt: skip
    recipe = super_resolution(targets)
    assert (trained / "recipe.toml").read_text("utf-8") == recipe_text(recipe)
    facts = read(trained / "last" / "state.safetensors", STATE).facts
    assert (facts["step"], facts["phase"]) == (6, 1)
    assert facts["seconds"] > 0
    assert next((trained / "tensorboard").iterdir()).stat().st_size > 0


def test_the_log_of_the_steps(trained: Path) -> None:
    lines = log(trained, "train")
    assert list(lines) == [1, 2, 3, 4, 5, 6]
    assert [line["phase"] for line in lines.values()] == [0, 0, 1, 1, 1, 1]
    for step, line in lines.items():
        numbers = [value for value in line.values() if isinstance(value, float)]
        assert all(math.isfinite(number) for number in numbers)
        assert 0 <= line["waiting"] <= 1
        assert ("x2/generator/adversarial" in line) == (step > 2)
        assert ("x2/discriminator/adversarial" in line) == (step > 2)
    # A batch reduced by two has no truth for the second level, which then sits the step out.
    both = ["x4/generator/l1" in line for line in lines.values()]
    assert any(both)
    assert not all(both)


def test_rates_by_hand(trained: Path) -> None:
    # Warm-up of two steps: 1/3, 2/3, 1. The last half of each phase falls as a cosine: in the
    # second phase, at half the rate, step 3 is half way down.
    factors = [1 / 3, 2 / 3, 0.5 / 3, 0.5 * 2 / 3, 0.5, 0.25]
    rates = [line["rate/generator"] for line in log(trained, "train").values()]
    assert rates == pytest.approx([1e-3 * factor for factor in factors])


def test_the_best_weights_are_the_best_measured(trained: Path) -> None:
    measured = {step: line["psnr_y"] for step, line in log(trained, "validation").items()}
    assert list(measured) == [2, 4, 6]
    best = read(trained / "best.safetensors", WEIGHTS).facts
    assert best["measures"]["psnr_y"] == max(measured.values())
    assert measured[best["step"]] == max(measured.values())
    assert read(trained / "last" / "state.safetensors", STATE).facts["best"] == max(
        measured.values()
    )
    stack = load_stack(trained / "best.safetensors")
    assert stack({"source": torch.rand(1, 3, 5, 6)})["x4"].shape == (1, 3, 20, 24)


def test_of_an_error_the_lowest_is_best(targets: Path, tmp_path: Path) -> None:
    best = train(super_resolution(targets, "validation.metric=band_error"), tmp_path)
    measured = {step: line["band_error"] for step, line in log(tmp_path, "validation").items()}
    facts = read(best, WEIGHTS).facts
    assert facts["measures"]["band_error"] == min(measured.values()) < max(measured.values())
    assert measured[facts["step"]] == min(measured.values())


def test_samples_show_source_levels_and_target(trained: Path) -> None:
    paths = sorted((trained / "samples").iterdir())
    # Every three steps, and at the end of each phase.
    assert [path.name for path in paths] == ["00000002.png", "00000003.png", "00000006.png"]
    for path in paths:
        picture = np.asarray(Image.open(path))
        # Two items in rows; source, x2, target, and x4 where the batch was reduced by four.
        side = picture.shape[0] // 2
        assert (side, picture.shape[1] // side) in {(64, 4), (32, 3)}
        assert picture.std() > 10


def test_the_average_of_the_weights_by_hand(
    targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, seen = "stages.x2.generator.enter.weight", []
    generator_step = stacks.train.generator_step

    def recorded(cases: Any, optimizer: Any, *rest: Any) -> Any:
        [weight, *_] = optimizer.param_groups[0]["params"]
        seen.append(weight.detach().double().clone())
        values = generator_step(cases, optimizer, *rest)
        seen.append(weight.detach().double().clone())
        return values

    monkeypatch.setattr(stacks.train, "generator_step", recorded)
    train(super_resolution(targets, "ema.decay=0.3"), tmp_path)
    average, weights = seen[0], seen[1::2]
    for step, weight in enumerate(weights):
        # (1 + step) / (10 + step) is 0.1, 0.18, 0.25, 0.31 ...: 0.3 from the fourth step on.
        memory = min(0.3, (1 + step) / (10 + step))
        average = memory * average + (1 - memory) * weight
    tensors = read(tmp_path / "last" / "state.safetensors", STATE).tensors
    assert torch.equal(tensors[f"stack.{name}"].double(), weights[-1])
    assert torch.allclose(tensors[f"average.{name}"].double(), average, rtol=1e-5, atol=1e-7)
    assert not torch.allclose(average, weights[-1], rtol=1e-5, atol=1e-7)


def test_half_precision_keeps_whole_weights(targets: Path, tmp_path: Path) -> None:
    best = train(super_resolution(targets, "precision=bf16"), tmp_path)
    tensors = read(tmp_path / "last" / "state.safetensors", STATE).tensors
    assert all(tensor.dtype in (torch.float32, torch.int64) for tensor in tensors.values())
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())
    written = load_stack(best)({"source": torch.rand(1, 3, 4, 4)})
    assert written["x4"].dtype == torch.float32


@pytest.mark.parametrize("text", [tiny.DENOISING, tiny.TRANSLATION])
def test_other_stacks_train_as_well(text: str, targets: Path, tmp_path: Path) -> None:
    root = targets
    if text is tiny.TRANSLATION:
        root = tmp_path / "pairs"
        write_pictures(root / "A", {name: 255 - photo for name, photo in tiny.pictures().items()})
        tiny.write_targets(root / "B")
    best = train(parse_recipe(text, [f"data.root={str(root)!r}"]), tmp_path / "run")
    # Nothing is held out: the last average is what there is.
    state = read(tmp_path / "run" / "last" / "state.safetensors", STATE).tensors
    for name, tensor in load_stack(best).state_dict().items():
        assert torch.equal(tensor, state[f"average.{name}"])
    assert len(log(tmp_path / "run", "train")) == 2


def test_gray_pictures_and_their_bands(targets: Path, tmp_path: Path) -> None:
    recipe = super_resolution(targets, "data.views.target=gray", "phase.0.steps=0",
                              "phase.1.steps=1", "stage.1.sees=band")  # fmt: skip
    stack = load_stack(train(recipe, tmp_path))
    assert stack({"source": torch.rand(1, 1, 4, 4)})["x4"].shape == (1, 1, 16, 16)


def test_a_stack_learns(tmp_path: Path) -> None:
    flat = {f"{level}.png": np.full((32, 32, 3), level, np.uint8) for level in (40, 120, 200)}
    write_pictures(tmp_path / "A", flat)
    write_pictures(tmp_path / "B", {name: 255 - picture for name, picture in flat.items()})
    recipe = parse_recipe(
        tiny.TRANSLATION,
        [f"data.root={str(tmp_path)!r}", "phase.0.steps=80", "phase.0.adversarial=false",
         "log.checkpoint=1000", "optimizer.generator.rate=0.01", "batch=4"],
    )  # fmt: skip
    train(recipe, tmp_path / "run")
    losses = [line["paint/generator/l1"] for line in log(tmp_path / "run", "train").values()]
    assert np.mean(losses[-10:]) < np.mean(losses[:5]) / 4


def test_without_a_compiler_a_recipe_that_compiles_trains_all_the_same(
    targets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    recipe = super_resolution(targets, "compile=true")
    run = Run(recipe, launch(recipe))
    assert capsys.readouterr().err.startswith("not compiled, so slower: torch.compile needs a C++")
    source = torch.rand(1, 3, 8, 8)
    assert run.stack({"source": source})["x4"].shape == (1, 3, 32, 32)
    assert all(run.stack.generator(name)._compiled_call_impl is None for name in run.stack.stages)


def test_a_folder_that_holds_a_run(trained: Path, targets: Path) -> None:
    before = (trained / "log.jsonl").read_bytes()
    with pytest.raises(RunExistsError, match="holds a run already; add --resume or choose"):
        train(super_resolution(targets), trained)
    assert (trained / "log.jsonl").read_bytes() == before


def test_what_is_wrong_with_the_data_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        train(super_resolution(tmp_path / "gone"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["degrade.choices=['bicubic:2']", "degrade.shares=[]"],
         r"phase\[0\]\.train: stage 'x4' enlarges the source by 4, but sources are reduced by 2 "),
        (["validation.degrade=bicubic:8"], "no output of scale 8; this stack writes x2 of scale 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_found_before_the_first_step(
    targets: Path, tmp_path: Path, overrides: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        train(super_resolution(targets, *overrides), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_band_needs_as_many_channels_as_the_source() -> None:
    views = "data.views={ source = 'rgb', target = 'gray' }"
    recipe = parse_recipe(tiny.TRANSLATION, ["stage.0.sees=band", views])
    with pytest.raises(TableError, match=r"stage 'paint': sees = 'band' .* 1 channels .* has 3"):
        Run(recipe, launch(recipe))


def test_starting_from_other_weights(trained: Path, targets: Path, tmp_path: Path) -> None:
    recipe = super_resolution(targets, *FIDELITY, "phase.0.steps=0")
    best = train(recipe, tmp_path / "run", start=trained / "best.safetensors")
    given = read(trained / "best.safetensors", WEIGHTS).tensors
    copied = read(best, WEIGHTS).tensors
    assert all(torch.equal(given[name], tensor) for name, tensor in copied.items())
    wider = super_resolution(targets, *FIDELITY, "stage.0.generator.channels=9")
    with pytest.raises(CheckpointError, match=r"best\.safetensors: does not fit"):
        train(wider, tmp_path / "other", start=trained / "best.safetensors")


def weights(run: Run, name: str) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in run.stack.stages[name].state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_a_frozen_stage_does_not_move(targets: Path, tmp_path: Path) -> None:
    start = super_resolution(targets, *FIDELITY, "phase.0.steps=0", "validation.folder=[]")
    train(start, tmp_path / "start")
    recipe = super_resolution(targets, "phase.0.train=['x4']", "phase.1.train=['x2']",
                              "phase.1.steps=0", "phase.0.steps=3")  # fmt: skip
    train(recipe, tmp_path / "run", start=tmp_path / "start" / "best.safetensors")
    before = read(tmp_path / "start" / "best.safetensors", WEIGHTS).tensors
    after = read(tmp_path / "run" / "last" / "state.safetensors", STATE).tensors
    moved = {name for name in before if not torch.equal(before[name], after[f"stack.{name}"])}
    assert {name.split(".")[1] for name in moved} == {"x4"}
    still = {name for name in before if torch.equal(before[name], after[f"average.{name}"])}
    assert {name for name in before if name.startswith("stages.x2.")} <= still


def denoising(targets: Path, feed: str) -> tuple[Run, Batch]:
    recipe = parse_recipe(
        tiny.DENOISING,
        [f"data.root={str(targets)!r}", f"phase.0.feed={feed}", "degrade.told=0"],
    )
    batch = phase_sampler(recipe, training_groups(recipe), recipe.phase[0])(0)
    return Run(recipe, launch(recipe)), batch


@pytest.mark.parametrize("feed", ["truth", "predicted"])
def test_stages_learn_apart_on_truth_and_together_on_predictions(targets: Path, feed: str) -> None:
    run, batch = denoising(targets, feed)
    level, denoise = predict(run, batch)
    assert (level.name, denoise.name) == ("level", "denoise")
    parameters = list(run.stack.stages["level"].parameters())
    gradients = torch.autograd.grad(denoise.fake.sum(), parameters, allow_unused=True)
    assert all(gradient is None for gradient in gradients) == (feed == "truth")
    # What the first stage made is judged, never the truth that stood in for it.
    assert not torch.equal(level.fake, level.truth)
    assert torch.equal(level.truth, batch.views["noise_map"])


def test_the_discriminator_sees_the_band_over_its_base(targets: Path) -> None:
    recipe = super_resolution(targets)
    run = Run(recipe, launch(recipe))
    source = torch.full((1, 3, 4, 4), 0.5)
    picture = torch.full((1, 3, 8, 8), 0.75)
    seen = shown(run, "x2", Batch({"source": source}, 2), {})(picture)
    # The residual 0.25 at a gain of four; the base 0.5 is 0 in [-1, 1].
    assert torch.equal(seen[:, :3], torch.full((1, 3, 8, 8), 1.0))
    assert torch.equal(seen[:, 3:], torch.zeros(1, 3, 8, 8))
    whole = shown(run, "x4", Batch({"source": source}, 4), {})(picture)
    assert torch.equal(whole, torch.full((1, 3, 8, 8), 0.5))


def test_only_what_learns_in_a_phase_has_an_optimizer(targets: Path) -> None:
    recipe: Recipe = super_resolution(targets, "phase.1.train=['x4']")
    run = Run(recipe, launch(recipe))
    assert run.discriminator_optimizer is None
    assert run.adversaries() == []
    run.begin_phase(1)
    assert run.adversaries() == ["x4"]
    assert run.discriminator_optimizer is not None
    for optimizer, modules in (
        (run.generator_optimizer, run.stack.stages),
        (run.discriminator_optimizer, run.discriminators),
    ):
        held = {id(one) for group in optimizer.param_groups for one in group["params"]}
        assert held == {id(one) for one in modules["x4"].parameters()}
    assert not any(one.requires_grad for one in run.stack.stages["x2"].parameters())
    assert (run.phase_start(0), run.phase_start(1)) == (0, 2)


@pytest.mark.parametrize("network", ["stack", "discriminators"])
def test_a_run_that_diverged_keeps_its_last_good_state(
    targets: Path, tmp_path: Path, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_step = stacks.train.train_step

    def overflowing(run: Run, batches: list[Batch]) -> dict[str, Tensor]:
        values = train_step(run, batches)
        if run.step == 3:
            # The fourth step: its terms are finite, but its update is not.
            next(getattr(run, network).parameters()).data.fill_(float("nan"))
        return values

    recipe = super_resolution(targets, "validation.folder=[]", "health.rollbacks=0")
    with monkeypatch.context() as patch:
        patch.setattr(stacks.train, "train_step", overflowing)
        with pytest.raises(DivergenceError, match=r"^step 4: x2/.*/weights is nan: the run has "):
            train(recipe, tmp_path)
    checkpoint = read(tmp_path / "last" / "state.safetensors", STATE)
    # Divergence begins before it is seen: of so short a run the start alone is known to be sound.
    assert checkpoint.facts["step"] == 0
    assert all(torch.isfinite(tensor).all() for tensor in checkpoint.tensors.values())
    train(recipe, tmp_path, resume=True)
    assert read(tmp_path / "last" / "state.safetensors", STATE).facts["step"] == 6
