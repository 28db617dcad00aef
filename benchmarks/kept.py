"""Networks that a benchmark trains once and finds again: for the same pictures and settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from torch import nn

from stacks.whole import write_whole

Network = TypeVar("Network", bound=nn.Module)


def trained_once(path: Path, build: Callable[[], Network], train: Callable[[], Network]) -> Network:
    """The network that lies in a file, or a trained one, which is kept there."""
    if path.is_file():
        network = build()
        network.load_state_dict(load_file(path))
    else:
        network = train()
        write_whole(path, save(network.state_dict()))
    return network.eval()


def fingerprint(settings: list[Any], *arrays: NDArray[Any]) -> str:
    """Of everything that a training depends on."""
    digest = hashlib.sha256(json.dumps(settings).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
