"""Techniques switched on in a recipe: they train, they resume bit by bit, or they are refused."""

from pathlib import Path

import pytest
import torch

import stacks.train
from stacks.checkpoint import STATE, load_stack, read
from stacks.recipe import parse_recipe, recipe_text
from stacks.run import Run, launch
from stacks.train import groups_of, shown, train
from tests.stacks import tiny
from tests.stacks.test_resume import different, run_until, state
from tests.stacks.tiny import super_resolution
from translate.batches import Batch
from translate.layers.folding import effective_weights
from translate.tables import TableError

# The tiny recipe has batch normalisation at x4.
PER_PICTURE = "stage.1.discriminator.norm=layer"

TECHNIQUES = {
    "packing": ["stage.0.presentation.pack=2", "stage.1.presentation.pack=2"],
    "pool and noise": [
        "stage.0.presentation={pool = 3, noise = 0.1, noise_steps = 5}",
        "stage.1.presentation={pool = 2, apart = true}",
    ],
    "augmentation": ["stage.1.presentation.augment=['color', 'translation', 'cutout']"],
    "history": [
        "stage.0.objective.discriminator.history=0.1",
        "stage.1.objective.generator.history=0.1",
    ],
    "penalties": [
        PER_PICTURE,
        "stage.0.objective.discriminator.r1={weight = 1, every = 2}",
        "stage.1.objective.discriminator.wgan_gp=10",
    ],
    "consistency": [
        "stage.0.objective.discriminator.consistency=10",
        "stage.1.objective.discriminator.consistency={fakes = false, every = 2}",
    ],
    "three discriminator steps": ["optimizer.discriminator_steps=3"],
    "unrolling": ["optimizer.unroll=2"],
    "labels": [
        "stage.0.objective.labels={real = [0.7, 1.2], fake = [0.0, 0.3]}",
        "stage.1.objective.labels.real=0.9",
    ],
    "clipped Wasserstein critic": [
        "stage.0.objective={adversarial = 'wasserstein', generator = {l1 = 1}}",
        "optimizer.weight_clip=0.01",
    ],
    "feature matching": [
        "stage.0.objective.generator.feature_matching=1",
        "stage.1.objective.generator.feature_matching={weight = 1, form = 'means'}",
    ],
    "diversity and attention": [
        "stage.0.discriminator.diversity=discrimination",
        "stage.1.discriminator={kind = 'patch', channels = 4, layers = 2, norm = 'equalized', "
        "diversity = 'stddev', attention = [2]}",
    ],
    "condition": ["stage.1.sees=pair"],
}


@pytest.mark.parametrize("name", TECHNIQUES)
def test_a_technique_trains_and_resumes_bit_by_bit(
    name: str, targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = super_resolution(targets, *TECHNIQUES[name])
    assert parse_recipe(recipe_text(recipe)) == recipe
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    best = train(recipe, whole)
    run_until(recipe, resumed, 5, monkeypatch)
    train(recipe, resumed, resume=True)
    assert different(state(whole), state(resumed)) == []
    plain = tmp_path / "plain"
    train(super_resolution(targets, *(PER_PICTURE,) * (name == "penalties")), plain)
    weights = [state(folder) for folder in (whole, plain)]
    generator = "stack.stages.x2.generator.enter.weight"
    other = "stack.stages.x4.generator.enter.weight"
    assert not all(weights[0][key].equal(weights[1][key]) for key in (generator, other))
    assert torch.isfinite(load_stack(best)({"source": torch.rand(1, 3, 4, 4)})["x4"]).all()


def test_each_discriminator_step_sees_a_batch_of_its_own(
    targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, bool]] = []
    discriminator_step, generator_step = (
        stacks.train.discriminator_step,
        stacks.train.generator_step,
    )

    def spy(cases, optimizer, step, settings):  # type: ignore[no-untyped-def]
        seen.append((hash(cases[0].truth.numpy().tobytes()), cases[0].fake.requires_grad))
        return discriminator_step(cases, optimizer, step, settings)

    def spy_generator(cases, *rest):  # type: ignore[no-untyped-def]
        if cases[0].discriminator is not None:
            seen.append((hash(cases[0].truth.numpy().tobytes()), True))
        return generator_step(cases, *rest)

    monkeypatch.setattr(stacks.train, "discriminator_step", spy)
    monkeypatch.setattr(stacks.train, "generator_step", spy_generator)
    train(super_resolution(targets, "optimizer.discriminator_steps=3"), tmp_path)
    # Four adversarial steps of three discriminator updates and one of the generator each.
    assert len(seen) == 16
    steps = [seen[index : index + 4] for index in range(0, 16, 4)]
    for first, second, third, last in steps:
        assert len({first[0], second[0], third[0]}) == 3
        assert third[0] == last[0], "the generator learns from the last one"
        assert (first[1], second[1], third[1]) == (False, False, True)
    # Few pictures, hardly larger than a crop: one crop may come twice.
    assert len({one for step in steps for one, _ in step}) >= 10


def test_groups() -> None:
    batches = [Batch({}, index) for index in range(6)]
    assert [[one.scale for one in group] for group in groups_of(2, batches)] == [
        [0, 1], [2, 3], [4, 5],
    ]  # fmt: skip


def test_weights_are_clipped(targets: Path, tmp_path: Path) -> None:
    train(super_resolution(targets, "optimizer.weight_clip=0.01"), tmp_path)
    tensors = read(tmp_path / "last" / "state.safetensors", STATE).tensors
    bounded = [
        float(tensor.abs().max())
        for name, tensor in tensors.items()
        if name.startswith("discriminators.") and name.endswith(("original", "weight", "bias"))
    ]
    assert bounded
    assert max(bounded) <= 0.01 + 1e-9


def test_a_pair_is_the_picture_over_what_the_stage_read(targets: Path) -> None:
    run = Run(recipe := super_resolution(targets, "stage.1.sees=pair"), launch(recipe))
    source, lower = torch.full((1, 3, 4, 4), 0.25), torch.full((1, 3, 8, 8), 0.5)
    seen = shown(run, "x4", Batch({"source": source}, 4), {"x2": lower})(torch.ones(1, 3, 16, 16))
    assert torch.equal(seen[:, :3], torch.ones(1, 3, 16, 16))
    assert torch.equal(seen[:, 3:], torch.zeros(1, 3, 16, 16)), "x2, which x4 reads; 0.5 is 0"


def test_real_and_fake_are_apart_where_a_discriminator_compares_a_batch(targets: Path) -> None:
    for diversity, apart in (("none", False), ("stddev", True), ("discrimination", True)):
        recipe = super_resolution(targets, f"stage.0.discriminator.diversity={diversity}")
        assert Run(recipe, launch(recipe)).presentations["x2"].spec.apart == apart


def test_a_start_is_taken_up_under_constraints(targets: Path, tmp_path: Path) -> None:
    best = train(super_resolution(targets), tmp_path / "one")
    recipe = super_resolution(targets, "phase.0.steps=0", "phase.1.steps=0")
    train(recipe, tmp_path / "two", start=best)
    before, after = load_stack(best), load_stack(tmp_path / "two" / "best.safetensors")
    assert different(dict(before.state_dict()), dict(after.state_dict())) == []
    assert effective_weights(before).keys() == dict(before.named_parameters()).keys()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["stage.1.objective.discriminator.r1=1"],
            r"^stage\[1\].discriminator.norm: got 'batch'; r1 holds .* arXiv 1704.00028, .* force",
        ),
        (
            ["stage.0.objective={adversarial = 'wasserstein', relativistic = true}"],
            r"^stage\[0\].objective.relativistic: got True; .* arXiv 1807.00734",
        ),
        (
            ["stage.0.presentation.pack=3"],
            r"^batch: got 2; allowed: a multiple of the 3 pictures that stage 'x2' packs",
        ),
        (
            ["stage.0.objective={adversarial = 'hinge', labels = {real = 0.9}}"],
            r"^stage\[0\].objective.labels: 'hinge' has sides and no labels to smooth; losses with",
        ),
        (
            ["stage.0.objective.discriminator.dragn=1"],
            r"^stage\[0\].objective.discriminator.dragn: unknown term; did you mean .dragan.",
        ),
        (
            ["stage.0.objective.discriminator.wgan_gp={weight = 10, norms = 1}"],
            r"^stage\[0\].objective.discriminator.wgan_gp.norms: unknown key; did you mean 'norm'",
        ),
        (
            ["stage.0.objective.generator.feature_matching={form = 'mean'}"],
            r"^stage\[0\].objective.generator.feature_matching.form: got 'mean'; allowed: 'layers'",
        ),
        (
            ["optimizer.unroll=2", "precision=fp16"],
            r"^optimizer.unroll: .* vanish in fp16; take precision bf16 or fp32",
        ),
        (["optimizer.unroll=-1"], r"^optimizer.unroll: got -1; allowed: 0 to 20"),
        (
            ["optimizer.unroll=2", "optimizer.discriminator.clip=0.5"],
            r"^optimizer.unroll: got 2 with discriminator.clip = 0.5; updates that are looked",
        ),
        (["optimizer.discriminator_steps=0"], r"^optimizer.discriminator_steps: got 0; allowed"),
        (
            ["stage.0.presentation.augment=['color']"],
            r"^stage\[0\].presentation.augment: 'color' is of pictures; a band has none",
        ),
        (
            ["stage.0.objective.labels.real=[1.2, 0.7]"],
            r"^stage\[0\].objective.labels.real: got \(1.2, 0.7\); allowed: a number, or two",
        ),
    ],
)
def test_what_is_refused_before_any_data_is_read(
    overrides: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(TableError, match=message):
        super_resolution(tmp_path / "nowhere", *overrides)


@pytest.mark.parametrize("kind", ["gray", "labels:3"])
def test_color_is_changed_where_there_is_some(kind: str) -> None:
    given = ["stage.0.presentation.augment=['color']", "stage.0.sees=pair"]
    message = (
        r"^stage\[0\].presentation.augment: 'color' is of pictures of kind rgb; the stage's truth, "
        f"'target', is {kind}; leave it out"
    )
    with pytest.raises(TableError, match=message):
        parse_recipe(tiny.TRANSLATION, [f"data.views={{ source='rgb', target='{kind}' }}", *given])
    parse_recipe(tiny.TRANSLATION, ["data.views={ source='gray', target='rgb' }", *given])


def test_a_noise_map_has_no_color() -> None:
    with pytest.raises(TableError, match="the stage's truth, 'noise_map', is gray"):
        parse_recipe(tiny.DENOISING, ["stage.0.presentation.augment=['color']"])


def test_force_trains_what_is_refused(
    targets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = super_resolution(targets, "stage.1.objective.discriminator.r1=1", "force=true")
    train(recipe, tmp_path)
    assert "careful: stage[1].discriminator.norm: got 'batch'; r1 holds" in capsys.readouterr().err


def test_missing_perceptual_weights_end_a_run_before_it_begins(
    targets: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "vgg.safetensors"
    recipe = super_resolution(
        targets, f"stage.1.objective.generator.perceptual={{weight = 1, file = '{missing}'}}"
    )
    with pytest.raises(FileNotFoundError, match=r"vgg\.safetensors"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()
