"""What `pixstack new` sees in a folder, and whether the recipe it writes can be trained."""

import shlex
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pixstack.cli import main
from stacks.data import training_groups, validation_pairs
from stacks.doctor.guess import guess
from stacks.recipe import load_recipe, parse_recipe
from stacks.run import Run, launch
from stacks.starter import starter
from stacks.survey import Survey, survey
from stacks.survey_kinds import Found
from translate.pairs import DataError

Pixels = NDArray[np.uint8]
PALETTE = np.array([[0, 0, 255], [255, 0, 0], [0, 128, 0]], np.uint8)


def photo(height: int = 64, width: int = 64, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def ids(height: int = 64, width: int = 64) -> Pixels:
    rows = np.arange(height)[:, None] * 3 // height
    return np.broadcast_to(rows, (height, width)).astype(np.uint8)


def write(path: Path, pixels: Pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def pairs(root: Path, source: Pixels, target: Pixels, count: int = 4) -> Path:
    for index in range(count):
        write(root / "source" / f"{index}.png", source)
        write(root / "target" / f"{index}.png", target)
    return root


def cut(path: Path) -> None:
    """As a download that broke off."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_photographs_and_ids(tmp_path: Path) -> None:
    found = survey(pairs(tmp_path, ids(), photo()))
    assert found.layout == "views"
    assert [(view, kind.kind) for view, kind in found.views.items()] == [
        ("source", "labels:3"),
        ("target", "rgb"),
    ]
    assert (found.count, found.size, found.held_out) == (4, 64, 0)


def test_flat_colors_are_labels_with_a_palette(tmp_path: Path) -> None:
    found = survey(pairs(tmp_path, PALETTE[ids()], photo()))
    assert found.views["source"].kind == "labels:3"
    assert found.views["source"].palette == ((0, 0, 255), (0, 128, 0), (255, 0, 0))


def test_a_photograph_in_gray_is_gray(tmp_path: Path) -> None:
    gray = photo()[..., 0]
    found = survey(pairs(tmp_path, gray, np.stack([gray] * 3, axis=2)))
    assert [kind.kind for kind in found.views.values()] == ["gray", "gray"]


@pytest.mark.parametrize(
    ("source", "target"),
    [("A", "B"), ("LQ", "GT"), ("lr", "hr"), ("input", "output"), ("Images", "Masks"),
     ("input", "gt"), ("trainA", "trainB")],
)  # fmt: skip
def test_sides_have_the_names_that_other_tools_give_them(
    tmp_path: Path, source: str, target: str
) -> None:
    for index in range(4):
        write(tmp_path / source / f"{index}.png", photo(seed=index)[..., 0])
        write(tmp_path / target / f"{index}.png", photo(seed=index))
    if source == "trainA":
        write(tmp_path / "testA" / "x.png", photo())
        write(tmp_path / "testB" / "x.png", photo())
    found = survey(tmp_path)
    assert (found.layout, found.count) == ("views", 4)
    assert [(name, kind.kind) for name, kind in found.views.items()] == [
        ("source", "gray"), ("target", "rgb"),
    ]  # fmt: skip
    for recipe in (parse_recipe(starter(found, "mine", str(tmp_path))), guess(tmp_path)):
        assert list(recipe.data.views) == ["source", "target"]
        [(items, _)] = training_groups(recipe)
        assert items.load(0)["source"].shape == (64, 64, 1)


def test_a_picture_of_blue_and_white_is_in_color(tmp_path: Path) -> None:
    blue = np.full((64, 64, 3), 255, np.uint8)
    blue[..., :2] = np.arange(64 * 64).reshape(64, 64, 1) // 16
    assert survey(pairs(tmp_path, blue, photo())).views["source"].kind == "rgb"


def test_flat_colors_without_partners_are_pictures(tmp_path: Path) -> None:
    for index in range(6):
        write(tmp_path / f"{index}.png", PALETTE[ids()])
    for recipe in (
        parse_recipe(starter(survey(tmp_path), "mine", str(tmp_path))),
        guess(tmp_path),
    ):
        assert recipe.data.views == {"target": "rgb"}


def test_pictures_without_partners_are_sent_to_cyclegan(tmp_path: Path) -> None:
    write(tmp_path / "trainA" / "1.png", photo())
    write(tmp_path / "trainB" / "2.png", photo())
    with pytest.raises(DataError, match=r"share no names .*: pixstack train") as error:
        survey(tmp_path)
    preset, option, _, *words = shlex.split(str(error.value).split("pixstack train ")[1])
    assert option == "-o", "the command needs it"
    changes = [word for word in words if word != "--set"]
    groups = training_groups(load_recipe(preset, changes))
    assert [len(pictures) for pictures, _ in groups] == [1]


def test_side_by_side_starts_from_the_labels(tmp_path: Path) -> None:
    write(tmp_path / "a.png", np.concatenate([photo(), PALETTE[ids()]], axis=1))
    found = survey(tmp_path)
    assert (found.layout, found.swap, found.least) == ("side-by-side", True, (64, 64))
    assert [kind.kind for kind in found.views.values()] == ["labels:3", "rgb"]


def test_folders_without_common_names_are_classes(tmp_path: Path) -> None:
    for name in ("cat", "dog", "eel"):
        write(tmp_path / name / "1.jpg", photo())
    found = survey(tmp_path)
    assert found.layout == "classes"
    recipe = parse_recipe(starter(found, "pets", str(tmp_path)))
    assert recipe.data.names["label"] == ("cat", "dog", "eel")
    assert [kind.kind for kind in found.views.values()] == ["class:3", "rgb"]


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.jsonl"])
def test_tables_are_sent_to_a_recipe(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("source,target\n")
    with pytest.raises(DataError, match=r"a table, .* layout = 'table' \(docs/data.md"):
        survey(tmp_path / name)


def test_views_may_have_any_name(tmp_path: Path) -> None:
    root = pairs(tmp_path / "data", photo(), photo())
    for index in range(4):
        write(root / "edge maps.v2" / f"{index}.png", photo()[..., 0])
    recipe = parse_recipe(starter(survey(root), "named", str(root)))
    assert recipe.data.views["edge maps.v2"] == "gray"


def test_pictures_alone_are_targets_of_all_sizes(tmp_path: Path) -> None:
    write(tmp_path / "a.png", photo(50, 90))
    write(tmp_path / "b.png", photo(200, 130))
    found = survey(tmp_path)
    assert (found.layout, found.least, found.most, found.size) == (
        "targets",
        (50, 90),
        (200, 130),
        32,
    )


def test_partners_that_are_missing_are_told(tmp_path: Path) -> None:
    pairs(tmp_path, photo(), photo())
    write(tmp_path / "source" / "alone.png", photo())
    assert "1 pictures have no partner and must be removed first" in survey(tmp_path).remarks


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: None, "no such folder"),
        (lambda root: root.mkdir(), "holds no pictures"),
        (lambda root: write(root / "only" / "a.png", photo()), "holds the one folder 'only'"),
        (
            lambda root: (
                write(root / "A" / "1.png", photo()),
                write(root / "B" / "x.png", photo()),
            ),
            "the views share no names (source has '1', target has 'x')",
        ),
        (
            lambda root: [write(root / f"{side}" / "1.png", photo()) for side in ("low", "high")],
            "'high' and 'low' hold pictures of the same names, as pairs do; call the folder",
        ),
        (
            lambda root: write(pairs(root, photo(), photo()) / "source" / "0.jpg", photo()),
            "0.jpg and 0.png share a name; keep one",
        ),
        (
            lambda root: cut(pairs(root, photo(), photo()) / "source" / "0.png"),
            "source/0.png: cannot be decoded (",
        ),
        (
            lambda root: pairs(root, photo(32, 64), photo(64, 64)),
            "has 64x64 pixels, its partner 64x32",
        ),
    ],
)
def test_what_cannot_be_understood(tmp_path: Path, make: object, message: str) -> None:
    make(tmp_path / "data")  # type: ignore[operator]
    with pytest.raises(DataError) as error:
        survey(tmp_path / "data")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def layouts(root: Path) -> dict[str, Path]:
    """A folder of each layout."""
    pairs(root / "to photo", PALETTE[ids()], photo())
    pairs(root / "to labels", photo(), ids())
    for index in range(3):
        beside = np.concatenate([photo(), PALETTE[ids()]], axis=1)
        write(root / "beside" / f"{index}.png", beside)
        write(root / "alone" / f"{index}.png", photo(80, 70))
        write(root / "classes" / f"{index}" / "a.png", photo())
    return {path.name: path for path in root.iterdir()}


@pytest.mark.parametrize("name", ["to photo", "to labels", "beside", "alone", "classes"])
def test_the_recipe_written_can_be_trained(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = layouts(tmp_path / "data")[name]
    recipe = tmp_path / "mine.toml"
    assert main(["new", str(folder), "-o", str(recipe)]) == 0
    said = shlex.split(capsys.readouterr().out.splitlines()[-1].partition("pixstack train ")[2])
    assert said == [str(recipe), "-o", f"runs/{name}"], "it can be pasted"
    loaded = load_recipe(str(recipe))
    assert loaded.name == name
    assert len(training_groups(loaded)[0][0]) >= 2
    validation_pairs(loaded)
    Run(loaded, launch(loaded))
    # What its license is, and what it is for, its user knows.
    assert (loaded.license, loaded.description) == ("", "")


@pytest.mark.parametrize(
    ("count", "held_out"),
    # A tenth, but never one alone; of five none can be spared.
    [(5, 0), (6, 2), (12, 2), (40, 4)],
)
def test_how_many_are_held_out(tmp_path: Path, count: int, held_out: int) -> None:
    for index in range(count):
        write(tmp_path / "data" / f"{index:02}.png", photo(32, 32))
    recipe = tmp_path / "mine.toml"
    assert main(["new", str(tmp_path / "data"), "-o", str(recipe)]) == 0
    loaded = load_recipe(str(recipe))
    assert len(training_groups(loaded)[0][0]) == count - held_out
    assert sum(len(one) for one in validation_pairs(loaded)) == held_out
    assert ("the rest validates" in recipe.read_text()) == (held_out > 0)


def test_no_label_maps_are_held_out(tmp_path: Path) -> None:
    found = survey(pairs(tmp_path, photo(), ids(), 12))
    assert found.held_out == 0
    assert "no pictures are held out for validation: runs have no measure of label maps" in (
        found.remarks
    )


@pytest.mark.parametrize(
    ("count", "steps"),
    # 200 times each, 32 a batch of the smallest crop, where a tenth is held out; within bounds.
    [(12, 2000), (1000, 5700), (10000, 20000)],
)
def test_few_pictures_are_trained_on_for_fewer_steps(count: int, steps: int) -> None:
    views = {"source": Found("rgb"), "target": Found("rgb")}
    found = Survey(Path("data"), "views", views, count, (40, 40), (40, 40))
    assert parse_recipe(starter(found, "mine", "data")).phase[0].steps == steps
    assert any("results will be poor" in remark for remark in found.remarks) == (count < 100)


def test_why_labels_and_how_to_say_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = pairs(tmp_path / "data", photo(), PALETTE[ids()], 13)
    slip = PALETTE[ids()]
    slip[0, 0] = (9, 8, 7)
    # The thirteenth picture: more than the few that tell the kind are read for their colors.
    write(root / "target" / "9.png", slip)
    assert main(["new", str(root), "-o", str(tmp_path / "labels.toml")]) == 0
    told = capsys.readouterr().out
    assert "64x64 pixels" in told
    assert "from 64x64" not in told
    assert "target: 4 flat colors in the 13 pictures read: taken for labels of 4 classes" in told
    assert "add --kind target=rgb" in told
    assert "target: the color (9, 8, 7) is in 9.png alone" in told
    pictures = tmp_path / "pictures.toml"
    assert main(["new", str(root), "-o", str(pictures), "--kind", "target=rgb"]) == 0
    assert "labels of" not in capsys.readouterr().out
    assert load_recipe(str(pictures)).data.views["target"] == "rgb"


@pytest.mark.parametrize("given", ["traget=rgb", "target=labels:3", "target"])
def test_kinds_that_cannot_be_said(
    tmp_path: Path, given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = pairs(tmp_path / "data", photo(), photo())
    assert main(["new", str(root), "-o", str(tmp_path / "mine.toml"), "--kind", given]) == 2
    assert f"--kind {given}: " in capsys.readouterr().err


def test_a_recipe_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "data" / "a.png", photo())
    recipe = tmp_path / "mine.toml"
    recipe.write_text("mine")
    assert main(["new", str(tmp_path / "data"), "-o", str(recipe)]) == 1
    assert "exists; name another file" in capsys.readouterr().err
    assert recipe.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "mine.toml"]


@pytest.mark.parametrize(("side", "zoom"), [(64, (1.0, 1.12)), (80, ())])
def test_pictures_that_are_crops_already_are_moved(
    tmp_path: Path, side: int, zoom: tuple[float, ...]
) -> None:
    found = survey(pairs(tmp_path, photo(side, side, 1), photo(side, side)))
    assert found.size == 64
    assert parse_recipe(starter(found, "mine", str(tmp_path))).augment.zoom == zoom
