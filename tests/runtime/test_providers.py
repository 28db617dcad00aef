"""Providers: the CPU always works, the others say in one line what they lack."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from export.runtime import InputError, ProviderError, Translator, probe, session
from tests.photographs import window
from tests.runtime import models


@pytest.fixture(scope="module")
def path(folder: Path) -> Path:
    return models.enlarger(folder / "providers.onnx")


def test_automatic_takes_what_works_and_prints_nothing(path: Path, capfd):
    translator = Translator(path)
    assert translator.provider == ("CPU" if probe.cuda_problem() else "CUDA")
    assert translator(np.zeros((2, 3, 3), np.uint8)).shape == (4, 6, 3)
    assert capfd.readouterr() == ("", "")


def test_exact_never_takes_openvino_by_itself(path: Path, monkeypatch):
    monkeypatch.setattr(probe, "openvino_devices", lambda: pytest.fail("was asked"))
    assert "OpenVINO" not in Translator(path).provider


def test_fast_falls_back_where_openvino_is_missing(path: Path, monkeypatch):
    monkeypatch.setattr(probe, "cuda_problem", lambda: "no driver")
    monkeypatch.setattr(probe, "openvino_devices", lambda: ((), "no package"))
    assert Translator(path, precision="fast").provider == "CPU"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("cuda", probe.cuda_problem),
        ("tensorrt", probe.tensorrt_problem),
        ("openvino", lambda: probe.openvino_devices()[1]),
    ],
)
def test_what_does_not_work_says_why(path: Path, capfd, name: str, problem):
    if problem() is None:
        pytest.skip(f"{name} works here")
    with pytest.raises(ProviderError, match=f"{name} cannot be used here: .*; ") as caught:
        Translator(path, providers=name)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_of_several_the_first_that_works_is_taken(path: Path, monkeypatch):
    monkeypatch.setattr(probe, "cuda_problem", lambda: "no driver")
    assert Translator(path, providers=["cuda", "cpu"]).provider == "CPU"


@pytest.mark.parametrize("providers", ["gpu", ["cpu", "gpu"], [], ["auto", "cpu"], None])
def test_unknown_providers_list_the_known(path: Path, providers):
    with pytest.raises(ProviderError, match="auto, cpu, cuda, openvino, tensorrt"):
        Translator(path, providers=providers)


@pytest.mark.parametrize("name", ["CPU", "CPUExecutionProvider", ["CPUExecutionProvider"]])
def test_the_names_of_onnx_runtime_are_known_as_well(path: Path, name):
    assert Translator(path, providers=name).provider == "CPU"


def test_other_settings_are_checked(path: Path):
    with pytest.raises(ProviderError, match="exact or fast"):
        Translator(path, precision="fp16")
    with pytest.raises(ProviderError, match="threads must be 1 to 1024"):
        Translator(path, threads=0)
    with pytest.raises(ProviderError, match="threads must be 1 to 1024"):
        Translator(path, threads=2.5)  # pyright: ignore[reportArgumentType]
    for memory in (np.int64(10**8), 1.5e8):
        Translator(path, memory=memory)  # pyright: ignore[reportArgumentType]
    for memory in ("much", 0, 1.5, True):
        with pytest.raises(InputError, match="number of bytes"):
            Translator(path, memory=memory)  # pyright: ignore[reportArgumentType]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity on this system")
def test_a_session_takes_the_threads_it_is_given_or_the_cores_it_may_use(path: Path, monkeypatch):
    def threads(given: int | None) -> int:
        opened = session.open_session(path.read_bytes(), "cpu", threads=given)
        return opened.session.get_session_options().intra_op_num_threads

    # Of a machine with many more, as a container or taskset allows.
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {1, 4, 6})
    assert [threads(given) for given in (1, 2, None)] == [1, 2, 3]


@pytest.fixture
def opened(monkeypatch) -> list[list]:
    """The providers, with their settings, that sessions would be opened with, the first working."""
    found: list[list] = []

    def open_with(model: bytes, options: object, providers: list) -> SimpleNamespace:
        found.append(providers)
        return SimpleNamespace(get_providers=lambda: [providers[0][0]])

    monkeypatch.setattr(session, "_session", open_with)
    for problem in ("cuda_problem", "tensorrt_problem"):
        monkeypatch.setattr(probe, problem, lambda: None)
    return found


@pytest.mark.parametrize(
    ("precision", "tf32", "fp16", "names"),
    [
        ("exact", "0", "False", ["CUDA", "TensorRT TF32"]),
        ("fast", "1", "True", ["CUDA TF32", "TensorRT fp16"]),
    ],
)
def test_a_gpu_rounds_more_only_where_it_may(
    opened: list[list], precision: str, tf32: str, fp16: str, names: list[str]
):
    told = [session.open_session(b"", name, precision).provider for name in ("cuda", "tensorrt")]
    assert told == names
    [[cuda, *_], [tensorrt, behind, *_]] = opened
    for name, settings in (cuda, behind):
        assert (name, settings["use_tf32"]) == ("CUDAExecutionProvider", tf32)
    assert tensorrt == ("TensorrtExecutionProvider", {"trt_fp16_enable": fp16})


def test_openvino_rounds_more_only_where_it_may():
    def settings(precision: str, threads: int | None) -> dict[str, str]:
        options = probe.openvino_options(precision, threads)
        return json.loads(options["load_config"])["CPU"] if options else {}

    assert settings("exact", None) == {"INFERENCE_PRECISION_HINT": "f32"}
    # Without a hint it takes bf16 where the processor has it.
    assert settings("fast", None) == {}
    assert settings("fast", 3) == {"INFERENCE_NUM_THREADS": "3"}


@pytest.mark.skipif(probe.openvino_devices()[1] is not None, reason="OpenVINO does not work here")
@pytest.mark.parametrize(("precision", "largest"), [("exact", 1e-5), ("fast", 0.02)])
def test_openvino_agrees_with_the_cpu(tmp_path: Path, precision: str, largest: float):
    path = models.upscaler(tmp_path / "a.onnx", 4)
    array = np.random.default_rng(0).random((50, 41, 3), np.float32)
    expected = Translator(path, providers="cpu")(array)
    translator = Translator(path, providers="openvino", precision=precision)
    assert translator.provider.startswith("OpenVINO")
    assert np.abs(translator(array) - expected).max() < largest


@pytest.mark.skipif(probe.openvino_devices()[1] is not None, reason="OpenVINO does not work here")
@pytest.mark.parametrize("name", ["photo-sr", "photo-sr-crisp", "photo-denoise"])
def test_fast_restoration_differs_by_a_step_at_most_nearly_everywhere(name: str):
    path = Path(__file__).parents[2] / "models" / f"{name}.onnx"
    array = window("chelsea", 96, 128, top=60, left=120)
    exact, fast = (
        Translator(path, providers=provider, precision=precision)(array).astype(int)
        for provider, precision in (("cpu", "exact"), ("openvino", "fast"))
    )
    apart = np.abs(exact - fast)
    assert (apart > 1).mean() < 0.01
    assert apart.max() <= 6


@pytest.mark.skipif(probe.cuda_problem() is not None, reason="CUDA does not work here")
@pytest.mark.parametrize(("precision", "largest"), [("exact", 1e-4), ("fast", 0.02)])
def test_cuda_agrees_with_the_cpu(tmp_path: Path, precision: str, largest: float):
    path = models.upscaler(tmp_path / "a.onnx", 4)
    array = np.random.default_rng(0).random((50, 41, 3), np.float32)
    expected = Translator(path, providers="cpu")(array)
    translator = Translator(path, providers="cuda", precision=precision)
    assert translator.provider.startswith("CUDA")
    assert np.abs(translator(array) - expected).max() < largest


WATCH = """
import os, sys
os.environ.pop("ORT_DISABLE_TELEMETRY", None)
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            print(os.environ.get("ORT_DISABLE_TELEMETRY"))
sys.meta_path.insert(0, Watch())
"""


@pytest.mark.parametrize(
    "imported",
    ["import export.runtime", "import export.runtime.session", "from pixstack import Translator",
     "import pixstack.bench.report", "import export.verify"],
)  # fmt: skip
def test_onnx_runtime_is_asked_to_report_nothing_before_it_is_imported(imported: str):
    if "verify" in imported:
        pytest.importorskip("torch")
    told = subprocess.run(
        [sys.executable, "-c", WATCH + imported], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert told.stdout.split() == ["1"]
