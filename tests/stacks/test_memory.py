"""Memory that training frees stays with the process."""

import subprocess
import sys

import pytest

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
