"""What `pixstack eval` measures beside every picture's own numbers, where it is asked to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixstack.errors import WrongUse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stacks.evaluate import Observe
    from translate.layouts import Reading

    Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Wanted:
    """Options of the command.

    features, layer, pixels: a network for measures of sets. lpips: ``alexnet``, ``vgg`` or a file
    of one of them. ms_ssim: whether to measure it. labeler: an ONNX file that labels pictures.
    """

    features: str | None = None
    layer: str | None = None
    pixels: str | None = None
    lpips: str | None = None
    ms_ssim: bool = False
    labeler: str | None = None


@dataclass
class Further:
    """Measures of single pictures and of all of them.

    parts: what looks at each picture. networks: of those that measure single pictures. reports:
    what is told at the end, by its key in the result.
    """

    parts: list[Observe] = field(default_factory=list)
    networks: dict[str, Any] = field(default_factory=dict)
    reports: dict[str, Any] = field(default_factory=dict)

    def observe(
        self, views: Mapping[str, Any], result: Picture, target: Picture
    ) -> dict[str, float]:
        """See a picture; its further measures."""
        measures: dict[str, float] = {}
        for part in self.parts:
            measures |= part(views, result, target)
        return measures

    def result(self) -> dict[str, Any]:
        """Further keys of the printed result; none where nothing further was asked for."""
        told = {name: part.report() for name, part in self.reports.items()}
        return ({"networks": self.networks} if self.networks else {}) | told


def open_further(wanted: Wanted, reading: Reading) -> Further:
    """Open every network at once, so that a missing file is told before anything is measured.

    Raises:
        WrongUse: options that do not go together.
        FileNotFoundError, ValueError: a network is not there or is something else.
    """
    further = Further()
    if wanted.ms_ssim:
        further.parts.append(ms_ssim_y)
    if wanted.lpips is not None:
        from pixstack.networks import open_lpips

        lpips = open_lpips(wanted.lpips)
        further.networks["lpips"] = lpips.describe()
        further.parts.append(lpips_of(lpips))
    if wanted.features is not None:
        from pixstack.networks import open_network
        from stacks.distribution import Distribution

        network = open_network(wanted.features, wanted.layer, wanted.pixels)
        further.reports["distribution"] = distribution = Distribution(network)
        further.parts.append(distribution.observe)
    elif wanted.layer is not None or wanted.pixels is not None:
        raise WrongUse("--layer and --pixels are of --features FILE.onnx; give it too")
    if wanted.labeler is not None:
        further.reports["label_recovery"] = labels = Labels(wanted.labeler, reading)
        further.parts.append(labels.observe)
    return further


def ms_ssim_y(views: Mapping[str, Any], result: Picture, target: Picture) -> dict[str, float]:
    """On luma, rounded to 8 bits as the other measures are."""
    from translate.metrics import luma, ms_ssim
    from translate.pixels import to_bytes

    return {"ms_ssim_y": ms_ssim(luma(to_bytes(result)), luma(to_bytes(target)))}


def lpips_of(lpips: Any) -> Observe:
    """The distance of each picture."""
    from translate.pixels import to_batch, to_bytes, to_floats

    def observe(views: Mapping[str, Any], result: Picture, target: Picture) -> dict[str, float]:
        given, expected = (to_batch([to_floats(to_bytes(one))]) for one in (result, target))
        return {"lpips": float(lpips(given, expected))}

    return observe


class Labels:
    """Label recovery: a file that labels pictures, on results and, as the bound, on targets."""

    def __init__(self, labeler: str, reading: Reading) -> None:
        from export.runtime.translator import Translator
        from pixstack.shelf import find_model
        from translate.features.weights import fingerprint
        from translate.metrics.recovery import Recovery

        path: Path = find_model(labeler)
        self.translator = Translator(path)
        manifest = self.translator.manifest
        source = reading.parsed["source"]
        written = [output for output in manifest.outputs if output.family == "labels"]
        if manifest.picture is None or manifest.picture.family == "labels" or not written:
            raise ValueError(f"{labeler}: does not label pictures; it is a {manifest.task} model")
        if source.family != "labels" or str(source) != written[0].kind:
            raise WrongUse(
                f"--labeler {labeler}: writes {written[0].kind}, but the model measured reads "
                f"{source}; recovery holds what is found against what was read"
            )
        self.input, self.output = manifest.picture.name, written[0].name
        self.network = {"name": manifest.name, "weights": fingerprint(path)}
        self.sides = {"results": Recovery(source.count), "targets": Recovery(source.count)}

    def observe(
        self, views: Mapping[str, Any], result: Picture, target: Picture
    ) -> dict[str, float]:
        """Label both pictures; of one picture nothing is told."""
        import torch

        truth = torch.as_tensor(views["source"]).long().squeeze(-1)
        for name, picture in (("results", result), ("targets", target)):
            found = self.translator.run({self.input: picture}, outputs=[self.output])[self.output]
            ids = torch.as_tensor(found.astype("int64")).reshape(found.shape[:2])
            self.sides[name].add(ids, truth)
        return {}

    def report(self) -> dict[str, Any]:
        """Of results, and of the targets themselves: no result does better but by chance."""
        return {"network": self.network} | {
            name: recovery.measures() for name, recovery in self.sides.items()
        }
