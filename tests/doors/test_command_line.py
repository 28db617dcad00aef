"""The command line as a whole: help, wrong use, exit codes, and what it must not import."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pixstack import __version__, cli
from pixstack.errors import WrongUse, install_train, one_line
from tests.doors.conftest import Answer

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ["numpy", "onnxruntime", "gradio", "pyvips", "torch", "rich.console"]


def imported_after(program: str) -> set[str]:
    """The top-level and dotted names of the modules that a program has imported in the end."""
    ending = "\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", program + ending],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return set(json.loads(result.stdout.splitlines()[-1]))


def test_the_top_help_imports_nothing_heavy() -> None:
    program = "from pixstack.cli import main\nassert main(['--help']) == 0"
    assert not imported_after(program) & set(HEAVY)


def test_help_answers_at_once() -> None:
    def seconds() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    # Time on the processor, for the machine may be busy with other things.
    start = seconds()
    subprocess.run(
        [sys.executable, "-m", "pixstack", "--help"], cwd=ROOT, capture_output=True, check=True
    )
    assert seconds() - start < 0.5


@pytest.mark.parametrize("arguments", [("--json",), ("-o",), ("--bogus",), ()])
def test_wrong_use_names_the_help_of_the_command(
    pixstack: Callable[..., Answer], arguments: tuple[str, ...]
) -> None:
    answer = pixstack("run", *arguments)
    assert answer.code == 2
    assert answer.error_lines[-1].endswith("(see pixstack run --help)")


def test_the_top_help_names_every_command(pixstack: Callable[..., Answer]) -> None:
    answer = pixstack("--help")
    assert answer.code == 0
    assert all(f"  {name}" in answer.out for name in cli.COMMANDS)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help_with_examples(name: str, pixstack: Callable[..., Answer]) -> None:
    answer = pixstack(name, "--help")
    assert answer.code == 0
    usage, _, examples = answer.out.partition("Example")
    assert f"Usage: pixstack {name}" in usage
    assert f"pixstack {name}" in examples


def test_the_help_of_no_command_imports_machinery() -> None:
    program = f"from pixstack.cli import main\nfor name in {list(cli.COMMANDS)}:\n"
    assert not imported_after(f"{program}    assert main([name, '--help']) == 0") & set(HEAVY)


def test_running_a_model_never_imports_torch(models: Path, photo: Path, tmp_path: Path) -> None:
    arguments = ["run", f"{models}/photo-sr.onnx", str(photo), "-o", f"{tmp_path}/out.png"]
    modules = imported_after(f"from pixstack.cli import main\nassert main({arguments}) == 0")
    assert not modules & {"torch", "gradio", "kornia", "PIL"}


def test_timing_a_model_never_imports_torch(models: Path) -> None:
    arguments = ["bench", f"{models}/photo-sr.onnx", "--size", "8x8", "--rounds", "1"]
    modules = imported_after(f"from pixstack.cli import main\nassert main({arguments}) == 0")
    assert not modules & {"torch", "gradio", "kornia", "PIL", "stacks", "translate"}


def test_the_app_and_its_page_never_import_torch(models: Path) -> None:
    program = f"""
import app
from pathlib import Path
from pixstack.web.page import build_page
from pixstack.web.studio import Studio
models = {{path.stem: path for path in Path({str(models)!r}).glob("*.onnx")}}
build_page(Studio(models, Path("unused")))
"""
    modules = imported_after(program)
    assert "gradio" in modules
    assert not modules & {"torch", "kornia", "stacks", "translate"}


def test_the_version_is_printed(pixstack: Callable[..., Answer]) -> None:
    assert pixstack("--version") == Answer(0, f"pixstack {__version__}\n", "")


def test_no_command_prints_the_help_and_is_wrong_use(pixstack: Callable[..., Answer]) -> None:
    answer = pixstack()
    assert answer.code == 2
    assert "Commands:" in answer.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], "Did you mean 'run'"),
        (["run"], "Missing"),
        (["run", "photo-sr", "--nonsense"], "--nonsense"),
        (["serve", "--port", "many"], "--port"),
        (["run", "photo-sr", "x.png", "-o", "y.png", "--precision", "vague"], "exact"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(
    arguments: list[str], words: str, pixstack: Callable[..., Answer]
) -> None:
    answer = pixstack(*arguments)
    assert answer.code == 2
    assert len(answer.error_lines) == 1
    assert answer.err.startswith("error: ")
    assert words in answer.err


def test_an_error_is_one_line_and_debug_shows_where(pixstack: Callable[..., Answer]) -> None:
    plain = pixstack("info", "missing.onnx")
    assert (plain.code, plain.out) == (1, "")
    assert len(plain.error_lines) == 1
    assert "missing.onnx" in plain.err
    debug = pixstack("info", "missing.onnx", "--debug")
    assert debug.code == 1
    assert "Traceback" in debug.err
    assert debug.error_lines[-1] == plain.error_lines[0]


@pytest.mark.parametrize("missing", ["torch", "onnxslim"])
def test_the_training_commands_say_what_they_need_where_it_is_missing(
    missing: str,
    pixstack: Callable[..., Answer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "pixstack.errors.find_spec", lambda name: None if name == missing else "found"
    )
    answer = pixstack("recipes")
    assert answer.code == 2
    assert answer.error_lines == [
        "error: this command needs the training packages; install them with: "
        'pip install -c constraints.txt -e ".[train]"'
    ]
    # Installed from a wheel there is no project file beside the package.
    assert install_train(tmp_path) == 'pip install "pixstack[train]"'


def test_public_names_are_found_on_first_use() -> None:
    assert "numpy" not in imported_after("import pixstack; assert 'Translator' in dir(pixstack)")
    program = "from pixstack import Translator; assert Translator.__name__ == 'Translator'"
    assert "torch" not in imported_after(program)
    with pytest.raises(AttributeError, match="nonsense"):
        __import__("pixstack").nonsense  # noqa: B018


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("two\n  lines"), "two lines"),
        (FileNotFoundError(2, "No such file", "a.png"), "a.png: no such file"),
        (WrongUse("use it so"), "use it so"),
        (MemoryError(), "not enough memory; try a smaller picture"),
        (KeyError("x"), "unexpected KeyError: 'x'; --debug shows where"),
        (ValueError(), "ValueError"),
        (ValueError("\x1b[31mred"), "\N{REPLACEMENT CHARACTER}[31mred"),
    ],
)  # fmt: skip
def test_errors_become_one_line(error: Exception, line: str) -> None:
    assert one_line(error) == line


@pytest.mark.parametrize("name", ["run", "serve"])
def test_the_help_says_what_fast_may_use(name: str, pixstack: Callable[..., Answer]) -> None:
    """Sessions are held to the same three in tests/runtime/test_providers.py."""
    help_text = " ".join(re.sub(r"[^\w.,:-]+", " ", pixstack(name, "--help").out).split())
    said = re.search(r"fast may use ([\w, ]+)\.", help_text)
    assert said is not None
    assert said[1] == "TF32, bf16 or fp16"


def test_paths_that_are_not_what_they_should_be_say_so(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    attempts: list[tuple[Callable[[], object], str]] = [
        (file.mkdir, f"{file}: is a file; expected a folder, or a name that is free"),
        ((file / "a").mkdir, f"{file / 'a'}: a file stands where a folder is expected; choose"),
        (tmp_path.read_bytes, f"{tmp_path}: is a folder; expected the name of a file"),
        ((tmp_path / "none").read_bytes, f"{tmp_path / 'none'}: no such file or directory"),
    ]
    for attempt, line in attempts:
        with pytest.raises(OSError, match="Errno") as raised:
            attempt()
        assert one_line(raised.value).startswith(line)


def test_an_interrupt_outside_of_the_command_line_is_told_like_one_inside(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupted:
        def main(self, *_: object, **__: object) -> int:
            raise KeyboardInterrupt

    monkeypatch.setattr(cli.typer.main, "get_command", lambda _: Interrupted())
    assert cli.main(["models"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_serve_refuses_what_no_visitor_could_use(
    pixstack: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = pixstack("serve", "--provider", "gpu")
    assert (answer.code, answer.out) == (2, "")
    assert "--provider gpu: unknown; use auto, " in answer.err
    monkeypatch.setattr("export.runtime.session.problem", lambda name: "no GPU here")
    answer = pixstack("serve", "--provider", "cuda")
    assert answer.code == 1
    assert answer.err == "error: --provider cuda: no GPU here; use auto or cpu\n"
