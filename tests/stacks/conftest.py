"""Pictures to train on, written once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.stacks.tiny import write_targets


@pytest.fixture(scope="session")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of target pictures; nobody writes into it."""
    return write_targets(tmp_path_factory.mktemp("targets"))


# For whole modules, so that it holds for the runs that their tests share as well.
@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small are fastest on one thread, and sums then have one order only."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
