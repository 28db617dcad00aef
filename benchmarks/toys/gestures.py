"""Label-conditioned DCGAN on gestures of hands: what attention, norms and sampling change."""

from __future__ import annotations

import statistics
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics.image.fid import FrechetInceptionDistance

from benchmarks.toys.hands import (
    GESTURES,
    SIDE,
    Classifier,
    Hands,
    accuracy,
    read_hands,
    train_classifier,
    variety,
)
from benchmarks.toys.page import Options, Outcome, Results, Section, Table, Verdict, spread
from translate.discriminators.dcgan import DCGANSpec as DiscriminatorSpec
from translate.generators.dcgan import DCGANSpec as GeneratorSpec
from translate.layers.virtual_batch import reference
from translate.objective import ObjectiveSpec
from translate.optim import Side
from translate.step import Case, Settings, discriminator_step, generator_step

NOISE, BATCH = 64, 32


@dataclass(frozen=True)
class Variant:
    """A pair of networks; as published but for what it names."""

    generator: GeneratorSpec = field(default_factory=lambda: GeneratorSpec(SIDE, 128))
    discriminator: DiscriminatorSpec = field(default_factory=lambda: DiscriminatorSpec(SIDE, 128))


def generator(**changes: object) -> GeneratorSpec:
    """The published generator, narrow, with changes."""
    return GeneratorSpec(**{"size": SIDE, "channels": 128, **changes})  # type: ignore[arg-type]


def discriminator(**changes: object) -> DiscriminatorSpec:
    """The published discriminator, narrow, with changes."""
    return DiscriminatorSpec(**{"size": SIDE, "channels": 128, **changes})  # type: ignore[arg-type]


VARIANTS: dict[str, Variant] = {
    "as published": Variant(),
    "attention at 16x16 in both": Variant(
        generator(attention=(16,)), discriminator(attention=(16,))
    ),
    "virtual batch norm in the generator": Variant(generator(norm="virtual")),
    "average pooling": Variant(discriminator=discriminator(down="average")),
    "max pooling": Variant(discriminator=discriminator(down="max")),
    "nearest + convolution": Variant(generator(up="nearest")),
    "bilinear + convolution": Variant(generator(up="bilinear")),
    "pixel shuffle": Variant(generator(up="shuffle")),
    "spectral norm in the discriminator": Variant(discriminator=discriminator(norm="spectral")),
    "spectral norm in both": Variant(generator(spectral=True), discriminator(norm="spectral")),
}


def condition(gestures: Tensor) -> Tensor:
    """Gestures as one-hot channels of 1x1: ``(N, 10, 1, 1)``."""
    return functional.one_hot(gestures, GESTURES).float()[:, :, None, None]


def drawn(gestures: Tensor) -> Tensor:
    """Noise and gestures, as a generator reads them: ``(N, 74, 1, 1)``."""
    return torch.cat([torch.randn(len(gestures), NOISE, 1, 1), condition(gestures)], dim=1)


def train(variant: Variant, hands: Hands, steps: int, seed: int) -> tuple[nn.Module, float]:
    """The trained generator, and seconds a step."""
    torch.manual_seed(seed)
    made = variant.generator.build(NOISE + GESTURES, 3)
    judge = variant.discriminator.build(3 + GESTURES)
    sides = [Side("adam", 2e-4, (0.5, 0.999)).build(net.parameters()) for net in (made, judge)]
    objective = ObjectiveSpec("non-saturating", generator={})
    settings = Settings(nullcontext, lambda _: None)
    kept = drawn(torch.arange(BATCH) % GESTURES)
    started = time.process_time()
    for step in range(steps):
        chosen = torch.randint(len(hands.pictures), (BATCH,))
        gestures = hands.gestures[chosen]
        planes = condition(gestures).expand(-1, -1, SIDE, SIDE)
        virtual = variant.generator.norm == "virtual"
        fixed: AbstractContextManager[None] = reference(made, kept) if virtual else nullcontext()
        with fixed:
            fake = made(drawn(gestures))
        case = Case(
            "gestures",
            fake / 2 + 0.5,
            hands.pictures[chosen] / 2 + 0.5,
            objective.generator_terms(adversarial=True),
            objective.discriminator_terms(),
            judge,
            lambda picture, planes=planes: torch.cat([picture * 2 - 1, planes], dim=1),
            compares=objective.compares,
        )
        discriminator_step([case], sides[1], step, settings)
        generator_step([case], sides[0], step, settings)
    return made.eval(), (time.process_time() - started) / steps


@torch.no_grad()
def measure(made: nn.Module, classifier: Classifier, real: Hands) -> dict[str, float]:
    """How a generator does on a thousand pictures."""
    torch.manual_seed(1)
    gestures = torch.arange(1000) % GESTURES
    fakes = Hands(torch.cat([made(drawn(part)) for part in gestures.split(100)]), gestures)
    distance = FrechetInceptionDistance(feature=classifier, normalize=True)
    distance.update(real.pictures, real=True)
    distance.update(fakes.pictures, real=False)
    return {
        "accuracy": accuracy(classifier, fakes.pictures, gestures),
        "frechet": float(distance.compute()),
        "variety": variety(classifier, fakes) / variety(classifier, real),
    }


def run(options: Options) -> Outcome:
    """Measure; the classifier is trained first, and judges on held-out people what it can."""
    learned, held_out = read_hands()
    classifier = train_classifier(learned, options.steps(2000, 200))
    steps = options.steps(3000, 30)
    found: Results = {}
    rows: list[Tensor] = []
    for name, variant in VARIANTS.items():
        scores: dict[str, list[float]] = {}
        for seed in range(options.seeds):
            made, seconds = train(variant, learned, steps, seed)
            for key, value in (measure(made, classifier, learned) | {"seconds": seconds}).items():
                scores.setdefault(key, []).append(value)
            if seed == 0:
                torch.manual_seed(2)
                with torch.no_grad():
                    rows.append(made(drawn(torch.arange(2 * GESTURES) % GESTURES)))
        found[name] = scores
        print(f"  {name}: {statistics.fmean(scores['accuracy']):.3f}", flush=True)
    ceiling = accuracy(classifier, held_out.pictures, held_out.gestures)
    results: Results = {"steps": steps, "classifier": ceiling, "variants": found}
    return Outcome(results, sheet(rows), options.seeds)


def sheet(rows: list[Tensor]) -> Image.Image:
    """A row of samples a variant, twice their size."""
    lines = [torch.cat(list(row), dim=2) for row in rows]
    pixels = ((torch.cat(lines, dim=1).clamp(-1, 1) + 1) * 127.5).round().byte()
    image = Image.fromarray(pixels.permute(1, 2, 0).numpy())
    return image.resize((image.width * 2, image.height * 2), Image.Resampling.NEAREST)


def section(results: Results) -> Section:
    """The page's words."""
    found = results["variants"]
    rows = [
        (
            name,
            spread([100 * share for share in one["accuracy"]]) + " %",
            spread(one["frechet"], 2),
            spread(one["variety"], 2),
            f"{statistics.fmean(one['seconds']) * 1000:.0f} ms",
        )
        for name, one in found.items()
    ]
    columns = ("variant", "gesture found", "Frechet distance", "variety over real", "a step")
    plain = statistics.fmean(found["as published"]["frechet"])
    both = statistics.fmean(found["spectral norm in both"]["frechet"])
    attention = statistics.fmean(found["attention at 16x16 in both"]["frechet"])
    verdicts = [
        Verdict(
            "self-attention in both networks lowers the Frechet distance (Zhang et al. 2019, "
            "arXiv 1805.08318, table 1)",
            attention < plain,
            f"{attention:.2f} against {plain:.2f}",
        ),
        Verdict(
            "spectral normalization in both networks lowers it (section 4 and figure 3 there)",
            both < plain,
            f"{both:.2f} against {plain:.2f}",
        ),
    ]
    text = (
        "DCGAN (Radford et al. 2016, arXiv 1511.06434) of 128 channels at 32x32, conditioned on "
        "the gesture by one-hot planes on both inputs (Mirza and Osindero 2014), non-saturating, "
        f"Adam at 2e-4, batches of {BATCH}, {results['steps']} steps. A small classifier trained "
        f"on real pictures (it finds {100 * results['classifier']:.1f} % of the gestures of people "
        "it never saw) tells how often the asked gesture is found among a thousand samples; the "
        "Frechet distance is of its 64 features, between samples and training pictures; variety is "
        "the mean distance of these features within a gesture, over that of the real ones. The "
        "picture has a row of samples a variant, in the order of the table. Seeds train one after "
        "the other, and the time is the mean of theirs. Pictures: sign-language digits (Mavi 2020, "
        "Apache-2.0)."
    )
    return Section("Gestures", text, [Table(columns, rows)], verdicts)
