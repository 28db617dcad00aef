"""What the README tells a newcomer to type works as it stands there."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pixstack.cli import COMMANDS, main
from tests.repository.tree import ROOT

README = (ROOT / "README.md").read_text()
ELSEWHERE = (ROOT / "docs" / "onnx.md").read_text()
CLASS = (ROOT / "docs" / "python.md").read_text()


def blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)


SNIPPETS = {
    f"{name} {number}": text
    for name, page in (("README", README), ("onnx", ELSEWHERE), ("python", CLASS))
    for number, text in enumerate(blocks("python", page))
}


def pixstack_lines() -> list[list[str]]:
    """Every `pixstack ...` that the README shows, in blocks and in running text."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    lines += re.findall(r"`(pixstack [^`]+)`", README)
    return [shlex.split(line, comments=True) for line in lines if line.startswith("pixstack ")]


def run_snippet(name: str, folder: Path) -> str:
    """What a snippet prints, run where the models and the examples lie as in a checkout."""
    for part in ("models", "examples"):
        (folder / part).symlink_to(ROOT / part)
    result = subprocess.run(
        [sys.executable, "-c", SNIPPETS[name]],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("name", ["README 0", "README 1", "onnx 0"])
def test_the_snippets_that_enlarge_run(name: str, tmp_path: Path) -> None:
    import numpy as np
    from PIL import Image

    from pixstack import Translator

    run_snippet(name, tmp_path)
    with (
        Image.open(ROOT / "examples" / "small-chelsea.png") as small,
        Image.open(tmp_path / "large.png") as large,
    ):
        whole = Translator(ROOT / "models" / "photo-sr.onnx", providers="cpu")(np.asarray(small))
        assert large.size == (4 * small.width, 4 * small.height)
        # Values half-way between two of 256 may be rounded either way.
        assert np.abs(np.asarray(large).astype(int) - whole).max() <= 1


def test_a_picture_is_fitted_without_pixstack_as_with_it(tmp_path: Path) -> None:
    import numpy as np
    from PIL import Image

    from pixstack import Translator

    run_snippet("onnx 1", tmp_path)
    translator = Translator(ROOT / "models" / "hand-pose.onnx", providers="cpu")
    with Image.open(ROOT / "examples" / "hand-five.png") as hand:
        expected = translator(np.asarray(hand.convert("RGB")), {"gesture": "3"}).astype(int)
    with Image.open(tmp_path / "posed.png") as posed:
        difference = np.abs(np.asarray(posed).astype(int) - expected)
    # Two libraries' bicubic interpolation.
    assert difference.mean() < 1
    assert np.quantile(difference, 0.99) <= 4


def test_what_the_page_of_the_class_shows_runs(tmp_path: Path) -> None:
    printed = run_snippet("python 0", tmp_path)
    assert "tiles" in printed
    for name in ("large.png", "clean.png", "posed.png"):
        assert (tmp_path / name).is_file()


def test_there_are_snippets_to_run() -> None:
    assert list(SNIPPETS) == ["README 0", "README 1", "onnx 0", "onnx 1", "python 0"]
    assert {"train", "eval", "export", "run", "serve"} <= {line[1] for line in pixstack_lines()}


@pytest.mark.parametrize("line", pixstack_lines(), ids=" ".join)
def test_the_commands_and_their_options_exist(
    line: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert line[1] in COMMANDS
    # Not broken into lines within an option.
    monkeypatch.setenv("COLUMNS", "200")
    assert main([line[1], "--help"]) == 0
    told = capsys.readouterr().out
    for word in line[2:]:
        if word.startswith("-") and word != "-":
            assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", told), word


def test_the_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    both = README + (ROOT / "CONTRIBUTING.md").read_text()
    targets = set(re.findall(r"^(?:.*`)?make ([a-z]+)", both, flags=re.MULTILINE))
    assert {"app", "test", "check", "bench"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_the_pip_lines_install_what_make_installs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    known = set(project["project"]["optional-dependencies"])
    asked = re.findall(r"-e \"\.\[([a-z,]+)\]\"", README)
    assert "openvino" in asked
    assert "train,test,openvino" in asked
    assert {extra for extras in asked for extra in extras.split(",")} <= known
    makefile = (ROOT / "Makefile").read_text()
    assert "DEVELOPMENT_EXTRAS := [train,test,openvino]" in makefile
