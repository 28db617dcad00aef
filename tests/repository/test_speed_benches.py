"""The benchmarks of speed do what they say, on networks small enough for a test."""

import json
import os
import resource
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner

from benchmarks import degrade, doctor, gpu, runtime, train_step, waiting
from benchmarks.resident import peak_gigabytes
from stacks.recipe import load_recipe
from tests.stacks.test_every_preset import shrunk

SMALL = ("data.size=32", "stage.0.generator.depth=4", "stage.0.generator.channels=4",
         "stage.0.discriminator.channels=4", "precision=fp32")  # fmt: skip


def test_both_loops_take_steps() -> None:
    with (
        train_step.Loop("Pixstack", 2, 1, SMALL) as ours,
        train_step.Loop("plain PyTorch", 2, 1, SMALL) as plain,
    ):
        seconds = train_step.medians({"ours": ours.step, "plain": plain.step}, rounds=1)
        assert all(value > 0 for value in seconds.values())
        # The generator's step spares the discriminator a look at the truth, as the plain loop does.
        assert ours.flops() == plain.flops() > 0
        assert 0.1 < ours.peak() < 8
    assert ours.process.exitcode == plain.process.exitcode == 0


class Quick:
    """A loop that takes no time."""

    def __init__(self, name: str, batch: int, threads: int, change: tuple[str, ...]) -> None:
        self.threads = threads
        assert change == ('precision="auto"',)

    def __enter__(self) -> "Quick":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def step(self) -> float:
        return 1.0

    flops = peak = step


def test_cores_are_counted_where_the_system_has_no_affinity(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As macOS, which has no `os.sched_getaffinity`."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    monkeypatch.setattr(runtime, "SIZES", {})
    runtime.run()
    assert asked == [os.cpu_count()]
    monkeypatch.setattr(train_step, "Loop", Quick)
    monkeypatch.setattr(train_step, "loader_speed", lambda: 1.0)
    capsys.readouterr()
    train_step.run(batches="1", rounds=1)
    told = capsys.readouterr().out
    assert json.loads(told[told.index("{") :])["threads"] == os.cpu_count()


def test_peak_memory_is_told_in_the_unit_of_the_system() -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    assert peak_gigabytes(usage, "linux") == usage.ru_maxrss / 2**20
    assert peak_gigabytes(usage, "darwin") == usage.ru_maxrss / 2**30
    # Python with torch: hundreds of megabytes.
    assert 0.1 < peak_gigabytes(usage) < 64


@pytest.mark.parametrize("status", ["/proc/self/status", "/nowhere"])
def test_the_doctor_is_timed_where_no_system_tells_its_memory(
    status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As macOS, which has no `/proc`."""
    place = f"resident._STATUS = Path({status!r})\n"
    start = f"from pathlib import Path\nfrom pixstack.bench import resident\n{place}"
    monkeypatch.setattr(doctor, "PROGRAM", start + doctor.PROGRAM)
    row = doctor.measured(doctor.make(tmp_path / "pairs", 2, 32), quick=True, threads=1)
    assert row["pairs"] == 2
    # The rate is of the time that the row tells, of which headers are a part.
    assert 0 <= row["header_seconds"] <= row["seconds"] == 2 / row["pairs_per_second"]
    if Path(status).is_file():
        # An interpreter with NumPy and libvips.
        assert 50 < row["peak_mib"] < 4096
    else:
        assert row["peak_mib"] is None


def test_the_networks_are_those_of_the_paper() -> None:
    # Isola et al. 2017: the U-Net that widely known code counts as 54.414 M.
    assert round(train_step.generator_parameters() / 1e6, 1) == 54.4


def test_the_loader_is_timed() -> None:
    assert train_step.loader_speed(pairs=2, batches=1) > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_degradations_are_timed_on_both_paths(capsys: pytest.CaptureFixture[str]) -> None:
    before = torch.get_num_threads()
    degrade.run(batches=1)
    assert torch.get_num_threads() == before
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    [real] = [row for row in rows if row[:1] == ["real:4"]]
    # What the device does is no longer the worker's.
    assert 0 < float(real[1]) < float(real[2])


def test_without_a_gpu_one_line_and_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    application = gpu.typer.Typer()
    application.command()(gpu.run)
    result = CliRunner().invoke(application, [])
    assert result.exit_code == 2
    assert result.stderr.strip().splitlines() == [
        "benchmarks.gpu: PyTorch finds no CUDA GPU here; nothing to measure"
    ]


def test_a_preset_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "STEPS", 3)
    monkeypatch.setattr(gpu, "WARMING", 1)
    measured = gpu.measure(shrunk("photo-sr", tmp_path / "data"), tmp_path, "cpu", side=32)
    assert measured.training > 0
    assert measured.running > 0
    assert 0 <= measured.waiting <= 1
    assert measured.difference <= gpu.CLOSE
    assert len(measured.row("photo-sr")) == len(gpu.HEADER)


@pytest.mark.parametrize("name", ["photo-sr", "hand-pose", "cgan"])
def test_pictures_are_made_up_for_a_preset(name: str, tmp_path: Path) -> None:
    made = gpu.made_up(name, tmp_path, "precision=bf16")
    assert made.precision == "bf16"
    assert made.stage == load_recipe(name).stage
    sampler = gpu.phase_sampler(made, gpu.training_groups(made), made.phase[-1])
    assert {view.shape[0] for view in sampler(0).views.values()} == {sampler.batch}


@pytest.mark.parametrize(("share", "code"), [(0.04, 0), (0.06, 1)])
def test_a_preset_that_waits_too_long_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, share: float, code: int
) -> None:
    recipe = shrunk("photo-sr", tmp_path / "data")
    monkeypatch.setattr(waiting, "made_up", lambda *arguments: recipe)
    monkeypatch.setattr(waiting, "trained", lambda *arguments: (1.0, share, 0.0))
    app = typer.Typer()
    app.command()(waiting.run)
    result = CliRunner().invoke(app, ["--presets", "photo-sr"])
    assert result.exit_code == code
    assert json.loads(result.stdout[result.stdout.index("{") :]) == {"photo-sr": share}
