"""The page of the techniques: written from figures, one experiment at a time."""

import importlib
import json
import shutil
import tempfile
from pathlib import Path

import pytest

from benchmarks import tricks
from benchmarks.toys import games, hands, points
from benchmarks.toys.page import Section, Table, Verdict, render, spread
from tests.repository.tree import ROOT


def test_spread_by_hand() -> None:
    # The deviation of a sample: the root of (1 + 0 + 1) / 2.
    assert spread([1.0, 2.0, 3.0]) == "2.0 ± 1.0"
    assert spread([2.5], 2) == "2.50"


def test_a_section_in_markdown() -> None:
    table = Table(("name", "modes"), [("plain", "3")])
    verdicts = [Verdict("it holds", True, "3"), Verdict("it fails", False, "0")]
    text = render(Section("Title", "Words.", [table], verdicts), "a/b.png")
    assert "## Title" in text
    assert "- **Reproduces**: it holds (3)." in text
    assert "- **Does not reproduce here**: it fails (0)." in text
    assert "| name | modes |\n| --- | --- |\n| plain | 3 |" in text
    assert "![Title](a/b.png)" in text


@pytest.mark.parametrize("name", tricks.EXPERIMENTS)
def test_every_experiment_can_be_run_and_written_about(name: str) -> None:
    module = importlib.import_module(f"benchmarks.toys.{name}")
    assert callable(module.run)
    assert callable(module.section)


def row(name: str, modes: list[int]) -> dict[str, object]:
    rest = {"held": [0, 2], "quality": [0.5, 0.7], "late": [1, 2], "seconds": 0.004}
    return {"name": name, "modes": modes, **rest}


FIGURES = {
    "steps": 10,
    "batch": 96,
    "rows": [
        row("plain (non-saturating)", [2, 4]),
        row("unrolled, k = 5", [8, 8]),
        row("packing, m = 2", [1, 3]),
    ],
}


ENTRY = {"seeds": 2, "quick": False, "threads": 1, "minutes": 1.5, "results": FIGURES}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Games of twenty steps."""
    monkeypatch.setattr(games, "CURVE", 10)
    monkeypatch.setattr(
        "benchmarks.toys.page.Options.steps", lambda options, full, quick: min(full, 20)
    )


def test_verdicts_follow_the_figures() -> None:
    section = points.section("Ring", "Words.", 8, FIGURES)
    assert [(verdict.holds, verdict.figures) for verdict in section.verdicts] == [
        (True, "3.0 ± 1.4 of 8"),
        (True, "8.0 ± 0.0 against 3.0 ± 1.4"),
        (False, "2.0 ± 1.4 against 3.0 ± 1.4"),
    ]
    assert section.tables[0].rows[0][4] == "60.0 ± 14.1 %"
    assert "10 steps" in section.text


def test_the_page_is_written_again_from_kept_figures(tmp_path: Path) -> None:
    page = tmp_path / "tricks.md"
    page.with_suffix(".json").write_text(json.dumps({"ring": ENTRY}))
    tricks.run(render=True, output=page)
    text = page.read_text()
    assert "unrolled, k = 5 | 8.0 ± 0.0" in text
    assert "pictures/tricks/ring.png" in text
    assert "*2 seeds, 1 thread, 1.5 minutes; again by `--only ring`.*" in text
    assert "Two games" not in text, "what has no figures is not on the page"


def test_what_went_into_an_experiment() -> None:
    entry = {"seeds": 0, "quick": True, "threads": 4, "minutes": 0.25}
    assert tricks.effort(entry) == "a quick run, 4 threads, 0.2 minutes"
    assert tricks.effort(entry | {"seeds": 1}) == "1 seed, a quick run, 4 threads, 0.2 minutes"


def test_the_page_in_docs_is_that_of_its_figures(tmp_path: Path) -> None:
    shutil.copy(ROOT / "docs" / "tricks.json", tmp_path)
    tricks.run(render=True, output=tmp_path / "tricks.md")
    assert (tmp_path / "tricks.md").read_text() == (ROOT / "docs" / "tricks.md").read_text()


@pytest.mark.usefixtures("short")
def test_one_experiment_keeps_the_others(tmp_path: Path) -> None:
    page = tmp_path / "tricks.md"
    page.with_suffix(".json").write_text(json.dumps({"ring": ENTRY}))
    tricks.run(only="games", seeds=2, output=page)
    kept = json.loads(page.with_suffix(".json").read_text())
    assert kept["ring"] == ENTRY
    assert (kept["games"]["seeds"], kept["games"]["threads"]) == (2, 1)
    assert (tmp_path / "pictures" / "tricks" / "games.png").exists()
    text = page.read_text()
    assert "Ring of eight" in text
    # As the experiment tells them, not by their names; so they are when they are read again.
    methods = ("start", "simultaneous descent", "mean of its iterates", "historical averaging")
    places = [text.index(f"| xy | {method} |") for method in methods]
    assert places == sorted(places)
    tricks.run(render=True, output=page)
    assert page.read_text() == text


@pytest.mark.usefixtures("short")
def test_without_a_page_nothing_is_written_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    tricks.run(only="games", quick=True)
    page = Path(capsys.readouterr().out.splitlines()[-1])
    assert page.is_relative_to(tmp_path / "temporary")
    assert "1 seed, a quick run" in page.read_text()
    assert list((tmp_path / "docs").iterdir()) == []
    with pytest.raises(SystemExit) as stopped:
        tricks.run(render=True)
    assert stopped.value.code == 2


@pytest.mark.usefixtures("short")
def test_what_cannot_be_run_is_named_beside_what_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tricks, "EXPERIMENTS", ("gestures", "games"))
    monkeypatch.setattr(hands, "DATA", tmp_path / "nowhere")
    with pytest.raises(SystemExit) as stopped:
        tricks.run(quick=True, output=tmp_path / "tricks.md")
    assert stopped.value.code == 2
    assert capsys.readouterr().out.splitlines()[-1] == "not run: gestures"
    assert "Two games" in (tmp_path / "tricks.md").read_text()


def test_an_unknown_experiment_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        tricks.run(only="nothing")
    assert stopped.value.code == 2
    assert "ring" in capsys.readouterr().out
