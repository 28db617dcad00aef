"""Training in processes of their own, which a test can kill.

They are forked from one server that has imported what training needs: an import of its own would
take each of them longer than all it does here.
"""

import multiprocessing
import os
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["stacks.train"])


def start_training(
    recipe: Path, folder: Path, environment: Mapping[str, str] | None = None, devices: int = 1
) -> ForkServerProcess:
    """Train, or go on with, a run in a new process; what it says stands in ``folder.said``."""
    said = folder.with_suffix(".said")
    process = CONTEXT.Process(
        target=work, args=(recipe, folder, said, dict(environment or {}), devices)
    )
    process.start()
    return process


def work(
    recipe: Path, folder: Path, said: Path, environment: Mapping[str, str], devices: int
) -> None:
    """What the new process does."""
    import torch

    from stacks.recipe import load_recipe
    from stacks.train import train

    sys.stdout = sys.stderr = open(said, "a", buffering=1, encoding="utf-8")  # noqa: SIM115
    os.environ.update(environment)
    torch.set_num_threads(1)
    train(load_recipe(str(recipe)), folder, resume=True, devices=devices)
