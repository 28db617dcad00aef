"""Generators of translation as ONNX graphs: ONNX Runtime makes the same pictures, of any size.

Those of the presets are exported in `tests/stacks/test_every_preset.py`; here is what these leave
out.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from translate.generators.enhancer import EnhancerSpec
from translate.generators.resnet import ResNetSpec
from translate.generators.spade import SpadeSpec
from translate.generators.translation_unet import TranslationUNetSpec
from translate.layers.resampling import pad_to_multiple


class AnySize(nn.Module):
    """Pads to the generator's multiple and crops back, as a shipped stack does."""

    def __init__(self, spec: Any) -> None:
        super().__init__()
        self.multiple = spec.multiple
        self.generator = spec.build(5, 3)

    def forward(self, picture: Tensor) -> Tensor:
        height, width = picture.shape[-2:]
        made = self.generator(pad_to_multiple(picture, self.multiple))
        made = made[0] if isinstance(made, tuple) else made
        return made[:, :, :height, :width]


class CoarseToFine(nn.Module):
    """The global generator at half the size, and the enhancer that reads its features."""

    multiple = 4

    def __init__(self) -> None:
        super().__init__()
        self.coarse = ResNetSpec(8, 1, 1, remind=True).build(5, 3)
        self.fine = EnhancerSpec(4, 1, remind=True).build(5, 3, features=8)

    def forward(self, picture: Tensor) -> Tensor:
        height, width = picture.shape[-2:]
        padded = pad_to_multiple(picture, self.multiple)
        _, features = self.coarse(functional.avg_pool2d(padded, 2))
        return self.fine(padded, features)[0][:, :, :height, :width]


MODULES = {
    "pix2pix-dropout": lambda: AnySize(
        TranslationUNetSpec(4, 2, norm="batch", up="transposed", dropout=0.5)
    ),
    "pix2pix-shuffle": lambda: AnySize(TranslationUNetSpec(4, 2, norm="layer", up="shuffle")),
    "resnet": lambda: AnySize(ResNetSpec(4, 2, 1, up="transposed")),
    "coarse-to-fine": CoarseToFine,
    "spade": lambda: AnySize(SpadeSpec(4, 2, hidden=4)),
}


@pytest.mark.parametrize("name", MODULES)
def test_onnx_runtime_makes_the_same_picture(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = MODULES[name]().eval()
    for layer in module.modules():
        if parametrize.is_parametrized(layer):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            # Weights of a trained network's size, so that no difference is hidden in small numbers.
            nn.init.kaiming_normal_(layer.weight)
    dynamic = torch.export.Dim.DYNAMIC
    multiple = module.multiple
    example = torch.rand(2, 5, 5 * multiple + 1, 6 * multiple + 1)
    path = tmp_path / "generator.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (example,),
            path,
            opset_version=20,
            dynamo=True,
            dynamic_shapes=({0: dynamic, 2: dynamic, 3: dynamic},),
            external_data=False,
            verbose=False,
        )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    [port] = session.get_inputs()
    for shape in ((1, 5, 1, 1), (1, 5, 13, 21), (3, 5, 30, 7)):
        picture = torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
        with torch.no_grad():
            expected = module(picture).numpy()
        made = np.asarray(session.run(None, {port.name: picture.numpy()})[0])
        assert made.shape == (shape[0], 3, *shape[2:])
        np.testing.assert_allclose(made, expected, atol=1e-4)
