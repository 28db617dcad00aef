"""`pixstack keys`, and docs/recipe.md, which it prints."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stacks.keys import tables
from tests.doors.conftest import Answer
from tests.repository.tree import ROOT
from translate.generators import GENERATORS

Call = Callable[..., Answer]


def test_the_page_is_what_the_command_prints(pixstack: Call) -> None:
    page = (ROOT / "docs" / "recipe.md").read_text()
    answer = pixstack("keys", "--all", "--markdown")
    assert answer.code == 0, answer.err
    _, _, printed = page.partition("## Every key\n\n")
    assert printed == answer.out, "pixstack keys --all --markdown, behind '## Every key'"


def test_the_command_answers_in_each_form(pixstack: Call) -> None:
    listed = pixstack("keys").out
    assert all(table.path in listed for table in tables())
    [ema] = json.loads(pixstack("keys", "ema", "--json", "-").out)
    assert ema["table"] == "ema"
    assert [key["name"] for key in ema["keys"]] == ["decay"]
    [phase] = json.loads(pixstack("keys", "phase.steps", "--json", "-").out)
    assert phase["keys"][0]["default"] is None
    assert "\nsize = 128\n" in pixstack("keys", "data.size").out
    # As `--set` takes it: the keys of whatever kind may stand there.
    depths = json.loads(pixstack("keys", "stage.0.generator.depth", "--json", "-").out)
    assert {"stage.generator.pix2pix", "stage.generator.level"} <= {one["table"] for one in depths}
    assert {key["name"] for one in depths for key in one["keys"]} == {"depth"}
    wrong = pixstack("keys", "optimizr")
    assert (wrong.code, len(wrong.err.splitlines())) == (2, 1)
    assert "did you mean 'optimizer'?" in wrong.err
    both = pixstack("keys", "data", "--all")
    assert (both.code, len(both.err.splitlines())) == (2, 1)


def test_kinds_of_a_plugin_are_told_too(
    pixstack: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    monkeypatch.setattr(GENERATORS, "_specs", dict(GENERATORS._specs))
    (tmp_path / "kinds_of_keys.py").write_text(PLUGIN)
    told = pixstack("keys", "--plugin", "kinds_of_keys", "kept_for_keys")
    assert told.code == 0, told.err
    assert "# How wide it is. (a whole number)\nwidth = 7" in told.out
    assert 'kind = "kept_for_keys"' in told.out


PLUGIN = """
from dataclasses import dataclass
from translate.generators.registry import GENERATORS

@GENERATORS.register("kept_for_keys")
@dataclass(frozen=True)
class Kept:
    width: int = 7
    '''How wide it is.'''
"""
