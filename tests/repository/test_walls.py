"""The walls between the layers, and the few rules that every file keeps."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from pixstack.cli import COMMANDS
from tests.repository.tree import (
    ROOT,
    TRAINING_PACKAGES,
    WITHOUT_TRAINING,
    anchors,
    existing_files,
)

LAYERS = ("pixstack", "export", "stacks", "translate")
SOURCE_SUFFIXES = (".css", ".html", ".js", ".py", ".sh", ".toml")
LONGEST = 400

TRAINING_COMMANDS = {
    "check-data", "eval", "export", "judge", "landscape", "new", "recipes", "report", "train",
}  # fmt: skip


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def lint_imports(folder: Path, contract: str | None = None) -> subprocess.CompletedProcess[str]:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    chosen = ["--contract", contract] if contract else []
    return subprocess.run(
        # -P keeps the checkout off the path: import-linter puts its working folder there itself.
        [sys.executable, "-P", "-c", program, "--no-cache", "--no-logo", *chosen],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )


def imported_modules(source: str, package: str) -> Iterator[str]:
    """Yield the full name of everything that `source`, a module of `package`, imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) + 1 - node.level]
            base = ".".join(parents) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            # `from export import manifest` imports a module, so the names count too.
            yield from (f"{module}.{alias.name}" for alias in node.names)


def test_the_contracts_of_import_linter_hold() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layers alone, to break."""
    folder = tmp_path_factory.mktemp("layers")
    for layer in LAYERS:
        shutil.copytree(ROOT / layer, folder / layer, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.mark.parametrize(
    ("contract", "file", "line", "told"),
    [
        ("layers", "translate/registry.py", "import stacks", "translate.registry -> stacks"),
        ("layers", "stacks/spec.py", "def late(): import export", "stacks.spec -> export"),
        ("layers", "export/manifest.py", "import pixstack", "export.manifest -> pixstack"),
        ("runtime", "export/manifest.py", "import torch", "export.manifest -> torch"),
        (
            "runtime",
            "export/runtime/tiles.py",
            "from translate import pixels",
            "export.runtime.tiles -> translate.pixels",
        ),
        (
            "doors",
            "pixstack/commands/run.py",
            "def late(): import torch",
            "pixstack.commands.run -> torch",
        ),
        (
            "doors",
            "pixstack/bench/turns.py",
            "def late(): import torch",
            "pixstack.bench.turns -> torch",
        ),
        ("library", "translate/pixels.py", "import gradio", "translate.pixels -> gradio"),
    ],
)
def test_a_breach_of_a_wall_is_found(
    copy: Path, contract: str, file: str, line: str, told: str
) -> None:
    sound = (copy / file).read_text()
    (copy / file).write_text(f"{sound}\n{line}\n")
    try:
        result = lint_imports(copy, contract)
    finally:
        (copy / file).write_text(sound)
    assert result.returncode == 1
    assert told in result.stdout, result.stdout + result.stderr


def test_the_app_starts_the_web_app_and_nothing_else() -> None:
    imported = set(imported_modules((ROOT / "app.py").read_text(), ""))
    allowed = re.compile(r"pixstack(\.|$)")
    strange = {
        name
        for name in imported
        if name.split(".")[0] not in sys.stdlib_module_names and not allowed.match(name)
    }
    assert not strange


def test_relative_imports_are_resolved() -> None:
    source = "from . import tiles\nfrom ..manifest import read\nimport numpy.linalg"
    assert list(imported_modules(source, "export.runtime")) == [
        "export.runtime.tiles",
        "export.manifest.read",
        "numpy.linalg",
    ]


def test_the_runtime_imports_only_what_every_app_has() -> None:
    third_party = ("numpy", "onnxruntime", "pyvips")
    files = [
        path
        for path in existing_files()
        if path.suffix == ".py"
        and (path.is_relative_to("export/runtime") or path == PurePosixPath("export/manifest.py"))
    ]
    assert PurePosixPath("export/runtime/translator.py") in files
    for path in files:
        package = ".".join(path.parent.parts)
        for name in imported_modules((ROOT / path).read_text(), package):
            own = re.match(r"export\.(runtime|manifest)(\.|$)", name)
            root = name.split(".")[0]
            assert own or root in third_party or root in sys.stdlib_module_names, (
                f"{path} imports {name}"
            )


def test_the_export_package_is_empty() -> None:
    assert (ROOT / "export/__init__.py").read_text() == ""


@pytest.mark.parametrize(
    "module",
    [
        *("app", "pixstack", "pixstack.bench.report", "pixstack.commands.bench"),
        *("pixstack.commands.run", "pixstack.web.launch", "pixstack.web.page"),
    ],
)
def test_what_serves_never_imports_torch(module: str) -> None:
    result = run_python(
        "-c",
        f"import {module}, sys; "
        f"print(*sorted(set({(*TRAINING_PACKAGES, 'stacks', 'translate')!r}) & set(sys.modules)))",
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == ""


@pytest.mark.parametrize("name", ["check-data", "eval", "train"])
def test_help_needs_no_training_packages(name: str) -> None:
    result = run_python("-c", WITHOUT_TRAINING, name, "--help")
    assert result.returncode == 0, result.stderr
    assert f"Usage: pixstack {name}" in result.stdout


def test_every_command_module_is_in_the_table() -> None:
    modules = {
        path.stem.replace("_", "-")
        for path in existing_files()
        if path.match("pixstack/commands/[a-z]*.py")
    }
    assert modules == set(COMMANDS)


@pytest.mark.parametrize("name", sorted(TRAINING_COMMANDS & set(COMMANDS)))
def test_training_commands_say_what_is_missing(name: str, tmp_path: Path) -> None:
    arguments = {
        "check-data": [str(tmp_path)],
        "eval": [str(tmp_path / "best.safetensors"), "--targets", str(tmp_path)],
        "export": [str(tmp_path / "best.safetensors"), "-o", str(tmp_path / "x.onnx")],
        "judge": [str(tmp_path), "-o", str(tmp_path / "judge.safetensors")],
        "landscape": ["gestures", "-o", str(tmp_path / "study")],
        "new": [str(tmp_path)],
        "report": [str(tmp_path)],
        "train": ["photo-sr", "-o", str(tmp_path / "run")],
    }
    result = run_python("-c", WITHOUT_TRAINING, name, *arguments.get(name, []))
    assert result.returncode == 2, result.stderr
    [line] = result.stderr.strip().splitlines()
    assert 'pip install -c constraints.txt -e ".[train]"' in line
    assert not list(tmp_path.iterdir())


def test_no_source_file_holds_two_ideas() -> None:
    lengths = {
        str(path): len((ROOT / path).read_text().splitlines())
        for path in existing_files()
        # Pages of runs are written by `pixstack report`.
        if path.suffix in SOURCE_SUFFIXES and path.parts[:2] != ("docs", "runs")
    }
    assert lengths
    assert {path: count for path, count in lengths.items() if count > LONGEST} == {}


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    # Put together here, so that this file does not find itself.
    homes = re.compile("|".join("/" + name for name in ("home/[a-z]", "root/", "work/", "Users/")))
    found = []
    for path in existing_files():
        try:
            text = (ROOT / path).read_text()
        except UnicodeDecodeError:
            continue  # pictures and models
        for number, line in enumerate(text.splitlines(), 1):
            # A path starts a word: `https://example.org/home/x` is an address.
            if any(not line[: hit.start()][-1:].isalnum() for hit in homes.finditer(line)):
                found.append(f"{path}:{number}: {line.strip()}")
    assert not found


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for path in existing_files():
        if path.suffix != ".md":
            continue
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", (ROOT / path).read_text()):
            if not re.match(r"[a-z]+:", target) and not (ROOT / path.parent / target).exists():
                broken.append(f"{path}: {target}")
    assert not broken


def test_links_into_documents_name_a_heading() -> None:
    broken, seen = [], 0
    for path in existing_files():
        if path.suffix != ".md":
            continue
        page = ROOT / path
        for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text()):
            goal = page.parent / target if target else page
            if re.match(r"[a-z]+:", target) or goal.suffix != ".md":
                continue
            seen += 1
            if anchor not in anchors(goal):
                broken.append(f"{path}: {target}#{anchor}")
    assert seen > 10
    assert not broken
