"""What a model reads of an upload or a drawing."""

import numpy as np
import pytest

from export.manifest import Input, Manifest, Output
from export.runtime.images import Picture
from pixstack.web.sources import largest_size, reduced


def test_what_is_hidden_does_not_bleed_into_a_smaller_picture() -> None:
    pixels, alpha = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.uint8)
    pixels[:, 13:], alpha[:, 13:] = 255, 255
    small = reduced(Picture(pixels, alpha), (10, 10), of_labels=False)
    assert small.alpha is not None
    assert 0 < small.alpha[5, 3] < 255
    # White wherever anything is seen, though black lies beside it.
    assert (small.pixels[small.alpha > 8] >= 250).all()


@pytest.mark.parametrize(
    ("given", "least", "size"),
    [((100, 100), 1, (50, 50)), ((4, 5000), 4, (4, 625)), ((5000, 4), 4, (625, 4)),
     ((3, 9000), 4, (3, 833)), ((40, 60), 4, (40, 60))],
)  # fmt: skip
def test_a_strip_stays_as_wide_as_the_model_needs(
    given: tuple[int, int], least: int, size: tuple[int, int]
) -> None:
    manifest = Manifest(
        name="whole", task="photo", inputs=(Input("source", "rgb"),),
        outputs=(Output("target", "rgb"),), tiling="whole", max_pixels=2500, min_size=least,
    )  # fmt: skip
    assert largest_size(manifest, *given) == size
