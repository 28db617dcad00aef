"""Pixstack: image translation by stacks of conditional GAN stages, shipped as ONNX files.

`Translator` runs a shipped file; `load_stack` opens a trained stack and needs the `train` extra.
Both are imported on first use, so that `import pixstack` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from export.runtime.translator import Translator
    from stacks.checkpoint import load_stack

__all__ = ["Translator", "__version__", "load_stack"]

__version__ = "0.1.0"

_HOMES = {"Translator": "export.runtime.translator", "load_stack": "stacks.checkpoint"}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'pixstack' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
