"""JSON files that Pixstack wrote earlier and reads again: reports, keys and votes of a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def read_document(
    path: Path, what: str, is_one: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The object in a JSON file.

    Args:
        path: of the file.
        what: it should be, as messages name it.
        is_one: tells such an object from others.

    Raises:
        ValueError: no such file, or another one.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected {what}")
    try:
        value = json.loads(path.read_text("utf-8"))
    except (ValueError, UnicodeDecodeError):
        value = None
    if not isinstance(value, dict) or not is_one(value):
        raise ValueError(f"{path}: is not {what}")
    return value
