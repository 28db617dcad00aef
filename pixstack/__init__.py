"""Pixstack: image translation by stacks of conditional GAN stages, shipped as ONNX files.

`Translator` runs a shipped file, and raises the errors that stand beside it; `load_stack` opens a
trained stack and needs the `train` extra. All are imported on first use, so that
`import pixstack` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from export.runtime import (
        Cancelled,
        ImageError,
        InputError,
        ModelError,
        ProviderError,
        Translator,
    )
    from stacks.checkpoint import load_stack

__all__ = [
    "Cancelled",
    "ImageError",
    "InputError",
    "ModelError",
    "ProviderError",
    "Translator",
    "__version__",
    "load_stack",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'pixstack' has no attribute {name!r}")
    home = "stacks.checkpoint" if name == "load_stack" else "export.runtime"
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
