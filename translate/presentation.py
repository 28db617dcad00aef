"""How pictures are presented to a discriminator: packed, noisy, augmented, from a pool, apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from translate.diffaugment import AUGMENTATIONS, color
from translate.tables import require

Augmentation = Literal["color", "translation", "cutout"]


@dataclass(frozen=True)
class PresentationSpec:
    """What happens between a picture and the discriminator, to real and fake alike but the pool."""

    pack: int = 1
    """Pictures judged together, as channels of one (PacGAN, Lin et al. 2018, arXiv 1712.04086)."""
    noise: float = 0.0
    """Sigma of Gaussian noise added to what is shown, the condition included, on the network's
    range of [-1, 1] (instance noise, Sonderby et al. 2017, arXiv 1610.04490, section 3.2; Arjovsky
    and Bottou 2017)."""
    noise_steps: int = 0
    """Steps over which the noise falls to 0 on a line; 0 keeps it."""
    augment: tuple[Augmentation, ...] = ()
    """Differentiable augmentation (Zhao et al. 2020, arXiv 2006.10738, section 3.1)."""
    pool: int = 0
    """Fakes kept from earlier steps; half of those shown to the discriminator are drawn from them
    (Shrivastava et al. 2017, arXiv 1612.07828, section 2.3)."""
    apart: bool = False
    """Real and fake go through the discriminator as two batches, not as one: their statistics do
    not mix where it normalizes over the batch. Always so where the discriminator has a
    ``diversity``."""

    def __post_init__(self) -> None:
        require(self.pack >= 1, "pack", self.pack, "1 or more")
        require(self.noise >= 0, "noise", self.noise, "0 or more")
        require(self.noise_steps >= 0, "noise_steps", self.noise_steps, "0 or more")
        require(self.pool >= 0, "pool", self.pool, "0 or more")
        once = len(set(self.augment)) == len(self.augment)
        require(once, "augment", self.augment, "each augmentation once")

    def noise_at(self, step: int) -> float:
        """Sigma after so many steps of the discriminator."""
        if not self.noise_steps:
            return self.noise
        return self.noise * max(0.0, 1 - step / self.noise_steps)


def random_state(device: torch.device) -> tuple[Tensor, ...]:
    """Where torch's own generators stand: that of the host, and that of the device."""
    host = torch.get_rng_state()
    return (host, torch.cuda.get_rng_state(device)) if device.type == "cuda" else (host,)


def set_random_state(state: tuple[Tensor, ...], device: torch.device) -> None:
    """Let them draw again what they drew from there on."""
    torch.set_rng_state(state[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state[1], device)


def normal_like(shown: Tensor) -> Tensor:
    """Standard normal noise of the shape of pictures ``(N, C, H, W)``, laid out as they are."""
    if not shown.is_contiguous(memory_format=torch.channels_last):
        return torch.randn_like(shown)
    # Drawn in the order of memory, which on the CPU is five times as fast as against it.
    return torch.randn_like(shown.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def pack(shown: Tensor, together: int) -> Tensor:
    """Neighbours of a batch as channels of one: ``(N, C, H, W)`` -> ``(N / m, m C, H, W)``.

    Raises:
        ValueError: the batch does not divide by ``together``.
    """
    if together == 1:
        return shown
    count, channels, height, width = shown.shape
    if count % together:
        raise ValueError(f"a batch of {count} does not divide into packs of {together}")
    return shown.reshape(count // together, together * channels, height, width)


class Presentation(nn.Module):
    """A spec at work for one discriminator; its buffers go into the checkpoint.

    All randomness is drawn from torch's own generators, which the training loop sets at every step.

    Args:
        spec: how pictures are presented.
        begins: the step of the run at which the discriminator begins to learn; its noise falls from
            there.
    """

    pool: Tensor
    kept: Tensor

    def __init__(self, spec: PresentationSpec, begins: int = 0) -> None:
        super().__init__()
        self.spec, self.begins = spec, begins
        self.register_buffer("pool", torch.zeros(spec.pool, 0))
        self.register_buffer("kept", torch.zeros((), dtype=torch.long))
        # The same on the host: to ask a GPU would wait for it, for each picture of each step.
        self.filled = 0

    def forward(self, shown: Tensor, step: int) -> Tensor:
        """What is shown, as the discriminator takes it.

        Args:
            shown: picture and condition ``(N, C, H, W)``, the picture's channels first; in
                [-1, 1], a band over its low-pass picture in [-4, 4].
            step: of the run.
        """
        for name in self.spec.augment:
            if name == "color":
                # Conditions keep their color: they are given, not judged.
                shown = torch.cat([color(shown[:, :3]), shown[:, 3:]], dim=1)
            else:
                shown = AUGMENTATIONS[name](shown)
        sigma = self.spec.noise_at(step - self.begins)
        if sigma:
            shown = shown + sigma * normal_like(shown)
        return pack(shown, self.spec.pack)

    @torch.no_grad()
    def from_pool(self, shown: Tensor) -> Tensor:
        """Fakes of which about half are swapped for earlier ones; the new ones are kept."""
        if not self.spec.pool:
            return shown
        if self.pool.shape[1:] != shown.shape[1:]:
            self.pool = shown.new_zeros(self.spec.pool, *shown.shape[1:])
            self.kept.zero_()
            self.filled = 0
        drawn = shown.clone()
        for index, fake in enumerate(shown):
            if self.filled < self.spec.pool:
                self.pool[self.filled] = fake
                self.filled += 1
                self.kept += 1
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(self.spec.pool, ()))
                drawn[index] = self.pool[place]
                self.pool[place] = fake
        return drawn

    def take_up(self, state: Mapping[str, Tensor]) -> None:
        """The pool of a checkpoint; nothing where the pool has another size now."""
        pool, kept = state.get("pool"), state.get("kept")
        if pool is not None and kept is not None and len(pool) == self.spec.pool:
            self.pool = pool.to(self.pool.device, copy=True)
            self.kept = kept.to(self.kept.device, copy=True)
            self.filled = int(kept)
