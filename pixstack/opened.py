"""A model to measure: a trained stack or an ONNX file, and what it reads beside a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixstack.errors import WrongUse
from pixstack.held_out import is_exported
from pixstack.inputs import parse_inputs, split
from pixstack.running import Running

if TYPE_CHECKING:
    from stacks.evaluate import Predict
    from stacks.stack import Stack
    from translate.layouts import Reading

REDUCED = "add --degrade bicubic:S, by which sources are made of the targets for scale S"


@dataclass(frozen=True)
class Opened:
    """A model to measure.

    output: the one that the protocol measures. inputs: the further ones, that the command line
    gives. reading: the kinds of its sources and targets. stack: None for an ONNX file.
    """

    predict: Predict
    output: str
    inputs: dict[str, Any]
    reading: Reading
    stack: Stack | None = None


def open_model(model: str, scale: int, inputs: list[str], running: Running) -> Opened:
    """A stack's weights or an ONNX file, ready to be measured at a scale."""
    first, plus, second = model.partition("+")
    if plus and not Path(model).exists():
        before = open_model(first, 1, inputs, running)
        return behind(before, open_model(second, scale, [], running))
    if not is_exported(model):
        if running.self_ensemble:
            raise WrongUse("--self-ensemble: is of .onnx files; export the stack first")
        return open_stack(model, scale, inputs)
    from export.runtime.files import as_view
    from pixstack.interrupts import interruptible
    from pixstack.shelf import find_model
    from translate.layouts import Reading
    from translate.pixels import to_floats

    translator = running.open(find_model(model))
    manifest = translator.manifest
    source = manifest.picture
    if source is None:
        raise ValueError(f"{model}: makes pictures from noise; there is no target to hold them to")
    pictures = [output for output in manifest.outputs if output.family in ("rgb", "gray")]
    matching = [output for output in pictures if output.scale == scale]
    if not matching:
        listed = ", ".join(f"{output.name} of scale {output.scale:g}" for output in pictures)
        labels = any(output.family == "labels" for output in manifest.outputs)
        other = "labels alone, which are not measured" if labels else "no pictures"
        raise ValueError(
            f"{model}: no output of scale {scale}; it writes {listed or other}"
            + (f"; {REDUCED}" if pictures and scale == 1 else "")
        )
    [output, *_] = matching
    values = parse_inputs(inputs, manifest)
    if source.name in values:
        raise WrongUse(f"--input {source.name}: is what --sources or --degrade bring; leave it out")
    values = {name: as_view(manifest, name, value) for name, value in values.items()}

    def predict(views: Mapping[str, Any]) -> Mapping[str, Any]:
        known = {port.name for port in manifest.inputs}
        given = {name: view for name, view in views.items() if name in known}
        given.setdefault(source.name, views["source"])
        made = interruptible(lambda stop: translator.run(given, [output.name], cancel=stop))
        # Of labels, which are whole numbers, pictures are made in 8 bits.
        return {name: to_floats(picture) for name, picture in made.items()}

    reading = Reading(
        {"source": source.kind, "target": output.kind}, palettes={"source": source.palette}
    )
    return Opened(predict, output.name, values, reading)


def behind(first: Opened, second: Opened) -> Opened:
    """Two models as one: what the first makes of a source is the source of the second.

    Further inputs are the first one's: the second may have some of the same names.
    """

    def predict(views: Mapping[str, Any]) -> Mapping[str, Any]:
        rest = {name: view for name, view in views.items() if name not in first.inputs}
        return second.predict({**rest, "source": first.predict(views)[first.output]})

    kinds = {"source": first.reading.kinds["source"], "target": second.reading.kinds["target"]}
    reading = replace(first.reading, kinds=kinds)
    return Opened(predict, second.output, first.inputs, reading)


def open_stack(model: str, scale: int, inputs: list[str]) -> Opened:
    """A stack's weights."""
    from pixstack.fitted import fitted
    from stacks.checkpoint import load_stack
    from stacks.evaluate import output_of_scale, stack_predictor
    from translate.layouts import Reading

    stack = load_stack(model)
    pictures = [name for name, view in stack.inputs.items() if view.kind.is_picture]
    if not pictures:
        raise ValueError(f"{model}: makes pictures from noise; there is no target to hold them to")
    [source, *_] = pictures
    output, data = output_of_scale(stack, scale), stack.recipe.data
    known = [name for name in stack.inputs if name != source]
    values = {
        name: parse_value(name, value, known, data.names.get(name, ()))
        for name, value in split(inputs)
    }
    predictor = stack_predictor(stack)

    if data.fit == "resize":
        # Such stacks know whole pictures of one size; so does the file that they are exported to.
        predictor = fitted(predictor, stack, source, output)

    def predict(views: Mapping[str, Any]) -> Mapping[str, Any]:
        return predictor({source: views["source"], **views})

    kinds = {"source": str(stack.inputs[source].kind), "target": str(stack.views[output].kind)}
    palettes = {"source": data.palette.get(source, ())}
    return Opened(predict, output, values, Reading(kinds, palettes=palettes), stack)


def parse_value(name: str, value: str, known: list[str], names: Sequence[str]) -> float:
    """A number for one of the known further inputs of a stack, or one of the names of classes."""
    if name not in known:
        raise WrongUse(
            f"--input {name}: unknown; this stack reads {', '.join(known) or 'nothing further'}"
        )
    if value in names:
        return names.index(value)
    try:
        return float(value)
    except ValueError:
        raise WrongUse(f"--input {name}={value}: expected a number") from None
