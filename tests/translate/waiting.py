"""What makes the host wait for a device, as calls that PyTorch hands out; a CPU makes them too."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "lift_fresh", "unique", "equal")
"""How their names begin: numbers are read, counted by their values, or brought one by one."""


class Watch(TorchDispatchMode):
    """Remembers the calls that make a GPU wait, and counts all.

    Beside those of `WAITS` a mask may choose, and a tensor of real numbers may be copied: brought
    from one type to another it stands for a copy from the host to a GPU.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        self.seen = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = func.overloadpacket.__name__
        copied = name == "_to_copy" and args[0].is_floating_point()
        masked = name == "index" and any(
            place is not None and place.dtype == torch.bool for place in args[1]
        )
        if copied or masked or name.startswith(WAITS):
            self.waits.append(name)
        self.seen += 1
        return func(*args, **(kwargs or {}))
