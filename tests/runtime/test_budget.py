"""Tiles take as much memory as their halos need, and no more than there is."""

from pathlib import Path

import pytest

from export.runtime import Translator, budget

MODELS = Path(__file__).parents[2] / "models"
MEGABYTE = 2**20


@pytest.fixture(scope="module")
def denoiser() -> Translator:
    """An output pixel depends on 128 around it."""
    return Translator(MODELS / "photo-denoise.onnx", providers="cpu", threads=1)


@pytest.mark.parametrize(("free", "amounts"), [
    (100, [64]), (512, [128]), (2048, [256, 512]), (6000, [256, 512, 1024, 1500]),
    (10**6, [256, 512, 1024, 2048]), (None, [256, 512, 1024, 2048]),
])  # fmt: skip
def test_from_little_up_to_a_quarter_of_what_is_free(
    free: int | None, amounts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "_free", lambda: free and free * MEGABYTE)
    assert budget.amounts("auto") == [amount * MEGABYTE for amount in amounts]
    assert budget.amounts(5) == [5]


def test_a_far_halo_is_given_larger_tiles(
    denoiser: Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "_free", lambda: 2**34)
    assert denoiser.plan(1080, 1920).overhead < 0.2
    # Where the most is too little, the most is taken all the same.
    assert 0.2 < denoiser.plan(3000, 4000).overhead < 0.3
    monkeypatch.setattr(budget, "_free", lambda: 2**30)
    height, width = denoiser.plan(1080, 1920).tile_size
    assert height * width * denoiser._cost() <= 2**28


def test_a_near_halo_keeps_tiles_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "_free", lambda: 2**34)
    enlarger = Translator(MODELS / "photo-sr.onnx", providers="cpu", threads=1)
    plan = enlarger.plan(1080, 1920)
    height, width = plan.tile_size
    assert plan.overhead < 0.2
    assert height * width * enlarger._cost() <= 2**28
