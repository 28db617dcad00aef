"""What results say, against numbers worked out by hand; proposals and pruning."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from stacks.landscape.propose import ends_early, propose, space, within
from stacks.landscape.study import PruningSpec, parse_study
from stacks.landscape.table import best_of, by_choice, by_combination, by_pair, curves, row
from stacks.landscape.trials import Result, State, Trials, read_result

STUDY = parse_study(
    """
name = "x"
recipe = "dcgan"
[axis.loss]
a = {}
b = {}
[range.rate]
keys = ["optimizer.generator.rate"]
low = 1e-4
high = 1e-2
scale = "log"
[range.steps]
keys = ["optimizer.discriminator_steps"]
low = 1
high = 5
whole = true
"""
)


def result(
    fid: float | None,
    state: State = "done",
    collapsed: bool = False,
    seed: int = 0,
    seconds: float = 10.0,
    looks: tuple[tuple[int, float], ...] = (),
    **settings: str | float,
) -> Result:
    name = f"{settings}-{seed}-{fid}"
    return Result(
        name, settings, seed, state, fid=fid, kid=fid, ms_ssim=fid, collapsed=collapsed,
        seconds=seconds, looks=list(looks),
    )  # fmt: skip


def test_the_best_of_k_by_hand() -> None:
    # Of 1, 2, 6: one drawn gives their mean; two give 1 in two of three draws and 2 in one.
    assert best_of([6.0, 1.0, 2.0]) == pytest.approx([3.0, 4 / 3, 1.0])
    assert best_of([]) == []


def test_the_best_of_k_by_all_draws() -> None:
    values = np.random.default_rng(0).uniform(10, 90, 9).tolist()
    for k, expected in enumerate(best_of(values), start=1):
        draws = [min(drawn) for drawn in itertools.combinations(values, k)]
        assert expected == pytest.approx(np.mean(draws))


def test_a_row_by_hand() -> None:
    # Twenty-one trials: the top 5 % are the best two, for 1.05 is rounded up.
    fids = [*range(10, 30)]
    results = [result(float(fid), collapsed=fid > 24) for fid in fids]
    results.append(result(None, "diverged", collapsed=True, seconds=31.0))
    results += [result(None, "refused")] * 3
    found = row(results)
    assert (found.trials, found.refused, found.pruned) == (21, 3, 0)
    assert (found.best, found.top, found.middle) == (10.0, 10.5, 20.0)
    assert found.collapsed == pytest.approx(6 / 21)
    assert found.seconds == pytest.approx(11.0)


def test_a_row_of_nothing_but_divergence_has_no_numbers() -> None:
    found = row([result(None, "diverged", collapsed=True)])
    assert (found.best, found.top, found.middle, found.collapsed) == (None, None, None, 1.0)
    assert row([]).collapsed is None


def test_choices_and_pairs_gather_their_own() -> None:
    results = [
        result(1.0, loss="a", norm="x"),
        result(3.0, loss="a", norm="y"),
        result(8.0, loss="b", norm="x"),
    ]
    found = by_choice(STUDY, results)
    assert list(found) == ["loss"]
    assert (found["loss"]["a"].best, found["loss"]["a"].middle) == (1.0, 2.0)
    assert found["loss"]["b"].trials == 1
    assert by_pair(results, "norm", "loss")["x", "b"].best == 8.0


def test_a_combination_is_its_seeds_together() -> None:
    results = [
        result(4.0, seed=0, loss="a"),
        result(8.0, seed=1, loss="a", collapsed=True),
        result(3.0, seed=0, loss="b"),
        result(None, "diverged", seed=1, loss="b", collapsed=True),
    ]
    first, second = by_combination(results)
    assert (first.settings, first.fid, first.seeds, first.collapsed) == ("loss=a", 6.0, 2, 1)
    assert first.deviation == pytest.approx(8**0.5)  # of 4 and 8, over n - 1
    assert (second.settings, second.fid) == ("loss=b", None)


def test_what_diverged_counts_as_the_worst_in_curves() -> None:
    results = [result(2.0, loss="a"), result(None, "diverged", loss="a"), result(6.0, loss="b")]
    assert curves(STUDY, results)["loss"] == {"a": [4.0, 2.0], "b": [6.0]}


def test_proposals_lie_within_the_ranges() -> None:
    found = space(STUDY, {})
    results: list[Result] = []
    for number in range(14):
        settings = propose(found, results, [], seed=number)
        assert within(settings, found)
        assert settings["loss"] in ("a", "b")
        assert 1e-4 <= settings["rate"] <= 1e-2
        assert settings["steps"] in range(1, 6)
        # The nearer to a rate of 1e-3, the better; what is refused has no number.
        fid = abs(np.log10(settings["rate"]) + 3) * 10
        results.append(
            result(None, "refused", **settings) if number == 3 else result(fid, **settings)
        )
    late = [each.fid for each in results[-3:] if each.fid is not None]
    early = [each.fid for each in results[:10] if each.fid is not None]
    assert min(late) <= np.median(early)


def test_a_search_may_be_held_to_some_choices() -> None:
    found = space(STUDY, {"loss": ["b"]})
    assert {propose(found, [], [], seed)["loss"] for seed in range(5)} == {"b"}
    assert not within({"loss": "a", "rate": 1e-3, "steps": 2}, found)
    assert not within({"loss": "b", "rate": 1.0, "steps": 2}, found)


@pytest.mark.parametrize("kind", ["median", "halving"])
def test_a_trial_far_behind_the_others_ends_early(kind: str) -> None:
    spec = PruningSpec(kind, startup=4)  # pyright: ignore[reportArgumentType]
    others = [result(10.0 + i, looks=((5, 20.0 + i), (10, 10.0 + i))) for i in range(9)]
    assert "pruned by" in ends_early(spec, [(5, 90.0)], others)
    assert ends_early(spec, [(5, 1.0)], others) == ""
    assert ends_early(spec, [(5, 90.0)], others[:3]) == ""
    assert ends_early(PruningSpec(), [(5, 90.0)], others) == ""


@pytest.mark.parametrize("kind", ["median", "halving"])
def test_what_was_ended_early_counts_when_others_are_held_against_it(kind: str) -> None:
    spec = PruningSpec(kind, startup=4)  # pyright: ignore[reportArgumentType]
    survivors = [result(1.0 + i, looks=((5, 1.0 + i), (10, 1.0 + i))) for i in range(4)]
    ended = [result(50.0 + i, state="pruned", looks=((5, 50.0 + i),)) for i in range(16)]
    # Behind all survivors, but ahead of all others.
    assert "pruned by" in ends_early(spec, [(5, 10.0)], survivors)
    assert ends_early(spec, [(5, 10.0)], [*ended, *survivors]) == ""
    assert "pruned by" in ends_early(spec, [(5, 90.0)], [*ended, *survivors])


def test_a_result_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    trials = Trials(tmp_path)
    trials.write(result(1.0, loss="a"))
    (tmp_path / "trials" / "half.json").write_text('{"key": "ha')
    (tmp_path / "trials" / "list.json").write_text("[]")
    # Killed between writing and renaming: the trial is tried again, and must not count twice.
    whole = next((tmp_path / "trials").glob("*.json")).read_text()
    (tmp_path / "trials" / ".x.writing.json").write_text(whole)
    assert [each.fid for each in trials.results()] == [1.0]
    failed = tmp_path / "trials" / "failed.json"
    failed.write_text(json.dumps({"key": "failed", "settings": {}, "seed": 0, "state": "failed"}))
    assert read_result(failed) is not None
    assert not trials.finished("failed")
