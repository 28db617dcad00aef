"""Studies: what they ask for, what they refuse, and what a folder of trials remembers."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import stacks.landscape.trial
from stacks.keeper import DivergenceError
from stacks.landscape.combine import Combinations
from stacks.landscape.measure import Measure
from stacks.landscape.search import Landscape, Limits, create, search
from stacks.landscape.study import STUDIES, Study, parse_study, study_text
from stacks.landscape.table import row
from stacks.landscape.trials import Result, Trials
from stacks.presets import source_text
from stacks.recipe import parse_recipe
from stacks.run import Run, launch
from stacks.spec import Recipe
from stacks.stack import Stack
from tests.photographs import write_pictures
from translate.tables import TableError

RECIPE = """
schema = 1
name = "tiny-noise"
batch = 4
precision = "fp32"

[data]
layout = "classes"
views = { noise = "noise:4", gesture = "class:2", target = "rgb" }
size = 32
fit = "resize"

[[stage]]
name = "made"
reads = ["noise", "gesture"]
generator = { kind = "dcgan", size = 32, channels = 16 }
discriminator = { kind = "dcgan", size = 32, channels = 16, norm = "none" }
objective = { adversarial = "non-saturating", generator = {} }

[[phase]]
train = ["made"]
steps = 50
"""

STUDY = """
name = "tiny"
recipe = "mine.toml"
steps = 2
seeds = [0, 1]

[set]
"health.rollbacks" = 0

[axis.norm]
none = { "stage.0.discriminator.norm" = "none" }
batch = { "stage.0.discriminator.norm" = "batch" }

[axis.penalty]
none = {}
gp = { "stage.0.objective.discriminator.wgan_gp" = 10.0 }

[range.rate]
keys = ["optimizer.generator.rate", "optimizer.discriminator.rate"]
low = 1e-5
high = 1e-2
scale = "log"

[metric]
pictures = 12
looks = 2

[judge]
steps = 2
batch = 4
"""
FORCED = '[[force]]\nnorm = "batch"\npenalty = "gp"\n'


def quiet(done: int, total: int) -> None:
    """Progress that nobody watches."""


def combinations(text: str = STUDY) -> Combinations:
    return Combinations(parse_study(text), RECIPE)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("classes")
    random = np.random.default_rng(0)
    for name in ("0", "1"):
        pixels = {f"{i}.png": random.integers(0, 256, (32, 32, 3), np.uint8) for i in range(8)}
        write_pictures(root / name, pixels)
    return root


@pytest.fixture
def landscape(data: Path, tmp_path: Path) -> Landscape:
    (tmp_path / "mine.toml").write_text(RECIPE)
    (tmp_path / "tiny.toml").write_text(STUDY)
    create(tmp_path / "folder", str(tmp_path / "tiny.toml"), resume=False)
    return Landscape(tmp_path / "folder", str(data))


def test_a_grid_is_the_full_product_seed_by_seed() -> None:
    grid = combinations().grid({}, (0, 1))
    assert [each.seed for each in grid] == [0] * 4 + [1] * 4
    settings = {(each.settings["norm"], each.settings["penalty"]) for each in grid[:4]}
    assert settings == {("none", "none"), ("none", "gp"), ("batch", "none"), ("batch", "gp")}
    # Both seeds in one order, and every trial under a name of its own.
    assert [each.settings for each in grid[:4]] == [each.settings for each in grid[4:]]
    assert len({each.key for each in grid}) == 8
    assert all("rate" not in each.settings for each in grid)


def test_a_choice_changes_what_it_names() -> None:
    found = combinations().resolve({"norm": "batch", "penalty": "none", "rate": 3e-4}, 7)
    assert found.recipe.seed == 7
    assert found.recipe.stage[0].discriminator.norm == "batch"
    assert found.recipe.optimizer.generator.rate == 3e-4
    assert found.recipe.optimizer.discriminator.rate == 3e-4
    assert found.recipe.phase[0].steps == 2
    assert found.recipe.health.rollbacks == 0


def test_what_does_not_go_together_is_refused_or_forced() -> None:
    settings = {"norm": "batch", "penalty": "gp"}
    refused = combinations().resolve(settings, 0)
    assert "1704.00028" in refused.refused
    forced = combinations(STUDY + FORCED).resolve(settings, 0)
    assert forced.forced
    assert forced.recipe.force
    assert not forced.refused
    other = combinations(STUDY + FORCED).resolve({"norm": "none", "penalty": "gp"}, 0)
    assert not other.forced
    assert not other.recipe.force


def test_a_key_follows_the_recipe_and_not_the_place_of_the_data() -> None:
    settings = {"norm": "none", "penalty": "gp"}
    here = Combinations(parse_study(STUDY), RECIPE, "/somewhere").resolve(settings, 0)
    assert here.recipe.data.root == "/somewhere"
    assert here.key == combinations().resolve(settings, 0).key
    longer = STUDY.replace("steps = 2\nseeds", "steps = 3\nseeds")
    assert here.key != combinations(longer).resolve(settings, 0).key


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("penalty]\nnone", "penalty]\nnoone", None),
        ('norm" = "batch"', 'norm" = "bach"', "stage[0].discriminator.norm"),
        ("stage.0.objective.discriminator", "stage.1.objective.discriminator", "position of 0"),
        ("[metric]", "[metrics]", "did you mean 'metric'"),
        ("low = 1e-5", "low = 0", "above 0 on a log scale"),
        ('[axis.norm]\nnone = { "stage', '[axis.norm]\nnone = { "stages', "did you mean 'stage'"),
        ("[judge]", '[pruning]\nkind = "median"\nstartup = 0\n[judge]', "pruning.startup"),
        ("looks = 2", "looks = 1\n[pruning]\nkind = 'median'", "2 or more"),
        ("seeds = [0, 1]", "seeds = []", "one seed or more"),
        ("seeds = [0, 1]", 'seeds = [0]\npairs = [["norm", "loss"]]', "unknown axis 'loss'"),
        ("[judge]", '[[force]]\nnorm = "layer"\n[judge]', "unknown choice 'layer'"),
    ],
)
def test_what_is_wrong_with_a_study_is_one_line(old: str, new: str, said: str | None) -> None:
    assert old in STUDY
    if said is None:
        combinations(STUDY.replace(old, new))
        return
    with pytest.raises(TableError) as caught:
        combinations(STUDY.replace(old, new, 1))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_stack_that_reads_pictures_is_no_subject() -> None:
    with pytest.raises(TableError, match="made from noise"):
        Combinations(parse_study('name = "x"\nrecipe = "hand-pose"\n[axis.a]\nb = {}'),
                     source_text("hand-pose"))  # fmt: skip


@pytest.mark.parametrize("name", STUDIES.names())
def test_every_study_that_ships_resolves(name: str) -> None:
    study = parse_study(study_text(name))
    assert study.name == name
    found = Combinations(study, source_text(study.recipe)).grid({}, study.seeds[:1])
    assert any(not each.refused for each in found)


def test_the_gestures_refuse_what_the_literature_does() -> None:
    study = parse_study(study_text("gestures"))
    grid = Combinations(study, source_text(study.recipe)).grid({}, (0,))
    assert len(grid) == 2 * 4 * 4 * 4
    # Batch statistics under a penalty of each picture: 2 architectures x 4 losses x 2 penalties,
    # one of them forced. A critic that nothing bounds: 2 x 3 normalizers x 2 penalties.
    assert sum(bool(each.refused) for each in grid) == 16 - 1 + 12
    assert [each.settings for each in grid if each.forced] == [
        {"architecture": "dcgan", "loss": "non-saturating", "normalizer": "batch", "penalty": "gp"}
    ]


def limits(study: Study, search: str = "grid", **more) -> Limits:
    return Limits(search, more.pop("seeds", study.seeds), more.pop("only", {}), **more)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def measure(landscape: Landscape) -> Measure:
    return landscape.measure(None, quiet)


def test_a_grid_runs_once_and_goes_on_where_it_was(landscape: Landscape, measure: Measure) -> None:
    told: list[Result] = []
    part = limits(landscape.study, seeds=(0,), only={"norm": ["batch"]})
    search(landscape, measure, part, told.append)
    assert sorted(each.state for each in told) == ["done", "refused"]
    [done] = [each for each in told if each.state == "done"]
    assert done.settings == {"norm": "batch", "penalty": "none"}
    assert [step for step, _ in done.looks] == [1, 2]
    assert done.fid == done.looks[-1][1]
    assert done.fid is not None
    assert done.fid > 0
    written = json.loads(landscape.trials.path(done.key).read_text())
    assert written["fid"] == done.fid
    run = landscape.trials.run_folder(done.key)
    assert (run / "best.safetensors").is_file()
    assert not (run / "last").exists()

    again: list[Result] = []
    search(landscape, measure, limits(landscape.study, seeds=(0,)), again.append)
    assert all(each.settings["norm"] == "none" for each in again)
    assert len(landscape.results()) == 4
    # The same numbers on the same seed: a row can be repeated.
    landscape.trials.path(done.key).unlink()
    repeated: list[Result] = []
    search(landscape, measure, part, repeated.append)
    assert [each.fid for each in repeated] == [done.fid]


def test_a_trial_that_cannot_be_trained_fails_alone(
    landscape: Landscape, measure: Measure, data: Path
) -> None:
    text = (landscape.folder / "study.toml").read_text()
    huge = text.replace('"stage.0.discriminator.norm" = "batch"', "batch = 1_000_000_000")
    (landscape.folder / "study.toml").write_text(huge)
    landscape = Landscape(landscape.folder, str(data))
    told: list[Result] = []
    only = {"penalty": ["none"]}
    search(landscape, measure, limits(landscape.study, seeds=(0,), only=only), told.append)
    states = {each.settings["norm"]: (each.state, each.reason) for each in told}
    assert states["none"] == ("done", "")
    assert states["batch"][0] == "failed"
    assert "batch: got 1000000000; " in states["batch"][1]


def test_what_diverged_keeps_no_measure_of_an_earlier_look(
    landscape: Landscape, measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverging(recipe: Recipe, folder: Path, watch: Callable[[Run], str]) -> None:
        run = Run(recipe, launch(recipe))
        run.step = 1
        watch(run)
        raise DivergenceError("step 2: it ran away")

    monkeypatch.setattr(stacks.landscape.trial, "train", diverging)
    told: list[Result] = []
    only = {"norm": ["none"], "penalty": ["none"]}
    search(landscape, measure, limits(landscape.study, seeds=(0,), only=only), told.append)
    [result] = told
    assert (result.state, result.collapsed) == ("diverged", True)
    assert [step for step, _ in result.looks] == [1]
    assert (result.fid, result.kid, result.ms_ssim) == (None, None, None)
    assert row(told).best is None, "it counts as the worst"


def test_what_is_measured_is_the_target_whatever_its_view_is_called(
    measure: Measure, data: Path
) -> None:
    root = [f"data.root={str(data)!r}"]
    made = []
    for change in ([], ["stage.0.writes=drawn"]):
        torch.manual_seed(0)
        made.append(measure(Stack(parse_recipe(RECIPE, [*root, *change])).eval()))
    assert made[0] == made[1]


def test_no_trial_begins_after_the_budget(landscape: Landscape, measure: Measure) -> None:
    told: list[Result] = []
    search(landscape, measure, limits(landscape.study, until=0.0), told.append)
    assert not any(each.ran for each in told)


def test_real_pictures_are_looked_at_once(landscape: Landscape, measure: Measure) -> None:
    facts = measure.real.facts
    assert facts["pictures"] == 12
    assert measure.real.features.shape[0] == 12
    assert set(measure.real.classes["gesture"].tolist()) == {0, 1}
    stamp = (landscape.folder / "real.safetensors").stat().st_mtime_ns
    landscape.measure(None, quiet)
    assert (landscape.folder / "real.safetensors").stat().st_mtime_ns == stamp


def test_numbers_of_two_protocols_are_not_mixed(
    landscape: Landscape, measure: Measure, data: Path
) -> None:
    text = (landscape.folder / "study.toml").read_text()
    (landscape.folder / "study.toml").write_text(text.replace("pictures = 12", "pictures = 10"))
    with pytest.raises(TableError, match="asked 12, not 10"):
        Landscape(landscape.folder, str(data)).measure(None, quiet)


def test_a_folder_is_not_taken_over(landscape: Landscape, tmp_path: Path) -> None:
    # No trial has begun: what went wrong may be put right.
    create(landscape.folder, str(tmp_path / "tiny.toml"), resume=False)
    (tmp_path / "other.toml").write_text(STUDY.replace("steps = 2", "steps = 3", 1))
    with pytest.raises(TableError, match="--resume"):
        create(landscape.folder, str(tmp_path / "other.toml"), resume=False)
    landscape.trials.begin("one", {"norm": "none"})
    with pytest.raises(TableError, match="--resume"):
        create(landscape.folder, str(tmp_path / "tiny.toml"), resume=False)
    create(landscape.folder, str(tmp_path / "tiny.toml"), resume=True)
    with pytest.raises(FileNotFoundError, match="no study"):
        Landscape(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such study file"):
        create(tmp_path / "other", str(tmp_path / "missing.toml"), resume=False)


CLAIMER = """
import sys, time
from pathlib import Path
from stacks.landscape.trials import Trials
with Trials(Path(sys.argv[1])).claim("one") as mine:
    print(mine, flush=True)
    time.sleep(60)
"""


def test_the_claim_of_a_killed_process_is_free_again(tmp_path: Path) -> None:
    trials = Trials(tmp_path)
    trials.begin("one", {"norm": "none"})
    other = subprocess.Popen(
        [sys.executable, "-c", CLAIMER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "True"
        with trials.claim("one") as mine:
            assert not mine
        assert trials.running() == [{"norm": "none"}]
        os.kill(other.pid, signal.SIGKILL)
    finally:
        other.kill()
        other.wait()
    with trials.claim("one") as mine:
        assert mine
    assert trials.running() == []
