"""`pixstack landscape` end to end on pictures made here, and what it says of wrong use."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pixstack.cli import main
from pixstack.commands import landscape
from tests.photographs import write_pictures
from tests.stacks.test_landscape import RECIPE, STUDY


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("study")
    random = np.random.default_rng(0)
    for name in ("0", "1"):
        pixels = {f"{i}.png": random.integers(0, 256, (32, 32, 3), np.uint8) for i in range(8)}
        write_pictures(root / "data" / name, pixels)
    (root / "mine.toml").write_text(RECIPE)
    (root / "tiny.toml").write_text(STUDY)
    return root


def test_a_study_runs_goes_on_and_is_reported(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, data = str(tmp_path / "folder"), str(place / "data")
    part = ["--only", "norm=batch", "--seeds", "0"]
    study = str(place / "tiny.toml")
    assert main(["landscape", study, "-o", folder, "--data", data, *part]) == 0
    told = capsys.readouterr()
    assert "norm=batch penalty=gp seed=0: refused" in told.err
    assert "norm batch" in told.out
    page = (tmp_path / "folder" / "landscape.html").read_text()
    assert "norm=batch penalty=none" in page
    assert "1704.00028" in page

    # A table of what is there needs neither data nor training, and finds the same.
    markdown = tmp_path / "table.md"
    assert main(["landscape", folder, "--report", "--json", "-", "--markdown", str(markdown)]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["trials"]["trials"] == 1
    assert summary["trials"]["refused"] == 1
    [done] = [each for each in summary["results"] if each["state"] == "done"]
    assert done["fid"] > 0
    assert summary["choices"]["norm"]["batch"]["best"] == done["fid"]
    assert "| norm batch | 1 | 1 |" in markdown.read_text()

    assert main(["landscape", study, "-o", folder, "--data", data]) == 1
    assert "--resume" in capsys.readouterr().err
    both = ["landscape", folder, "--resume", "--data", data, "--seeds", "0", "--processes", "2"]
    assert main(both) == 0
    capsys.readouterr()
    assert len(list((tmp_path / "folder" / "trials").glob("*.json"))) == 4


def test_a_search_proposes_within_the_study(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = STUDY.replace("[set]", "trials = 3\n[set]", 1)
    (place / "three.toml").write_text(text)
    options = ["-o", str(tmp_path / "folder"), "--data", str(place / "data"), "--search", "gp"]
    assert main(["landscape", str(place / "three.toml"), *options, "--json", "-"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    ran = [each for each in results if each["state"] != "refused"]
    assert len(ran) == 3
    assert all(1e-5 <= each["settings"]["rate"] <= 1e-2 for each in results)


class Ended:
    """A process that has ended, with some exit code, before anybody looks at it."""

    def __init__(self, exitcode: int | None = 0) -> None:
        self.exitcode = exitcode

    def start(self) -> None:
        """It is as if it had worked."""

    def is_alive(self) -> bool:
        return self.exitcode is None


class Working(Ended):
    """A process that works until it is told to end."""

    def __init__(self) -> None:
        super().__init__(None)
        self.joined = 0

    def join(self, timeout: float) -> None:
        self.joined += 1
        assert self.joined == 1, "it was not told to end"

    def terminate(self) -> None:
        self.exitcode = -signal.SIGTERM


class Asking(Working):
    """As it starts, whoever started it is asked to end."""

    def start(self) -> None:
        signal.raise_signal(signal.SIGTERM)


@pytest.fixture
def in_two(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Ended, Ended], int]:
    """A study by two processes that are not started; the exit code."""

    def run(one: Ended, other: Ended) -> int:
        pool = iter((one, other))
        context = SimpleNamespace(Process=lambda target, args: next(pool))
        monkeypatch.setattr(landscape, "get_context", lambda kind: context)
        study = ["landscape", str(place / "tiny.toml"), "-o", str(tmp_path / "folder")]
        return main([*study, "--data", str(place / "data"), "--processes", "2"])

    return run


@pytest.mark.parametrize(("code", "told"), [(0, False), (1, True), (-signal.SIGKILL, True)])
def test_a_process_that_ends_early_is_told(
    in_two: Callable[[Ended, Ended], int],
    code: int,
    told: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert in_two(Ended(), Ended(code)) == int(told)
    captured = capsys.readouterr()
    assert ("a process ended early; --resume" in captured.err) == told
    # What was found is shown all the same.
    assert captured.out.splitlines()[-1] == str(tmp_path / "folder" / "landscape.html")


def test_a_wish_to_end_is_passed_on_to_every_process(
    in_two: Callable[[Ended, Ended], int], capsys: pytest.CaptureFixture[str]
) -> None:
    def unheard(number: int, frame: object) -> None:
        pytest.fail("nobody listened")

    before = signal.signal(signal.SIGTERM, unheard)
    pool = Asking(), Working()
    try:
        assert in_two(*pool) == 128 + signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) is unheard
    finally:
        signal.signal(signal.SIGTERM, before)
    assert [each.exitcode for each in pool] == [-signal.SIGTERM] * 2
    assert "a process ended early" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (["gestures"], "-o: missing", 2),
        (["no-such", "-o", "{here}"], "no such study", 1),
        (["{here}/missing.toml", "-o", "{here}/x"], "no such study file", 1),
        (["gestures", "-o", "{here}/x", "--only", "loss"], "AXIS=CHOICE", 2),
        (["gestures", "-o", "{here}/x", "--only", "los=gp"], "did you mean 'loss'", 1),
        (["gestures", "-o", "{here}/x", "--only", "loss=hing"], "unknown choice", 1),
        (["gestures", "-o", "{here}/x", "--seeds", "a"], "--seeds a", 2),
        (["gestures", "-o", "{here}/x", "--search", "gp"], "--budget MINUTES", 2),
        (["gestures", "-o", "{here}/x", "--data", "{here}/none"], "none", 1),
        (["gestures", "-o", "{here}/x", "--judge", "no-such"], "--judge no-such: no such file", 1),
        (["{here}", "--report"], "no study", 1),
        (["{here}"], "--resume or --report", 2),
    ],
)
def test_wrong_use_is_one_line(
    arguments: list[str],
    said: str,
    code: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [argument.replace("{here}", str(tmp_path)) for argument in arguments]
    assert main(["landscape", *given]) == code
    [line] = capsys.readouterr().err.strip().splitlines()
    assert said in line
