"""The manifest keeps what it is told and refuses what it cannot mean."""

import dataclasses
import json

import pytest

from export.manifest import Input, Manifest, ManifestError, Output


def complete() -> Manifest:
    return Manifest(
        name="photo-sr",
        task="super-resolution",
        version="1.2",
        inputs=(
            Input("source", "rgb", range=(0, 1), description="a small photograph"),
            Input("strength", "strength", default=-1, range=(0, 55), unit="sigma on 0..255"),
            Input("layout", "labels:2", palette=((0, 0, 0), (255, 255, 255)), names=("a", "b")),
        ),
        outputs=(Output("x4", "rgb", scale=4), Output("x2", "rgb", scale=2)),
        size_multiple=2,
        min_size=8,
        halo=17,
        tiling="exact",
        max_pixels=1_000_000,
        license="Apache-2.0",
        data="BSDS500 train and test",
        recipe='name = "photo-sr"\nschema = 1\n',
        recipe_hash="0" * 64,
        metrics={"set5": {"psnr_y": 31.5, "protocol": "bicubic x4"}},
        created="2025-01-01T00:00:00Z",
        tools={"torch": "2.13.0"},
    )


def test_reading_gives_back_what_was_written():
    assert Manifest.from_json(complete().to_json()) == complete()


def test_the_fewest_fields_are_enough():
    manifest = Manifest("m", "t", (Input("a", "rgb"),), (Output("b", "gray"),))
    assert Manifest.from_json(manifest.to_json()) == manifest
    short = {
        "schema": 1,
        "name": "m",
        "task": "t",
        "inputs": [{"name": "a", "kind": "rgb"}],
        "outputs": [{"name": "b", "kind": "gray"}],
    }
    assert Manifest.from_json(json.dumps(short)) == manifest


def test_a_size_is_a_side_or_two():
    fixed = dataclasses.replace(complete(), tiling="fixed", size=96)
    assert fixed.fixed_size == (96, 96)
    both = dataclasses.replace(complete(), tiling="fixed", size=(256, 192))
    assert Manifest.from_json(both.to_json()).fixed_size == (256, 192)
    assert complete().fixed_size is None


def test_kinds_tell_their_family_and_count():
    labels = Input("layout", "labels:20")
    assert (labels.family, labels.count, labels.is_picture) == ("labels", 20, True)
    assert (Input("z", "noise").family, Input("z", "noise").count) == ("noise", 0)
    assert complete().picture == complete().inputs[0]


@pytest.mark.parametrize(
    "kind",
    ["RGB", "labels", "labels:0", "labels:x", "rgb:3", "", "class:-1", "labels:" + "9" * 5000],
)
def test_unknown_kinds_are_refused(kind: str):
    with pytest.raises(ManifestError, match="unknown kind"):
        Input("a", kind)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "schema 2"),
        ({"surprise": 1}, "manifest.surprise: unknown key"),
        ({"halo": "8"}, "manifest.halo must be a whole number"),
        ({"halo": True}, "manifest.halo must be a whole number"),
        ({"halo": -1}, "halo at least 0"),
        ({"name": None}, "manifest.name must be a text"),
        ({"name": ""}, "needs a name"),
        ({"inputs": []}, "at least one input"),
        ({"inputs": {}}, "manifest.inputs must be a list"),
        ({"inputs": [3]}, r"inputs\[0\] must be a JSON object"),
        ({"inputs": [{"kind": "rgb"}]}, r"inputs\[0\].name is missing"),
        ({"inputs": [{"name": "a", "kind": "rgb", "scale": "big"}]}, r"inputs\[0\].scale"),
        ({"inputs": [{"name": "a", "kind": "rgb"}] * 2}, "two inputs of one name"),
        ({"inputs": [{"name": "a", "kind": "rgb", "scale": 10**400}]}, "must be a number"),
        ({"inputs": [{"name": "a", "kind": "angle", "range": [0, 10**400]}]}, "two numbers"),
        (
            {"inputs": [{"name": "a", "kind": "angle", "range": [9, 1]}]},
            r"\[9, 1\]; expected the sm",
        ),
        ({"size_multiple": 10**400}, "manifest.size_multiple must be a whole number"),
        ({"outputs": [{"name": "a", "kind": "rgb", "scale": 0}]}, "scale must be positive"),
        ({"outputs": [{"name": "a", "kind": "rgb", "scale": 0.3}]}, "whole pixels"),
        ({"outputs": [{"name": "a", "kind": "class:3"}]}, "no.*height and width|has no height"),
        ({"outputs": [{"name": "a", "kind": "labels:3", "names": ["x"]}]}, "expected 3"),
        ({"tiling": "some"}, "exact, fixed or whole"),
        ({"tiling": "fixed"}, "needs a size"),
        ({"tiling": "fixed", "size": 0}, "size must be positive"),
        ({"max_pixels": 0}, "max_pixels must be positive"),
        ({"tools": {"torch": 2}}, "manifest.tools"),
    ],
)
def test_errors_are_one_line_that_names_the_place(change: dict, message: str):
    values = {**json.loads(complete().to_json()), **change}
    with pytest.raises(ManifestError, match=message) as caught:
        Manifest.from_json(json.dumps(values))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "default", "message"),
    [
        ("class:2", 9, r"has the default 9; expected 0\.\.1"),
        ("class:2", -1, r"expected 0\.\.1"),
        ("class:2", 0.5, r"expected 0\.\.1"),
        ("strength", 80, r"has the default 80; expected 0\.\.75, or -1 for automatic"),
        ("strength", float("nan"), "has the default nan"),
        ("colors:2", 0.5, "expected -1, automatic"),
        ("angle", float("inf"), "expected a finite number"),
    ],
)
def test_defaults_are_of_their_kind(kind: str, default: float, message: str):
    limits = (0, 75) if kind == "strength" else None
    with pytest.raises(ManifestError, match=message):
        Input("a", kind, default=default, range=limits)


def test_a_default_may_be_the_last_class_and_beside_a_range_automatic():
    assert Input("a", "class:2", default=1.0).default == 1
    assert Input("a", "strength", default=-1, range=(0, 75)).default == -1
    assert Input("a", "angle", default=500, range=(-180, 180)).default == 500


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "[" * 100_000])
def test_what_is_no_json_object_is_refused(text: str):
    with pytest.raises(ManifestError):
        Manifest.from_json(text)


def test_what_json_cannot_hold_is_refused():
    manifest = dataclasses.replace(complete(), metrics={"psnr": float("nan")})
    with pytest.raises(ManifestError, match="cannot be written"):
        manifest.to_json()
