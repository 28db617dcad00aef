"""Terms and their sum; what an objective may say."""

import copy
import dataclasses
import pickle

import pytest
import torch

import translate.objective
from translate.context import StepContext
from translate.objective import ObjectiveSpec, Term, total
from translate.tables import TableError, parse


def context(
    real_logits: tuple[torch.Tensor, ...] = (), fake_logits: tuple[torch.Tensor, ...] = ()
) -> StepContext:
    fake, truth = torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 1.0]])
    return StepContext(fake, truth, real_logits, fake_logits)


def constant(name: str, value: float, weight: float = 1.0, every: int = 1) -> Term:
    return Term(name, weight, lambda _: torch.tensor(value), every)


def test_the_sum_is_weighted_and_the_values_are_not() -> None:
    loss, values = total([constant("a", 2.0, 3.0), constant("b", 5.0, 0.5)], context(), 0)
    assert float(loss) == 8.5
    assert {name: float(value) for name, value in values.items()} == {"a": 2.0, "b": 5.0}


def test_a_lazy_term_stands_for_the_steps_it_skips() -> None:
    terms = [constant("a", 2.0), constant("lazy", 3.0, weight=0.5, every=4)]
    losses, logged = zip(*(total(terms, context(), step) for step in range(9)), strict=True)
    assert [float(loss) for loss in losses] == [8, 2, 2, 2, 8, 2, 2, 2, 8]
    assert ["lazy" in values for values in logged] == [step % 4 == 0 for step in range(9)]
    # Over the steps it weighs as much as a term that is due at each.
    assert sum(float(loss) for loss in losses[:4]) == 4 * (2.0 + 0.5 * 3.0)


def test_values_for_the_log_hold_no_graph() -> None:
    weight = torch.ones((), requires_grad=True)
    loss, values = total([Term("a", 1.0, lambda _: weight * 2)], context(), 0)
    assert loss.requires_grad
    assert not values["a"].requires_grad


def test_terms_see_pictures_and_logits_in_full_precision() -> None:
    spec = ObjectiveSpec("lsgan", False, 0.5, {"l1": 10.0, "l2": 1.0})
    half = StepContext(
        torch.tensor([[1.0, 3.0]], dtype=torch.bfloat16),
        torch.tensor([[0.0, 1.0]]),
        real_logits=(torch.tensor([1.0]).bfloat16(),),
        fake_logits=(torch.tensor([3.0]).bfloat16(),),
    )
    loss, values = total(spec.generator_terms(adversarial=True), half, 0)
    # |1| and |2|: mean 1.5; squares 1 and 4: mean 2.5; LSGAN (3 - 1)^2 / 2 = 2.
    assert {name: float(value) for name, value in values.items()} == {
        "l1": 1.5, "l2": 2.5, "adversarial": 2.0,
    }  # fmt: skip
    assert float(loss) == 10 * 1.5 + 2.5 + 0.5 * 2
    assert loss.dtype == torch.float32


def test_phases_without_an_adversary_have_no_adversarial_term() -> None:
    spec = ObjectiveSpec(generator={"l1": 1.0, "l2": 0.0})
    assert [term.name for term in spec.generator_terms(adversarial=False)] == ["l1"]
    assert [term.name for term in spec.generator_terms(adversarial=True)] == ["l1", "adversarial"]
    silent = ObjectiveSpec(weight=0.0)
    assert [term.name for term in silent.generator_terms(adversarial=True)] == ["l1"]


@pytest.mark.parametrize(
    ("relativistic", "form"),
    [(False, "plain"), (True, "relativistic"), ("average", "average")],
)
def test_the_form(relativistic: object, form: str) -> None:
    spec = parse(ObjectiveSpec, {"relativistic": relativistic, "adversarial": "hinge"})
    assert spec.form == form
    # Averages 1 and -1: the discriminator pays relu(1 - 2) + relu(1 - 2) = 0 in every relative form
    # and relu(1 - 1) + relu(1 - 1) = 0 in the plain one; the generator's loss tells them apart.
    logits = context(real_logits=(torch.tensor([1.0]),), fake_logits=(torch.tensor([-1.0]),))
    discriminator, _ = total(spec.discriminator_terms(), logits, 0)
    assert float(discriminator) == 0
    generator, _ = total(spec.generator_terms(adversarial=True)[1:], logits, 0)
    assert float(generator) == {"plain": 1.0, "relativistic": 3.0, "average": 6.0}[form]


def test_tables_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ObjectiveSpec(generator={"l1": 2.0}, discriminator={"r1": 10.0})

    def again(*_: object) -> None:
        raise AssertionError("the tables are read again")

    monkeypatch.setattr(translate.objective, "read_terms", again)
    for _ in range(2):
        assert [term.name for term in spec.generator_terms(True)] == ["l1", "adversarial"]
        assert [term.name for term in spec.discriminator_terms()] == ["adversarial", "r1"]
        assert not spec.compares


def test_what_was_read_is_no_part_of_an_objective() -> None:
    spec = ObjectiveSpec(generator={"l1": 2.0}, discriminator={"r1": 10.0})
    for other in (pickle.loads(pickle.dumps(spec)), copy.deepcopy(spec), copy.copy(spec)):
        assert other == spec
        assert repr(other) == repr(spec)
        assert [term.weight for term in other.generator_terms(True)] == [2.0, 1.0]
    changed = dataclasses.replace(spec, generator={"l2": 3.0})
    assert changed != spec
    assert [term.name for term in changed.generator_terms(True)] == ["l2", "adversarial"]
    assert [term.name for term in changed.discriminator_terms()] == ["adversarial", "r1"]
    assert [term.name for term in spec.generator_terms(True)] == ["l1", "adversarial"]


def test_an_adversarial_term_needs_logits() -> None:
    with pytest.raises(ValueError, match="needs a discriminator; the stage has none"):
        total(ObjectiveSpec().discriminator_terms(), context(), 0)


@pytest.mark.parametrize(
    "table",
    [
        # Their mean is 0.95: however sure the discriminator is, the loss has a least value.
        {"labels": {"real": [0.7, 1.2], "fake": [0.0, 0.3]}},
        {"labels": {"real": 2.0, "fake": -2.0}, "adversarial": "lsgan"},
        {"labels": {"fake": 0.1}, "relativistic": "average"},
        {"labels": {"real": 0.9}, "relativistic": True},
    ],
)
def test_labels_that_have_a_least_loss(table: dict[str, object]) -> None:
    spec = parse(ObjectiveSpec, table, "a")
    [adversarial] = spec.discriminator_terms()
    torch.manual_seed(0)
    losses = [
        float(total([adversarial], context((logits,), (-logits,)), 0)[0])
        for logits in (torch.full((4096, 1), size) for size in (1.0, 10.0, 100.0))
    ]
    assert losses[2] > losses[1]
    assert min(losses) > 0


def test_drift_holds_what_is_said_of_real_pictures() -> None:
    spec = parse(ObjectiveSpec, {"adversarial": "wasserstein", "discriminator": {"drift": 0.01}})
    _, _, drift = spec.discriminator_terms()
    real = (torch.tensor([[1.0], [3.0]]), torch.tensor([[2.0]]))
    loss, values = total([drift], context(real, tuple(100 * one for one in real)), 0)
    # (1 + 9) / 2 of the one scale and 4 of the other.
    assert float(values["drift"]) == 9
    assert float(loss) == pytest.approx(0.09)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"adversarial": "hing"}, "a.adversarial: unknown loss 'hing'; did you mean 'hinge'? "),
        ({"generator": {"l3": 1}}, "a.generator.l3: unknown term; "),
        ({"generator": {"l1": -1}}, "a.generator.l1: got -1.0; allowed: 0 or more"),
        ({"weight": -0.1}, "a.weight: got -0.1; allowed: 0 or more"),
        ({"weight": float("nan")}, "a.weight: expected a finite number, got nan"),
        ({"relativistic": "averge"}, "a.relativistic: expected true or false, or 'average', got"),
        (
            {"labels": {"real": 1.1}},
            "a.labels.real: got 1.1; of 'non-saturating', whose labels are",
        ),
        ({"labels": {"real": [1.0, 1.2]}}, "a.labels.real: got (1.0, 1.2); of 'non-saturating'"),
        ({"labels": {"fake": -0.1}, "adversarial": "minimax"}, "a.labels.fake: got -0.1; of "),
        ({"labels": {"generator": 2.0}}, "a.labels.generator: got 2.0; of 'non-saturating'"),
        ({"labels": {"fake": 0.1}, "relativistic": True}, "a.labels.fake: of a pair (relativistic"),
    ],
)
def test_what_an_objective_may_not_say(table: dict[str, object], message: str) -> None:
    with pytest.raises(TableError) as error:
        parse(ObjectiveSpec, table, "a")
    assert str(error.value).startswith(message)
