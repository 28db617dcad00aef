"""What a run is trained with, for the record: programs, their versions, the machine."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

PACKAGES = ("pixstack", "torch", "lightning-fabric", "kornia", "albumentations", "numpy", "pyvips")


def environment() -> dict[str, Any]:
    """Versions by package, the system, and what computes; plain JSON."""
    facts: dict[str, Any] = {
        "system": platform.platform(),
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }
    if torch.cuda.is_available():
        facts["gpu"] = torch.cuda.get_device_name()
        facts["cuda"] = torch.version.cuda
    return facts | {name: installed(name) for name in PACKAGES}


def installed(package: str) -> str:
    """The version of a package; a checkout that was never installed has none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
