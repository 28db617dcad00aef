"""Run exported models: one class, no training code, no torch."""

from export.runtime.errors import Cancelled, ImageError, InputError, ModelError, ProviderError
from export.runtime.model_file import read_manifest
from export.runtime.translator import Translator

__all__ = [
    "Cancelled",
    "ImageError",
    "InputError",
    "ModelError",
    "ProviderError",
    "Translator",
    "read_manifest",
]
