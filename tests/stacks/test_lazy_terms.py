"""Terms that are not due at every step: a look meets what they were last."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

import translate.terms
from stacks.train import train
from tests.stacks.test_rollback import facts, lines, translation

NAME = "paint/discriminator/r1"
LAZY = "stage.0.objective.discriminator={ r1 = { weight = 1, every = 4 } }"


def told(folder: Path) -> list[float | None]:
    """What each line of the log says of the term."""
    return [line.get(NAME) for line in lines(folder, "train")]


def test_every_look_meets_the_last_value(targets: Path, tmp_path: Path) -> None:
    train(translation(targets, LAZY, "phase.0.steps=8"), tmp_path / "each")
    each = told(tmp_path / "each")
    # Due at the first step and at the fifth.
    assert each == each[:1] * 4 + each[4:5] * 4
    assert None not in each
    assert each[0] != each[4]
    even = [f"{key}=2" for key in ("log.every", "log.checkpoint", "log.samples", "health.every")]
    train(translation(targets, LAZY, "phase.0.steps=8", *even), tmp_path / "even")
    assert told(tmp_path / "even") == each[1::2]
    # Judged at the first step, too.
    judged = facts(tmp_path / "even")["health"]["series"][NAME]
    assert judged == [each[0], *each[1::2]]


def test_a_resumed_run_has_met_it(targets: Path, tmp_path: Path) -> None:
    recipes = [translation(targets, LAZY, f"phase.0.steps={steps}") for steps in (3, 8)]
    train(recipes[0], tmp_path)
    train(recipes[1], tmp_path, resume=True)
    each = told(tmp_path)
    assert each[:4] == each[:1] * 4
    assert None not in each


def test_another_phase_knows_nothing_of_it(targets: Path, tmp_path: Path) -> None:
    phases = "phase=[{ train=['paint'], steps=2 }, { train=['paint'], steps=2, adversarial=false }]"
    train(translation(targets, LAZY, phases), tmp_path)
    assert [value is None for value in told(tmp_path)] == [False, False, True, True]


def test_a_value_that_made_the_run_go_back_is_not_met_again(
    targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, values = translate.terms.r1, []

    def r1(*given: object) -> Tensor:
        values.append(whole(*given))  # pyright: ignore[reportArgumentType]
        return values[-1] * (torch.nan if len(values) == 2 else 1)

    monkeypatch.setattr(translate.terms, "r1", r1)
    quick = ["health.every=1", "health.window=1", "phase.0.steps=8", "log.checkpoint=2"]
    train(translation(targets, LAZY, *quick), tmp_path)
    # Back to a step after which the term is not due at once.
    [alarm] = lines(tmp_path, "alarm")
    assert (alarm["alarm"], alarm["found"], alarm["step"]) == ("nan", 5, 2)
