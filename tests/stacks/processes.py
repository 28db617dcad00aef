"""Training in processes of their own, which a test can kill.

They are forked from one server that has imported what training needs: an import of its own would
take each of them longer than all it does here.
"""

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["stacks.train"])


def start_training(
    recipe: Path, folder: Path, environment: Mapping[str, str] | None = None, devices: int = 1
) -> ForkServerProcess:
    """Train, or go on with, a run in a new process; what it says stands in ``folder.said``."""
    return start_trainings([(recipe, folder)], environment, devices)


def start_trainings(
    runs: Sequence[tuple[Path, Path]],
    environment: Mapping[str, str] | None = None,
    devices: int = 1,
    nodes: int = 1,
    ends: int = 0,
) -> ForkServerProcess:
    """The same for several runs, one after the other; the first folder names what is said.

    ``ends``: the step from which on whoever watches a run wants it to end.
    """
    told = (runs, dict(environment or {}), devices, nodes, ends)
    process = CONTEXT.Process(target=work, args=told)
    process.start()
    return process


def work(
    runs: Sequence[tuple[Path, Path]],
    environment: Mapping[str, str],
    devices: int,
    nodes: int,
    ends: int,
) -> None:
    """What the new process does."""
    import torch

    from stacks.recipe import load_recipe
    from stacks.run import Run
    from stacks.train import train

    said = runs[0][1].with_suffix(".said")
    sys.stdout = sys.stderr = open(said, "a", buffering=1, encoding="utf-8")  # noqa: SIM115
    os.environ.update(environment)
    torch.set_num_threads(1)

    def watch(run: Run) -> str:
        return "it is enough" if ends and run.step >= ends else ""

    for recipe, folder in runs:
        train(
            load_recipe(str(recipe)), folder, resume=True, devices=devices, nodes=nodes, watch=watch
        )
