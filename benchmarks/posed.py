"""Pose models that are told a pose by numbers, beside what can be had without a model.

Whatever the pose is, an angle or the joints of a figure: results are held against the real picture
of the asked pose, in SSIM and in what a judge finds (`benchmarks.posed_judge`), beside the source
unchanged and the mean of those training pictures whose pose is nearest to the asked one.

The Frechet distance is measured within groups of near asked poses, and its mean is what counts.
Over all pairs at once the unchanged sources are the same pictures as the truths, only dealt out
otherwise, and their distance is all but 0, however wrong each of them is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.frechet import Floats, frechet_distance
from benchmarks.pictures import cell, verdict
from benchmarks.posed_judge import Answers, Bytes, Judge, Posed
from export.runtime import Translator
from pixstack.console import print_table, progress_bar
from translate.metrics import measure
from translate.pixels import to_floats

MEASURES = ("ssim_y", "psnr_y", "band_energy")
LABELS = {
    "ssim_y": "SSIM, Y",
    "psnr_y": "PSNR, Y (dB)",
    "band_energy": "band energy",
    "frechet": "Frechet, by pose",
    "frechet_pooled": "Frechet, all",
    "subject_found": "subject found",
    "pose_error": "pose error",
}
Distance = Callable[[Floats, Floats], Floats]
"""How far poses ``(N, D)`` are from others: ``(N,)``."""


@dataclass(frozen=True)
class Pair:
    """A picture, another one of the same subject in the pose that is asked for, and how.

    source, target: places among the pictures.
    asked: what the model is told, by input name. group: of near asked poses, counted from 0.
    """

    source: int
    target: int
    asked: Mapping[str, Any]
    group: int


def euclidean(found: Floats, asked: Floats) -> Floats:
    """The plain distance of two vectors."""
    return np.linalg.norm(found - asked, axis=1)


def translate(model: Translator, pixels: Bytes, pairs: Sequence[Pair]) -> Bytes:
    """The model's results, one for each pair of the pictures ``(N, H, W, C)``."""
    results: list[Bytes] = []
    with progress_bar("translating") as progress:
        for pair in pairs:
            views = {"source": pixels[pair.source], **pair.asked}
            results.append(model.run(views, outputs="target")["target"])
            progress(len(results), len(pairs))
    return np.stack(results)


def mean_pictures(learned: Posed, asked: Floats, count: int) -> Bytes:
    """The mean of the ``count`` training pictures nearest in pose to each of ``asked (N, D)``."""
    means: dict[bytes, Bytes] = {}
    for pose in asked:
        if pose.tobytes() not in means:
            distances = np.linalg.norm(learned.poses - pose, axis=1).round(9)
            nearest = np.argsort(distances, kind="stable")[:count]
            mean = learned.pixels[nearest].mean(axis=0)
            means[pose.tobytes()] = mean.round().astype(np.uint8)
    return np.stack([means[pose.tobytes()] for pose in asked])


def by_group(ours: Floats, theirs: Floats, groups: NDArray[np.int64]) -> float:
    """The mean Frechet distance within each group of rows."""
    return float(
        np.mean(
            [
                frechet_distance(ours[groups == group], theirs[groups == group])
                for group in np.unique(groups)
            ]
        )
    )


def score(
    pictures: Bytes, held: Posed, pairs: Sequence[Pair], judge: Judge, distance: Distance
) -> dict[str, float]:
    """Every measure of pictures ``(N, H, W, C)``, one for each pair."""
    targets = [pair.target for pair in pairs]
    truths = held.pixels[targets]
    found, wanted = judge.answers(pictures), judge.answers(truths)
    groups = np.array([pair.group for pair in pairs])
    rows = [
        measure(to_floats(picture), to_floats(truth))
        for picture, truth in zip(pictures, truths, strict=True)
    ]
    return {
        **{key: float(np.mean([row[key] for row in rows])) for key in MEASURES},
        "frechet": by_group(found.features, wanted.features, groups),
        "frechet_pooled": frechet_distance(found.features, wanted.features),
        **agreement(found, held, targets, distance),
    }


def agreement(
    found: Answers, held: Posed, targets: Sequence[int], distance: Distance
) -> dict[str, float]:
    """Is it the right subject, and how far is the pose from the asked one?"""
    return {
        "subject_found": float(np.mean(found.subjects == held.subjects[targets])),
        "pose_error": float(np.mean(distance(found.poses, held.poses[targets]))),
    }


def compare(
    results: Bytes,
    learned: Posed,
    held: Posed,
    pairs: Sequence[Pair],
    judge: Judge,
    distance: Distance = euclidean,
    count: int = 16,
) -> dict[str, Any]:
    """Every figure of results, one for each pair, and of what they are compared with.

    Args:
        results: ``(N, H, W, C)``.
        learned: the pictures that the model was trained on.
        held: pictures of subjects that it has not seen.
        pairs: of these.
        judge: knows the subjects of both.
        distance: of poses, in the unit that is reported.
        count: training pictures in the mean picture of a pose.
    """
    targets = [pair.target for pair in pairs]
    candidates = {
        "result": results,
        "source": held.pixels[[pair.source for pair in pairs]],
        "mean": mean_pictures(learned, held.poses[targets], count),
    }
    figures: dict[str, Any] = {
        name: score(pictures, held, pairs, judge, distance) for name, pictures in candidates.items()
    }
    real = agreement(judge.answers(held.pixels[targets]), held, targets, distance)
    baselines = [figures["source"], figures["mean"]]
    return {
        "pairs": len(pairs),
        "groups": len({pair.group for pair in pairs}),
        **figures,
        "real": real,
        "checks": checks(figures["result"], baselines),
    }


def checks(
    result: Mapping[str, float], baselines: Sequence[Mapping[str, float]]
) -> dict[str, dict[str, Any]]:
    """What is asked of a model, and whether it holds."""
    ssim = all(result["ssim_y"] > other["ssim_y"] for other in baselines)
    frechet = all(result["frechet"] < other["frechet"] for other in baselines)
    return {
        "ssim_y": {"asked": "above both", "holds": ssim},
        "frechet": {"asked": "below both", "holds": frechet},
    }


def report(
    figures: Mapping[str, Any], unit: str = "", subject: str = LABELS["subject_found"]
) -> None:
    """Print the table, in which the mean picture is the average.

    Args:
        figures: of `compare`.
        unit: of the pose error.
        subject: what finding the subject is called.
    """
    rows: list[tuple[str, ...]] = []
    for key, label in (LABELS | {"subject_found": subject}).items():
        cells = (cell(figures[part].get(key)) for part in ("result", "source", "mean", "real"))
        label = f"{label} ({unit})" if key == "pose_error" and unit else label
        rows.append((label, *cells, *verdict(figures["checks"], key)))
    print_table(("mean", "result", "source", "average", "real", "asked", "holds"), rows)


def sheet(model: Translator, pixels: Bytes, rows: Sequence[Sequence[Pair]]) -> Image.Image:
    """Rows of pairs of one source each, one below the other: the source, then every asked pose.

    Of each the rows are the coarse result, where the model has one, the result, and the real
    picture; the source stands in the first of them.

    Args:
        model: what is asked.
        pixels: pictures ``(N, H, W, C)``.
        rows: pairs of these.
    """
    names = sorted({port.name for port in model.manifest.outputs} & {"coarse", "target"})
    blocks: list[Bytes] = []
    for pairs in rows:
        source = pixels[pairs[0].source]
        columns = [[source] + [np.full_like(source, 255)] * len(names)]
        for pair in pairs:
            made = model.run({"source": source, **pair.asked}, outputs=names)
            columns.append([*(made[name] for name in names), pixels[pair.target]])
        blocks.append(np.hstack([np.vstack(column) for column in columns]))
    whole = np.vstack(blocks)
    return Image.fromarray(whole[..., 0] if whole.shape[2] == 1 else whole)
