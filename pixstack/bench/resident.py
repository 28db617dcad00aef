"""The peak resident memory of a piece of work, measured in a process that does nothing else.

In one process it could not be told apart: contenders keep their weights and arenas side by side,
and a peak is never given back. Asking the system for a process's own peak needs `VmHWM` in
`/proc`, which Linux has; `ru_maxrss` would count the parent's memory from before the child began.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak() -> int | None:
    """Bytes of this process's peak resident memory; None where the system does not tell."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")]
    return found[0] if found else None


def peak_of(work: Callable[[], object]) -> int | None:
    """Bytes of resident memory at the peak of a fresh process that does `work` once.

    Args:
        work: something that pickles, such as a partial of a module's function.

    Returns:
        None where the system does not tell, or the work raises: whoever does it next will see why.

    Raises:
        MemoryError: the process was killed, as the system does when memory runs out.
    """
    if peak() is None:
        return None
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(work, sender), daemon=True)
    process.start()
    # The child holds the other one: without this, its end would never be noticed here.
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        process.join()
        if process.exitcode == -signal.SIGKILL:
            raise MemoryError from None
        return None
    finally:
        process.kill()
        process.join()
        receiver.close()


def _tell(work: Callable[[], object], sender: Connection) -> None:
    # Ctrl-C reaches the whole group; the parent tells of it and ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        work()
    except Exception:
        sender.send(None)
    else:
        sender.send(peak())
