"""The suite is shared among as many workers as there are cores, each of which keeps to one."""

import os

# Tests that import ONNX Runtime themselves report nothing either.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Before anything imports a library that asks; several threads a worker would wait for cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
