"""One step of each side, with networks so small that the gradients can be written down."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from translate.descent import descend
from translate.discriminators import Verdict
from translate.discriminators.patch import PatchSpec
from translate.objective import ObjectiveSpec
from translate.presentation import Presentation, PresentationSpec
from translate.step import (
    Case,
    Settings,
    discriminator_step,
    frozen,
    generator_step,
    looked_ahead,
)

REAL, NOISE = 3.0, 2.0


class Scale(nn.Module):
    """w x: the smallest generator."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))

    def forward(self, picture: Tensor) -> Tensor:
        return self.weight * picture


class Judge(Scale):
    """w x: the smallest discriminator; its one feature is what it is shown."""

    def forward(self, picture: Tensor) -> Verdict:
        return Verdict((self.weight * picture,), (picture,))


def settings() -> Settings:
    return Settings(nullcontext, lambda _: None)


def case(generator: Scale, discriminator: Judge | None, name: str = "a", weight: float = 1) -> Case:
    objective = ObjectiveSpec("lsgan", generator={"l2": weight})
    return Case(
        name,
        fake=generator(torch.full((1, 1, 1, 1), NOISE)),
        truth=torch.full((1, 1, 1, 1), REAL),
        generator_terms=objective.generator_terms(discriminator is not None),
        discriminator_terms=objective.discriminator_terms(),
        discriminator=discriminator,
    )


def value(module: Scale) -> float:
    return float(module.weight.detach())


def test_the_discriminators_step() -> None:
    generator, discriminator = Scale(0.5), Judge(0.25)
    optimizer = torch.optim.SGD(discriminator.parameters(), lr=0.1)
    values = discriminator_step([case(generator, discriminator)], optimizer, 0, settings())
    # Fake 0.5 * 2 = 1. Loss (w 3 - 1)^2 / 2 + (w 1)^2 / 2, slope (w 3 - 1) 3 + w.
    assert float(values["a/discriminator/adversarial"]) == pytest.approx(0.0625)
    assert float(values["a/discriminator/real"]) == 0.75
    assert float(values["a/discriminator/fake"]) == 0.25
    assert value(discriminator) == pytest.approx(0.25 - 0.1 * (-0.25 * 3 + 0.25))
    assert generator.weight.grad is None
    assert value(generator) == 0.5


def test_the_generators_step() -> None:
    generator, discriminator = Scale(0.5), Judge(0.25)
    optimizer = torch.optim.SGD(generator.parameters(), lr=0.1)
    values = generator_step([case(generator, discriminator)], optimizer, 0, settings())
    # l2 (g 2 - 3)^2, slope 4 (g 2 - 3) = -8; LSGAN (w g 2 - 1)^2 / 2, slope (0.25 - 1) 0.25 2.
    assert float(values["a/generator/l2"]) == 4
    assert float(values["a/generator/adversarial"]) == pytest.approx(0.28125)
    assert value(generator) == pytest.approx(0.5 - 0.1 * (-8 - 0.375))
    assert discriminator.weight.grad is None
    assert value(discriminator) == 0.25
    assert discriminator.weight.requires_grad, "thawed for its own next step"


def test_stages_learn_from_the_sum_over_the_cases() -> None:
    first = Scale(1.0)
    optimizer = torch.optim.SGD(first.parameters(), lr=1.0)
    cases = [case(first, None, "a"), case(first, None, "b", weight=0.5)]
    values = generator_step(cases, optimizer, 0, settings())
    assert set(values) == {"a/generator/l2", "b/generator/l2"}
    assert value(first) == pytest.approx(1 - (1 + 0.5) * 4 * (2 - 3))


def test_cases_without_a_discriminator_are_passed_over() -> None:
    discriminator = Judge(0.25)
    optimizer = torch.optim.SGD(discriminator.parameters(), lr=0.1)
    values = discriminator_step(
        [case(Scale(0.5), None, "a"), case(Scale(0.5), discriminator, "b")],
        optimizer, 0, settings(),
    )  # fmt: skip
    assert {name.split("/")[0] for name in values} == {"b"}
    assert value(discriminator) == pytest.approx(0.25 + 0.05)


@pytest.mark.parametrize("form", ["layers", "means"])
def test_a_fake_and_its_truth_are_presented_alike_where_they_are_compared(form: str) -> None:
    torch.manual_seed(0)
    truth, generator, discriminator = torch.rand(4, 3, 16, 16), Scale(1.0), Judge(0.25)
    spec = PresentationSpec(noise=0.1, augment=("translation", "cutout", "color"))
    objective = ObjectiveSpec("lsgan", generator={"feature_matching": {"form": form}})
    perfect = replace(
        case(generator, discriminator),
        fake=generator(truth),
        truth=truth,
        generator_terms=objective.generator_terms(True),
        presentation=Presentation(spec),
    )
    optimizer = torch.optim.SGD(generator.parameters(), lr=0.1)
    value = generator_step([perfect], optimizer, 0, settings())["a/generator/feature_matching"]
    # Means of batches are of pictures that do not belong together: each is drawn for itself.
    assert (float(value) == 0) == (form == "layers")


def test_the_discriminator_sees_what_it_is_shown() -> None:
    generator, discriminator = Scale(0.5), Judge(0.25)
    shown = case(generator, discriminator)
    shown.show = lambda picture: picture * 2
    optimizer = torch.optim.SGD(generator.parameters(), lr=0.1)
    values = discriminator_step(
        [shown], torch.optim.SGD(discriminator.parameters(), 0.0), 0, settings()
    )
    assert float(values["a/discriminator/real"]) == 2 * 0.75
    generator_step([shown], optimizer, 0, settings())
    # The gradient passes through what is shown: logit w 2 g 2, slope (0.5 - 1) 0.25 2 2 + l2's -8.
    assert value(generator) == pytest.approx(0.5 - 0.1 * (-8 - 0.5))


def test_clipping_bounds_the_norm_over_the_whole_side() -> None:
    weights = [nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))]
    optimizer = torch.optim.SGD(weights, lr=1.0)
    descend([3 * weights[0], 4 * weights[1]], optimizer, 1.0, lambda _: None)
    # The gradient (3, 4) has norm 5 and is brought to 1.
    assert [float(weight.detach()) for weight in weights] == pytest.approx([-0.6, -0.8], rel=1e-5)
    descend([0.3 * weights[0], 0.4 * weights[1]], optimizer, 1.0, lambda _: None)
    assert [float(weight.detach()) for weight in weights] == pytest.approx([-0.9, -1.2], rel=1e-5)


def test_gradients_are_reduced_before_they_are_clipped() -> None:
    weight = nn.Parameter(torch.tensor(0.0))

    def halve(parameters: object) -> None:
        assert weight.grad is not None
        weight.grad /= 2

    descend([4 * weight], torch.optim.SGD([weight], lr=1.0), 3.0, halve)
    assert float(weight.detach()) == -2.0, "4 / 2 lies below the bound of 3"


def test_gradients_of_the_step_before_are_forgotten() -> None:
    generator = Scale(1.0)
    optimizer = torch.optim.SGD(generator.parameters(), lr=0.0)
    for _ in range(2):
        generator_step([case(generator, None)], optimizer, 0, settings())
    assert float(generator.weight.grad or 0) == pytest.approx(-4)


def test_no_cases_do_nothing() -> None:
    weight = nn.Parameter(torch.tensor(1.0))
    weight.grad = torch.tensor(5.0)
    optimizer = torch.optim.SGD([weight], lr=1.0)
    assert generator_step([], optimizer, 0, settings()) == {}
    assert discriminator_step([], optimizer, 0, settings()) == {}
    assert float(weight.detach()) == 1.0


def test_a_stage_without_a_term_stands_still() -> None:
    first, second = Scale(1.0), Scale(1.0)
    optimizer = torch.optim.SGD([first.weight, second.weight], lr=1.0)
    silent = case(first, None, weight=0)
    assert generator_step([silent], optimizer, 0, settings()) == {}
    generator_step([silent, case(second, None, "b", weight=0.25)], optimizer, 0, settings())
    assert (value(first), value(second)) == (1.0, 2.0)


def test_frozen_thaws_after_an_error() -> None:
    module = Scale(1.0)

    def fail() -> None:
        with frozen(module):
            assert not module.weight.requires_grad
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        fail()
    assert module.weight.requires_grad


def test_gradients_pass_through_what_is_frozen() -> None:
    module, picture = Scale(3.0), torch.tensor(2.0, requires_grad=True)
    with frozen(module):
        logit = module(picture)
    logit.backward()
    assert float(picture.grad or 0) == 3.0
    assert module.weight.grad is None


def test_a_plain_generator_spares_the_discriminator_the_truth() -> None:
    class Counting(Judge):
        seen = 0

        def forward(self, picture: Tensor) -> Verdict:
            self.seen += len(picture)
            return super().forward(picture)

    weights = []
    for compares in (True, False):
        generator, discriminator = Scale(0.5), Counting(0.25)
        one = case(generator, discriminator)
        one.compares = compares
        optimizer = torch.optim.SGD(generator.parameters(), lr=0.1)
        generator_step([one], optimizer, 0, settings())
        assert discriminator.seen == (2 if compares else 1)
        weights.append(value(generator))
    assert weights[0] == weights[1]


def test_looking_ahead_leaves_statistics_and_power_iterations_alone() -> None:
    torch.manual_seed(0)
    spec = PatchSpec(channels=4, layers=1, norm="batch")
    spectral = PatchSpec(channels=4, layers=1, norm="spectral")
    for discriminator in (spec.build(1), spectral.build(1)):
        optimizer = torch.optim.Adam(discriminator.parameters(), lr=0.1)
        one = case(Scale(0.5), Judge(0.25))
        one.discriminator = discriminator
        one.fake, one.truth = torch.rand(2, 2, 1, 8, 8)
        before = {name: buffer.clone() for name, buffer in discriminator.named_buffers()}
        assert before
        ahead = looked_ahead(one, optimizer, 0, replace(settings(), unroll=2))
        for name, buffer in discriminator.named_buffers():
            assert torch.equal(buffer, before[name]), name
        moved = [name for name in before if not torch.equal(ahead[name], before[name])]
        assert moved, "what is looked ahead has statistics of its own"


@pytest.mark.parametrize(
    ("spec", "compares"),
    [
        (ObjectiveSpec(), False),
        (ObjectiveSpec(relativistic=True), True),
        (ObjectiveSpec(relativistic="average"), True),
        (ObjectiveSpec(generator={"l1": 1.0, "feature_matching": 1.0}), True),
        (ObjectiveSpec(generator={"l1": 1.0, "feature_matching": 0.0}), False),
    ],
)
def test_which_objectives_compare(spec: ObjectiveSpec, compares: bool) -> None:
    assert spec.compares == compares
