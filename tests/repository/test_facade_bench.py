"""The benchmark of models that draw from labels: its judge, its scores, a run end to end."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import confusion_matrix, jaccard_score, recall_score

from benchmarks import facade, labeling
from benchmarks.drawing import sheet
from export.manifest import Input, Manifest, Output
from stacks.data import training_groups
from stacks.recipe import load_recipe
from stacks.train import train
from tests.runtime.models import INT64, Graph, picture

SIDE, PAIRS, HELD_OUT = 32, 9, 3
PALETTE = np.array([(0, 0, 200), (0, 200, 0), (200, 0, 0)], np.uint8)
PAINTS = np.array([(170, 170, 180), (90, 60, 40), (230, 200, 120)], np.uint8)
"""What each label looks like in the photos."""
RECIPE = f"""
name = "drawing"
batch = 2
data = {{ layout = "side-by-side", swap = true, size = {SIDE}, views = {{ source = "labels:3", \
target = "rgb" }}, names = {{ source = ["sky", "wall", "door"] }}, palette = {{ source = \
{PALETTE.tolist()} }}, folder = [{{ path = "facades", pictures = ":-{HELD_OUT}" }}] }}
stage = [{{ name = "paint", generator = {{ kind = "pix2pix", depth = 3 }}, \
objective = {{ generator = {{ l1 = 1 }} }} }}]
validation = {{ folder = [{{ path = "facades", pictures = "-{HELD_OUT}:" }}] }}
phase = [{{ train = ["paint"], steps = 1 }}]
"""


def layout(index: int) -> np.ndarray:
    """Sky above a wall with a door, no two alike: ``(H, W)``."""
    labels = np.zeros((SIDE, SIDE), np.uint8)
    labels[10 + index :] = 1
    labels[20:, 4 + 2 * index : 12 + 2 * index] = 2
    return labels


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    (root / "facades").mkdir()
    random = np.random.default_rng(0)
    for index in range(PAIRS):
        labels = layout(index)
        photo = PAINTS[labels] + random.integers(-8, 9, (SIDE, SIDE, 1))
        pair = np.hstack([photo.astype(np.uint8), PALETTE[labels]])
        Image.fromarray(pair).save(root / "facades" / f"{index}.png")
    (root / "drawing.toml").write_text(RECIPE)
    return root


@pytest.fixture
def small_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(labeling.NETWORK, channels=8, depth=3)
    monkeypatch.setattr(labeling, "NETWORK", small)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The judge is trained once for all runs."""
    return tmp_path_factory.mktemp("cache")


def painter(path: Path, paints: np.ndarray) -> Path:
    """A model that fills each label with its paint."""
    graph = Graph()
    colors = graph.constant(paints / 255)
    painted = graph.add("Gather", colors, "source", axis=0)
    last = graph.add("Transpose", painted, perm=[0, 4, 2, 3, 1])
    graph.add("Squeeze", last, graph.constant([4], np.int64), output="target")
    manifest = Manifest(
        "test-facade", "photo", (Input("source", "labels:3"),), (Output("target", "rgb"),)
    )
    inputs: dict[str, tuple[int, list[int | str]]] = {"source": (INT64, ["n", 1, "h", "w"])}
    return graph.save(path, manifest, inputs, {"target": picture()})


def run(
    data: Path,
    model: Path | str,
    beside: str = "",
    recipe: str = "",
    cache: Path | None = None,
    steps: int = 150,
    to: Path | None = None,
) -> None:
    facade.run(
        data=data,
        model=str(model),
        beside=beside,
        recipe=recipe or str(data / "drawing.toml"),
        cache=cache,
        steps=steps,
        json=str(to / "figures.json") if to else "",
        picture=to / "grid.png" if to else None,
    )


@pytest.mark.usefixtures("small_judge")
def test_right_paints_are_found_and_exchanged_ones_are_not(
    data: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = painter(tmp_path / "right.onnx", PAINTS)
    exchanged = painter(tmp_path / "exchanged.onnx", PAINTS[[1, 2, 0]])
    run(data, right, beside=str(exchanged), cache=cache, to=tmp_path)
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["photos"] == HELD_OUT
    assert figures["models"] == {"result": str(right), "beside": str(exchanged)}
    assert figures["real"]["pixel_accuracy"] > 0.9
    assert figures["result"]["ratio"] == pytest.approx(1, abs=0.1)
    assert figures["beside"]["ratio"] < 0.3
    assert figures["checks"]["ratio"]["holds"]
    # Even paint has no grain: of its finest band only the edges are left.
    assert figures["result"]["band_energy"] < 1
    truth = np.stack([layout(index) for index in range(PAIRS - HELD_OUT, PAIRS)])
    shares = np.bincount(truth.ravel(), minlength=3) / truth.size
    named = [figures["by_label"][name]["share"] for name in ("sky", "wall", "door")]
    assert named == pytest.approx(shares)
    assert figures["commonest"]["pixel_accuracy"] == pytest.approx(shares.max())
    assert figures["by_label"]["door"]["beside"] < 0.3 < figures["by_label"]["door"]["result"]
    printed = capsys.readouterr().out
    assert "real photos that it has not seen" in printed
    assert "at least 0.70" in printed
    # Labels, both results, and the real photos.
    assert Image.open(tmp_path / "grid.png").size == (4 * 256, HELD_OUT * 256)
    [kept] = cache.glob("*/best.safetensors")
    written = kept.stat().st_mtime_ns
    run(data, right, cache=cache)
    assert kept.stat().st_mtime_ns == written


@pytest.mark.usefixtures("small_judge")
def test_a_judge_is_kept_for_its_pictures_and_settings_and_goes_on(
    data: Path, tmp_path: Path
) -> None:
    drawing = load_recipe(str(data / "drawing.toml"), [f"data.root={data}"])
    labeling.appoint(drawing, tmp_path, steps=2)
    [run_folder] = tmp_path.iterdir()
    # Interrupted after its last checkpoint: the log says that no step is done again.
    log = (run_folder / "log.jsonl").read_text()
    (run_folder / "best.safetensors").unlink()
    labeling.appoint(drawing, tmp_path, steps=2)
    assert (run_folder / "best.safetensors").is_file()
    assert (run_folder / "log.jsonl").read_text() == log
    labeling.appoint(drawing, tmp_path, steps=3)
    labeling.appoint(drawing, tmp_path, steps=2, seed=1)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.usefixtures("small_judge")
def test_a_judge_that_knows_nothing_is_not_believed(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = painter(tmp_path / "right.onnx", PAINTS)
    with pytest.raises(SystemExit) as stopped:
        run(data, right, steps=1)
    assert stopped.value.code == 1
    assert "of the commonest label; train it longer by --steps" in capsys.readouterr().out


def test_what_is_missing_is_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = painter(tmp_path / "right.onnx", PAINTS)
    (tmp_path / "drawing.toml").write_text(RECIPE)
    cases = (
        (tmp_path, right, "", "", f"{tmp_path / 'facades'}: no such folder"),
        (data, "nothing.onnx", "", "", "nothing.onnx: no such file"),
        (data, right, "nothing.onnx", "", "nothing.onnx: no such file"),
        (data, right, "", "no.toml", "no.toml: no such recipe file"),
    )
    for root, model, beside, recipe, message in cases:
        with pytest.raises(SystemExit) as stopped:
            run(root, model, beside, recipe)
        assert stopped.value.code == 2
        printed = capsys.readouterr().out
        assert message in printed
        assert printed.count("\n") == 1


def test_a_model_that_draws_from_something_else_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = Graph()
    graph.add("Identity", "source", output="target")
    manifest = Manifest("rgb", "photo", (Input("source", "rgb"),), (Output("target", "rgb"),))
    wrong = graph.save(
        tmp_path / "rgb.onnx", manifest, {"source": picture()}, {"target": picture()}
    )
    with pytest.raises(SystemExit) as stopped:
        run(data, wrong)
    assert stopped.value.code == 2
    assert "draws from rgb; expected a model that draws from labels:3" in capsys.readouterr().out


def test_the_judge_goes_from_photos_to_labels_of_the_training_pictures(data: Path) -> None:
    drawing = load_recipe("facade-photo", [f"data.root={data}", "data.size=32"])
    recipe = labeling.judge_recipe(drawing, steps=7, seed=3)
    assert dict(recipe.data.views) == {"source": "rgb", "target": "labels:12"}
    assert recipe.data.palette["target"] == drawing.data.palette["source"]
    assert (recipe.phase[0].steps, recipe.seed) == (7, 3)
    drawing = load_recipe(str(data / "drawing.toml"), [f"data.root={data}"])
    [(pairs, _)] = training_groups(labeling.judge_recipe(drawing))
    assert [item.name for item in pairs.items] == [str(index) for index in range(PAIRS - HELD_OUT)]
    # The photos are on the left, whatever is drawn from what.
    views = pairs.load(4)
    assert np.array_equal(views["target"][..., 0], layout(4))
    assert np.abs(views["source"].astype(int) - PAINTS[layout(4)]).max() <= 8


def test_a_recipe_that_does_not_draw_from_labels_has_no_judge() -> None:
    for name, message in (("sketch-photo", "gray to rgb"), ("dcgan", "nothing to")):
        with pytest.raises(ValueError, match=f"{message}.*expected a recipe from labels to rgb"):
            labeling.judge_recipe(load_recipe(name))


def test_the_stack_beside_learns_by_l1_alone(data: Path, tmp_path: Path) -> None:
    tiny = [
        f"data.root={data}",
        "data.size=32",
        "data.folder.0.pictures=:",
        "data.views.source=labels:3",
        "data.names={}",
        f"data.palette.source={PALETTE.tolist()}",
        "batch=2",
        "stage.0.generator={ kind = 'pix2pix', channels = 4, depth = 4, remind = true }",
        "stage.0.discriminator={ kind = 'patch', channels = 4, layers = 1 }",
        "validation.folder=[]",
        "phase.0.size=16",
        "phase.0.steps=1",
        "phase.1.steps=1",
        "log.every=1",
    ]
    terms = {}
    for adversarial in ("true", "false"):
        overrides = [*tiny, *(f"phase.{index}.adversarial={adversarial}" for index in (0, 1))]
        train(load_recipe("facade-photo", overrides), tmp_path / adversarial)
        lines = (tmp_path / adversarial / "log.jsonl").read_text().splitlines()
        first, last = (
            {key for key in json.loads(line) if key.startswith("paint/")} for line in lines
        )
        assert first == last
        terms[adversarial] = first
    assert terms["false"] == {"paint/generator/l1"}
    assert {"paint/generator/l1", "paint/generator/adversarial"} < terms["true"]


TRUTH = np.array([[0, 0, 0, 0], [1, 1, 2, 2]], np.uint8)
FOUND = np.array([[0, 0, 0, 1], [1, 2, 2, 3]], np.uint8)


def test_label_scores_by_hand() -> None:
    counts = labeling.count_labels(TRUTH[..., None], FOUND, 4)
    assert counts.tolist() == [[3, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 0]]
    scores = labeling.label_scores(counts)
    assert scores["pixel_accuracy"] == 5 / 8
    # Label 3 stands nowhere in truth and is in no mean.
    assert scores["class_accuracy"] == pytest.approx((3 / 4 + 1 / 2 + 1 / 2) / 3)
    assert scores["iou"] == pytest.approx((3 / 4 + 1 / 3 + 1 / 3) / 3)
    assert labeling.recalls(counts) == [3 / 4, 1 / 2, 1 / 2, None]


def test_label_scores_are_scikit_learns() -> None:
    truth, found = np.random.default_rng(0).integers(0, 5, (2, 30, 40)).astype(np.uint8)
    counts = labeling.count_labels(truth, found, 5)
    assert np.array_equal(counts, confusion_matrix(truth.ravel(), found.ravel()))
    scores = labeling.label_scores(counts)
    for key, other in (("class_accuracy", recall_score), ("iou", jaccard_score)):
        expected = other(truth.ravel(), found.ravel(), average="macro")
        assert scores[key] == pytest.approx(expected)


def test_the_commonest_label_and_the_share_of_the_real() -> None:
    real = np.array([[6, 0, 0], [1, 2, 0], [0, 0, 1]])
    assert facade.commonest(real).tolist() == [[6, 0, 0], [3, 0, 0], [1, 0, 0]]
    # 6 of 10 against 9 of 10.
    assert facade.score(facade.commonest(real), real)["ratio"] == pytest.approx(6 / 9)


def test_what_is_asked_is_asked_at_its_bound() -> None:
    assert facade.checks({"ratio": 0.7})["ratio"]["holds"]
    assert not facade.checks({"ratio": 0.69})["ratio"]["holds"]


def test_pictures_of_any_shape_stand_in_squares() -> None:
    wide = np.zeros((10, 40, 3), np.uint8)
    pixels = np.asarray(sheet([[wide, wide], [wide, wide]], side=20))
    assert pixels.shape == (40, 40, 3)
    # Each is 20x5 on white.
    assert (pixels[:, 3, 0] == 0).sum() == 2 * 5
    assert (pixels[[0, 19, 20, 39]] == 255).all()
