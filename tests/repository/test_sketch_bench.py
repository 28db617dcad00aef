"""The benchmark of sketch models: how edges are matched, how draws differ, a run end to end."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageDraw

from benchmarks import sketch
from benchmarks.boundaries import THRESHOLDS, Agreement, agreements, best, lines, match
from export.manifest import Input, Manifest, Output
from stacks.tables.sketch_pairs import edges_of
from stacks.tables.sketch_pairs import sketch as trace
from tests.runtime.models import FLOAT, Graph, picture

SIDE = 64


def photo(index: int) -> Image.Image:
    drawn = Image.new("RGB", (SIDE, SIDE), (40, 60, 90))
    ImageDraw.Draw(drawn).rectangle((12 + index, 16, 44, 50 - index), fill=(210, 180, 150))
    return drawn


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three photos whose sketches are the edges found in them; the last two are held out."""
    root = tmp_path_factory.mktemp("data")
    rows: list[tuple[str, str, str]] = []
    for index, folder in enumerate(("drawn", "drawn", "traced")):
        (root / folder).mkdir(exist_ok=True)
        source, target = (f"{folder}/{index}-{view}.png" for view in ("sketch", "photo"))
        photo(index).save(root / target)
        Image.fromarray(trace(root / target)).save(root / source)
        Image.new("L", (SIDE, SIDE)).save(root / f"{folder}/{index}-layout.png")
        rows.append((source, f"{folder}/{index}-layout.png", target))
    for name, part in (("train", rows[:1]), ("validation", rows[1:])):
        with (root / f"sketch-people-{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("source", "layout", "target"), *part])
    return root


def stand_in(path: Path, noise: float | None = None) -> Path:
    """A model that draws one gray everywhere; with noise, around it."""
    graph = Graph()
    flat = graph.add("Mul", "source", graph.constant(0.0))
    gray = graph.add("Add", flat, graph.constant(0.5))
    inputs, ports = {"source": picture(1)}, [Input("source", "gray")]
    if noise is not None:
        gray = graph.add("Add", gray, graph.add("Mul", "noise", graph.constant(noise)))
        inputs["noise"] = (FLOAT, ["n", 1, "h", "w"])
        ports.append(Input("noise", "noise"))
    graph.add("Concat", gray, gray, gray, output="target", axis=1)
    manifest = Manifest("test-sketch", "photo", tuple(ports), (Output("target", "rgb"),))
    return graph.save(path, manifest, inputs, {"target": picture()})


def measured(data: Path, model: Path, to: Path) -> dict:
    sketch.run(data=data, model=str(model), json=str(to / "figures.json"), picture=to / "grid.png")
    return json.loads((to / "figures.json").read_text())


def test_a_flat_photo_has_no_edges_and_every_draw_is_the_same(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = measured(data, stand_in(tmp_path / "flat.onnx"), tmp_path)
    assert figures["sketches"] == 2
    assert figures["result"]["f_measure"] == 0
    # The sketches are the edges of these very photos, but both were stretched since.
    assert 0.9 < figures["real"]["f_measure"] < 1
    assert set(figures["real"]["by_set"]) == {"drawn", "traced"}
    assert figures["checks"] == {"f_measure": {"asked": "at least 0.60", "holds": False}}
    assert "reads no noise" in capsys.readouterr().out
    # Sketch, drawn and real photo of two pairs.
    assert Image.open(tmp_path / "grid.png").size == (3 * 256, 2 * 256)


def test_figures_on_stdout_stand_alone(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(stand_in(tmp_path / "flat.onnx"))
    sketch.run(data=data, model=model, json="-", picture=tmp_path / "grid.png")
    captured = capsys.readouterr()
    assert json.loads(captured.out)["sketches"] == 2
    assert "reads no noise" in captured.err
    assert "grid.png" in captured.err


def test_sets_are_told_where_there_are_several(capsys: pytest.CaptureFixture[str]) -> None:
    scores = dict.fromkeys(("precision", "recall", "f_measure", "threshold"), 0.5)
    for names, told in ((("one",), []), (("one", "two"), ["drawn, one", "drawn, two"])):
        part = {**scores, "by_set": dict.fromkeys(names, scores)}
        sketch.report({"result": part, "real": part, "checks": {}})
        printed = capsys.readouterr().out.splitlines()
        assert [line[:10] for line in printed if line.startswith("drawn, ")] == told
        assert sum(line.startswith("drawn ") for line in printed) == 1


def test_draws_from_noise_differ_as_the_noise_does(data: Path, tmp_path: Path) -> None:
    figures = measured(data, stand_in(tmp_path / "noisy.onnx", noise=0.05), tmp_path)
    # Of four draws from a normal distribution the population's deviation is on average
    # sqrt(3 / 4) * 0.9213 (c4) of the true one, here 0.05 * 255.
    expected = 0.05 * 255 * np.sqrt(3 / 4) * 0.9213
    assert figures["diversity"]["seeds"] == 4
    assert figures["diversity"]["deviation"] == pytest.approx(expected, rel=0.02)
    assert 0 < figures["diversity"]["ms_ssim"] < 0.9
    assert figures["checks"]["deviation"]["holds"]
    # Two of the draws stand in the picture.
    assert Image.open(tmp_path / "grid.png").size == (4 * 256, 2 * 256)


def test_what_is_missing_is_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(stand_in(tmp_path / "flat.onnx"))
    colored = Graph()
    colored.add("Identity", "source", output="target")
    manifest = Manifest("rgb", "photo", (Input("source", "rgb"),), (Output("target", "rgb"),))
    wrong = colored.save(
        tmp_path / "rgb.onnx", manifest, {"source": picture()}, {"target": picture()}
    )
    cases = (
        ({"data": tmp_path, "model": model}, "sketch-people-validation.csv: no such table"),
        ({"data": data, "model": "nothing.onnx"}, "nothing.onnx: no such file"),
        ({"data": data, "model": str(wrong)}, "draws from rgb; expected a model that draws from"),
        ({"data": data, "model": model, "recipe": "nothing"}, "nothing: no such preset"),
        ({"data": data, "model": model, "recipe": "dcgan"}, "holds no pictures out"),
    )
    for given, message in cases:
        with pytest.raises(SystemExit) as stopped:
            sketch.run(**given)
        assert stopped.value.code == 2
        printed = capsys.readouterr().out
        assert message in printed
        assert printed.count("\n") == 1


def mask(*places: tuple[int, int]) -> np.ndarray:
    drawn = np.zeros((8, 24), bool)
    for place in places:
        drawn[place] = True
    return drawn


def test_a_line_beside_another_is_within_the_tolerance_or_not() -> None:
    given = mask(*((row, 10) for row in range(8)))
    for shift, matched in ((0, 8), (2, 8), (3, 0)):
        assert match(np.roll(given, shift, axis=1), given, 2.0) == matched


def test_a_diagonal_step_is_longer_than_one_pixel() -> None:
    assert match(mask((1, 1)), mask((2, 2)), 1.4) == 0
    assert match(mask((1, 1)), mask((2, 2)), 1.5) == 1


def test_each_given_pixel_answers_for_one_found_pixel() -> None:
    # Three found around one given; and nothing to match at all.
    assert match(mask((3, 4), (3, 5), (3, 6)), mask((3, 5)), 1.0) == 1
    assert match(mask(), mask((3, 5)), 1.0) == 0
    assert match(mask((3, 5)), mask(), 1.0) == 0


def test_pairs_are_as_many_as_can_be() -> None:
    # In a row: given, found, given, found. Who pairs the first found pixel with the second given
    # one leaves the other found pixel alone.
    assert match(mask((0, 1), (0, 3)), mask((0, 0), (0, 2)), 1.0) == 2


def test_precision_recall_and_f_by_hand() -> None:
    some = Agreement(given=4, found=2, matched=1)
    assert (some.precision, some.recall) == (0.5, 0.25)
    assert some.f_measure == pytest.approx(2 * 0.5 * 0.25 / 0.75)
    none = Agreement(given=4)
    assert (none.precision, none.recall, none.f_measure) == (0, 0, 0)


def test_one_threshold_is_best_for_the_whole_set() -> None:
    # By picture the first and the last threshold are best, with F of 1; together the middle one:
    # 2 * 12 / (14 + 20) = 0.706, against 2 * 10 / (20 + 20) = 0.5 at the ends.
    nothing = [Agreement(10, 0, 0)] * (len(THRESHOLDS) - 3)
    first = [Agreement(10, 10, 10), Agreement(10, 7, 6), Agreement(10, 10, 0), *nothing]
    second = [Agreement(10, 10, 0), Agreement(10, 7, 6), Agreement(10, 10, 10), *nothing]
    assert best([first, second]) == pytest.approx(
        {"precision": 12 / 14, "recall": 0.6, "f_measure": 24 / 34, "threshold": THRESHOLDS[1]}
    )


def test_a_thick_line_counts_as_a_thin_one() -> None:
    strengths = np.zeros((20, 20), np.uint8)
    strengths[:, 8:11] = 128
    assert lines(strengths, 0.5).sum(axis=1).tolist()[1:-1] == [1] * 18
    assert not lines(strengths, 0.51).any()


@pytest.mark.parametrize(("shift", "right"), [(0, 1.0), (12, 0.0)])
def test_the_edge_of_a_photo_is_where_its_halves_meet(shift: int, right: float) -> None:
    # 80x60 pixels: 0.0075 of a diagonal of 100 is less than the one pixel to the next column.
    halves = np.full((60, 80, 3), 30, np.uint8)
    halves[:, 40:] = 220
    drawn = np.zeros((60, 80, 1), np.uint8)
    columns = np.flatnonzero(lines(edges_of(pyvips.Image.new_from_array(halves)), 0.5)[30])
    drawn[:, columns + shift] = 255
    assert 38 <= columns[0] <= 41
    for agreement in agreements(halves, drawn):
        # Thinning takes the ends of lines.
        assert agreement.precision == pytest.approx(right, abs=0.05)
        assert agreement.recall == pytest.approx(right, abs=0.05)


def test_copies_do_not_differ_and_two_grays_do() -> None:
    grays = [np.full((SIDE, SIDE, 3), level, np.uint8) for level in (100, 150)]
    same = sketch.draws_differ([[grays[0]], [grays[0]]])
    assert same == pytest.approx({"deviation": 0, "ms_ssim": 1})
    # Both lie 25 from their mean.
    assert sketch.draws_differ([[grays[0]], [grays[1]]])["deviation"] == pytest.approx(25)


def test_what_is_asked_is_asked_at_its_bounds() -> None:
    good = {"result": {"f_measure": 0.6}, "diversity": {"deviation": 0.1}}
    bad = {"result": {"f_measure": 0.59}, "diversity": {"deviation": 0.0}}
    assert all(check["holds"] for check in sketch.checks(good).values())
    assert not any(check["holds"] for check in sketch.checks(bad).values())
