"""The page of the techniques: written from figures, one experiment at a time."""

import importlib
import json
from pathlib import Path

import pytest

from benchmarks import tricks
from benchmarks.toys import points
from benchmarks.toys.page import Section, Table, Verdict, render, spread


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
    entry = {"seeds": 2, "quick": False, "minutes": 1.5, "results": FIGURES}
    page.with_suffix(".json").write_text(json.dumps({"ring": entry}))
    tricks.run(render=True, output=page)
    text = page.read_text()
    assert "unrolled, k = 5 | 8.0 ± 0.0" in text
    assert "pictures/tricks/ring.png" in text
    assert "Two games" not in text, "what has no figures is not on the page"


def test_one_experiment_keeps_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.toys import games

    monkeypatch.setattr(games, "CURVE", 10)
    page = tmp_path / "tricks.md"
    entry = {"seeds": 2, "quick": False, "minutes": 1.5, "results": FIGURES}
    page.with_suffix(".json").write_text(json.dumps({"ring": entry}))
    monkeypatch.setattr(
        "benchmarks.toys.page.Options.steps", lambda options, full, quick: min(full, 20)
    )
    tricks.run(only="games", seeds=2, output=page)
    kept = json.loads(page.with_suffix(".json").read_text())
    assert kept["ring"] == entry
    assert kept["games"]["seeds"] == 2
    assert (tmp_path / "pictures" / "tricks" / "games.png").exists()
    assert "Ring of eight" in page.read_text()


def test_an_unknown_experiment_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        tricks.run(only="nothing")
    assert stopped.value.code == 2
    assert "ring" in capsys.readouterr().out
