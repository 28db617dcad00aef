"""The checkout as the tests about the repository see it."""

import re
import subprocess
from functools import cache
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]

# What only the `train` extra brings.
TRAINING_PACKAGES = (
    "albumentations",
    "kornia",
    "lightning_fabric",
    "onnx",
    "onnxscript",
    "onnxslim",
    "safetensors",
    "tensorboard",
    "torch",
    "torchmetrics",
)
# `pixstack ARGUMENTS` as it runs where the extra is missing: a package that is `None` in
# sys.modules cannot be imported and is not found by importlib.
WITHOUT_TRAINING = (
    f"import sys; sys.modules.update(dict.fromkeys({TRAINING_PACKAGES!r})); "
    "from pixstack.cli import main; sys.exit(main(sys.argv[1:]))"
)


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


def anchors(page: Path) -> set[str]:
    """What a link can name in a page: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}
