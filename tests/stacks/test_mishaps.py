"""What the machine refuses is told in one line, and what was there stays whole."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

import stacks.mishaps
import stacks.train
from export.runtime import budget
from stacks.checkpoint import STATE, CheckpointError, read
from stacks.determinism import choose_kernels, deterministic
from stacks.mishaps import OutOfMemory, OutOfSpace, available_memory
from stacks.run import Run
from stacks.train import train
from tests.photographs import write_pictures
from tests.stacks.tiny import super_resolution
from translate.batches import Batch
from translate.pairs import DataError
from translate.tables import TableError


def one_line(error: pytest.ExceptionInfo[BaseException]) -> bool:
    return "\n" not in str(error.value)


def test_a_batch_that_cannot_fit_is_refused_before_the_first_step(
    targets: Path, tmp_path: Path
) -> None:
    recipe = super_resolution(targets, "batch=100000000")
    with pytest.raises(
        TableError, match=r"^batch: got 100000000; 6 batches ahead take \d+"
    ) as error:
        train(recipe, tmp_path / "run")
    assert one_line(error)
    assert not (tmp_path / "run").exists()


def test_what_fits_by_hand(targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # An item at x4: a target of 64x64 and its half and quarter, a source of 16x16 three times, its
    # noise map, its strength, all in fp32; six batches of it are held.
    item = 4 * (3 * (64**2 + 32**2 + 16**2 + 16**2) + 16**2 + 1)
    recipe = super_resolution(targets, "degrade.choices=['bicubic:4']", "degrade.shares=[]")
    monkeypatch.setattr(stacks.mishaps, "available_memory", lambda: 6 * 2 * item - 1)
    with pytest.raises(TableError, match=r"at most 1 fit: lower it"):
        train(recipe, tmp_path / "run")


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="Linux tells")
def test_free_memory_is_known() -> None:
    available = available_memory()
    assert available is not None
    assert 2**20 < available <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.parametrize(
    ("module", "free"), [(stacks.mishaps, available_memory), (budget, budget._free)]
)
@pytest.mark.parametrize(
    ("limit", "used", "files", "left"),
    [
        ("max", 15, 0, 30),
        ("16", 15, 0, 1),
        # Files that were read give way: they are no memory that is taken.
        ("16", 15, 14, 15),
        ("16", 17, 0, 0),
    ],
)
def test_what_a_container_has_left(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    free: Callable[[], int | None],
    limit: str,
    used: int,
    files: int,
    left: int,
) -> None:
    """As training and running count it, each in code of its own: neither may import the other."""
    giga = 2**30
    (tmp_path / "meminfo").write_text(f"MemTotal: 1 kB\nMemAvailable: {30 * 2**20} kB\n")
    told = limit if limit == "max" else str(int(limit) * giga)
    (tmp_path / "memory.max").write_text(told + "\n")
    (tmp_path / "memory.current").write_text(f"{used * giga}\n")
    half = files * giga // 2
    stat = f"anon {giga}\ninactive_file {half}\nactive_file {half}\n"
    (tmp_path / "memory.stat").write_text(stat)
    places = {"/proc/meminfo": tmp_path / "meminfo", "/sys/fs/cgroup": tmp_path}
    monkeypatch.setattr(module, "Path", lambda text: places[text])
    assert free() == left * giga
    for path in tmp_path.iterdir():
        path.unlink()
    assert free() is None


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB\nof much"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported later"),
    ],
)
def test_memory_that_runs_out(
    error: Exception, targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = stacks.train.train_step

    def greedy(run: Run, batches: list[Batch]) -> dict[str, Tensor]:
        if run.step == 3:
            raise error
        return whole(run, batches)

    monkeypatch.setattr(stacks.train, "train_step", greedy)
    with pytest.raises(OutOfMemory, match=r"^step 3: a batch of 2 at 64 pixels does not") as caught:
        train(super_resolution(targets), tmp_path)
    assert one_line(caught)
    assert read(tmp_path / "last" / "state.safetensors", STATE).facts["step"] == 2


def test_other_errors_stay_what_they_are(
    targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(run: Run, batches: list[Batch]) -> dict[str, Tensor]:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(stacks.train, "train_step", wrong)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        train(super_resolution(targets), tmp_path)


def test_a_full_disk_leaves_the_last_checkpoint_whole(
    targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The second time that the state is written, the disk is full after half of it.
    flush, count = os.fsync, []

    def full(file: int) -> None:
        if "state" in os.readlink(f"/proc/self/fd/{file}"):
            count.append(file)
            if len(count) == 2:
                os.truncate(file, 1000)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(file)

    recipe = super_resolution(targets, "validation.folder=[]")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(
            OutOfSpace, match=r"no space left .* at step 4; .*last is whole: make"
        ) as e:
            train(recipe, tmp_path)
    assert one_line(e)
    assert read(tmp_path / "last" / "state.safetensors", STATE).facts["step"] == 2
    assert not list(tmp_path.rglob(".*"))
    train(recipe, tmp_path, resume=True)
    assert read(tmp_path / "last" / "state.safetensors", STATE).facts["step"] == 6


def test_a_folder_that_cannot_be_written_to(targets: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        OSError, match=r"file/run: cannot be written to \(not a dir.*another"
    ) as error:
        train(super_resolution(targets), tmp_path / "file" / "run")
    assert one_line(error)


@pytest.mark.skipif(not Path("/sys/kernel").exists(), reason="a folder that nobody may write to")
def test_a_read_only_folder(targets: Path) -> None:
    with pytest.raises(
        OSError, match=r"^/sys/kernel: cannot be written to \(.*choose another folder"
    ):
        train(super_resolution(targets), Path("/sys/kernel"))


def test_no_held_out_pictures(targets: Path, tmp_path: Path) -> None:
    recipe = super_resolution(targets, "validation.folder=[{ pictures = '7:' }]")
    with pytest.raises(DataError, match=r"no picture is left by pictures = '7:'") as error:
        train(recipe, tmp_path / "run")
    assert one_line(error)
    assert not (tmp_path / "run").exists()


def test_checkpoints_that_are_none(targets: Path, tmp_path: Path) -> None:
    start = tmp_path / "start.pt"
    torch.save({"weight": torch.zeros(2)}, start)
    with pytest.raises(CheckpointError, match=r"start\.pt: .*; only safetensors are read") as error:
        train(super_resolution(targets), tmp_path / "run", start=start)
    assert one_line(error)
    state = tmp_path / "old" / "last" / "state.safetensors"
    state.parent.mkdir(parents=True)
    state.write_bytes(start.read_bytes())
    with pytest.raises(CheckpointError, match="only safetensors are read"):
        train(super_resolution(targets), tmp_path / "old", resume=True)
    assert state.read_bytes() == start.read_bytes()


def test_deterministic_for_the_time_of_a_run() -> None:
    with deterministic(True):
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.backends.cudnn.benchmark
    assert not torch.are_deterministic_algorithms_enabled()
    with deterministic(False):
        assert not torch.are_deterministic_algorithms_enabled()


def test_kernels_are_chosen_where_there_are_some_to_choose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cudnn = torch.backends.cudnn
    monkeypatch.setattr(cudnn, "allow_tf32", True)
    monkeypatch.setattr(cudnn, "benchmark", False)
    choose_kernels(torch.device("cpu"), same=False)
    assert (cudnn.allow_tf32, cudnn.benchmark) == (True, False)
    choose_kernels(torch.device("cuda"), same=False)
    assert (cudnn.allow_tf32, cudnn.benchmark) == (False, True)
    with deterministic(True):
        assert (cudnn.allow_tf32, cudnn.benchmark) == (False, False)
    choose_kernels(torch.device("cuda"), same=True)
    assert (cudnn.allow_tf32, cudnn.benchmark) == (False, False)


def test_flat_pictures_widen_no_gap(tmp_path: Path) -> None:
    """Two held-out pictures with one score have no spread that a gap could be told in."""
    flat = {f"{index}.png": np.full((64, 64, 3), 128, np.uint8) for index in range(4)}
    write_pictures(tmp_path / "data", flat)
    recipe = super_resolution(
        tmp_path / "data", "validation.folder=[{ pictures = '-2:' }]", "phase.1.steps=0"
    )
    train(recipe, tmp_path / "run")
    assert '"gap"' not in (tmp_path / "run" / "log.jsonl").read_text("utf-8")
