"""`pixstack eval`: measure a trained stack or an ONNX file on pictures."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixstack.commands.run import Precision, SelfEnsemble, check_provider
from pixstack.errors import WrongUse
from pixstack.inputs import split
from pixstack.opened import open_model
from pixstack.plugins import Plugins, import_plugins
from pixstack.running import Running

if TYPE_CHECKING:
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
    targets: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of target pictures.")
    ] = None,
    sources: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of sources, same names.")
    ] = None,
    held: Annotated[
        bool,
        typer.Option("--held-out", help="Measure on what the model's recipe holds out."),
    ] = False,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Of --held-out: root of the data.")
    ] = None,
    names: Annotated[
        Path | None, typer.Option(metavar="LIST.txt", help="Only these, without extension.")
    ] = None,
    degrade: Annotated[
        str,
        typer.Option(help="Make sources: bicubic:4, noise:25, bicubic:4,jpeg:40, real:4 ..."),
    ] = "",
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of all that is drawn; 0 if unsaid.")
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="NAME=VALUE", help="A further input, of FIRST; may be repeated."
        ),
    ] = None,
    precision: Annotated[Precision, typer.Option(help="Of ONNX files.")] = Precision.exact,
    provider: Annotated[str, typer.Option(help="Of ONNX files: auto, cpu, cuda ...")] = "auto",
    ensemble: SelfEnsemble = False,
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
    results: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write each result, and measures.csv with a line for it."),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Keep the measures in the .onnx file, by this name."),
    ] = None,
    plugins: Plugins = None,
    json_target: Annotated[
        str | None, typer.Option("--json", metavar="-|FILE", help="Write the result as JSON.")
    ] = None,
) -> None:
    """Measure a trained stack or an ONNX file on pictures.

    With --degrade bicubic:S the output of scale S is measured and S pixels are cut from each
    border; otherwise the output of scale 1, nothing cut. Means are over pictures. --degrade real:S
    makes photographs as they are found (Real-ESRGAN), the same for the same --seed.

    --sources and --targets are folders of single pictures. --held-out takes what the recipe of the
    model validates by, read and degraded as in its run: pictures side by side, tables and tars too.
    --keep NAME writes the measures, with their protocol, into the manifest of the ONNX file, which
    `pixstack info` prints. Needs the train extra.

    \b
    Examples:
      pixstack eval photo-sr --targets set5 --degrade bicubic:4
      pixstack eval photo-denoise+photo-sr --targets kodak --degrade real:4
      pixstack eval photo-denoise --targets kodak --degrade noise:25 --input strength=25 --json -
      pixstack eval photo-sr --targets set5 --degrade bicubic:4 --self-ensemble
      pixstack eval runs/mine/best.safetensors --held-out
      pixstack eval runs/mine/best.safetensors --targets B --sources A
      pixstack eval runs/mine/best.safetensors --targets B --sources A --attention maps
      pixstack eval my.onnx --held-out --data data/photos --results results --keep held-out
      pixstack eval my.onnx --targets B --sources A --features judge.safetensors --json a.json
    """
    from pixstack.errors import require_train

    require_train()
    import_plugins(plugins or [])
    from pixstack.console import print_table, progress_bar, write_json
    from pixstack.further import Wanted, open_further
    from pixstack.held_out import held_out
    from pixstack.reports import better
    from pixstack.watching import attended, keeping, spare_inputs, write_measures
    from stacks.evaluate import Protocol, evaluate, fingerprint, means, subset
    from translate.degrade import DegradationError, parse_degradation

    if held == (targets is not None):
        raise WrongUse("name pictures by --targets DIR or take the recipe's own by --held-out")
    if held and (degrade or sources is not None or seed is not None):
        raise WrongUse(
            "--held-out takes sources, degradation and seed of the recipe; leave out the others"
        )
    if data is not None and not held:
        raise WrongUse("--data DIR: is where --held-out looks; give both, or --targets DIR")
    if degrade and sources is not None:
        raise WrongUse("--degrade makes the sources and --sources brings them; give one of them")
    try:
        if degrade:
            parse_degradation(degrade)
    except DegradationError as error:
        raise WrongUse(str(error)) from None
    given = scale_of(sources, targets) if sources is not None and targets is not None else 1
    protocol, sets = held_out(model, data) if held else (Protocol(degrade, seed or 0, given), [])
    check_provider(provider)
    if keep is not None and not keep.strip():
        raise WrongUse("--keep: expected a name for the measures; got none")
    kept = file_to_keep_in(model) if keep is not None else None
    wanted = read_names(names) if names is not None else None
    running = Running(provider, precision.value, self_ensemble=ensemble)
    opened = open_model(model, protocol.scale, inputs or [], running)
    further = open_further(Wanted(features, layer, pixels, lpips, ms_ssim, labeler), opened.reading)
    bare = not (held or degrade or sources is not None)
    if targets is not None:
        sets = [open_pairs(targets, sources, opened.reading, bool(degrade))]
    if wanted is not None:
        sets = [subset(merged(sets), wanted)]
    pairs = merged(sets)
    spare_inputs({"--results": results, "--attention": attention}, pairs)
    output, values = opened.output, opened.inputs
    scores = []
    predict, order = opened.predict, [item.name for item in pairs.items]
    if results is not None:
        predict = keeping(opened, predict, results, order)
    with progress_bar("eval") as progress, contextlib.ExitStack() as watching:
        if attention is not None:
            predict = watching.enter_context(attended(opened, predict, attention, order))
        for own in sets:
            for score in evaluate(predict, own, protocol, output, values, further.observe):
                scores.append(score)
                progress(len(scores), len(pairs))
    measures = means(scores)
    if results is not None:
        write_measures(results, scores, order)
    result = {
        "model": model,
        "images": len(scores),
        "protocol": {
            **protocol.describe(),
            **({"sources": "the targets"} if bare else {}),
            "targets_sha256": fingerprint(pairs),
            # As they were given: a picture or noise itself has no place in a report.
            "inputs": dict(split(inputs or [])),
            **({"self_ensemble": True} if ensemble else {}),
        },
        "outputs": {output: measures},
        "seconds_per_image": sum(score.seconds for score in scores) / len(scores),
        **further.result(),
    }
    if bare:
        print(
            "note: the targets are their own sources; --sources or --degrade bring others",
            file=sys.stderr,
        )
    if keep is not None and kept is not None:
        from export.keep import keep_measures

        # Of the file itself, whatever it was called; seconds are of one machine.
        measured = {key: result[key] for key in result if key not in ("model", "seconds_per_image")}
        keep_measures(kept, keep, measured)
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


def file_to_keep_in(model: str) -> Path:
    """The one ONNX file that is measured.

    Raises:
        WrongUse: it is another sort of file, or there are two.
    """
    from pixstack.shelf import find_model

    if "+" in model and not Path(model).is_file():
        raise WrongUse(f"--keep: {model} are two models; measure one of them")
    if model.endswith(".safetensors"):
        raise WrongUse("--keep: measures are kept in an .onnx file; export the stack first")
    return find_model(model)


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


def scale_of(sources: Path, targets: Path) -> int:
    """By how much targets are larger than the sources of the same names, as the first pair says.

    Raises:
        DataError: no names are shared, or the sources are the larger ones.
    """
    from stacks.survey import scale_between
    from translate.pairs import DataError, View, list_pictures
    from translate.partners import partners

    sides = {"source": list_pictures(sources), "target": list_pictures(targets)}
    small, large = partners(sides).values()
    shared = next((name for name in small if name in large), None)
    if shared is None:
        raise DataError(
            f"{sources} and {targets} share no names ({min(small)!r}, {min(large)!r}); each target "
            "needs a source of its own name"
        )
    one, other = (View(part[shared], "rgb").size() for part in (small, large))
    if max(one) > max(other):
        raise DataError(
            f"{small[shared]} is larger than its target {large[shared]}; sources are what is read: "
            "were --sources and --targets mixed up?"
        )
    return scale_between([one], [other])


def open_pairs(
    targets: Path, sources: Path | None, reading: Reading, degraded: bool = False
) -> Pairs:
    """Targets, alone or matched with sources of the same names.

    Raises:
        ValueError: nothing brings sources or makes them, and targets cannot be such themselves.
    """
    from translate.layouts import find_items, match
    from translate.pairs import Pairs, list_pictures

    # Evaluation reads each picture once, so nothing is kept.
    if sources is None:
        read, written = reading.parsed["source"], reading.parsed["target"]
        if read.family == "labels" or (read.family != written.family and not degraded):
            raise ValueError(
                f"this model reads {read} and writes {written}, so that targets are no sources; "
                "bring those by --sources DIR, or take --held-out"
            )
        return Pairs(find_items(targets, "targets", reading), cache_bytes=0)
    views = {"source": list_pictures(sources), "target": list_pictures(targets)}
    return Pairs(match(views, reading), cache_bytes=0)


def merged(sets: Sequence[Pairs]) -> Pairs:
    """The pictures of several folders as one; each is read once."""
    from translate.pairs import Pairs

    return Pairs([item for pairs in sets for item in pairs.items], cache_bytes=0)
