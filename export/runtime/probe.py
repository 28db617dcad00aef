"""Find out which execution providers would work, without asking ONNX Runtime to try.

Asking for CUDA where its libraries are missing prints red errors, so the libraries are loaded
here first, by the names the provider was linked against.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import platform
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import onnxruntime

from export.runtime.errors import first_line

OPENVINO_PACKAGE = "onnxruntime_ep_openvino"
_OPENVINO_NAME = "OpenVINOExecutionProvider"
# CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR of the driver API, and the oldest
# architecture that each CUDA still compiles for (release notes of CUDA 12 and 13).
_CAPABILITY = (75, 76)
_LEAST_CAPABILITY = {12: (5, 0), 13: (7, 5)}


@cache
def cuda_problem() -> str | None:
    """Why CUDA cannot be used here, in a few words; None where it works."""
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "this onnxruntime is built without CUDA; install onnxruntime-gpu"
    major = str(onnxruntime.cuda_version or "13").partition(".")[0]
    problem = _driver_problem(int(major))
    if problem:
        return problem
    missing = _missing_libraries(_cuda_libraries(major))
    if missing:
        return (
            f"{missing[0]} cannot be loaded; install the CUDA {major} and cuDNN 9 libraries: "
            "pip install 'pixstack[gpu]'"
        )
    return None


@cache
def tensorrt_problem() -> str | None:
    """Why TensorRT cannot be used here, in a few words; None where it works."""
    if "TensorrtExecutionProvider" not in onnxruntime.get_available_providers():
        return "this onnxruntime is built without TensorRT; install onnxruntime-gpu"
    problem = cuda_problem()
    if problem:
        return problem
    windows = platform.system() == "Windows"
    names = ("nvinfer_10.dll", "nvonnxparser_10.dll")
    if not windows:
        names = ("libnvinfer.so.10", "libnvonnxparser.so.10")
    missing = _missing_libraries([("tensorrt_libs", name) for name in names])
    if missing:
        return f"{missing[0]} cannot be loaded; install TensorRT 10: pip install tensorrt"
    return None


@cache
def openvino_devices() -> tuple[Sequence[onnxruntime.OrtEpDevice], str | None]:
    """(the CPU as OpenVINO device, None), or (nothing, why OpenVINO cannot be used here)."""
    if importlib.util.find_spec(OPENVINO_PACKAGE) is None:
        return (), "its package is missing: pip install 'pixstack[openvino]'"
    try:
        plugin = importlib.import_module(OPENVINO_PACKAGE)
        onnxruntime.register_execution_provider_library("pixstack.openvino", _library(plugin))
    except Exception as error:  # The plugin's own failures have no common type.
        if "already registered" not in str(error).lower():
            return (), f"its plugin cannot be loaded ({first_line(error)})"
    devices = [
        device
        for device in onnxruntime.get_ep_devices()
        if device.ep_name == _OPENVINO_NAME and device.ep_metadata.get("ov_device") == "CPU"
    ]
    if not devices:
        return (), "its plugin accepts Intel processors only; use cpu or cuda"
    return devices[:1], None


def openvino_options(precision: str, threads: int | None) -> dict[str, str]:
    """The plugin's options: fp32 where pixels must not change, else what the processor does best.

    https://docs.openvino.ai, "Precision Control": INFERENCE_PRECISION_HINT is bf16 by default
    where the processor has it.
    """
    settings: dict[str, str] = {}
    if precision == "exact":
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    if threads:
        settings["INFERENCE_NUM_THREADS"] = str(threads)
    return {"load_config": json.dumps({"CPU": settings})} if settings else {}


@cache
def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware, as far as the system tells."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _library(plugin: object) -> str:
    return plugin.get_library_path()  # pyright: ignore[reportAttributeAccessIssue]


def _driver_problem(major: int) -> str | None:
    """Ask the driver itself for a device that CUDA `major` runs on: libraries make no GPU."""
    name = "nvcuda.dll" if platform.system() == "Windows" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return "no NVIDIA driver was found; install it, or use cpu"
    version, count, device = ctypes.c_int(0), ctypes.c_int(0), ctypes.c_int(0)
    # CUDA driver API: every call gives 0 (CUDA_SUCCESS) where it worked.
    if driver.cuInit(0) or driver.cuDriverGetVersion(ctypes.byref(version)):
        return "the NVIDIA driver does not answer; check nvidia-smi, or use cpu"
    if version.value < 1000 * major:
        return f"the NVIDIA driver is older than CUDA {major}; update it, or use cpu"
    if driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return "the NVIDIA driver sees no GPU; check nvidia-smi, or use cpu"
    capability: list[int] = []
    for attribute in _CAPABILITY:
        value = ctypes.c_int(0)
        driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
        capability.append(value.value)
    if tuple(capability) < _LEAST_CAPABILITY.get(major, (0, 0)):
        return f"the GPU is older than what CUDA {major} runs on; use cpu"
    return None


def _cuda_libraries(major: str) -> list[tuple[str, str]]:
    """(folder in site-packages/nvidia, file name), dependencies first."""
    # From CUDA 13 on all wheels share one folder; before, each component had its own.
    shared = f"nvidia/cu{major}" if int(major) >= 13 else ""
    if platform.system() == "Windows":
        machine = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"
        inside = f"bin/{machine}" if shared else "bin"
        parts = [
            ("cublas", f"cublasLt64_{major}.dll"),
            ("cublas", f"cublas64_{major}.dll"),
            ("cuda_runtime", f"cudart64_{major}.dll"),
        ]
        cudnn = ("nvidia/cudnn/bin", "cudnn64_9.dll")
    else:
        inside = "lib"
        parts = [
            ("cuda_runtime", f"libcudart.so.{major}"),
            ("cublas", f"libcublasLt.so.{major}"),
            ("cublas", f"libcublas.so.{major}"),
            ("curand", "libcurand.so.10"),
        ]
        cudnn = ("nvidia/cudnn/lib", "libcudnn.so.9")
    return [
        *((f"{shared or 'nvidia/' + component}/{inside}", name) for component, name in parts),
        cudnn,
    ]


def _missing_libraries(libraries: list[tuple[str, str]]) -> list[str]:
    """Load each library, from the Python packages or the system; the names of those that fail.

    A library once loaded is found by its name when ONNX Runtime loads what depends on it.
    """
    missing: list[str] = []
    for folder, name in libraries:
        packaged = [str(Path(root) / folder / name) for root in sys.path if root]
        for candidate in [*(path for path in packaged if Path(path).is_file()), name]:
            try:
                ctypes.CDLL(candidate)
                break
            except OSError:
                continue
        else:
            missing.append(name)
    return missing
