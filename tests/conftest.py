"""The suite is shared among as many workers as there are cores, each of which keeps to one."""

import os

import pytest

# Tests that import ONNX Runtime themselves report nothing either.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Before anything imports a library that asks; several threads a worker would wait for cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


LONGEST = ("test_every_preset.py", "test_page.py", "test_devices.py", "test_translations.py")
"""Files that take minutes: begun first, no worker is left alone with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; the rest in their order."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
