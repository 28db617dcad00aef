"""What happens between a picture and the discriminator."""

import pytest
import torch
from torch import Tensor

from translate.presentation import Presentation, PresentationSpec, normal_like, pack
from translate.tables import TableError, parse


def numbered(count: int, channels: int = 1, side: int = 2) -> Tensor:
    """Pictures of which each channel holds one number, counted through the batch."""
    values = torch.arange(count * channels, dtype=torch.float32)
    return values.reshape(count, channels, 1, 1).expand(-1, -1, side, side).clone()


def test_a_pack_is_neighbors_as_channels() -> None:
    packed = pack(numbered(6, channels=2), 3)
    assert packed.shape == (2, 6, 2, 2)
    # Condition and picture of each of the three stay together, m-fold.
    assert packed[:, :, 0, 0].tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    with pytest.raises(ValueError, match="a batch of 5 does not divide into packs of 2"):
        pack(numbered(5), 2)


def test_noise_falls_on_a_line_to_nothing() -> None:
    spec = PresentationSpec(noise=0.5, noise_steps=100)
    assert [spec.noise_at(step) for step in (0, 50, 100, 1000)] == [0.5, 0.25, 0.0, 0.0]
    assert PresentationSpec(noise=0.5).noise_at(1000) == 0.5
    torch.manual_seed(0)
    still = torch.zeros(4, 3, 64, 64)
    present = Presentation(spec)
    assert float(present(still, 0).std()) == pytest.approx(0.5, rel=0.02)
    assert float(present(still, 50).std()) == pytest.approx(0.25, rel=0.02)
    assert torch.equal(present(still, 100), still)
    # Of a discriminator that begins late, the noise does, too.
    late = Presentation(spec, begins=100)
    assert float(late(still, 150).std()) == pytest.approx(0.25, rel=0.02)
    assert torch.equal(late(still, 200), still)


def test_a_pool_gives_back_earlier_fakes_and_keeps_new_ones() -> None:
    torch.manual_seed(0)
    present = Presentation(PresentationSpec(pool=50))
    first = numbered(50)
    assert torch.equal(present.from_pool(first), first), "an empty pool swaps nothing"
    seen: list[float] = []
    own = 0
    for start in range(100, 1100, 50):
        fakes = numbered(50) + start
        shown = present.from_pool(fakes)
        own += int((shown == fakes).all(dim=(1, 2, 3)).sum())
        seen += shown[:, 0, 0, 0].tolist()
    # Half of a thousand draws, within four standard deviations of a fair coin.
    assert abs(own - 500) < 4 * (1000 * 0.25) ** 0.5
    assert set(seen) <= set(map(float, [*range(50), *range(100, 1100)]))
    assert len(set(seen)) == len(seen), "what is shown from the pool leaves it"


def test_a_pool_goes_into_the_checkpoint() -> None:
    one, other = (Presentation(PresentationSpec(pool=3)) for _ in range(2))
    one.from_pool(numbered(3))
    other.take_up(one.state_dict())
    torch.manual_seed(1)
    expected = one.from_pool(numbered(3) + 10)
    torch.manual_seed(1)
    assert torch.equal(other.from_pool(numbered(3) + 10), expected)
    smaller = Presentation(PresentationSpec(pool=2))
    smaller.take_up(one.state_dict())
    assert int(smaller.kept) == 0, "a pool of another size starts afresh"


@pytest.mark.parametrize("name", ["color", "translation", "cutout"])
def test_gradients_pass_through_augmentation(name: str) -> None:
    torch.manual_seed(0)
    present = Presentation(parse(PresentationSpec, {"augment": [name]}))
    shown = (torch.rand(2, 6, 16, 16) - 0.5).requires_grad_()
    presented = present(shown, 0)
    assert presented.shape == shown.shape
    assert not torch.equal(presented, shown)
    presented.square().sum().backward()
    assert shown.grad is not None
    # Of color at every pixel: nothing is clipped. The rest is moved out of sight, or cut.
    reached = float((shown.grad != 0).float().mean())
    assert reached == 1 if name == "color" else reached > 0.7
    if name == "color":
        assert torch.equal(presented[:, 3:], shown[:, 3:]), "the condition keeps its color"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"pack": 0}, "p.pack: got 0; allowed: 1 or more"),
        ({"noise": -1}, "p.noise: got -1.0; allowed: 0 or more"),
        ({"pool": -1}, "p.pool: got -1; allowed: 0 or more"),
        ({"augment": ["colour"]}, "p.augment[0]: got 'colour'; allowed: 'color', 'translation'"),
        ({"augment": ["color", "color"]}, "p.augment: got ('color', 'color'); allowed: each"),
    ],
)
def test_what_is_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(TableError) as error:
        parse(PresentationSpec, table, "p")
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_noise_is_laid_out_as_the_pictures_are(layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    pictures = torch.zeros(4, 3, 64, 64).to(memory_format=layout)
    noise = normal_like(pictures)
    assert noise.shape == pictures.shape
    assert noise.stride() == pictures.stride()
    assert float(noise.mean()) == pytest.approx(0, abs=0.02)
    assert float(noise.std()) == pytest.approx(1, rel=0.02)
    # Neighbors in any direction are drawn apart.
    for along in range(4):
        ahead, behind = (
            noise.narrow(along, 1, noise.shape[along] - 1),
            noise.narrow(along, 0, noise.shape[along] - 1),
        )
        assert float((ahead * behind).mean()) == pytest.approx(0, abs=0.03)
