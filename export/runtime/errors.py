"""The errors of the runtime: each message is one line that says what to do."""

from __future__ import annotations

# ONNX Runtime's own words, and those of C++.
_NO_MEMORY = ("llocate memory", "bad_alloc", "ut of memory")


class PixstackError(Exception):
    """Whatever the runtime refuses to do."""


class ModelError(PixstackError, ValueError):
    """A model file that cannot be used: not ONNX, without a manifest, with outside data."""


class InputError(PixstackError, ValueError):
    """A view that does not fit the model: wrong name, shape, type or value."""


class ProviderError(PixstackError, ValueError):
    """An execution provider that is unknown or does not work on this machine."""


class ImageError(PixstackError, ValueError):
    """A picture file that cannot be read or written."""


class Cancelled(PixstackError):
    """The caller asked the run to stop; nothing was written."""


def first_line(error: BaseException, limit: int = 200) -> str:
    """The first non-empty line of an error's message: libraries tend to dump whole stacks."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:limit] if lines else type(error).__name__


def run_error(model: str, size: tuple[int, int], error: BaseException) -> ModelError | InputError:
    """What is told of a graph that does not run on (width, height) pixels."""
    at = f"{size[0]}x{size[1]} pixels"
    if any(sign in str(error) for sign in _NO_MEMORY):
        return InputError(f"{model}: not enough memory for {at}; try a smaller picture")
    return ModelError(f"{model} failed on {at}: {first_line(error)}")
