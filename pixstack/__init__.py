"""Pixstack: image translation by stacks of conditional GAN stages, shipped as ONNX files.

`Translator` runs a model file, and raises the errors that stand beside it, all of them a
`PixstackError`; `find_model` is the file of a model that ships, by its name; `load_stack` opens a
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
        PixstackError,
        ProviderError,
        Translator,
    )
    from pixstack.shelf import find_model
    from stacks.checkpoint import load_stack

__all__ = [
    "Cancelled",
    "ImageError",
    "InputError",
    "ModelError",
    "PixstackError",
    "ProviderError",
    "Translator",
    "__version__",
    "find_model",
    "load_stack",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'pixstack' has no attribute {name!r}")
    homes = {"find_model": "pixstack.shelf", "load_stack": "stacks.checkpoint"}
    return getattr(import_module(homes.get(name, "export.runtime")), name)


def __dir__() -> list[str]:
    return sorted(__all__)
