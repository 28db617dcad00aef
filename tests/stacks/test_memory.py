"""Memory that training frees stays with the process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stacks.memory import LARGE_PAGES, ask_for_large_pages

MEASURE = """
import ctypes, resource, sys
from stacks.memory import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory():
    sys.exit("no glibc")
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
size = 64 << 20
bytearray(size)
before = faults()
for _ in range(10):
    bytearray(size)
print(faults() - before)
"""


def page_faults(how: str) -> int:
    """Of a process that takes and frees 64 MB ten times."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, how], capture_output=True, text=True, check=False
    )
    if done.stderr.strip() == "no glibc":
        pytest.skip("the C library has no mallopt")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_what_was_freed_is_not_mapped_again() -> None:
    pages = 10 * (64 << 20) // 4096
    # bytearray zeroes by calloc, which touches fresh pages of the heap itself and mapped ones not
    # at all: kept memory costs no faults either way.
    assert page_faults("keep") < pages / 100


LARGE = """
import sys
from pathlib import Path
from stacks.memory import ask_for_large_pages
if sys.argv[1] == "ask":
    ask_for_large_pages()
import torch
kept = torch.ones(64 << 20)
for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
    if line.startswith("AnonHugePages"):
        print(line.split()[1])
"""


def large_pages(how: str) -> int:
    """Kilobytes in large pages of a process that holds a tensor of 256 MB."""
    # A test before may have asked for itself.
    unasked = {name: value for name, value in os.environ.items() if name != LARGE_PAGES}
    done = subprocess.run(
        [sys.executable, "-c", LARGE, how],
        capture_output=True,
        text=True,
        check=True,
        env=unasked,
    )
    return int(done.stdout)


def test_large_tensors_lie_in_large_pages() -> None:
    switch = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not switch.exists() or "[madvise]" not in switch.read_text():
        pytest.skip("the kernel does not leave large pages to the process")
    assert large_pages("leave") < large_pages("ask")
    assert large_pages("ask") >= (128 << 10)


def test_a_switch_that_is_set_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LARGE_PAGES, "0")
    ask_for_large_pages()
    assert os.environ[LARGE_PAGES] == "0"
