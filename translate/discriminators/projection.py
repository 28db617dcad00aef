"""The projection discriminator (Miyato and Koyama 2018, arXiv 1802.05637).

Where the class is one input among others, a discriminator may learn to ignore it. Here the answer
is ``psi(phi(x)) + y V phi(x)`` (equation 3): what the picture's features say of the picture, and
how far they point where the class points. The paper's body is residual with a sum over the map;
this one has the layers of a patch discriminator, and the equation holds at each position of its
map, with ``psi`` a linear one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.nn import functional

from translate.discriminators.patch import PatchBody, PatchSpec
from translate.discriminators.registry import DISCRIMINATORS, Verdict
from translate.layers.normalization import constrain, constraint
from translate.pixels import from_network
from translate.tables import require


@DISCRIMINATORS.register("projection")
@dataclass(frozen=True)
class ProjectionSpec(PatchSpec):
    """A patch discriminator whose last ``classes`` channels are the one-hot planes of a class.

    So the class is the last view that its stage reads, but noise and strengths, with ``sees =
    "pair"``. It reads all other channels. Spectral normalization acts on the embedding too.
    """

    layers: int = 3
    """That halve: a logit sees 10 pixels a side with 1, 22 with 2, 46 with 3, 94 with 4, 190 with
    5, and one pixel with 0."""
    classes: int = field(kw_only=True)
    """How many there are: channels of the condition that tell the class."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.classes >= 2, "classes", self.classes, "2 or more")

    @property
    def receptive_field(self) -> int:
        """Side of the patch, in pixels, that one logit sees; without attention."""
        # The last layer, psi, sees one position.
        return self.reach(1)

    def build(self, reads: int) -> nn.Module:
        """The module for pictures of ``reads`` channels, the planes of the class included.

        Raises:
            TableError: no channel is left beside the classes.
        """
        allowed = f"fewer than the {reads} channels that it is shown, the last of them the classes"
        require(self.classes < reads, "classes", self.classes, allowed)
        return Projection(self, reads)


class Projection(PatchBody):
    """See `ProjectionSpec`."""

    def __init__(self, spec: ProjectionSpec, reads: int) -> None:
        super().__init__(spec, reads - spec.classes)
        self.classes, outer = spec.classes, constraint(spec.norm)
        self.leave = constrain(nn.Conv2d(self.width, 1, 1), outer)
        self.embed = constrain(nn.Conv2d(spec.classes, self.width, 1, bias=False), outer)

    def forward(self, picture: Tensor) -> Verdict:
        """``(N, reads, H, W)`` in [-1, 1] -> one map of logits ``(N, 1, H', W')``."""
        seen, planes = picture.split([picture.shape[1] - self.classes, self.classes], dim=1)
        made, features = self.describe(seen)
        # Planes are constant; where they are not, each position has the classes of its cell.
        height, width = made.shape[2:]
        classes = functional.adaptive_avg_pool2d(from_network(planes), (height, width))
        inner = (self.embed(classes) * made).sum(dim=1, keepdim=True)
        return Verdict((self.leave(made) + inner,), features)
