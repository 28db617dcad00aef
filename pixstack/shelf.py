"""Where the models stand: a folder that was named, PIXSTACK_MODELS, the package, the checkout."""

from __future__ import annotations

import os
from pathlib import Path

MODELS_VARIABLE = "PIXSTACK_MODELS"
_PACKAGE = Path(__file__).resolve().parent


def model_folders(named: Path | None = None, shipped: bool = True) -> list[Path]:
    """The folders that are searched, first match first.

    Args:
        named: a folder from `--models`; PIXSTACK_MODELS names one for a call without it.
        shipped: whether the models that ship are at hand as well.

    Raises:
        ValueError: a folder that was asked for does not exist.
    """
    asked = named or (Path(value) if (value := os.environ.get(MODELS_VARIABLE)) else None)
    if asked is not None and not asked.is_dir():
        origin = "--models" if named else MODELS_VARIABLE
        raise ValueError(f"{asked}: no such folder ({origin} must name a folder of .onnx files)")
    own = [place for place in _own("models") if place.is_dir()] if shipped else []
    return [asked, *own] if asked is not None else own


def example_files(pattern: str) -> list[Path]:
    """The example pictures that match `pattern`, in name order; empty where none are shipped."""
    for folder in _own("examples"):
        if found := sorted(folder.glob(pattern)):
            return found
    return []


def list_models(named: Path | None = None, shipped: bool = True) -> list[Path]:
    """Every model at hand, each name once, in name order."""
    found: dict[str, Path] = {}
    for folder in model_folders(named, shipped):
        # A hidden one is an export that is being written, or was killed.
        for path in sorted(folder.glob("[!.]*.onnx")):
            found.setdefault(path.stem, path)
    return [found[name] for name in sorted(found)]


def how_to_export(folder: Path) -> str:
    """What makes a model of the folder of a training run; empty for any other folder."""
    best = folder / "best.safetensors"
    return f"; a model is made of this run by pixstack export {best}" if best.is_file() else ""


def find_model(name: str, named: Path | None = None) -> Path:
    """The file of a model given by path or by its shipped name, such as `photo-sr`.

    Raises:
        ValueError: there is no such file; the message lists the names that are known.
    """
    path = Path(name)
    if path.suffix == ".onnx" or path.is_file():
        if not path.is_file():
            raise ValueError(f"{name}: no such file; expected an .onnx file or a model's name")
        return path
    models = {model.stem: model for model in list_models(named)}
    if name not in models and path.is_dir():
        raise ValueError(
            f"{name}: a folder; expected an .onnx file or a model's name{how_to_export(path)}"
        )
    if name not in models:
        known = ", ".join(models) or "none are installed"
        raise ValueError(f"no model is named {name!r}; known: {known}")
    return models[name]


def _own(kind: str) -> tuple[Path, Path]:
    # Installed from a wheel the folder lies inside the package, in a checkout beside it.
    return _PACKAGE / kind, _PACKAGE.parent / kind
