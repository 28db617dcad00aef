"""Two draws of noise held apart, by pictures whose distances are known."""

import pytest
import torch

from translate.context import Redrawn, StepContext
from translate.losses.mode_seeking import below_bound, distances, inverse_ratio
from translate.objective import ObjectiveSpec
from translate.tables import TableError


def test_distances_are_of_each_item() -> None:
    one = torch.zeros(2, 3, 4, 4)
    other = torch.stack([torch.full((3, 4, 4), 0.5), torch.full((3, 4, 4), -1.0)])
    assert distances(one, other).tolist() == [0.5, 1.0]


def test_the_inverse_is_of_the_means() -> None:
    # (0.1 + 0.3) / 2 over (1 + 3) / 2 is 0.1, whatever the ratios of the single pairs are.
    value = inverse_ratio(torch.tensor([0.1, 0.3]), torch.tensor([3.0, 1.0]))
    assert float(value) == pytest.approx(10, rel=1e-3)


def test_the_inverse_is_bounded_where_all_pictures_are_alike() -> None:
    assert float(inverse_ratio(torch.zeros(2), torch.ones(2))) == pytest.approx(1e5)


def test_beyond_the_bound_a_pair_earns_nothing() -> None:
    pictures = torch.tensor([0.1, 0.4], requires_grad=True)
    value = below_bound(pictures, torch.tensor([1.0, 1.0]), bound=0.2)
    assert value.item() == pytest.approx(0.05), "one of two pairs lacks 0.1"
    value.backward()
    assert pictures.grad is not None
    assert pictures.grad.tolist() == [-0.5, 0.0], "the near pair alone is driven apart"


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        # Pictures 0.1 apart in [0, 1] are 0.2 apart for the network; noises are 2 apart.
        ({"bound": 0.3}, 0.2),
        ({"bound": 0.1}, 0.0),
        ({"form": "inverse"}, 10.0),
    ],
)
def test_the_term_compares_on_the_networks_range(
    setting: dict[str, object], expected: float
) -> None:
    fake = torch.full((2, 3, 4, 4), 0.5)
    context = StepContext(fake, fake, redraw=lambda: Redrawn(fake + 0.1, torch.tensor([2.0, 2.0])))
    [term] = ObjectiveSpec(generator={"mode_seeking": setting}).generator_terms(False)
    assert float(term.function(context)) == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_without_noise_there_is_no_other_draw() -> None:
    fake = torch.zeros(1, 3, 4, 4)
    [term] = ObjectiveSpec(generator={"mode_seeking": 1.0}).generator_terms(False)
    with pytest.raises(ValueError, match="mode_seeking: the stage reads no noise"):
        term.function(StepContext(fake, fake))


def test_a_bound_lies_above_zero() -> None:
    with pytest.raises(TableError, match=r"mode_seeking\.bound: got 0.0; allowed: above 0"):
        ObjectiveSpec(generator={"mode_seeking": {"bound": 0.0}})
