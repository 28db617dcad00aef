"""The runtime against eager PyTorch on the same cores, side by side in one run.

Each round times every contender once, in turn, so that a busy moment hits all alike; the medians
are compared. PyTorch runs the same networks in fp32, in the faster of its two memory layouts.

    python -m benchmarks.runtime
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import torch
import typer

from benchmarks.pictures import need_model
from export.runtime import Translator
from export.runtime.errors import ProviderError
from export.runtime.session import cores
from pixstack.bench.turns import take_turns
from pixstack.console import print_table
from stacks.recipe import parse_recipe
from stacks.stack import Stack

SIZES = {"photo-sr": (180, 320), "photo-denoise": (512, 512)}
Contender = Callable[[], Any]


def run(
    rounds: Annotated[int, typer.Option(min=3, help="Timed rounds after one to warm up.")] = 7,
    threads: Annotated[int, typer.Option(help="0 for all cores.")] = 0,
) -> None:
    """Time the shipped models."""
    threads = threads or cores()
    torch.set_num_threads(threads)
    rows, verdict = [], {}
    for model, (height, width) in SIZES.items():
        contenders = build(model, height, width, threads)
        medians, failures = take_turns(contenders, rounds)
        for error in failures.values():
            raise error
        eager = min(seconds for name, seconds in medians.items() if name.startswith("PyTorch"))
        for name, seconds in medians.items():
            rows.append(
                (model, f"{width}x{height}", name, f"{seconds:.3f}", f"{eager / seconds:.2f}")
            )
            verdict[f"{model}: {name}"] = round(eager / seconds, 3)
    print_table(("model", "source", "runs on", "seconds", "times eager PyTorch fp32"), rows)
    print(json.dumps(verdict, indent=2))


def build(model: str, height: int, width: int, threads: int) -> dict[str, Contender]:
    """Everything that is timed on one model, by name."""
    path = need_model(model)
    picture = np.random.default_rng(0).random((height, width, 3), np.float32)
    exact = Translator(path, providers="cpu", threads=threads)
    output = exact.manifest.outputs[0].name
    contenders = eager(exact, picture)
    contenders["Pixstack exact, CPU"] = lambda: exact.run({"source": picture}, outputs=output)
    try:
        fast = Translator(path, providers="openvino", precision="fast", threads=threads)
    except ProviderError as error:
        print(f"without OpenVINO: {error}")
    else:
        contenders[f"Pixstack fast, {fast.provider}"] = lambda: fast.run(
            {"source": picture}, outputs=output
        )
    return contenders


def eager(translator: Translator, picture: np.ndarray) -> dict[str, Contender]:
    """The same networks in PyTorch, one contender a memory layout.

    Their weights are fresh: the time of a convolution does not depend on its values.
    """
    stack = Stack(parse_recipe(translator.manifest.recipe)).eval()
    contenders: dict[str, Contender] = {}
    for name, layout in (
        ("PyTorch fp32", torch.contiguous_format),
        ("PyTorch fp32, channels last", torch.channels_last),
    ):
        module = Stack(stack.recipe).eval()
        # The stubs of `to` know this form for tensors alone.
        module = module.to(memory_format=layout)  # type: ignore[call-overload]
        views = {"source": torch.from_numpy(picture).permute(2, 0, 1)[None].contiguous()}
        views["source"] = views["source"].to(memory_format=layout)
        if "strength" in module.inputs:
            views["strength"] = torch.tensor([-1.0])

        def step(module: Stack = module, views: dict[str, torch.Tensor] = views) -> None:
            with torch.inference_mode():
                module(views)

        contenders[name] = step
    return contenders


if __name__ == "__main__":
    typer.run(run)
