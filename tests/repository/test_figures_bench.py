"""The benchmark of drawn people: joints, its pairs, its judge, and a run from end to end."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import figures, posed_judge
from export.manifest import Input, Manifest, Output
from stacks.tables import figures as tables
from stacks.tables.bodies import JOINTS
from tests.runtime.models import FLOAT, Graph

SIDE, PEOPLE, HELD, POSES = 48, 40, 4, 3


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    tables.write(root, PEOPLE, HELD, poses=POSES, size=SIDE)
    return root


def unchanged(path: Path) -> Path:
    """A model that gives back its source, whatever the joints."""
    graph = Graph()
    axes = graph.constant([1, 2], np.int64)
    told = [graph.add("ReduceSum", name, axes, keepdims=1) for name in ("source_pose", "pose")]
    nothing = graph.add("Mul", graph.add("Add", *told), graph.constant([0]))
    plane = graph.add("Reshape", nothing, graph.constant([-1, 1, 1, 1], np.int64))
    graph.add("Add", "source", plane, output="target")
    kind = f"keypoints:{len(JOINTS)}"
    manifest = Manifest(
        name=path.stem,
        task="pose",
        inputs=(
            Input("source", "rgb"),
            Input("source_pose", kind, names=JOINTS),
            Input("pose", kind, names=JOINTS),
        ),
        outputs=(Output("target", "rgb"),),
        tiling="fixed",
        size=SIDE,
    )
    joints = (FLOAT, ["n", len(JOINTS), 3])
    return graph.save(
        path,
        manifest,
        {"source": (FLOAT, ["n", 3, "h", "w"]), "source_pose": joints, "pose": joints},
        {"target": (FLOAT, ["n", 3, "h", "w"])},
    )


def test_joints_that_are_not_visible_stand_in_the_middle_of_their_pose() -> None:
    joints = np.zeros((3, 2, 3))
    joints[:, :, 2] = 1
    joints[0, 0, :2] = 10, 20
    joints[1, 0, :2] = 30, 40
    joints[2, 0] = 0  # not visible
    places = figures.filled_in(joints, np.array([7, 7, 7]), (100, 200))
    # x in 200, y in 100; the third is the mean of the others.
    wanted = np.array([[0.05, 0.2, 0, 0], [0.15, 0.4, 0, 0], [0.1, 0.3, 0, 0]])
    assert places == pytest.approx(wanted)
    # Of another pose, in which nobody shows it, it is in the mean of all.
    assert figures.filled_in(joints, np.array([7, 7, 3]), (100, 200)) == pytest.approx(wanted)
    joints[1, 0] = 0
    assert figures.filled_in(joints, np.array([7, 3, 7]), (100, 200))[:, :2] == pytest.approx(
        np.array([[0.05, 0.2]] * 3)
    )


def test_distance_of_joints() -> None:
    found = np.array([[0.0, 0.0, 0.5, 0.5]])
    asked = np.array([[0.03, 0.04, 0.5, 0.6]])
    # Five hundredths of a side and ten.
    assert figures.joints_apart(found, asked) == pytest.approx([7.5])


def test_a_model_that_changes_nothing_is_the_source(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(posed_judge, "WIDTHS", (8, 16, 32))
    monkeypatch.setattr(figures, "JUDGE_AT_LEAST", 0.2)
    model, sheet = unchanged(tmp_path / "same.onnx"), tmp_path / "sheet.png"
    figures.run(
        data=data, model=str(model), cache=tmp_path, steps=150,
        json=str(tmp_path / "figures.json"), picture=sheet,
    )  # fmt: skip
    told = json.loads((tmp_path / "figures.json").read_text())
    # All ordered pairs of each person's pictures.
    assert told["pairs"] == HELD * POSES * (POSES - 1)
    assert told["result"] == told["source"]
    assert told["source"]["pose_error"] > told["real"]["pose_error"]
    assert not told["checks"]["ssim_y"]["holds"]
    # The source and every other pose of each person, above the real pictures.
    assert Image.open(sheet).size == (POSES * SIDE, HELD * 2 * SIDE)
    assert "asked pose found" in capsys.readouterr().out


def test_the_real_pictures_stand_for_their_joints(data: Path) -> None:
    people = figures.read_people(data, figures.need_rows(data, "validation"), (SIDE, SIDE))
    assert people.posed.pixels.shape == (HELD * POSES, SIDE, SIDE, 3)
    visible = people.joints[:, :, 2] == 1
    assert visible.mean() > 0.9
    # Where a wrist is seen, its picture differs from the background in the corner.
    column = JOINTS.index("left_wrist")
    for pixels, joints in zip(people.posed.pixels, people.joints, strict=True):
        x, y, seen = joints[column]
        if seen:
            colors = pixels[round(y), round(x)].astype(int) - pixels[0, 0]
            assert np.abs(colors).max() > 20


def test_what_is_missing_is_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "figure-pairs-train.csv").write_text("source,target,asked\n")
    alone = tmp_path / "alone"
    alone.mkdir()
    for table in data.glob("*.csv"):
        shutil.copy(table, alone)
    model = str(unchanged(tmp_path / "same.onnx"))
    cases = (
        (tmp_path, model, "figure-pairs-train.csv"),
        (empty, model, "figure-pairs-train.csv"),
        (data, "nothing.onnx", "nothing.onnx"),
        (alone, model, "joints.csv: no such file"),
    )
    for root, name, message in cases:
        with pytest.raises(SystemExit) as stopped:
            figures.run(data=root, model=name)
        assert stopped.value.code == 2
        printed = capsys.readouterr().out
        assert message in printed
        assert printed.count("\n") == 1
