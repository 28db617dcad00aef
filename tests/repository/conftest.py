"""The wheel, built once for all tests about it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository.tree import ROOT, existing_files


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the tree, so that the checkout stays clean."""
    copy = tmp_path_factory.mktemp("tree")
    for path in existing_files():
        if path.parts[0] not in ("benchmarks", "docs", "tests"):
            target = copy / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(ROOT / path)
    built = tmp_path_factory.mktemp("wheel")
    build = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", built, copy],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert build.returncode == 0, build.stdout + build.stderr
    [path] = built.glob("*.whl")
    return path
