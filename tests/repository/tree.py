"""The files of the checkout, as the tests about the repository see them."""

import subprocess
from functools import cache
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]


@cache
def existing_files() -> tuple[PurePosixPath, ...]:
    """Return every file that git tracks or would add, relative to the root, in name order."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = sorted(name for name in set(listed.split("\0")) if name)
    # A file deleted but not yet committed is still listed.
    return tuple(PurePosixPath(name) for name in names if (ROOT / name).is_file())
