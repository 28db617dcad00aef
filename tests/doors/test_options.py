"""Options that a command hands on: each reaches what it is for, under its own name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import stacks.doctor.examine
import stacks.judge
from export.runtime.session import Opened, open_session
from stacks.doctor.examine import WORKERS, Report
from stacks.judge import JudgeRecipe
from tests.doors.conftest import Answer
from tests.photographs import window, write_pictures
from tests.stacks.faults import healthy, truncate

Call = Callable[..., Answer]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[tuple[object, ...]]:
    """Providers, precision and threads that sessions are asked for; all of them get the CPU."""
    found: set[tuple[object, ...]] = set()

    def opened(model: bytes, *how: object) -> Opened:
        found.add(how)
        return open_session(model, "cpu")

    monkeypatch.setattr("export.runtime.translator.open_session", opened)
    return found


@pytest.mark.parametrize(
    ("options", "how"),
    [
        ((), ("auto", "exact", None)),
        (("--provider", "openvino"), ("openvino", "exact", None)),
        (("--precision", "fast"), ("auto", "fast", None)),
        (("--threads", "3"), ("auto", "exact", 3)),
    ],
)
def test_a_model_runs_as_it_is_asked_to(
    pixstack: Call,
    photo: Path,
    asked: set[tuple[object, ...]],
    options: tuple[str, ...],
    how: tuple[object, ...],
) -> None:
    target = photo.with_name("out.png")
    assert pixstack("run", "photo-sr", photo, "-o", target, *options).code == 0
    assert asked == {how}


def test_a_model_is_measured_as_it_is_asked_to(
    pixstack: Call, targets: Path, asked: set[tuple[object, ...]]
) -> None:
    measure = ("eval", "photo-sr", "--targets", targets, "--degrade", "bicubic:4")
    answer = pixstack(*measure, "--provider", "openvino", "--precision", "fast")
    assert answer.code == 0, answer.err
    assert asked == {("openvino", "fast", None)}


def test_a_judge_learns_by_the_recipe_that_is_asked_for(
    pixstack: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("chelsea", "coffee"):
        pixels = {f"{index}.png": window(name, 16, 16, 20 * index) for index in range(4)}
        write_pictures(tmp_path / "classes" / name, pixels)
    recipes: list[JudgeRecipe] = []
    train_judge = stacks.judge.train_judge

    def learn(labeled: stacks.judge.Labeled, recipe: JudgeRecipe, progress: Callable) -> object:
        recipes.append(recipe)
        return train_judge(labeled, recipe, progress)

    monkeypatch.setattr(stacks.judge, "train_judge", learn)
    answer = pixstack(
        "judge", tmp_path / "classes", "-o", tmp_path / "judge.safetensors", "--size", "16",
        *("--steps", "1", "--batch", "2", "--held-out", "0.5", "--mirror", "--seed", "7"),
        *("--json", "-"),
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert recipes == [
        JudgeRecipe(("chelsea", "coffee"), 16, steps=1, batch=2, held_out=0.5, mirror=True, seed=7)
    ]
    assert json.loads(answer.out)["held_out"] == 4


def test_a_quick_check_does_not_see_what_pixels_alone_tell(pixstack: Call, tmp_path: Path) -> None:
    root = healthy(tmp_path / "pairs", 4)
    truncate(root / "A" / "02.png")
    whole = pixstack("check-data", root, "--json", "-")
    quick = pixstack("check-data", root, "--quick", "--json", "-")
    assert (whole.code, quick.code) == (1, 0)
    assert [json.loads(one.out)["quick"] for one in (whole, quick)] == [False, True]


def test_a_page_shows_as_many_samples_as_are_asked_for(pixstack: Call, tmp_path: Path) -> None:
    root, page = healthy(tmp_path / "pairs", 3), tmp_path / "page.html"
    for count in (0, 1, 2):
        answer = pixstack("check-data", root, "--quick", "--page", page, "--samples", count)
        assert answer.code == 0, answer.err
        # A source and a target each.
        assert page.read_text("utf-8").count("data:image/png;base64,") == 2 * count


def test_pictures_are_checked_in_as_many_threads_as_are_asked_for(
    pixstack: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers: list[int] = []
    examine = stacks.doctor.examine.examine

    def counting(subject: object, quick: bool, threads: int, progress: Callable) -> Report:
        workers.append(threads)
        return examine(subject, quick, threads, progress)  # type: ignore[arg-type]

    monkeypatch.setattr(stacks.doctor.examine, "examine", counting)
    root = healthy(tmp_path / "pairs", 2)
    assert pixstack("check-data", root, "--quick", "--threads", "3").code == 0
    assert pixstack("check-data", root, "--quick").code == 0
    assert workers == [3, WORKERS]
