"""`pixstack run`: formats and qualities of what it writes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.doors.conftest import Answer
from tests.doors.translations import write_dream

Call = Callable[..., Answer]
LUMINANCE = 0


def quantized(path: Path) -> int:
    """How coarsely a JPEG file keeps brightness, in all."""
    with Image.open(path) as image:
        assert image.format == "JPEG"
        return sum(image.quantization[LUMINANCE])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("form", "name"), [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP"), ("tif", "TIFF")]
)
def test_a_folder_of_any_format(
    pixstack: Call, photo: Path, tmp_path: Path, form: str, name: str
) -> None:
    answer = pixstack("run", "photo-sr", photo, "-o", tmp_path / "out" / "", "--format", form)
    assert answer.code == 2  # one picture needs the name of a file, or a folder that is there
    (tmp_path / "out").mkdir()
    assert pixstack("run", "photo-sr", photo, "-o", tmp_path / "out", "--format", form).code == 0
    with Image.open(tmp_path / "out" / f"{photo.stem}.{form}") as image:
        assert (image.format, image.size) == (name, (240, 160))


def test_a_lower_quality_keeps_less(pixstack: Call, photo: Path, tmp_path: Path) -> None:
    coarse, usual, fine = (tmp_path / f"{name}.jpg" for name in ("coarse", "usual", "fine"))
    for path, options in ((coarse, ("40",)), (usual, ()), (fine, ("100",))):
        told = [word for quality in options for word in ("--quality", quality)]
        assert pixstack("run", "photo-sr", photo, "-o", path, *told).code == 0
    assert quantized(coarse) > quantized(usual) > quantized(fine) == 64


def test_a_file_that_is_named_otherwise(pixstack: Call, photo: Path, tmp_path: Path) -> None:
    answer = pixstack("run", "photo-sr", photo, "-o", tmp_path / "a.png", "--format", "jpg")
    assert answer.code == 2
    assert f"--format jpg: the file {tmp_path / 'a.png'} is named otherwise" in answer.err
    same = tmp_path / "a.JPEG"
    assert pixstack("run", "photo-sr", photo, "-o", same, "--format", "jpg").code == 0
    assert same.is_file()


def test_drawings_of_seeds_take_the_format_too(pixstack: Call, tmp_path: Path) -> None:
    write_dream(tmp_path / "dream.onnx")
    answer = pixstack(
        "run",
        tmp_path / "dream.onnx",
        "-o",
        tmp_path / "out",
        "--count",
        "2",
        "--format",
        "jpg",
        "--quality",
        "50",
    )
    assert answer.code == 0, answer.err
    first, second = sorted((tmp_path / "out").iterdir())
    assert (first.name, second.name) == ("0.jpg", "1.jpg")
    assert quantized(first) > 64
