"""Networks that measures look through, by what the command line says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pixstack.errors import WrongUse

if TYPE_CHECKING:
    from export.classifier import Pixels
    from translate.features.network import FeatureNetwork
    from translate.metrics.lpips import Lpips


def open_network(
    given: str, layer: str | None = None, pixels: str | None = None, option: str = "--features"
) -> FeatureNetwork:
    """``inception``, ``vgg`` or ``alexnet`` of torch hub's cache, or a file.

    Args:
        given: a name, a judge or weights as ``.safetensors``, weights as ``.pth``, or ``.onnx``.
        layer: of an ONNX file, the value to compare.
        pixels: of an ONNX file, the range that it reads.
        option: by which it was given, for messages.

    Raises:
        WrongUse: a layer or a range of another network than an ONNX file.
        FileNotFoundError: it is not there.
        ValueError: the file holds something else.
    """
    from stacks.judge import FORM, load_judge
    from translate.features.published import NAMES, open_published

    path = Path(given)
    if path.suffix == ".onnx":
        from export.classifier import PIXELS, OnnxClassifier

        if pixels is not None and pixels not in PIXELS:
            raise WrongUse(f"--pixels {pixels}: expected one of {', '.join(PIXELS)}")
        chosen: Pixels = pixels or "unit"  # pyright: ignore[reportAssignmentType]
        return OnnxClassifier(path, layer, chosen)
    if layer is not None or pixels is not None:
        raise WrongUse("--layer and --pixels are of classifiers in ONNX; leave them out")
    if given in NAMES:
        return open_published(given)
    if not path.is_file():
        raise FileNotFoundError(
            f"{option} {given}: no such file; expected {', '.join(NAMES)}, or a file: a judge of "
            "`pixstack judge`, weights of one of these networks, or a classifier in ONNX"
        )
    if path.suffix == ".safetensors" and form_of(path) == FORM:
        return load_judge(path)
    return open_published(path)


def open_lpips(given: str) -> Lpips:
    """LPIPS by ``alexnet`` or ``vgg`` of torch hub's cache, or by a file of their weights.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: the file holds something else.
    """
    from translate.features.published import PLANS, open_plain
    from translate.metrics.lpips import Lpips

    if given not in PLANS and not Path(given).is_file():
        raise FileNotFoundError(
            f"--lpips {given}: no such file; expected {', '.join(PLANS)}, or their weights"
        )
    return Lpips(open_plain(given))


def form_of(path: Path) -> str | None:
    """What Pixstack wrote into the header of a safetensors file, if it did."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "pt") as file:
            return (file.metadata() or {}).get("form")
    except (SafetensorError, OSError):
        return None
