"""`pixstack eval`: measure a trained stack or an ONNX file on pictures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixstack.commands.run import Precision, check_provider, parse_inputs
from pixstack.errors import WrongUse

REDUCED = "add --degrade bicubic:S, by which sources are made of the targets for scale S"

if TYPE_CHECKING:
    from stacks.evaluate import Predict
    from stacks.stack import Stack
    from translate.layouts import Reading
    from translate.pairs import Pairs


def command(
    model: Annotated[
        str,
        typer.Argument(
            help="An .onnx file, a shipped model's name, or a .safetensors file; FIRST+SECOND is "
            "one after the other."
        ),
    ],
    targets: Annotated[Path, typer.Option(metavar="DIR", help="Folder of target pictures.")],
    sources: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of sources, same names.")
    ] = None,
    names: Annotated[
        Path | None, typer.Option(metavar="LIST.txt", help="Only these, without extension.")
    ] = None,
    degrade: Annotated[
        str,
        typer.Option(help="Make sources: bicubic:4, noise:25, bicubic:4,jpeg:40, real:4 ..."),
    ] = "",
    seed: Annotated[int, typer.Option(min=0, help="Of the noise.")] = 0,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="NAME=VALUE", help="A further input, of FIRST; may be repeated."
        ),
    ] = None,
    precision: Annotated[Precision, typer.Option(help="Of ONNX files.")] = Precision.exact,
    provider: Annotated[str, typer.Option(help="Of ONNX files: auto, cpu, cuda ...")] = "auto",
    features: Annotated[
        str | None,
        typer.Option(
            metavar="inception|vgg|alexnet|FILE",
            help="Measure sets too (FID, KID, precision, recall) through this network.",
        ),
    ] = None,
    layer: Annotated[
        str | None, typer.Option(help="Of --features FILE.onnx: the value to compare.")
    ] = None,
    pixels: Annotated[
        str | None,
        typer.Option(help="Of --features FILE.onnx: unit (as it is), symmetric, imagenet, bytes."),
    ] = None,
    lpips: Annotated[
        str | None, typer.Option(metavar="alexnet|vgg|FILE", help="Measure LPIPS too.")
    ] = None,
    ms_ssim: Annotated[bool, typer.Option("--ms-ssim", help="Measure MS-SSIM too.")] = False,
    labeler: Annotated[
        str | None,
        typer.Option(metavar="FILE.onnx", help="Find the labels again that results came from."),
    ] = None,
    attention: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write attention maps as pictures; of trained stacks."),
    ] = None,
    plugins: Annotated[
        list[str] | None,
        typer.Option("--plugin", metavar="MODULE", help="Import a module that registers kinds."),
    ] = None,
    json_target: Annotated[
        str | None, typer.Option("--json", metavar="-|FILE", help="Write the result as JSON.")
    ] = None,
) -> None:
    """Measure a trained stack or an ONNX file on pictures.

    With --degrade bicubic:S the output of scale S is measured and S pixels are cut from each
    border; otherwise the output of scale 1, nothing cut. Means are over pictures. --degrade real:S
    makes photographs as they are found (Real-ESRGAN), the same for the same --seed. Needs the train
    extra.

    \b
    Examples:
      pixstack eval photo-sr --targets set5 --degrade bicubic:4
      pixstack eval photo-denoise+photo-sr --targets kodak --degrade real:4
      pixstack eval photo-denoise --targets kodak --degrade noise:25 --input strength=25 --json -
      pixstack eval runs/mine/best.safetensors --targets B --sources A
      pixstack eval runs/mine/best.safetensors --targets B --sources A --attention maps
      pixstack eval my.onnx --targets B --sources A --features judge.safetensors --json a.json
    """
    from pixstack.errors import require_train
    from pixstack.plugins import import_plugins

    require_train()
    import_plugins(plugins or [])
    from pixstack.console import print_table, progress_bar, write_json
    from pixstack.further import Wanted, open_further
    from pixstack.reports import better
    from stacks.evaluate import Protocol, evaluate, fingerprint, means, subset
    from translate.degrade import DegradationError, parse_degradation

    if degrade and sources is not None:
        raise WrongUse("--degrade makes the sources and --sources brings them; give one of them")
    try:
        if degrade:
            parse_degradation(degrade)
    except DegradationError as error:
        raise WrongUse(str(error)) from None
    protocol = Protocol(degrade, seed)
    check_provider(provider)
    wanted = read_names(names) if names is not None else None
    opened = open_model(model, protocol.scale, inputs or [], precision.value, provider)
    further = open_further(Wanted(features, layer, pixels, lpips, ms_ssim, labeler), opened.reading)
    pairs = open_pairs(targets, sources, opened.reading)
    if wanted is not None:
        pairs = subset(pairs, wanted)
    output, values = opened.output, opened.inputs
    scores = []
    predict = opened.predict
    with progress_bar("eval") as progress, contextlib.ExitStack() as watching:
        if attention is not None:
            predict = watching.enter_context(attended(opened, attention, pairs))
        for score in evaluate(predict, pairs, protocol, output, values, further.observe):
            scores.append(score)
            progress(len(scores), len(pairs))
    measures = means(scores)
    result = {
        "model": model,
        "images": len(scores),
        "protocol": {
            **protocol.describe(),
            "targets_sha256": fingerprint(pairs),
            # As they were given: a picture or noise itself has no place in a report.
            "inputs": dict(split(inputs or [])),
        },
        "outputs": {output: measures},
        "seconds_per_image": sum(score.seconds for score in scores) / len(scores),
        **further.result(),
    }
    if json_target is not None:
        write_json(result, json_target)
    if json_target != "-":
        # One below the other: side by side they would not fit into a narrow terminal.
        print_table(
            ("measure", output, "better"),
            [(name, f"{value:.4f}", better(name)) for name, value in measures.items()],
        )
        print_sets(result)
        print(f"means over {len(scores)} {'picture' if len(scores) == 1 else 'pictures'}")


def print_sets(result: Mapping[str, Any]) -> None:
    """The measures of sets, each with the network that it holds for."""
    from pixstack.console import print_table
    from pixstack.reports import better

    for part in ("distribution", "label_recovery"):
        if part in result:
            told = result[part]
            network = told["network"]
            print(f"\nthrough {network['name']} ({network['weights']}):")
            measured = told["measures"] if part == "distribution" else told["results"]
            bound = {} if part == "distribution" else told["targets"]
            rows = [
                (name, f"{value:.4f}", *((f"{bound[name]:.4f}",) if bound else ()), better(name))
                for name, value in measured.items()
            ]
            print_table(("measure", "results", *(("targets",) if bound else ()), "better"), rows)
            for remark in told.get("remarks", ()):
                print(f"note: {remark}")


def read_names(path: Path) -> list[str]:
    """The names of a list; empty lines are none."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected a list of names, one a line")
    lines = path.read_text("utf-8").splitlines()
    return [line.strip() for line in lines if line.strip()]


def open_pairs(targets: Path, sources: Path | None, reading: Reading) -> Pairs:
    """Targets alone, or matched with sources of the same names."""
    from translate.layouts import find_items, match
    from translate.pairs import Pairs, list_pictures

    # Evaluation reads each picture once, so nothing is kept.
    if sources is None:
        if reading.parsed["source"].family == "labels":
            raise ValueError("this model reads labels, not pictures; bring them with --sources DIR")
        return Pairs(find_items(targets, "targets", reading), cache_bytes=0)
    views = {"source": list_pictures(sources), "target": list_pictures(targets)}
    return Pairs(match(views, reading), cache_bytes=0)


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


def open_model(model: str, scale: int, inputs: list[str], precision: str, provider: str) -> Opened:
    """A stack's weights or an ONNX file, ready to be measured at a scale."""
    first, plus, second = model.partition("+")
    if plus and not Path(model).exists():
        before = open_model(first, 1, inputs, precision, provider)
        return behind(before, open_model(second, scale, [], precision, provider))
    if model.endswith(".safetensors") or Path(model).is_dir():
        return open_stack(model, scale, inputs)
    from export.runtime.files import as_view
    from export.runtime.translator import Translator
    from pixstack.interrupts import interruptible
    from pixstack.shelf import find_model
    from translate.layouts import Reading
    from translate.pixels import to_floats

    translator = Translator(find_model(model), providers=provider, precision=precision)
    manifest = translator.manifest
    source = manifest.picture
    if source is None:
        raise ValueError(f"{model}: makes pictures from noise; there is no target to hold them to")
    pictures = [output for output in manifest.outputs if output.family in ("rgb", "gray")]
    matching = [output for output in pictures if output.scale == scale]
    if not matching:
        listed = ", ".join(f"{output.name} of scale {output.scale:g}" for output in pictures)
        raise ValueError(
            f"{model}: no output of scale {scale}; it writes {listed or 'no pictures'}"
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
        given[source.name] = views["source"]
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


@contextlib.contextmanager
def attended(opened: Opened, folder: Path, pairs: Pairs) -> Iterator[Predict]:
    """A predictor that writes FOLDER/NAME.png for each picture, in their order.

    Raises:
        WrongUse: of an ONNX file, whose layers cannot be looked into.
    """
    if opened.stack is None:
        raise WrongUse("--attention: looks into a trained stack; give its best.safetensors")
    from PIL import Image

    from export.runtime.whole import whole_file
    from stacks.attention import sheet, watch

    names = iter(item.name for item in pairs.items)
    with watch(opened.stack) as watched:
        folder.mkdir(parents=True, exist_ok=True)

        def predict(views: Mapping[str, Any]) -> Mapping[str, Any]:
            made = opened.predict(views)
            with whole_file(folder / f"{next(names)}.png") as path:
                Image.fromarray(sheet(made[opened.output], watched)).save(path)
            return made

        yield predict


def split(inputs: list[str]) -> list[tuple[str, str]]:
    """``NAME=VALUE`` pairs."""
    for setting in inputs:
        if "=" not in setting:
            raise WrongUse(f"--input {setting}: expected NAME=VALUE")
    return [(name, value) for name, _, value in (item.partition("=") for item in inputs)]


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
