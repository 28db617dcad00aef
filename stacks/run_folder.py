"""What may lie in the folder of a run before it starts; asked before anything slow is imported."""

from __future__ import annotations

from pathlib import Path


class RunExistsError(ValueError):
    """There is a run in the folder, and it was not asked to go on."""


BEST = "best.safetensors"
RECIPE = "recipe.toml"


def weights_of(path: Path) -> Path:
    """The file of weights that a path means: of a run's folder it is its best."""
    return path / BEST if path.is_dir() else path


def state_of(folder: Path) -> Path:
    """The file of a run's full state."""
    return folder / "last" / "state.safetensors"


def refuse_second_run(folder: Path, resume: bool) -> None:
    """See that a run would not be written over.

    Raises:
        RunExistsError: it would.
    """
    if state_of(folder).exists() and not resume:
        raise RunExistsError(f"{folder} holds a run already; add --resume or choose another folder")
