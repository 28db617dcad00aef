"""Open a model on the best execution provider that works here."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

import onnxruntime

from export.runtime import probe
from export.runtime.errors import ModelError, ProviderError, first_line

Precision = Literal["exact", "fast"]
PROVIDERS = ("cpu", "cuda", "openvino", "tensorrt")

# ONNX Runtime's level 4 is "fatal": everything less arrives as an exception anyway.
_QUIET = 4


@dataclass(frozen=True)
class Opened:
    """A session and the name of what it runs on, as people say it: "CPU", "OpenVINO bf16"."""

    session: onnxruntime.InferenceSession
    provider: str


THREADS = 1024
"""At most: with more of them than a system grants, ONNX Runtime waits for ever."""


def open_session(
    model: bytes,
    providers: str | Sequence[str] = "auto",
    precision: str = "exact",
    threads: int | None = None,
) -> Opened:
    """Open the bytes of an ONNX model.

    providers: "auto", or one or more of "cpu", "cuda", "openvino", "tensorrt"; of several, the
        first that works is taken. "auto" is CUDA where it works, then (only with
        `precision="fast"`) OpenVINO, then the CPU.
    precision: "exact" computes in fp32 everywhere; "fast" allows TF32, bf16 and fp16.
    threads: CPU threads; None takes all cores this process may use.

    Raises ProviderError where no asked provider works, ModelError where the graph is refused.
    """
    if precision not in ("exact", "fast"):
        raise ProviderError(f"precision must be exact or fast; got {precision!r}")
    if threads is not None and (not isinstance(threads, Integral) or not 1 <= threads <= THREADS):
        raise ProviderError(f"threads must be 1 to {THREADS}, or None for all cores; got {threads}")
    automatic = providers == "auto"
    names = _names(providers, precision)
    problems: list[str] = []
    for name in names:
        why = problem(name)
        if why is None:
            try:
                return _OPENERS[name](model, precision, threads)
            except ModelError:
                raise
            except Exception as error:  # ONNX Runtime's errors share no base class.
                if name == "cpu":
                    raise ModelError(
                        f"ONNX Runtime refuses the model: {first_line(error)}"
                    ) from None
                why = f"it does not take this model ({first_line(error)})"
        problems.append(f"{name} cannot be used here: {why}")
    if automatic:  # The CPU closes every automatic list, so only its own error gets here.
        raise ModelError(problems[-1])
    raise ProviderError("; ".join(problems))


def _names(providers: str | Sequence[str], precision: str) -> list[str]:
    if providers == "auto":
        return ["cuda", "openvino", "cpu"] if precision == "fast" else ["cuda", "cpu"]
    given = [providers] if isinstance(providers, str) else providers or ()
    names = [_plain(name) for name in given]
    unknown = [name for name in names if name not in PROVIDERS]
    if unknown or not names:
        what = f"unknown provider {unknown[0]!r}" if unknown else "no provider was given"
        alone = " ('auto' stands alone)" if "auto" in names else ""
        raise ProviderError(f"{what}; choose from auto, {', '.join(PROVIDERS)}{alone}")
    return names


def _plain(name: object) -> str:
    """A provider's short name; ONNX Runtime's own, "CUDAExecutionProvider", is known as well."""
    return str(name).lower().removesuffix("executionprovider")


def problem(name: str) -> str | None:
    """Why a provider cannot be used on this machine, in a few words; None where it works."""
    if name == "cuda":
        return probe.cuda_problem()
    if name == "tensorrt":
        return probe.tensorrt_problem()
    if name == "openvino":
        return probe.openvino_devices()[1]
    return None


def _options(threads: int | None) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _QUIET
    # Memory patterns are remembered for every shape ever seen, and pictures come in all shapes.
    # Without them, and with the arena shrunk after each picture, a session's memory neither
    # grows nor stays; measured, this is also the fastest. (Without the arena the heap fragments
    # to several times the size.)
    options.enable_mem_pattern = False
    # Never guessed from the bytes: what was looked through is what runs.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.intra_op_num_threads = threads or cores()
    return options


def cores() -> int:
    """The cores this process may use: containers and taskset often allow fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _session(
    model: bytes, options: onnxruntime.SessionOptions, providers: list[Any] | None
) -> onnxruntime.InferenceSession:
    # Without the fallback a failing provider is an error here, not a red line on the terminal.
    return onnxruntime.InferenceSession(model, options, providers=providers, enable_fallback=0)


def _open_cpu(model: bytes, precision: str, threads: int | None) -> Opened:
    return Opened(_session(model, _options(threads), ["CPUExecutionProvider"]), "CPU")


def _open_cuda(model: bytes, precision: str, threads: int | None) -> Opened:
    fast = precision == "fast"
    session = _session(model, _options(threads), [_cuda(fast), "CPUExecutionProvider"])
    if "CUDAExecutionProvider" not in session.get_providers():
        raise RuntimeError("ONNX Runtime fell back to the CPU")
    return Opened(session, "CUDA TF32" if fast else "CUDA")


def _cuda(fast: bool) -> tuple[str, dict[str, str]]:
    """The provider and its settings."""
    return "CUDAExecutionProvider", {
        "use_tf32": "1" if fast else "0",
        # The exhaustive search would run anew for every size of picture.
        "cudnn_conv_algo_search": "HEURISTIC",
        "arena_extend_strategy": "kSameAsRequested",
    }


def _open_tensorrt(model: bytes, precision: str, threads: int | None) -> Opened:
    fast = precision == "fast"
    session = _session(
        model,
        _options(threads),
        [
            ("TensorrtExecutionProvider", {"trt_fp16_enable": "True" if fast else "False"}),
            _cuda(fast),
            "CPUExecutionProvider",
        ],
    )
    if "TensorrtExecutionProvider" not in session.get_providers():
        raise RuntimeError("ONNX Runtime fell back to another provider")
    return Opened(session, "TensorRT fp16" if fast else "TensorRT TF32")


def _open_openvino(model: bytes, precision: str, threads: int | None) -> Opened:
    options = _options(threads)
    devices, _ = probe.openvino_devices()
    options.add_provider_for_devices(devices, probe.openvino_options(precision, threads))
    session = _session(model, options, None)
    if precision == "exact":
        return Opened(session, "OpenVINO fp32")
    return Opened(session, "OpenVINO bf16" if probe.has_bf16() else "OpenVINO")


_OPENERS: dict[str, Callable[[bytes, str, int | None], Opened]] = {
    "cpu": _open_cpu,
    "cuda": _open_cuda,
    "tensorrt": _open_tensorrt,
    "openvino": _open_openvino,
}
