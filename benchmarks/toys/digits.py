"""Semi-supervised digits: what unlabeled pictures and a generator add to a few labels."""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass
from statistics import fmean

import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks.toys.drawing import curves, tile
from benchmarks.toys.ensemble import Draws, Ensemble, Noisy, by_member
from benchmarks.toys.page import (
    Options,
    Outcome,
    Results,
    Section,
    Table,
    UnavailableError,
    Verdict,
    milliseconds,
    spread,
)
from translate.layers.minibatch import MinibatchDiscrimination
from translate.losses.features import batch_mean_matching
from translate.losses.semi_supervised import real_logit, supervised_loss, unsupervised_loss
from translate.optim import MovingAverage

LABELS = (20, 50, 100)
CLASSES = 10
NOISE = 32
HELD_OUT = 512
"""Pictures that the error is counted on, in batches as large as the labeled ones: what minibatch
discrimination adds is a sum over the batch."""
BATCH = 64
LABELED_BATCH = 32
RATE = 3e-3
AVERAGE = 0.998
"""Memory of the moving average of the discriminator's weights, by which errors are counted."""
METHODS = ("supervised only", "feature matching", "minibatch discrimination")


@dataclass(frozen=True)
class Digits:
    """Pictures and what they show, of M members with splits of their own."""

    labeled: Tensor
    """``(M, most, 64)`` in [0, 1]; a member has as many as ``counts`` says, repeated in turn."""
    labels: Tensor
    """``(M, most)``."""
    unlabeled: Tensor
    """``(M, N, 64)``: all that is not held out."""
    held_out: Tensor
    """``(M, 512, 64)``."""
    truth: Tensor
    """``(M, 512)``."""


def load() -> tuple[Tensor, Tensor]:
    """scikit-learn's digits: ``(1797, 64)`` in [0, 1], and their classes ``(1797,)``.

    Raises:
        UnavailableError: scikit-learn is not installed.
    """
    try:
        datasets = importlib.import_module("sklearn.datasets")
    except ImportError as error:
        raise UnavailableError(
            "needs the digits of scikit-learn: python -m pip install scikit-learn"
        ) from error
    pictures, classes = datasets.load_digits(return_X_y=True)
    return torch.from_numpy(pictures).float() / 16, torch.from_numpy(classes).long()


def split(pictures: Tensor, classes: Tensor, counts: list[int], seeds: list[int]) -> Digits:
    """A split for every member: as many labels of each class, the rest unlabeled or held out."""
    parts: list[tuple[Tensor, ...]] = []
    for count, seed in zip(counts, seeds, strict=True):
        order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(seed))
        held_out, rest = order[:HELD_OUT], order[HELD_OUT:]
        each = count // CLASSES
        chosen = torch.cat([rest[classes[rest] == digit][:each] for digit in range(CLASSES)])
        # One size for all members, so that they are one tensor; each is drawn from equally often.
        chosen = chosen.repeat(max(LABELS) // count)
        parts.append(
            (
                pictures[chosen],
                classes[chosen],
                pictures[rest],
                pictures[held_out],
                classes[held_out],
            )
        )
    return Digits(*(torch.stack(part) for part in zip(*parts, strict=True)))


def classifier(minibatch: bool) -> nn.Sequential:
    """64 pixels to ten logits; the first `MIDDLE` layers give the features that are matched.

    A small form of the discriminator of Salimans et al. 2016 for MNIST, with its noise.
    """
    extra = [MinibatchDiscrimination(64, kernels=16, dimensions=4)] if minibatch else []
    return nn.Sequential(
        Noisy(0.3),
        nn.Linear(64, 128),
        nn.LeakyReLU(0.2),
        Noisy(0.5),
        nn.Linear(128, 64),
        nn.LeakyReLU(0.2),
        *extra,
        Noisy(0.5),
        nn.Linear(64 + (16 if minibatch else 0), CLASSES),
    )


MIDDLE = 6
"""Layers up to the features that are matched."""


def generator() -> nn.Sequential:
    """Noise to 64 pixels in [0, 1], two hidden layers with batch normalization."""
    return nn.Sequential(
        nn.Linear(NOISE, 128),
        nn.BatchNorm1d(128, track_running_stats=False),
        nn.Softplus(),
        nn.Linear(128, 128),
        nn.BatchNorm1d(128, track_running_stats=False),
        nn.Softplus(),
        nn.Linear(128, 64),
        nn.Sigmoid(),
    )


def rows(data: Tensor, chosen: Tensor) -> Tensor:
    """Of every member the rows that are chosen for it: ``(M, N, ...)``, ``(M, B)``."""
    return data[torch.arange(len(data))[:, None], chosen]


@dataclass
class Trained:
    """What came out."""

    errors: Tensor
    """``(M,)``, share of the held-out pictures."""
    drawn: Tensor
    """Generated pictures ``(M, 16, 64)``."""
    seconds: float


def train(method: str, digits: Digits, seeds: list[int], steps: int) -> Trained:
    """Train all members by one method.

    A discriminator of K classes pays cross-entropy for what is labeled and, with a generator, for
    taking unlabeled pictures for fake and fakes for real.
    """
    judges = Ensemble(lambda: classifier(method == "minibatch discrimination"), seeds)
    makers = Ensemble(generator, seeds)
    judge, maker = (
        torch.optim.Adam(module.parameters(), lr=RATE, betas=(0.5, 0.999), fused=True)
        for module in (judges, makers)
    )
    average = MovingAverage(judges, AVERAGE)
    draws = Draws(seeds)
    torch.manual_seed(0)
    begun = time.process_time()
    for step in range(steps):
        chosen = draws.below(digits.labeled.shape[1], LABELED_BATCH)
        logits = judges(rows(digits.labeled, chosen))
        loss = by_member(supervised_loss, logits, rows(digits.labels, chosen)).sum()
        if method != "supervised only":
            real = rows(digits.unlabeled, draws.below(digits.unlabeled.shape[1], BATCH))
            fake = makers(draws.normal(BATCH, NOISE))
            loss = loss + by_member(unsupervised_loss, judges(real), judges(fake.detach())).sum()
        judge.zero_grad()
        loss.backward()
        judge.step()
        average.update(judges, step)
        if method != "supervised only":
            if method == "feature matching":
                features = judges(real, MIDDLE), judges(fake, MIDDLE)
                loss = by_member(batch_mean_matching, *features).sum()
            else:
                loss = by_member(deceive, judges(fake)).sum()
            maker.zero_grad()
            loss.backward(inputs=list(makers.parameters()))
            maker.step()
    seconds = (time.process_time() - begun) / steps
    with torch.no_grad():
        batches = digits.held_out.split(LABELED_BATCH, dim=1)
        said = torch.cat([average.module(batch).argmax(dim=2) for batch in batches], dim=1)
        drawn = makers(draws.normal(16, NOISE))
    return Trained((said != digits.truth).float().mean(dim=1), drawn, seconds)


def deceive(logits: Tensor) -> Tensor:
    """What the generator pays for fakes that are not taken for real: -E log D(G(z))."""
    return nn.functional.softplus(-real_logit(logits)).mean()


def run(options: Options) -> Outcome:
    """Train every method on all counts of labels and all seeds at once."""
    steps = options.steps(3000, 200)
    counts = [count for count in LABELS for _ in range(options.seeds)]
    seeds = list(range(options.seeds)) * len(LABELS)
    digits = split(*load(), counts, seeds)
    results: Results = {"steps": steps, "errors": {}, "seconds": {}}
    sheets: list[Image.Image] = []
    for method in METHODS:
        found = train(method, digits, seeds, steps)
        errors = found.errors.unflatten(0, (len(LABELS), -1)).tolist()
        results["errors"][method] = [[round(error, 4) for error in own] for own in errors]
        results["seconds"][method] = found.seconds
        print(f"  {method}: errors {results['errors'][method]}", flush=True)
        if method != METHODS[0]:
            sheets.append(sheet(found.drawn[len(seeds) // 2]))
    lines = {
        method: [(float(count), fmean(own)) for count, own in zip(LABELS, errors, strict=True)]
        for method, errors in results["errors"].items()
    }
    plot = curves("error", lines, ("labels", "share"), y=(0.0, 0.5))
    return Outcome(results, tile([plot, *sheets], 3), options.seeds)


def sheet(drawn: Tensor) -> Image.Image:
    """Generated digits ``(16, 64)`` in four rows, enlarged."""
    pixels = drawn.view(4, 4, 8, 8).permute(0, 2, 1, 3).reshape(32, 32)
    small = Image.fromarray((pixels * 255).byte().numpy()).convert("RGB")
    framed = Image.new("RGB", (340, 320), (255, 255, 255))
    framed.paste(small.resize((300, 300), Image.Resampling.NEAREST), (20, 10))
    return framed


def section(results: Results) -> Section:
    """The page's words."""
    errors = results["errors"]
    table = Table(
        ("method", *(f"{count} labels" for count in LABELS), "a step"),
        [
            (
                method,
                *(spread([100 * error for error in own]) + " %" for own in errors[method]),
                milliseconds(results["seconds"][method]),
            )
            for method in METHODS
        ],
        "Error on 512 pictures held out",
    )
    verdicts = []
    for method in METHODS[1:]:
        for index, count in enumerate(LABELS):
            own, plain = errors[method][index], errors[METHODS[0]][index]
            verdicts.append(
                Verdict(
                    f"with {count} labels, {method} errs less than labels alone",
                    fmean(own) < fmean(plain),
                    f"{spread([100 * error for error in own])} % against "
                    f"{spread([100 * error for error in plain])} %",
                )
            )
    matched, told = (fmean([fmean(own) for own in errors[method]]) for method in METHODS[1:])
    verdicts.append(
        Verdict(
            "feature matching errs less than minibatch discrimination (their section 6)",
            matched < told,
            f"{100 * matched:.1f} % against {100 * told:.1f} % over all counts",
        )
    )
    text = (
        "Salimans et al. 2016, arXiv 1606.03498, section 5, on scikit-learn's 8x8 digits: a "
        "discriminator of ten logits, hidden layers of 128 and 64 with noise between them, which "
        "also learns from unlabeled pictures that they are real and from fakes that they are not. "
        "Labels are as many of each class, other ones for each seed; "
        f"{results['steps']} steps of Adam at {RATE:g}; errors by the moving average of the "
        "weights. All seeds and counts of labels train at once, and the time is that of a step of "
        "all. Rate, noise and steps were chosen on drawn stand-ins for the digits, of several "
        "settings the one that helped feature matching the most, and the same for all rows. The "
        "generated pictures are of 50 labels."
    )
    return Section("Semi-supervised digits", text, [table], verdicts)
