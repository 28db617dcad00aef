"""A trained stack -> one self-describing ONNX file, verified before it takes its name."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import onnxslim
import torch
from torch import Tensor

from export.describe import describe
from export.graph import ShippedStack
from export.halo import measure_halo
from export.halves import halve, round_weights
from export.manifest import MANIFEST_KEY, Manifest
from export.runtime.progress import Progress
from export.runtime.whole import whole_file
from export.verify import (
    TOLERANCE,
    ExportError,
    largest_difference,
    verify_tiles,
    verify_values,
)
from export.weights import read_trained
from stacks.cost import macs, parameters
from stacks.feeds import random_inputs
from stacks.stack import Stack
from translate.kinds import planes

OPSET = 20
_STEPS = 5
_SMALLEST_LEAST = 4  # pixels a side; with fewer, no stack has anything to go by
_TRIED = 4  # random pictures of each size that rounding errors are looked for in
_LARGEST_ERROR = TOLERANCE / 4  # of rounding, in values of [0, 1]: two runtimes differ by as much
_LARGEST_LEAST = 64  # pixels; a stack that needs larger pictures than this is not one for pictures


@dataclass(frozen=True)
class Exported:
    """What was written, and what is known of it.

    difference: largest one between PyTorch and ONNX Runtime, of values in [0, 1].
    seam: largest one between a tiled and an untiled run.
    macs: multiply-accumulates for a source of 512x512 pixels; hd_macs: of 320x180, which
        becomes 1280x720 where a stack enlarges by four.
    """

    path: Path
    manifest: Manifest
    size: int
    parameters: int
    macs: int
    hd_macs: int
    difference: float
    seam: float


def export_stack(
    checkpoint: str | Path,
    target: str | Path,
    name: str | None = None,
    version: str | None = None,
    metrics: Mapping[str, Any] | None = None,
    tools: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    overrides: Sequence[str] = (),
    half: bool = False,
) -> Exported:
    """Export ``RUN/best.safetensors``; the file appears complete and verified, or not at all.

    Args:
        checkpoint: weights with their recipe; an earlier export is exported anew.
        target: an ``.onnx`` file, overwritten where there is one.
        name: of the model; where it is not given that of the earlier export, or the recipe's.
        version: of the model; likewise that of the earlier export, or 1.
        metrics: measures with their protocol, kept in the manifest as they are.
        tools: versions to note beside those of torch and ONNX, by name.
        progress: called with (steps done, steps in all).
        overrides: of the recipe, as ``stage.1.ships=true``.
        half: keep the weights in half precision, as they stay in those of an earlier export; the
            file computes in full precision.

    Raises:
        CheckpointError: the checkpoint cannot be used.
        ExportError: the stack cannot be expressed, or the file does not do what the stack does.
        ManifestError: the facts given cannot be written.
    """
    target = Path(target)
    if target.suffix != ".onnx" or target.is_dir():
        raise ExportError(f"{target}: expected the name of an .onnx file to write")
    steps = Steps(progress)
    trained = read_trained(Path(checkpoint), overrides)
    stack, half = trained.stack, half or trained.half
    name, version = name or trained.name, version or trained.version or "1"
    if half:
        round_weights(stack)
    module = ShippedStack(stack)
    least = 1 if stack.recipe.points else smallest_size(module)
    steps.done()
    halo = measure_halo(stack)
    steps.done()
    manifest = describe(stack, halo, least, name, version, metrics or {}, tools or {})
    model = convert(module, manifest)
    if half:
        halve(model)
    steps.done()
    target.parent.mkdir(parents=True, exist_ok=True)
    content = model.SerializeToString()
    with whole_file(target) as temporary:
        temporary.write_bytes(content)
        difference = verify_values(module, temporary, manifest)
        steps.done()
        seam = verify_tiles(temporary)
        steps.done()
    return Exported(
        target,
        manifest,
        len(content),
        parameters(module),
        macs(stack, 512, 512),
        macs(stack, 180, 320),
        difference,
        seam,
    )


class Steps:
    """Tells the caller how far the export is."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress, self.count = progress, 0
        if progress:
            progress(0, _STEPS)

    def done(self) -> None:
        """One step more is done."""
        self.count += 1
        if self.progress:
            self.progress(self.count, _STEPS)


def convert(module: ShippedStack, manifest: Manifest) -> onnx.ModelProto:
    """The ONNX model of a stack, with its manifest; sizes of pictures and batch stay open.

    Raises:
        ExportError: the graph cannot be captured, or needs operators that are not ONNX's own.
    """
    dynamic = torch.export.Dim.DYNAMIC
    example = example_inputs(module.stack, manifest)
    sized = {0: dynamic} if module.stack.recipe.points else {0: dynamic, 2: dynamic, 3: dynamic}
    shapes = tuple(sized if x.dim() == 4 else {0: dynamic} for x in example)
    try:
        with quiet():
            program = torch.onnx.export(
                module,
                example,
                input_names=list(module.inputs),
                output_names=[output.name for output in module.outputs],
                opset_version=OPSET,
                dynamo=True,
                dynamic_shapes=(shapes,),
                external_data=False,
                verbose=False,
            )
            assert program is not None
            # Through bytes: the model is a plain protocol buffer from here on.
            model = onnx.ModelProto.FromString(program.model_proto.SerializeToString())
            strip(model)
            model = onnxslim.slim(model)
    except (torch.onnx.OnnxExporterError, RuntimeError, ValueError) as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), "no reason told")
        raise ExportError(f"{manifest.name}: cannot be written as ONNX: {reason}") from error
    assert isinstance(model, onnx.ModelProto)
    strip(model)
    name_sizes(model, manifest)
    # What general viewers of ONNX files show.
    model.doc_string = manifest.description
    onnx.helper.set_model_props(model, {MANIFEST_KEY: manifest.to_json()})
    check_operators(model, manifest.name)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"{manifest.name}: ONNX refuses the graph: {error}") from None
    return model


def example_inputs(stack: Stack, manifest: Manifest) -> tuple[Tensor, ...]:
    """Inputs to trace with: no size is 1 or a multiple, which tracing would take for fixed."""
    multiple = max(stack.multiple, manifest.min_size)
    height, width = 5 * multiple + 1, 6 * multiple + 1
    if stack.recipe.points:
        height = width = 1
    return tuple(random_inputs(stack, 2, height, width).values())


def strip(model: onnx.ModelProto) -> None:
    """Take out what the exporter notes for its own makers: where in which source file a node
    came from, and names of sizes derived on the way.
    """
    del model.graph.value_info[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    model.graph.doc_string = model.doc_string = ""
    ports = [*model.graph.input, *model.graph.output, *model.graph.initializer, *model.graph.node]
    for part in ports:
        del part.metadata_props[:]
        part.doc_string = ""


def name_sizes(model: onnx.ModelProto, manifest: Manifest) -> None:
    """Call the open sizes by the letters that the documentation uses: N, 4*H, 4*W."""
    ports = [*manifest.inputs, *manifest.outputs]
    values = {value.name: value for value in (*model.graph.input, *model.graph.output)}
    for port in ports:
        sizes = values[port.name].type.tensor_type.shape.dim
        sizes[0].dim_param = "N"
        for size, letter in zip(sizes[2:], "HW", strict=False):
            if manifest.picture is None or len(sizes) != 4:
                continue  # A picture from noise has a size of its own; keypoints have none.
            size.dim_param = letter if port.scale == 1 else f"{port.scale:g}*{letter}"


def check_operators(model: onnx.ModelProto, name: str) -> None:
    """Raise ExportError where the graph needs more than the operators of ONNX's opset."""
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    foreign = {node.domain for node in model.graph.node} - {"", "ai.onnx"}
    if opsets.get("") != OPSET or foreign or model.functions:
        raise ExportError(
            f"{name}: expected operators of ONNX opset {OPSET} alone, got opsets {opsets} and "
            f"{len(model.functions)} functions; rewrite the generator with standard operators"
        )


def smallest_size(module: ShippedStack) -> int:
    """Side of the smallest square that the stack takes, in pixels of the source: 4, 8, 16 ...

    Fewer pixels are no picture: a 1x1 upload is a mistake that somebody should hear of.

    A stack does not take what it makes noise of: on maps of one pixel, which differ from nothing,
    normalization after normalization enlarges the rounding errors until they are the picture.

    Raises:
        ExportError: it takes none of up to 64 pixels.
    """
    side, reason = _SMALLEST_LEAST, ""
    exact = copy.deepcopy(module).double()
    generator = torch.Generator().manual_seed(0)
    while side <= _LARGEST_LEAST:
        made = random_inputs(module.stack, _TRIED, side, side, generator)
        inputs = tuple(made.values())
        # Labels as planes, as ids would become planes of single precision.
        doubles = (
            planes(view, module.kinds[name]).double() if view.dim() == 4 else in_double(view)
            for name, view in made.items()
        )
        try:
            with torch.inference_mode():
                error = rounding_error(module, module(*inputs), exact(*doubles))
            if error <= _LARGEST_ERROR:
                return side
            reason = f"rounding alone changes its pictures by {error:.1g}"
        except (RuntimeError, ValueError) as failure:
            reason = str(failure).splitlines()[0]
        side *= 2
    raise ExportError(f"the stack fails at every size up to {_LARGEST_LEAST} pixels: {reason}")


def in_double(view: Tensor) -> Tensor:
    """Numbers in double precision; classes stay what they are."""
    return view.double() if view.is_floating_point() else view


def rounding_error(
    module: ShippedStack, single: Sequence[Tensor], double: Sequence[Tensor]
) -> float:
    """The largest difference that the precision makes, over the outputs that are pictures."""
    return max(
        (
            largest_difference(one.double().numpy(), other.double().numpy(), output.area)
            for output, one, other in zip(module.outputs, single, double, strict=True)
            if output.kind.family != "labels"
        ),
        default=0.0,
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the exporter's notes on its own progress and future to itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
