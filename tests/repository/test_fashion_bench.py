"""The measures of the fashion benchmark, on layouts and colors worked out by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks import fashion, parser
from benchmarks.fashion import Wish, difference, garment_of, merged, overlap, score, wishes
from benchmarks.parser import Examples, frequencies, layout_of, movement
from stacks.tables.fashion import COLUMNS, GROUPS, NAMES, OUTFITS
from translate.generators.unet import UNetSpec

DRESS, SKIRT, HAIR = (NAMES.index(name) for name in ("dress", "skirt", "hair"))


class Constant(nn.Module):
    """A parser that finds one label everywhere."""

    def __init__(self, label: int) -> None:
        super().__init__()
        self.label = label

    def forward(self, shown: Tensor) -> Tensor:
        logits = torch.zeros(len(shown), len(NAMES), *shown.shape[2:])
        logits[:, self.label] = 1
        return logits


def test_overlap_is_intersection_over_union() -> None:
    found = np.array([[0, 0, 1, 1]], np.uint8)
    true = np.array([[0, 1, 1, 1]], np.uint8)
    assert overlap(iter([(found, true)]), 3) == [1 / 2, 2 / 3, None]
    # Over all layouts together, not the mean of each one's.
    assert overlap(iter([(found, true), (true, true)]), 2) == [2 / 3, 5 / 6]


def test_four_classes_are_left() -> None:
    assert merged(np.arange(len(NAMES), dtype=np.uint8)).tolist() == [0, 1, 2] + [3] * 12


def test_colors_differ_by_ciede2000() -> None:
    gray = np.full((5, 3), 119, np.uint8)
    assert difference((119, 119, 119), gray) == pytest.approx(0, abs=1e-6)
    # L* of 100 against 0, the largest difference of lightness there is.
    assert difference((255, 255, 255), np.zeros((5, 3), np.uint8)) == pytest.approx(100, abs=0.01)
    # The mean counts, not each pixel.
    halves = np.array([[100, 0, 0], [140, 0, 0]], np.uint8)
    assert difference((120, 0, 0), halves) == pytest.approx(0, abs=1e-6)


def test_everyone_is_asked_to_wear_everything() -> None:
    row = dict.fromkeys(COLUMNS, "") | dict.fromkeys(GROUPS, "#102030")
    asked = wishes(2, [row])
    assert [wish.outfit for wish in asked] == [*OUTFITS[1:]] * 2
    assert {wish.color for wish in asked} == {(16, 32, 48)}
    assert [garment_of(outfit) for outfit in OUTFITS[1:]] == [
        *("dress", "dress", "trousers", "trousers", "skirt", "skirt", "shorts")
    ]
    assert asked[6].inputs == {"outfit": "shorts", "colors": {"skirt": "#102030"}}


@pytest.mark.parametrize(
    ("seen", "changed", "expected"),
    [
        (DRESS, (0, 0), {"found": 1.0, "drawn": 1.0, "untouched": 1.0}),
        (SKIRT, (0, 0), {"found": 0.0, "drawn": 1.0, "untouched": 1.0}),
        (DRESS, (7, 0), {"found": 1.0, "drawn": 1.0, "untouched": 0.0}),
    ],
)
def test_a_wish_is_scored(seen: int, changed: tuple[int, int], expected: dict[str, float]) -> None:
    photo = np.zeros((8, 8, 3), np.uint8)
    parsed, shaped = np.full((8, 8), HAIR, np.uint8), np.full((8, 8), HAIR, np.uint8)
    parsed[:2], shaped[2:4] = SKIRT, DRESS
    result = photo.copy()
    result[2:4] = (10, 20, 30)
    result[changed] = 99  # (0, 0) is in the old garment, (7, 0) in nobody's
    made: dict[str, Any] = {"target": result, "parsed": parsed, "shaped": shaped}
    scores = score(Wish(0, "dress", "dress", (10, 20, 30)), photo, made, Constant(seen))
    assert scores.pop("difference") == pytest.approx(0, abs=1e-6)
    assert scores == expected


def test_what_is_not_drawn_is_not_found() -> None:
    photo = np.zeros((8, 8, 3), np.uint8)
    nothing = np.zeros((8, 8), np.uint8)
    made = {"target": photo, "parsed": nothing, "shaped": nothing}
    scores = score(Wish(0, "dress", "dress", (0, 0, 0)), photo, made, Constant(DRESS))
    assert scores == {"untouched": 1.0, "drawn": 0.0, "found": 0.0}


def test_where_nothing_is_drawn_there_is_no_difference(capsys: pytest.CaptureFixture[str]) -> None:
    assert fashion.mean([None, 0.25, 0.75]) == 0.5
    assert fashion.mean([None]) is None
    figures: dict[str, Any] = {
        **dict.fromkeys(("overlap_merged", "overlap_fine", "found_in_photos", "untouched"), 1.0),
        **dict.fromkeys(("drawn", "found"), 0.0),
        "difference": None,
        "overlap_by_class": {"dress": None},
        "found_by_outfit": {"dress": 0.0},
    }
    figures["checks"] = fashion.checks(figures)
    assert not figures["checks"]["difference"]["holds"]
    fashion.report(figures)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "asked garment drawn 0.000" in lines
    assert "CIEDE2000 to asked color, of those drawn at most 10 no" in lines


def test_a_parser_is_kept_for_what_it_was_trained_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parser, "NETWORK", UNetSpec(widths=(4, 4), blocks=1))
    monkeypatch.setattr(parser, "train", lambda *settings: parser.build())
    examples = Examples(torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8))
    for count, (name, value) in enumerate(
        (("SIZE", (8, 8)), ("DECAY", 0.5), ("WORN", 0.5), ("movement", nn.Identity)), start=1
    ):
        monkeypatch.setattr(parser, name, value)
        parser.appoint(examples, tmp_path)
        parser.appoint(examples, tmp_path)
        assert len(list(tmp_path.iterdir())) == count


def test_the_judge_sees_rare_garments_more_often() -> None:
    layouts = torch.zeros(8, 1, 10, 10, dtype=torch.uint8)
    layouts[:, :, :5] = NAMES.index("trousers")
    layouts[6:, :, 5:] = SKIRT
    # Two in eight wear a skirt; of 0.01 of a picture nothing is seen.
    layouts[0, :, 0, 0] = NAMES.index("shorts")
    assert frequencies(layouts).tolist() == pytest.approx([1] * 6 + [2] * 2)


def test_photograph_and_layout_move_alike() -> None:
    torch.manual_seed(0)
    # Broad stripes of three labels; the photograph's gray tells the label, and red the colors.
    layouts = torch.tensor([0.0, 2.0, 5.0]).repeat_interleave(20)[None, None, :, None]
    layouts = layouts.repeat(6, 1, 1, 40)
    photos = layouts.repeat(1, 3, 1, 1) / 10 + 0.2
    photos[:, 0] += 0.1
    moved, labels = movement()(photos, layouts)
    assert set(labels.unique().tolist()) == {0, 2, 5}
    inner = functional.max_pool2d(labels, 5, 1, 2) == -functional.max_pool2d(-labels, 5, 1, 2)
    grays = [
        [float(photo.mean(dim=0)[(label == key) & sure].mean()) for key in (0, 2, 5)]
        for photo, label, sure in zip(moved, labels[:, 0], inner[:, 0], strict=True)
    ]
    assert all(low < middle < high for low, middle, high in grays)
    spread = [
        float(photo.mean(dim=0)[(label == 5) & sure].std())
        for photo, label, sure in zip(moved, labels[:, 0], inner[:, 0], strict=True)
    ]
    assert max(spread) < 0.01
    assert len({round(one[2], 3) for one in grays}) == 6


class Left(nn.Module):
    """Finds a dress on the left half of whatever it is shown."""

    def forward(self, shown: Tensor) -> Tensor:
        logits = torch.zeros(len(shown), len(NAMES), *shown.shape[2:])
        logits[:, DRESS, :, : shown.shape[3] // 2] = 5
        return logits


def test_the_judge_means_a_photograph_and_its_mirror_image() -> None:
    found = layout_of(Left(), np.zeros((30, 20, 3), np.uint8))
    assert found.shape == (30, 20)
    assert (found == DRESS).all()
