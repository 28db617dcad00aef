"""Consistency regularization, with discriminators whose answers can be told beforehand."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor, nn

from translate.context import Said, StepContext
from translate.discriminators import Verdict
from translate.losses.consistency import consistency, displaced
from translate.objective import ObjectiveSpec
from translate.presentation import Presentation, PresentationSpec
from translate.step import Case, Settings, discriminator_step

REAL = torch.tensor([[1.0], [2.0]])
FAKE = torch.tensor([[-1.0], [0.0]])


def test_what_is_shown_is_mirrored_and_moved_as_a_whole() -> None:
    torch.manual_seed(0)
    side = 16
    ramp = torch.arange(1.0, 1 + side * side).reshape(1, 1, side, side)
    shown = torch.cat([ramp, -ramp], dim=1).expand(64, -1, -1, -1)
    changed = displaced(shown)
    assert torch.equal(changed[:, 0], -changed[:, 1]), "the condition moves along"
    mirrored = 0
    for picture in changed[:, 0]:
        inside = picture[2:-2, 2:-2]
        steps = inside.diff(dim=1)
        assert torch.equal(inside.diff(dim=0), torch.full_like(inside[1:], side)), "rows stay"
        assert steps.abs().min() == steps.abs().max() == 1, "neighbors stay neighbors"
        mirrored += int(steps[0, 0] == -1)
    assert 16 < mirrored < 48
    assert len({float(picture[8, 8]) for picture in changed[:, 0]}) > 8, "places differ"


def test_the_distance_is_of_each_pictures_mean_and_of_all_scales() -> None:
    patches = torch.tensor([[[[0.0, 4.0]]], [[[1.0, 1.0]]]])
    turned = patches.flip(-1)
    assert consistency([patches], [turned]) == 0, "patches lie elsewhere"
    other = torch.tensor([[[[5.0]]], [[[1.0]]]])
    # Means 2 and 1 against 5 and 1: 9 of one of two pictures; and 1 at the second scale.
    coarse = torch.zeros(2, 1)
    assert consistency([patches, coarse], [other, coarse + 1]) == 4.5 + 1


@pytest.mark.parametrize(("fakes", "expected"), [(True, 1.0 + 4.0), (False, 1.0)])
def test_fakes_count_where_it_is_balanced(fakes: bool, expected: float) -> None:
    picture = torch.zeros(2, 3, 4, 4)
    context = StepContext(
        picture, picture, (REAL,), (FAKE,), after=lambda _: Said((REAL + 1,), (FAKE - 2,))
    )
    objective = ObjectiveSpec(discriminator={"consistency": {"fakes": fakes}})
    [*_, term] = objective.discriminator_terms()
    assert (term.name, term.weight) == ("consistency", 10.0)
    assert float(term.function(context)) == expected


class Corner(nn.Module):
    """Says what the first corner of a picture is, times a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1.0))

    def forward(self, shown: Tensor) -> Verdict:
        return Verdict((self.weight * shown[:, :1, 0, 0],), (shown,))


@pytest.mark.parametrize("apart", [False, True])
def test_a_discriminator_that_looks_at_one_place_pays(apart: bool) -> None:
    torch.manual_seed(0)
    corner = Corner()
    flat, lit = torch.zeros(8, 3, 16, 16), torch.zeros(8, 3, 16, 16)
    lit[:, :, 0, 0] = 1
    terms = ObjectiveSpec("lsgan", discriminator={"consistency": 10.0}).discriminator_terms()
    case = Case(
        "a", flat, lit, [], terms, corner,
        presentation=Presentation(PresentationSpec(apart=apart)),
    )  # fmt: skip
    optimizer = torch.optim.SGD(corner.parameters(), lr=0.0)
    values = discriminator_step([case], optimizer, 0, Settings(nullcontext, lambda _: None))
    # A flat picture of zeros looks the same in every place; the lit corner is mostly gone.
    assert 0.5 < float(values["a/discriminator/consistency"]) <= 1
    case.truth = flat
    values = discriminator_step([case], optimizer, 0, Settings(nullcontext, lambda _: None))
    assert float(values["a/discriminator/consistency"]) == 0
