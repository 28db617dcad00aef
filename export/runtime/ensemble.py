"""The mean of what a model makes of a picture in each of the positions that it learned from.

A network that was shown every photograph turned and mirrored as well answers a little otherwise in
each of these positions, and where the answers differ they are mostly wrong: their mean lies nearer
to the truth than any of them (the self-ensemble of Lim et al. 2017, arXiv 1707.02921, section 4.3).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from export.manifest import Manifest
from export.runtime.errors import InputError
from export.runtime.feeds import scaled
from export.runtime.tiles import Box

Run = Callable[[Mapping[str, np.ndarray], bool], list[np.ndarray]]
"""Tensors by name, and whether memory is given back after it -> a network's outputs."""

# What has a left and a right of its own, or is no amount that could be averaged.
_FIRM_INPUTS = ("angle", "keypoints")
_FIRM_OUTPUTS = ("angle", "class", "keypoints", "labels")
# The sides that training finds in names (`translate.sides`).
SIDE = re.compile(
    r"(?<![A-Za-z])(?:left|right)(?![a-z])"
    r"|(?<![A-Za-z])(?:LEFT|RIGHT)(?![A-Za-z])"
    r"|(?:Left|Right)(?![a-z])"
)


@dataclass(frozen=True)
class Position:
    """Of a picture: quarter turns, and whether it is mirrored after them."""

    turns: int
    mirrored: bool

    def taken(self, tensor: np.ndarray) -> np.ndarray:
        """A picture ``(N, C, H, W)`` in this position; what is no picture stays as it is."""
        if tensor.ndim != 4:
            return tensor
        turned = np.rot90(tensor, self.turns, (2, 3))
        return np.ascontiguousarray(turned[..., ::-1] if self.mirrored else turned)

    def left(self, tensor: np.ndarray) -> np.ndarray:
        """A picture that is in this position, upright again."""
        if tensor.ndim != 4:
            return tensor
        return np.rot90(tensor[..., ::-1] if self.mirrored else tensor, -self.turns, (2, 3))


@dataclass(frozen=True)
class Ensemble:
    """Runs a network in several positions of its pictures.

    scales: of inputs and outputs by name, on the first picture's grid.
    multiple: sides of windows are brought to it before they are moved, so that a tile lies on the
        network's grid as the whole picture does, in each position.
    """

    positions: tuple[Position, ...]
    scales: Mapping[str, float]
    multiple: int

    @staticmethod
    def of(manifest: Manifest) -> Ensemble:
        """The positions that a model learned from, as its recipe says: two, four or eight.

        Raises InputError where it learned from upright pictures alone, or where what it reads or
        writes cannot be moved or averaged.
        """
        for port in manifest.inputs:
            if port.family in _FIRM_INPUTS:
                raise _none(
                    manifest, f"{port.name!r} ({port.family}) would not turn with a picture"
                )
            if sided := next((name for name in port.names or () if SIDE.search(name)), ""):
                raise _none(
                    manifest, f"a mirrored picture has no {sided!r} where {port.name!r} does"
                )
        for port in manifest.outputs:
            if port.family in _FIRM_OUTPUTS:
                raise _none(manifest, f"of {port.name!r} ({port.family}) there is no mean")
        if manifest.picture is None:
            raise _none(manifest, "it reads no picture")
        try:
            augment = tomllib.loads(manifest.recipe).get("augment")
        except (ValueError, RecursionError):
            # The recipe may be anybody's.
            augment = None
        known = augment if isinstance(augment, dict) else {}
        # A frame that pictures are fitted into lies on its side once it is turned.
        frame = manifest.fixed_size if manifest.tiling == "fixed" else None
        turns = known.get("turn") is True and (frame is None or frame[0] == frame[1])
        found = tuple(
            Position(turn, mirrored)
            # Upside down first: a network sees pictures of two shapes, and changes once.
            for turn in ((0, 2, 1, 3) if turns else (0,))
            for mirrored in ((False, True) if known.get("flip") is True else (False,))
        )
        if len(found) == 1:
            raise _none(manifest, "its recipe names no turns or mirror images that it learned from")
        scales = {port.name: port.scale for port in (*manifest.inputs, *manifest.outputs)}
        return Ensemble(found, scales, manifest.size_multiple if manifest.tiling == "exact" else 1)

    def __call__(
        self,
        run: Run,
        tensors: Mapping[str, np.ndarray],
        names: Sequence[str],
        window: Box,
        empties: bool,
    ) -> list[np.ndarray]:
        """The mean of a network's outputs over the positions.

        tensors: pictures ``(1, C, h, w)`` of the window are moved; others are the same in all.
        names: of the outputs that `run` gives.
        empties: whether memory is given back after the last run.
        """
        more = (-window.height % self.multiple, -window.width % self.multiple)
        whole = {
            name: _mirrored_beyond(tensor, [int(side * self.scales[name]) for side in more])
            for name, tensor in tensors.items()
        }
        total: list[np.ndarray] = []
        for position in self.positions:
            moved = {name: position.taken(tensor) for name, tensor in whole.items()}
            made = run(moved, empties and position == self.positions[-1])
            upright = [position.left(tensor) for tensor in made]
            if not total:
                total = upright
                continue
            for sums, one in zip(total, upright, strict=True):
                sums += one
            # Outputs are large: these are gone before the next ones are computed.
            del made, upright, one
        for sums in total:
            sums /= len(self.positions)
        if not any(more):
            return total
        # Of what is tiled exactly, every output is a picture.
        return [
            sums[:, :, : scaled(window.height, scale), : scaled(window.width, scale)]
            for sums, scale in zip(total, (self.scales[name] for name in names), strict=True)
        ]


def _none(manifest: Manifest, why: str) -> InputError:
    """A model has no self-ensemble."""
    return InputError(f"{manifest.name} has no self-ensemble: {why}")


def _mirrored_beyond(tensor: np.ndarray, more: Sequence[int]) -> np.ndarray:
    """A picture with so many more rows and columns, mirrored at its end as graphs do."""
    if tensor.ndim != 4 or not any(more):
        return tensor
    return np.pad(tensor, [(0, 0), (0, 0), *((0, side) for side in more)], "symmetric")
