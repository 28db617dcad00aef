"""A stack trained in both directions: one of them ships, or the other."""

from pathlib import Path

import numpy as np
import torch

from export.convert import export_stack
from export.runtime.translator import Translator
from stacks.checkpoint import save_stack
from stacks.cost import parameters
from stacks.recipe import parse_recipe
from stacks.stack import Stack
from tests.photographs import window
from tests.stacks.test_cycle import CYCLE


def test_either_direction_can_be_exported(tmp_path: Path) -> None:
    torch.manual_seed(0)
    stack = Stack(parse_recipe(CYCLE)).eval()
    save_stack(tmp_path / "best.safetensors", stack, stack.recipe, {})
    picture = window("astronaut", 24, 32)
    for name, reads, writes, overrides in (
        ("there", "source", "made", []),
        ("back", "target", "made_source", ["stage.0.ships=false", "stage.1.ships=true"]),
    ):
        file = tmp_path / f"{name}.onnx"
        exported = export_stack(tmp_path / "best.safetensors", file, overrides=overrides)
        assert [port.name for port in exported.manifest.inputs] == [reads]
        assert [port.name for port in exported.manifest.outputs] == [writes]
        assert exported.parameters == parameters(stack.stages["there"])
        given = torch.from_numpy(picture / np.float32(255)).permute(2, 0, 1)[None]
        with torch.inference_mode():
            wanted = stack.stages[name]({reads: given})[writes][0].permute(1, 2, 0).numpy()
        made = Translator(file, providers="cpu")(picture)
        assert np.abs(made / 255.0 - wanted.clip(0, 1)).max() <= 0.51 / 255
