"""Views made of others: merged labels, and areas painted in colors."""

from typing import Any

import pytest
import torch

from stacks.derive import AskedSpec, MergeSpec, PaintSpec
from translate.kinds import Kind
from translate.tables import TableError

LABELS = {"layout": Kind("labels", 4)}
PAINT = PaintSpec("new", "colors", "photo", "old", ((1,), (2, 3)))
KINDS = {
    "new": Kind("labels", 4),
    "old": Kind("labels", 4),
    "colors": Kind("colors", 2),
    "photo": Kind("rgb"),
}


def ids(*rows: list[int]) -> torch.Tensor:
    return torch.tensor(rows)[None, None]


def test_labels_become_fewer() -> None:
    merge = MergeSpec("layout", (0, 1, 1, 2))
    assert merge.kind_of(LABELS) == Kind("labels", 3)
    made = merge.make({"layout": ids([0, 1, 2, 3])}, LABELS)
    assert made.argmax(dim=1).tolist() == [[[0, 1, 1, 2]]]
    assert made.sum(dim=1).tolist() == [[[1, 1, 1, 1]]]


def test_the_most_probable_label_counts_and_gradients_pass() -> None:
    shares = torch.tensor([[0.1, 0.5, 0.3, 0.1]]).reshape(1, 4, 1, 1).requires_grad_()
    made = MergeSpec("layout", (0, 1, 2, 2)).make({"layout": shares}, LABELS)
    assert made.flatten().tolist() == [0, 1, 0]
    made[:, 2].sum().backward()
    assert shares.grad is not None
    assert shares.grad.flatten().tolist() == [0, 0, 1, 1]


def test_of_blocks_shares_are_told() -> None:
    layout = ids([0, 0, 3, 3], [0, 3, 3, 3])
    made = MergeSpec("layout", (0, 0, 0, 1), blocks=2).make({"layout": layout}, LABELS)
    assert made[0, 1].tolist() == [[0.25, 0.25, 1, 1]] * 2
    assert made[0, 0].tolist() == [[0.75, 0.75, 0, 0]] * 2


def test_areas_are_painted_in_what_is_asked_for_or_was_there() -> None:
    photo = torch.zeros(1, 3, 1, 4)
    photo[0, 0, 0] = torch.tensor([0.2, 0.4, 0.9, 0.9])  # red
    views = {"photo": photo, "old": ids([1, 1, 0, 0]), "new": ids([0, 1, 2, 3])}
    asked = torch.full((1, 2, 3), -1.0)
    made = PAINT.make({**views, "colors": asked}, KINDS)
    # The first garment was of a mean red of 0.3; of the second there was none, so it is alike.
    assert torch.allclose(made[0, 0, 0], torch.tensor([0.5, 0.3, 0.3, 0.3]))
    assert torch.allclose(made[0, 1, 0], torch.tensor([0.5, 0, 0, 0]))
    asked[0, 1] = torch.tensor([0.1, 0.7, 1.0])
    made = PAINT.make({**views, "colors": asked}, KINDS)
    assert torch.allclose(made[0, :, 0, 3], torch.tensor([0.1, 0.7, 1.0]))
    assert torch.allclose(made[0, :, 0, 1], torch.tensor([0.3, 0, 0]))
    # Without any garment in the photo: gray.
    made = PAINT.make({**views, "old": ids([0, 0, 0, 0]), "colors": asked}, KINDS)
    assert torch.allclose(made[0, :, 0, 1], torch.full((3,), 0.5))


def test_a_mask_tells_where_a_color_is_asked_for() -> None:
    colors = torch.tensor([[[-1.0, -1, -1], [0, 0.5, 1]]])
    views = {"new": ids([0, 1, 2, 3]), "colors": colors}
    made = AskedSpec("new", "colors", ((1,), (2, 3))).make(views, KINDS)
    assert made.tolist() == [[[[0, 0, 1, 1]]]]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: MergeSpec("layout", (0, 2)), "into: got"),
        (lambda: MergeSpec("layout", (0, 1)).kind_of(LABELS), "into: got 2 labels; 'layout' has 4"),
        (lambda: MergeSpec("layout", blocks=0), "blocks: got 0"),
        (lambda: MergeSpec("photo").kind_of(KINDS), "view: 'photo' is rgb; expected labels:K"),
        (lambda: PaintSpec("new", "colors", "photo", "old", ()), "groups: got ()"),
        (
            lambda: PaintSpec("new", "colors", "photo", "old", ((1,),)).kind_of(KINDS),
            "groups: got 1 for 'colors', which is colors:2; expected colors:1",
        ),
        (
            lambda: PaintSpec("new", "colors", "photo", "old", ((1,), (4,))).kind_of(KINDS),
            "groups: got 4; allowed: labels 0..3",
        ),
        (
            lambda: PaintSpec("new", "colors", "old", "old", ((1,), (2,))).kind_of(KINDS),
            "picture: 'old' is labels:4; expected rgb",
        ),
    ],
)
def test_what_cannot_be_made_is_told(make: Any, told: str) -> None:
    with pytest.raises(TableError) as caught:
        make()
    assert told in str(caught.value)
