"""Files of weights that others trained: where they are looked for, and what is read of them."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor


def find_weights(needed: str, names: Sequence[str], source: str, file: str | Path | None) -> Path:
    """The file to read: the given one, or else torch hub's.

    Args:
        needed: who needs which weights, for the message.
        names: of the files in torch hub's cache, the first that is there is taken.
        source: where the first of them is published.
        file: what was asked for; None asks for the cache.

    Raises:
        FileNotFoundError: it is not there. A given file that is missing is not replaced by the
            cached one, which may hold other weights.
    """
    cache = [Path(torch.hub.get_dir()) / "checkpoints" / name for name in names]
    cached = next((path for path in cache if path.is_file()), None)
    path = cached if file is None else Path(file)
    if path is not None and path.is_file():
        return path
    given = "no file was given" if file is None else f"{file} does not exist"
    hub = f"{cached} is there" if cached else f"{' or '.join(map(str, cache))} does not exist"
    remedy = "leave out the file to use it" if cached else f"download {source} to that place"
    raise FileNotFoundError(
        f"{needed}, {names[0]}: {given}; in torch hub's cache, "
        f"{hub}; {remedy}, or name a file that holds them"
    )


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """The tensors of a file; nothing in it is executed.

    Raises:
        ValueError: it is damaged, or holds other things than tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state: object = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path}: not a file of weights ({reason})") from None
    tensors = cast(dict[object, object], state) if isinstance(state, dict) else {}
    if not tensors or not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        raise ValueError(f"{path}: expected a table of tensors by name")
    return cast(Mapping[str, Tensor], tensors)


def fingerprint(path: Path) -> str:
    """The first 16 digits of the file's SHA-256: two reports with the same one had one network."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


class Weights:
    """Tensors of a file by name, in float32 on a device.

    Args:
        path: the file.
        network: whose weights they should be, for the message.
        tensors: what `read_weights` found in it.
        device: where they are computed with.
    """

    def __init__(
        self, path: Path, network: str, tensors: Mapping[str, Tensor], device: torch.device
    ) -> None:
        self.path, self.network, self.device = path, network, device
        self.tensors = {
            name: tensor.to(device, torch.float32)
            for name, tensor in tensors.items()
            if tensor.is_floating_point()
        }

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def __getitem__(self, name: str) -> Tensor:
        """One of them.

        Raises:
            ValueError: it is not there.
        """
        if name not in self.tensors:
            raise ValueError(f"{self.path}: not the weights of {self.network}: has no {name!r}")
        return self.tensors[name]
