"""Files of keypoints, what is wrong with them, and that joints stay on their pixels."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.photographs import Bytes, write_pictures
from translate.augment import Augment, AugmentSpec
from translate.batches import Sampler
from translate.joints import JointsSpec
from translate.keypoints import read_keypoints
from translate.kinds import parse_kind
from translate.layouts import Reading, find_items
from translate.pairs import DataError, Pairs, View

NAMES = ("head", "left_hand", "right_hand")
PLACES = np.array([[11, 4, 1], [3, 9, 1], [19, 12, 1]], np.float32)
COLORS = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250]], np.uint8)


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_csv_and_json_say_the_same(tmp_path: Path) -> None:
    table = write(
        tmp_path / "a.csv",
        "\ufeffpicture,joint,x,y,visible\n"
        "a/1.png,right_hand,,,0\na/1.png,head,1.5,2,1\na/1.png,left_hand,-3,40,1\n"
        "b.2,head,0,0,1\nb.2,left_hand,1,1,1\nb.2,right_hand,2,2,1\n",
    )
    tree = {
        "a/1.png": {"head": [1.5, 2], "left_hand": [-3, 40, 1], "right_hand": None},
        "b.2": {"head": [0, 0], "left_hand": [1, 1], "right_hand": [2, 2]},
    }
    for file in (table, write(tmp_path / "a.json", json.dumps(tree))):
        found = read_keypoints(file, NAMES)
        assert list(found.joints) == ["a/1", "b.2"]
        for name in ("a/1.png", "a/1", "a/1.jpg"):
            joints = found.of(name, "here")
            assert joints.dtype == np.float32
            assert joints.tolist() == [[1.5, 2, 1], [-3, 40, 1], [0, 0, 0]]
    # Without a column visible, all are; "name" does for "picture".
    text = table.read_text().replace("picture", "name").splitlines()
    short = "\n".join(line.rpartition(",")[0] for line in [text[0], *text[4:]])
    assert read_keypoints(write(tmp_path / "c.csv", short), NAMES).of("b.2", "")[:, 2].all()


HEAD = "picture,joint,x,y,visible\n"
ROWS = "1,head,1,1,1\n1,left_hand,1,1,1\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD, "{file}: holds no joints"),
        ("picture,joint,x\n", "{file}: has no column 'y'; expected picture, joint, x, y, visible"),
        (HEAD + ROWS, "{file}: picture '1' has no joint 'right_hand'; add it, with visible 0"),
        (HEAD + "1,head,1,1,1\n", "{file}: picture '1' has no joint 'left_hand' and 1 more; "),
        (HEAD + ROWS + "1,tail,1,1,1\n",
         "{file}, line 4: unknown joint 'tail'; take it out, or add it to data.joints.names, whic"),
        (HEAD + ROWS + "1,head,1,1,1\n", "{file}, line 4: joint 'head' stands twice"),
        (HEAD + "1,head,x,1,1\n", "{file}, line 2: x of joint 'head' is 'x'; expected a number"),
        (HEAD + "1,head,1,,1\n", "{file}, line 2: y of joint 'head' is ''; expected a number of "),
        (HEAD + "1,head,1,nan,1\n", "{file}, line 2: y of joint 'head' is 'nan'; expected a numb"),
        (HEAD + "1,head,1,1,0.5\n", "{file}, line 2: visible of joint 'head' is '0.5'; expected "),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_csv_file(tmp_path: Path, text: str, message: str) -> None:
    assert_told(write(tmp_path / "joints.csv", text), message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "{file}: is no JSON file in UTF-8: "),
        ("[1]", '{file}: expected {{"PICTURE": {{"JOINT": [x, y, visible]}}}}'),
        ('{"head": [1, 2]}', '{file}: expected {{"PICTURE": '),
        ('{"1": {"head": 3}}', "{file}: picture '1', joint 'head': got 3; expected [x, y], [x, y"),
        ('{"1": {"head": [1, 2], "head": null}}', "{file}: is no JSON file in UTF-8: 'head' stand"),
        ('{"1": {"head": ["a", 2]}}', "{file}: picture '1': x of joint 'head' is 'a'; expected a "),
        ('{"1": {"head": [true, 2]}}', "{file}: picture '1': x of joint 'head' is True; expected"),
        (f'{{"1": {{"head": [{10**400}, 2]}}}}', "{file}: picture '1': x of joint 'head' is 1000"),
        ('{"1": {"nose": [1, 2]}}', "{file}: picture '1': unknown joint 'nose'; take it out, or "),
        ('{"1": {}, "1.png": {}}', "{file}: picture '1.png' stands twice"),
    ],
)
def test_what_is_wrong_with_a_json_file(tmp_path: Path, text: str, message: str) -> None:
    assert_told(write(tmp_path / "joints.json", text), message)


def test_other_files_are_refused(tmp_path: Path) -> None:
    assert_told(tmp_path / "none.csv", "{file}: no such file")
    assert_told(write(tmp_path / "joints.txt", ""), "{file}: is neither .csv nor .json")


def assert_told(file: Path, message: str) -> None:
    with pytest.raises(DataError) as error:
        read_keypoints(file, NAMES)
    assert str(error.value).startswith(message.format(file=file))
    assert "\n" not in str(error.value)


def marked(height: int = 16, width: int = 24) -> Bytes:
    """Black, with a pixel of its own color at each joint."""
    picture = np.zeros((height, width, 3), np.uint8)
    columns, rows = PLACES[:, :2].astype(int).T
    picture[rows, columns] = COLORS
    return picture


def rows_of(picture: str, places: np.ndarray = PLACES) -> str:
    lines = [
        f"{picture},{name},{x},{y},{visible:g}"
        for name, (x, y, visible) in zip(NAMES, places, strict=True)
    ]
    return "\n".join(lines) + "\n"


def reading(root: Path, **settings: Any) -> Reading:
    kinds = {"source": "rgb", "pose": "keypoints:3", "target": "rgb"}
    return Reading(kinds, root=root, joints=JointsSpec(NAMES, "joints.csv"), **settings)


def pairs(root: Path, layout: Any = "views", **settings: Any) -> Pairs:
    write_pictures(root / "source", {"1.png": marked()})
    write_pictures(root / "target", {"1.png": marked()})
    write(root / "pose.csv", HEAD + rows_of("1"))
    write(root / "joints.csv", HEAD + rows_of("target/1.png"))
    write(root / "pairs.csv", "source,pose,target\nsource/1.png,target/1.png,target/1.png\n")
    where = root / "pairs.csv" if layout == "table" else root
    return Pairs(find_items(where, layout, reading(root, **settings)))


def sampler(found: Pairs, size: int, move: AugmentSpec) -> Sampler:
    kinds = {name: parse_kind(text) for name, text in reading(Path()).kinds.items()}
    swapped = dict.fromkeys(kinds, (0, 2, 1))
    return Sampler([(found, 1.0)], 4, size, [], Augment(move), 0, kinds=kinds, swapped=swapped)


@pytest.mark.parametrize("layout", ["views", "table"])
@pytest.mark.parametrize(
    ("move", "symmetries"),
    [(AugmentSpec(flip=False), 1), (AugmentSpec(), 2), (AugmentSpec(flip=True, turn=True), 8)],
)
def test_joints_stay_on_their_pixels_and_sides(
    tmp_path: Path, layout: str, move: AugmentSpec, symmetries: int
) -> None:
    draw = sampler(pairs(tmp_path, layout), 15, move)
    arrangements, sides = set(), set()
    for step in range(20):
        views = draw(step).views
        assert views["pose"].shape == (4, 3, 3)
        assert views["pose"].dtype == torch.float32
        for picture, joints in zip(views["target"], views["pose"], strict=True):
            # Mirrored, the three go round the other way; with left for right, the same way again.
            turned, original = (
                np.linalg.det(np.stack([left - head, right - head]))
                for head, left, right in (joints[:, :2].numpy(), PLACES[:, :2])
            )
            assert np.sign(turned) == np.sign(original)
            colors = found_colors(picture, joints, (0, 1, 2))
            swapped = found_colors(picture, joints, (0, 2, 1))
            assert colors.all() or swapped.all()
            sides.add(bool(colors.all()))
            across = np.round((joints[1] - joints[2]).numpy())
            arrangements.add(tuple(np.sign(across[:2]).tolist()))
    assert len(sides) == (2 if symmetries > 1 else 1), "in a mirror, left is right"
    assert len(arrangements) >= min(4, symmetries)


def found_colors(picture: torch.Tensor, joints: torch.Tensor, order: tuple[int, ...]) -> np.ndarray:
    """Whether each joint inside the picture stands on the color of the one that ``order`` names."""
    side = picture.shape[-1]
    return np.array(
        [
            (picture[:, round(y), round(x)] * 255 == torch.tensor(COLORS[index])).all().item()
            for index, (x, y, _) in zip(order, joints.tolist(), strict=True)
            if 0 <= x < side and 0 <= y < side
        ],
        bool,
    )


def test_resizing_takes_the_joints_along(tmp_path: Path) -> None:
    # Pixel centers: x = 3 of 24 pixels lies 3.5 / 24 along, which is 1.75 of 12 pixels, so x 1.25.
    expected = [[5.25, 1.75, 1], [1.25, 4.25, 1], [9.25, 5.75, 1]]
    for layout in ("views", "table"):
        for settings in ({"reduce": 2}, {"fit": (8, 12)}):
            joints = pairs(tmp_path, layout, **settings).values(0)["pose"]
            assert np.asarray(joints).tolist() == expected


def test_joints_are_of_the_picture_they_are_named_after(tmp_path: Path) -> None:
    pairs(tmp_path)
    write_pictures(tmp_path / "source", {"1.png": np.zeros((40, 40, 3), np.uint8)})
    [item] = find_items(tmp_path / "pairs.csv", "table", reading(tmp_path, fit=(16, 24)))
    assert np.array_equal(item.values["pose"], PLACES)


def test_pictures_without_joints_and_joints_without_a_place_are_named(tmp_path: Path) -> None:
    pairs(tmp_path)
    table = tmp_path / "pairs.csv"
    write(table, "source,pose,target\nsource/1.png,source/1.png,target/1.png\n")
    with pytest.raises(DataError, match=r"line 2: 'source/1.png' has no joints in .*joints.csv; "):
        find_items(table, "table", reading(tmp_path))
    write(table, "source,target\nsource/1.png,target/1.png\n")
    with pytest.raises(DataError, match="has no column 'pose'"):
        find_items(table, "table", reading(tmp_path))
    write(tmp_path / "pose.csv", HEAD + rows_of("2"))
    with pytest.raises(DataError, match=r"'1' has no joints in .*pose.csv; add them there"):
        find_items(tmp_path, "views", reading(tmp_path))
    (tmp_path / "pose.csv").unlink()
    with pytest.raises(DataError, match=r"no joints of view 'pose'; expected .*pose.csv or .*json"):
        find_items(tmp_path, "views", reading(tmp_path))


def test_a_header_is_read_once_for_joints_and_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs(tmp_path)
    row = "source/1.png,target/1.png,target/1.png\n"
    table = write(tmp_path / "pairs.csv", f"source,pose,target\n{row}{row}")
    read: list[Path] = []
    given = View.given
    monkeypatch.setattr(View, "given", lambda view: (read.append(view.path), given(view))[1])
    assert len(find_items(table, "table", reading(tmp_path, fit=(8, 12)))) == 2
    assert sorted(read) == [tmp_path / "source" / "1.png", tmp_path / "target" / "1.png"]


def test_joints_without_sides_are_mirrored_as_they_are(tmp_path: Path) -> None:
    # What a recipe says of such: nothing changes places.
    draw = replace(sampler(pairs(tmp_path), 15, AugmentSpec()), swapped={})
    for step in range(4):
        views = draw(step).views
        for picture, joints in zip(views["target"], views["pose"], strict=True):
            assert found_colors(picture, joints, (0, 1, 2)).all()


def test_joints_stand_under_the_name_of_either_partner(tmp_path: Path) -> None:
    for number in range(2):
        write_pictures(tmp_path / "source", {f"rainy-{number}.png": marked()})
        write_pictures(tmp_path / "target", {f"clean-{number}.png": marked()})
    for named in ("rainy-{}", "clean-{}", "{}"):
        rows = "".join(rows_of(named.format(number)) for number in range(2))
        write(tmp_path / "pose.csv", HEAD + rows)
        items = find_items(tmp_path, "views", reading(tmp_path))
        assert [item.name for item in items] == ["0", "1"]
        assert all(np.array_equal(item.values["pose"], PLACES) for item in items)
