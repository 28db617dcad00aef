"""Kinds of views, and the planes that a network sees of them."""

import math

import pytest
import torch

from translate.kinds import Kind, most_probable, one_hot, parse_kind, planes, seen
from translate.tables import TableError

LABELS, CLASSES = parse_kind("labels:3"), parse_kind("class:3")


@pytest.mark.parametrize(
    ("text", "kind", "channels", "picture", "is_map", "noise"),
    [
        ("rgb", Kind("rgb"), 3, True, True, False),
        ("gray", Kind("gray"), 1, True, True, False),
        ("labels:20", Kind("labels", 20), 20, True, True, False),
        ("labels:256", Kind("labels", 256), 256, True, True, False),
        ("class:10", Kind("class", 10), 10, False, False, False),
        ("noise:100", Kind("noise", 100), 100, False, False, True),
        ("noise-map:2", Kind("noise-map", 2), 2, False, True, True),
        ("noise-map:1@8", Kind("noise-map", 1, 8), 1, False, True, True),
        ("angle", Kind("angle"), 2, False, False, False),
    ],
)
def test_every_form(
    text: str, kind: Kind, channels: int, picture: bool, is_map: bool, noise: bool
) -> None:
    parsed = parse_kind(text)
    assert parsed == kind
    assert str(parsed) == text
    assert parsed.channels == channels
    assert (parsed.is_picture, parsed.is_map, parsed.is_noise) == (picture, is_map, noise)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *(
            (text, f"unknown kind {text!r}; known: rgb, gray, labels:K, class:K, colors:G")
            for text in ("", "RGB", "rgb:3", "labels", "labels:0", "labels:-1", "class:x", "noise",
                         "strength:2", "angle:2", "features:4", "labels:3 ", "noise-map:1@0")
        ),
        ("labels:257", "'labels:257': label pictures have 8 bits; expected labels:256"),
        ("class:3@2", "'class:3@2': a scale is of noise maps alone, as in noise-map:1@8"),
        ("noise:3@2", "'noise:3@2': a scale is of noise maps alone"),
    ],
)  # fmt: skip
def test_what_is_no_kind(text: str, message: str) -> None:
    with pytest.raises(TableError) as error:
        parse_kind(text)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
def test_ids_become_planes(dtype: torch.dtype) -> None:
    ids = torch.tensor([[[[0, 2], [1, 1]]]], dtype=dtype)
    expected = torch.tensor([[[[1.0, 0], [0, 0]], [[0, 0], [1, 1]], [[0, 1], [0, 0]]]])
    assert torch.equal(one_hot(ids, 3), expected)
    assert torch.equal(planes(ids, LABELS), expected)
    assert one_hot(ids, 3).dtype == torch.float32
    # A network sees -1 where it is not and 1 where it is.
    assert torch.equal(seen(ids, LABELS), expected * 2 - 1)


def test_probabilities_pass_through() -> None:
    written = torch.tensor([0.5, 0.25, 0.25]).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    assert planes(written, LABELS) is written
    assert seen(written, LABELS)[0, :, 1, 1].tolist() == [0, -0.5, -0.5]


def test_classes_are_planes_of_one_pixel() -> None:
    shown = planes(torch.tensor([2, 0]), CLASSES)
    assert shown.shape == (2, 3, 1, 1)
    assert shown.flatten(1).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert seen(torch.tensor([2, 0]), CLASSES).flatten(1).tolist() == [[-1, -1, 1], [1, -1, -1]]


def test_an_angle_is_a_point_on_the_circle() -> None:
    kind, half = parse_kind("angle"), math.sqrt(0.5)
    degrees = torch.tensor([0.0, 90.0, 180.0, -90.0, 45.0])
    assert planes(degrees, kind).shape == (5, 2, 1, 1)
    expected = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1], [half, half]])
    assert torch.allclose(seen(degrees, kind).flatten(1), expected, atol=1e-6)
    # As a condition of a discriminator it lies in [0, 1], as pictures do.
    assert torch.allclose(planes(degrees, kind).flatten(1), (expected + 1) / 2, atol=1e-6)
    # What looks the same is the same, and there is no seam.
    turns = degrees + torch.tensor([360.0, -360, 720, 360, -720])
    assert torch.allclose(seen(turns, kind).flatten(1), expected, atol=1e-5)
    near = seen(torch.tensor([359.9, 0.1]), kind).flatten(1)
    assert float((near[0] - near[1]).norm()) == pytest.approx(math.radians(0.2), rel=1e-3)


def test_noise_is_neither_stretched_nor_shifted() -> None:
    noise = torch.tensor([[-2.5, 0.0, 3.0], [1.0, 2.0, 3.0]])
    kind = parse_kind("noise:3")
    assert planes(noise, kind).shape == (2, 3, 1, 1)
    assert torch.equal(seen(noise, kind).flatten(1), noise)
    grid = noise.reshape(1, 3, 1, 2)
    assert seen(grid, parse_kind("noise-map:3")) is grid


def test_pictures_are_seen_from_minus_one_to_one() -> None:
    picture = torch.tensor([0.0, 0.25, 1.0]).reshape(1, 3, 1, 1)
    assert planes(picture, Kind("rgb")) is picture
    assert seen(picture, Kind("rgb")).flatten().tolist() == [-1, -0.5, 1]


def test_the_most_probable_label_is_the_first_of_equals() -> None:
    chances = torch.tensor([[0.2, 0.5, 0.4], [0.7, 0.5, 0.1], [0.1, 0.0, 0.5]])
    ids = most_probable(chances.reshape(1, 3, 1, 3))
    assert ids.tolist() == [[[[1, 0, 2]]]]
