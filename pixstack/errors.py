"""What the doors raise and how they tell it: one line that says what to do."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

# What the modules of the `train` extra are called where they are imported.
TRAINING = (
    *("albumentations", "cv2", "lightning_fabric", "onnx", "onnxscript", "onnxslim", "PIL"),
    *("safetensors", "tensorboard", "torch", "torchmetrics"),
)

PLACE = Path(__file__).resolve().parents[1]
"""What holds the package: a checkout, or the folder of installed packages."""


FILES: dict[type[OSError], str] = {
    FileExistsError: "is a file; expected a folder, or a name that is free",
    NotADirectoryError: "a file stands where a folder is expected; choose another path",
    IsADirectoryError: "is a folder; expected the name of a file",
    PermissionError: "permission denied; choose a path that may be read and written",
}
"""What is said of paths that are not what they should be; of others what the system says."""


class WrongUse(Exception):
    """The command was called in a way that cannot work; the exit code is 2."""


def require_train() -> None:
    """Refuse to go on where the `train` extra is missing.

    Raises:
        WrongUse: a package is not installed; the message says how to install them.
    """
    if any(find_spec(name) is None for name in TRAINING):
        raise WrongUse(
            f"this command needs the training packages; install them with: {install_train()}"
        )


def require_page(path: Path, option: str) -> None:
    """Refuse to write a page under the name of something else.

    Raises:
        WrongUse: the name does not end in .html.
    """
    if path.suffix != ".html":
        raise WrongUse(f"{option} {path}: expected the name of an .html file to write")


def install_train(place: Path = PLACE) -> str:
    """The command that installs the `train` extra.

    Args:
        place: where the package lies: in a checkout beside ``pyproject.toml``, else installed.
    """
    if (place / "pyproject.toml").is_file():
        return 'pip install -c constraints.txt -e ".[train]"'
    return 'pip install "pixstack[train]"'


def one_line(error: BaseException) -> str:
    """The message of an error as one line, without Python's `[Errno 2]` dressing."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        told = next((told for kind, told in FILES.items() if isinstance(error, kind)), "")
        text = f"{error.filename}: {told or error.strerror.lower()}"
    elif isinstance(error, (ValueError, OSError, WrongUse)):
        text = str(error)
    elif isinstance(error, MemoryError):
        text = "not enough memory; try a smaller picture"
    else:
        text = f"unexpected {type(error).__name__}: {error}; --debug shows where"
    return printable(" ".join(text.split())) or type(error).__name__


def printable(text: str) -> str:
    """Text from files of strangers, without what would command the terminal it is shown on."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
