"""Run exported models: one class, no training code, no torch."""

import os

# From 1.29 on ONNX Runtime tells its makers of machines and models. It decides when it is imported,
# so before any module here does that; whoever wants it sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from export.runtime.errors import (
    Cancelled,
    ImageError,
    InputError,
    ModelError,
    PixstackError,
    ProviderError,
)
from export.runtime.model_file import read_manifest
from export.runtime.translator import Translator

__all__ = [
    "Cancelled",
    "ImageError",
    "InputError",
    "ModelError",
    "PixstackError",
    "ProviderError",
    "Translator",
    "read_manifest",
]
