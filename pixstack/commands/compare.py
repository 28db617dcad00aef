"""`pixstack compare`: two results before people's eyes, or two reports side by side."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from pixstack.errors import WrongUse, require_page


def command(
    first: Annotated[
        str | None, typer.Argument(metavar="A", help="A folder of results, a model or a report.")
    ] = None,
    second: Annotated[
        str | None, typer.Argument(metavar="B", help="Another of the same kind.")
    ] = None,
    sources: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="What models run on, and what is shown above results."),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--to", metavar="PAGE.html", help="The page to write.")
    ] = Path("compare.html"),
    key: Annotated[
        Path | None,
        typer.Option(metavar="KEY.json", help="What stood where; PAGE.key.json if unsaid."),
    ] = None,
    votes: Annotated[
        list[Path] | None,
        typer.Option(metavar="VOTES.json", help="Read votes back; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of order and sides.")] = 0,
    count: Annotated[
        int | None, typer.Option(min=1, help="So many pairs, drawn; all if unsaid.")
    ] = None,
    question: Annotated[
        str | None, typer.Option(help="What people are asked; which is better if unsaid.")
    ] = None,
    json_target: Annotated[
        str | None, typer.Option("--json", metavar="-|FILE", help="Write the result as JSON.")
    ] = None,
) -> None:
    """Write a page for blind judging of two results by people, and read their votes back.

    A and B are folders of results with the same names, or ONNX files (or names of models) that run
    on --sources. The page is one file; send it, and keep the key, which says what stood where.
    With two reports of `pixstack eval --json`, print both side by side; reports of different
    networks, pictures or protocols are refused.

    \b
    Examples:
      pixstack compare results/mine results/theirs --sources photos -o page.html
      pixstack compare mine.onnx theirs.onnx --sources photos --count 40
      pixstack compare --votes votes-ann.json --votes votes-bob.json --key page.key.json
      pixstack compare mine.json theirs.json
    """
    if votes:
        if first is not None or key is None:
            raise WrongUse("--votes reads votes back: give it with --key KEY.json and nothing else")
        read_back(key, votes, json_target)
    elif first is None or second is None:
        raise WrongUse("compare takes A and B: two folders, two models or two reports; or --votes")
    elif first.endswith(".json") and second.endswith(".json"):
        side_by_side(Path(first), Path(second), json_target)
    else:
        write_page(first, second, sources, output, key, seed, count, question, json_target)


def write_page(
    first: str,
    second: str,
    sources: Path | None,
    output: Path,
    key_path: Path | None,
    seed: int,
    count: int | None,
    question: str | None,
    json_target: str | None,
) -> None:
    """The page and its key."""
    from export.runtime.whole import whole_file
    from pixstack.blind.trials import QUESTION, find_trials, make_page
    from pixstack.console import progress_bar, write_json

    require_page(output, "--to")
    key_path = key_path or output.with_suffix(".key.json")
    with tempfile.TemporaryDirectory(prefix="pixstack-compare-") as folder:
        results = [
            results_of(given, sources, Path(folder) / side)
            for side, given in (("A", first), ("B", second))
        ]
        trials = find_trials(results[0], results[1], sources)
        with progress_bar("page") as progress:
            page, key = make_page(
                trials, (first, second), seed, question or QUESTION, count, progress
            )
    if key_path.exists() and json.loads(key_path.read_text("utf-8")).get("page") != key["page"]:
        raise ValueError(
            f"{key_path}: is the key of another page, whose votes cannot be read without it; name "
            "another file with --key"
        )
    for target in (output, key_path):
        target.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(output) as path:
        path.write_text(page, "utf-8")
    with whole_file(key_path) as path:
        path.write_text(json.dumps(key, indent=2) + "\n", "utf-8")
    result = {"page": str(output), "key": str(key_path), "trials": len(key["trials"])}
    if json_target is not None:
        write_json(result, json_target)
    if json_target != "-":
        print(
            f"{output}: {result['trials']} pairs; people open it, vote, and send their votes back"
        )
        print(f"{key_path}: what stood where; keep it to yourself until they have")


def results_of(given: str, sources: Path | None, folder: Path) -> Path:
    """A folder of results: the given one, or what a model makes of the sources.

    Raises:
        WrongUse: a model without sources.
        ValueError: neither a folder nor a model.
    """
    if Path(given).is_dir():
        return Path(given)
    if sources is None:
        raise WrongUse(
            f"{given}: no such folder; where it is a model, say what it runs on with --sources DIR"
        )
    from export.runtime.translator import Translator
    from pixstack.blind.trials import pictures_of
    from pixstack.console import progress_bar
    from pixstack.interrupts import interruptible
    from pixstack.shelf import find_model

    translator = Translator(find_model(given))
    pictures = pictures_of(sources)
    folder.mkdir(parents=True)
    with progress_bar(given) as progress:
        for done, (name, path) in enumerate(pictures.items(), start=1):
            target = folder / f"{name}.png"
            interruptible(lambda stop, a=path, b=target: translator.file(a, b, cancel=stop))
            progress(done, len(pictures))
    return folder


def read_back(key: Path, votes: list[Path], json_target: str | None) -> None:
    """The share that was preferred, and how sure it is."""
    from pixstack.blind.votes import tally
    from pixstack.console import print_table, write_json

    result = tally(key, votes)
    if json_target is not None:
        write_json(result, json_target)
    if json_target == "-":
        return
    rows = [(f"{side}: {result['sides'][side]}", result[side]) for side in "AB"]
    rows.append(("no preference", result["no_preference"]))
    print_table((result["question"], "votes"), rows, folding=(result["question"],))
    if result["interval"] is None:
        print("nobody preferred either")
        return
    low, high = result["interval"]
    print(
        f"A was preferred in {result['share_of_A']:.1%} of {result['A'] + result['B']} decided "
        f"votes; {result['confidence']:.0%} interval {low:.1%} to {high:.1%} (Wilson)"
    )
    print(f"the left picture was preferred in {result['share_of_left']:.1%}")


def side_by_side(first: Path, second: Path, json_target: str | None) -> None:
    """Two reports."""
    from pixstack.console import print_table, write_json
    from pixstack.reports import better, compare_reports, names_of, read_report

    measures = compare_reports(first, second)
    if json_target is not None:
        write_json({name: {"A": one, "B": other} for name, (one, other) in measures.items()},
                   json_target)  # fmt: skip
    if json_target != "-":
        print_table(
            ("measure", *names_of(first, second), "change", "better"),
            [
                (name, f"{one:.4f}", f"{other:.4f}", f"{other - one:+.4f}", better(name))
                for name, (one, other) in measures.items()
            ],
        )
        images = read_report(first)["images"]
        print(f"means over {images} {'picture' if images == 1 else 'pictures'}")
