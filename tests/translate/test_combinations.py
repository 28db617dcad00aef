"""Every two techniques that go together train together; the lists come from the registries."""

from collections.abc import Mapping

import pytest

from benchmarks.toys.combinations import FACTORS, pairs, pairwise, refusal, trial

ROWS = pairwise()


def name(row: Mapping[str, str]) -> str:
    return "+".join(row.values())


def test_every_pair_meets_or_is_refused() -> None:
    met = set().union(*(pairs(row) for row in ROWS))
    keys = list(FACTORS)
    missing = {
        (a, b)
        for index, one in enumerate(keys)
        for two in keys[index + 1 :]
        for a in FACTORS[one]
        for b in FACTORS[two]
        if ((one, a), (two, b)) not in met
    }
    per_picture = {"wgan_gp", "dragan", "r1", "r2", "zero_centered"}
    # Relativistic Wasserstein; batch statistics under a penalty on each picture's gradient.
    assert missing == {
        ("wasserstein", "relativistic"),
        ("wasserstein", "average"),
        *(("batch", penalty) for penalty in per_picture),
        *((penalty, "discrimination") for penalty in per_picture),
    }


@pytest.mark.parametrize("bf16", [False, True], ids=["fp32", "bf16"])
@pytest.mark.parametrize("row", ROWS, ids=name)
def test_ten_steps_without_a_nan(row: Mapping[str, str], bf16: bool) -> None:
    outcome = trial(row, bf16)
    assert outcome.kind == "ran", outcome.why


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"loss": "wasserstein", "form": "average"}, "stage[0].objective.relativistic: got 'ave"),
        ({"loss": "wasserstein", "norm": "none"}, "stage[0].objective.adversarial: got 'wass"),
        ({"norm": "batch", "penalty": "r1"}, "stage[0].discriminator.norm: got 'batch'; r1 holds"),
        (
            {"diversity": "discrimination", "penalty": "dragan"},
            "stage[0].discriminator.diversity: got 'discrimination'; dragan holds",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_the_paper(changes: dict[str, str], key: str) -> None:
    row = {name: values[0] for name, values in FACTORS.items()} | changes
    assert refusal(row).startswith(key)
    assert "arXiv" in refusal(row)
    assert trial(row).kind == "refused"
