"""Several devices at one batch: what each computes of its share adds up to what one would of all.

Every device holds every ``devices``-th item of a batch (`Sampler`). Modules stay raw, as wrapped
ones break ``torch.autograd.grad``; what belongs to the whole batch is exchanged here:

- gradients are averaged after each backward, in a few large buckets;
- means of logits (relativistic averages), spreads of pictures (DRAGAN) and the statistics of batch
  normalization are of all items, and gradients pass through the exchange;
- numbers that are drawn for the items of a batch are drawn for all of it, and each device takes its
  own, so that a penalty's points or dropout are those of a single device.

What looks at items side by side in another way (minibatch discrimination and deviation, packing, a
pool of fakes, mean features, overlaps of labels, updates that are looked ahead) sees those of its
device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, distributed, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from translate.batches import Sampler
from translate.pairs import DataError

BUCKET = 2**25
"""Bytes of gradients that travel together."""


def share_batches(
    fabric: Fabric,
    samplers: Sequence[Sampler],
    keys: Sequence[str],
    packs: Sequence[Mapping[str, int]],
) -> None:
    """Give each device its items of every batch, so that their number changes no batch.

    Args:
        fabric: of the devices.
        samplers: of the phases.
        keys: where the recipe says the batch of each phase.
        packs: of each phase, how many pictures are judged together, by stage; they lie on one
            device.

    Raises:
        DataError: a batch does not divide among the devices, or a device's share into packs.
    """
    for sampler, key, together in zip(samplers, keys, packs, strict=True):
        if sampler.batch % fabric.world_size:
            raise DataError(
                f"{key}: got {sampler.batch}; must be a multiple of the {fabric.world_size} devices"
            )
        share = sampler.batch // fabric.world_size
        for stage, pack in together.items():
            if share % pack:
                raise DataError(
                    f"{key}: got {sampler.batch}, {share} on each of {fabric.world_size} devices; "
                    "must be a multiple of "
                    f"{pack * fabric.world_size}, as stage {stage!r} packs {pack} pictures of one "
                    "device"
                )
        sampler.device, sampler.devices = fabric.global_rank, fabric.world_size


def average_gradients(fabric: Fabric, parameters: Sequence[nn.Parameter]) -> None:
    """Mean of the gradients over the devices; nothing to do on one."""
    if fabric.world_size == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    travelling = []
    for bucket in buckets(gradients):
        flat = torch.cat([gradient.reshape(-1) for gradient in bucket])
        # One bucket is on its way while the next is packed.
        travelling.append((bucket, flat, distributed.all_reduce(flat, async_op=True)))
    for bucket, flat, work in travelling:
        cast(Any, work).wait()
        parts = (flat / fabric.world_size).split([gradient.numel() for gradient in bucket])
        for gradient, part in zip(bucket, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))


def buckets(gradients: Iterable[Tensor]) -> list[list[Tensor]]:
    """Neighbors of one type, up to `BUCKET` bytes at a time."""
    found: list[list[Tensor]] = []
    room = 0
    for gradient in gradients:
        if gradient.nbytes > room or found[-1][0].dtype != gradient.dtype:
            found.append([])
            room = BUCKET
        found[-1].append(gradient)
        room -= gradient.nbytes
    return found


def gathered(fabric: Fabric, tensor: Tensor) -> Tensor:
    """``(...)`` of each device -> ``(devices, ...)``; gradients reach all of them."""
    return cast(Tensor, fabric.all_gather(tensor, sync_grads=True))


def mean_over_devices(fabric: Fabric, values: Tensor) -> Tensor:
    """Mean of the values of all devices, which hold equally many; gradients reach all of them."""
    mean = values.mean()
    return mean if fabric.world_size == 1 else gathered(fabric, mean).mean()


def shared_values(fabric: Fabric, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Means over the devices of what is logged, so that each knows of a term that diverges."""
    if fabric.world_size == 1 or not values:
        return dict(values)
    stacked = torch.stack([value.detach().float() for value in values.values()])
    means = cast(Tensor, fabric.all_reduce(stacked, reduce_op="mean"))
    return dict(zip(values, means, strict=True))


def whole_batch(fabric: Fabric, items: int) -> AbstractContextManager[object]:
    """Inside, draws and batch statistics are of the batch that the devices share.

    Args:
        fabric: of the devices.
        items: that each of them holds.
    """
    return nullcontext() if fabric.world_size == 1 else WholeBatch(fabric, items)


class WholeBatch(TorchFunctionMode):
    """What a network asks of torch for its items, answered for those of all devices."""

    def __init__(self, fabric: Fabric, items: int) -> None:
        super().__init__()
        self.fabric = fabric
        self.items = items

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if func in (torch.rand, torch.randn):
            return self.drawn(func, args, given)
        if func is torch.randint:
            *bounds, shape = args

            def draw(shape: Sequence[int], **given: Any) -> Tensor:
                return cast(Any, torch.randint)(*bounds, shape, **given)

            return self.drawn(draw, [shape], given)
        if func in (torch.rand_like, torch.randn_like) and self.of_items(args[0].shape):
            return self.own(func(self.widened(args[0]), *args[1:], **given))
        if func is functional.dropout:
            return self.dropped(*args, **given)
        if func is functional.batch_norm:
            return self.normalized(*args, **given)
        return func(*args, **given)

    def of_items(self, shape: Sequence[int]) -> bool:
        """Whether the rows are the items of the batch, once or, as real and fake, several times."""
        return len(shape) > 0 and shape[0] > 0 and shape[0] % self.items == 0

    def own(self, rows: Tensor) -> Tensor:
        """The rows of this device, which are dealt as items are."""
        return rows[self.fabric.global_rank :: self.fabric.world_size]

    def widened(self, tensor: Tensor) -> Tensor:
        """As many rows as all devices have; the order in memory, in which is drawn, stays."""
        return torch.cat([tensor.detach()] * self.fabric.world_size)

    def drawn(self, draw: Callable[..., Tensor], args: Sequence[Any], given: Any) -> Tensor:
        """Of a shape that is given as one argument or as several."""
        together = len(args) == 1 and not isinstance(args[0], int)
        shape: tuple[int, ...] = tuple(cast(Any, args[0])) if together else tuple(args)
        if not shape or not self.of_items(shape):
            return draw(*args, **given)
        return self.own(draw((shape[0] * self.fabric.world_size, *shape[1:]), **given))

    def dropped(
        self, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Tensor:
        """Dropout by this device's rows of the mask of all."""
        if not training or not self.of_items(input.shape):
            return functional.dropout(input, p, training, inplace)
        mask = functional.dropout(torch.ones_like(self.widened(input)), p)
        return input * self.own(mask)

    def normalized(
        self,
        input: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        """Batch normalization (Ioffe and Szegedy 2015, arXiv 1502.03167) over all devices.

        Unlike ``SyncBatchNorm`` it works on the CPU and has a second derivative.
        """
        if not training:
            return functional.batch_norm(
                input, running_mean, running_var, weight, bias, False, momentum, eps
            )
        axes = [axis for axis in range(input.dim()) if axis != 1]
        wide = input.float() if input.dtype in (torch.float16, torch.bfloat16) else input
        variances, means = gathered(
            self.fabric, torch.stack(torch.var_mean(wide, axes, correction=0))
        ).unbind(1)
        # Of equally many values each: the spread within the shares and that between them.
        mean = means.mean(dim=0)
        variance = variances.mean(dim=0) + (means - mean).square().mean(dim=0)
        if running_mean is not None and running_var is not None:
            count = input.numel() // input.shape[1] * self.fabric.world_size
            with torch.no_grad():
                running_mean.lerp_(mean.to(running_mean.dtype), momentum)
                unbiased = variance * (count / max(1, count - 1))
                running_var.lerp_(unbiased.to(running_var.dtype), momentum)
        shape = (1, -1, *[1] * (input.dim() - 2))
        scale = (variance + eps).rsqrt()
        scale = scale if weight is None else scale * weight
        shift = -mean * scale if bias is None else bias - mean * scale
        return (wide * scale.reshape(shape) + shift.reshape(shape)).to(input.dtype)
