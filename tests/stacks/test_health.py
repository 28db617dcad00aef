"""Detectors, against histories written down by hand."""

import json
import math

import pytest
import torch

from stacks.diversity import Diversity, spread
from stacks.health import (
    Costs,
    Health,
    astray,
    chances,
    collapsed,
    drawn_apart,
    grown,
    not_finite,
    outgrown,
    saturated,
)
from stacks.health_spec import HealthSpec
from stacks.recipe import parse_recipe
from tests.stacks import tiny
from translate.losses.adversarial import Labels, discriminator_loss
from translate.tables import TableError

SPEC = HealthSpec(window=3, warmup=0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number(value: float) -> None:
    assert not_finite(value) == f"is {value}"
    assert not not_finite(-3.0)


def test_a_value_that_runs_away() -> None:
    # The median of 1, 2 and 9 is 2: a hundred times that is 200, ten times the largest is 90.
    assert "over 100 times its running median of 2" in outgrown(201, [1, 2, 9], 9, 100, 0.01)
    assert outgrown(-201, [1, 2, 9], 9, 100, 0.01), "by its magnitude"
    assert not outgrown(199, [1, 2, 9], 9, 100, 0.01)
    assert not outgrown(201, [1, 2, 9], 21, 100, 0.01), "it has been as large before"
    assert not outgrown(50, [0.0, 0.0, 0.0], 0, 100, 1.0), "out of silence"
    assert not outgrown(1e9, [], 0, 100, 1.0), "the first has nothing to be held against"


def test_weights_that_run_away() -> None:
    assert "over 2 times the 5 of 2 looks ago" in grown(10.1, [5, 8], 2)
    assert not grown(9.9, [5, 8], 2)
    assert not grown(9.9, [0, 8], 2), "a network that began as 0"


def test_a_discriminator_that_tells_all() -> None:
    # Two percent of 1.4 are 0.028.
    costs = Costs(0.0, 1.4)
    assert saturated([1.0, 0.02, 0.01, 0.027], 3, costs, 0.02)
    assert not saturated([0.02, 0.01, 0.029], 3, costs, 0.02)
    assert not saturated([0.01, 0.01], 3, costs, 0.02), "not for long enough"
    # Two percent of the way from 0.4 to 1.4.
    costs = Costs(0.4, 1.4)
    assert "below 0.420, 2.0% of the way" in saturated([0.419, 0.401, 0.4], 3, costs, 0.02)
    assert not saturated([0.4, 0.421, 0.4], 3, costs, 0.02)


def test_a_generator_of_one_picture() -> None:
    assert collapsed([0.9, 0.04, 0.0, 0.01], 3, 0.05)
    assert not collapsed([0.04, 0.06, 0.01], 3, 0.05)


def test_a_wasserstein_estimate() -> None:
    assert "below 0" in astray([1.0, -0.1, -0.2, -0.1], 3, 1.0, 10)
    assert "over 10 times its first 2" in astray([5, 21, 22, 23], 3, 2.0, 10)
    assert not astray([5, 4, 3], 3, 2.0, 10)
    assert not astray([-1, -1], 3, 2.0, 10)


def test_a_gap_that_widens() -> None:
    assert "widened by 1.50 standard deviations" in drawn_apart(1.8, 0.3, 1.0)
    assert "widened by 1.20 standard deviations" in drawn_apart(1.2, -0.3, 1.0)
    assert not drawn_apart(-31, -73, 1.0), "held-out pictures that are still the easier ones"
    assert not drawn_apart(1.2, 0.3, 1.0), "pictures that were easier from the start"


TWO_SCALES = """
    name = "one"
    stage = [{ name = "paint", generator = { kind = "unet", widths = [4, 6] },
               discriminator = { kind = "multiscale", scales = 2, channels = 4, layers = 1 },
               objective = { adversarial = "ADVERSARIAL" } }]
    phase = [{ train = ["paint"], steps = 1 }]
""".replace("\n               ", " ")


def costs_at_a_scale(adversarial: str, *overrides: str) -> tuple[float, float]:
    """The least cost and that of a guess, at each of two scales."""
    stages = parse_recipe(TWO_SCALES.replace("ADVERSARIAL", adversarial), overrides).stage
    [(name, costs)] = chances(stages).items()
    assert name == "paint/discriminator/adversarial"
    return costs.least / 2, costs.chance / 2


def test_what_guessing_costs() -> None:
    # At every scale: 2 log 2; 1/2 (1/4 + 1/4) for a guess of 1/2; 1 + 1 anywhere between the edges.
    for name, cost in (("non-saturating", 1.386294), ("lsgan", 0.25), ("hinge", 2.0)):
        assert costs_at_a_scale(name) == pytest.approx((0, cost), abs=1e-4)
    assert chances(parse_recipe(tiny.TRANSLATION.replace("hinge", "wasserstein"), WGAN).stage) == {}


def test_what_telling_costs_where_labels_are_smoothed() -> None:
    def entropy(chance: float) -> float:
        return -chance * math.log(chance) - (1 - chance) * math.log(1 - chance)

    given = ["stage.0.objective.labels.real=0.9"]
    expected = (entropy(0.9), 2 * entropy(0.45))
    assert costs_at_a_scale("non-saturating", *given) == pytest.approx(expected, abs=2e-4)
    # Evenly from 0.8 to 1, and from 0 to 0.2: of cross-entropies the mean label counts.
    drawn = ["stage.0.objective.labels={ real = [0.8, 1.0], fake = [0.0, 0.2] }"]
    expected = (2 * entropy(0.9), 2 * math.log(2))
    assert costs_at_a_scale("non-saturating", *drawn) == pytest.approx(expected, abs=2e-4)
    # Of squares the variance of the labels, 0.2^2 / 12, is left: half of it on both sides.
    [least, chance] = costs_at_a_scale("lsgan", *drawn)
    assert least == pytest.approx(0.2**2 / 12, abs=1e-4)
    assert chance == pytest.approx(0.4**2 + 0.2**2 / 12, abs=1e-4)
    # Relativistic pairs say one thing, averages both: of the difference d of the two logits
    # 0.9 s(-d) + 0.1 s(d) + s(-d), which is least where the sigmoid of d is 1.9 / 2.
    paired = costs_at_a_scale("non-saturating", *given, "stage.0.objective.relativistic=true")
    assert paired == pytest.approx((entropy(0.9), math.log(2)), abs=2e-4)
    average = costs_at_a_scale("non-saturating", *given, "stage.0.objective.relativistic=average")
    assert average == pytest.approx((2 * entropy(0.95), 2 * math.log(2)), abs=2e-4)


def test_a_discriminator_that_tells_all_in_spite_of_smoothed_labels() -> None:
    text = TWO_SCALES.replace("ADVERSARIAL", "non-saturating")
    stages = parse_recipe(text, ["stage.0.objective.labels.real=0.9"]).stage
    health = Health(SPEC, chances(stages))
    health.begin(0, {})
    # Logits of log 9 for real ones, far below 0 for fakes.
    real, fake = torch.full((4, 1), math.log(9)), torch.full((4, 1), -20.0)
    loss = 2 * discriminator_loss("non-saturating", "plain", real, fake, Labels(0.9, 0, 1))
    told = [
        health.look(step, {"paint/discriminator/adversarial": float(loss)}) for step in (0, 1, 2)
    ]
    assert [[alarm.name for alarm in alarms] for alarms in told] == [[], [], ["saturation"]]


WGAN = ["optimizer.weight_clip=0.01", "force=true"]


def test_an_alarm_is_told_once_and_again_after_it_was_off() -> None:
    health = Health(SPEC)
    health.begin(0, {})
    told = [
        [alarm.name for alarm in health.look(step, {"paint/diversity": share})]
        for step, share in enumerate([0.5, 0, 0, 0, 0, 0.5, 0, 0, 0])
    ]
    assert told == [[], [], [], ["collapse"], [], [], [], [], ["collapse"]]
    assert health.active == ["collapse: paint/diversity"]


def test_nothing_is_judged_in_the_warm_up_but_what_is_fatal() -> None:
    health = Health(
        HealthSpec(window=2, warmup=50), {"a/discriminator/adversarial": Costs(0.0, 2.0)}
    )
    health.begin(100, {"a/generator/weights": 1.0})
    dead = {"a/discriminator/adversarial": 0.0, "a/diversity": 0.0}
    assert not any(health.look(step, dead) for step in (110, 120, 130))
    assert [alarm.name for alarm in health.look(150, dead)] == ["saturation", "collapse"]
    [alarm] = health.look(151, {"a/generator/weights": 2.5})
    assert (alarm.name, alarm.fatal) == ("divergence", True)
    [alarm] = health.look(152, {"a/generator/l1": float("nan")})
    assert (alarm.name, alarm.fatal) == ("nan", True)


def test_a_resumed_run_judges_as_the_first_would_have() -> None:
    whole, parts = Health(SPEC), Health(SPEC)
    for health in (whole, parts):
        health.begin(0, {"a/generator/weights": 1.0})
    values = [{"a/diversity": 0.01, "a/generator/l1": 0.5, "a/discriminator/distance": 2.0}] * 4
    told = [whole.look(step, value) for step, value in enumerate(values)]
    assert [alarm.name for alarms in told for alarm in alarms] == ["collapse"]
    again = []
    for step, value in enumerate(values):
        resumed = Health(SPEC)
        resumed.restore(json.loads(json.dumps(parts.facts())))
        again.append(resumed.look(step, value))
        parts = resumed
    assert again == told
    assert parts.facts() == whole.facts()


def test_noise_that_is_not_listened_to() -> None:
    health = Health(SPEC)
    health.begin(0, {})
    assert [alarm.name for alarm in health.listen(0, {"target": 0.001})] == ["noise"]
    assert health.listen(1, {"target": 0.1}) == []
    assert health.active == []


def test_spread_by_hand() -> None:
    # Three pictures of two pixels: distances 2 and 2 between neighbours, 4 between the outer ones,
    # in every pixel; root mean squares the same.
    pictures = torch.tensor([[0.0, 0.0], [2.0, 2.0], [4.0, 4.0]]).reshape(3, 1, 1, 2)
    assert float(spread(pictures)) == pytest.approx(8 / 3)
    assert float(spread(pictures[:1])) == 0


def test_diversity_of_a_batch_and_over_looks_at_single_pictures() -> None:
    truths = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    one = truths[:1].expand_as(truths)
    assert Diversity().see("a", truths, truths) == pytest.approx(1)
    assert Diversity().see("a", truths / 2, truths) == pytest.approx(0.5)
    assert Diversity().see("a", one, truths) == pytest.approx(0, abs=1e-6)
    assert Diversity().see("a", truths, one) is None, "truths that are alike ask for nothing"
    single = Diversity()
    shares = [single.see("a", one[:1], truth[None]) for truth in truths]
    assert shares[0] is None
    assert shares[1:] == pytest.approx([0] * 7, abs=1e-6)
    restored = Diversity()
    restored.restore(single.tensors(), torch.device("cpu"))
    assert restored.see("a", truths[:1], truths[:1]) == single.see("a", truths[:1], truths[:1])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("health.slower=1", r"health\.slower: got 1"),
        ("health.window=0", r"health\.window: got 0; allowed: 1 or more"),
        ("health.weights=0.5", r"health\.weights: got 0\.5; allowed: above 1"),
        ("health.windw=3", r"health\.windw: unknown key; did you mean 'window'"),
        ("validation.patience=-1", r"validation\.patience: got -1"),
        ("accumulate=0", "accumulate: got 0; allowed: 1 or more"),
    ],
)
def test_thresholds_that_cannot_be(override: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        parse_recipe(tiny.TRANSLATION, [override])
