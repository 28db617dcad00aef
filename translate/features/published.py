"""Published networks by name, from torch hub's cache, or by a file that holds one of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from translate.features import inception
from translate.features.inception import Inception
from translate.features.network import FeatureNetwork, automatic_device, fit
from translate.features.plain import ALEXNET, VGG16, Plain, Plan
from translate.features.weights import Weights, find_weights, read_weights

PLANS: Mapping[str, Plan] = {"vgg": VGG16, "alexnet": ALEXNET}
NAMES = ("inception", *PLANS)
"""What is found in torch hub's cache."""


def open_published(given: str | Path, device: torch.device | None = None) -> FeatureNetwork:
    """One of `NAMES`, or a file ``.pth`` or ``.safetensors`` whose tensors say which one it is.

    Raises:
        FileNotFoundError: the weights are not there; the message tells where they were looked for.
        ValueError: the file holds something else.
    """
    device = device or automatic_device()
    plan = PLANS.get(str(given))
    if given == "inception":
        path = find_weights(
            "features need Inception's weights", inception.FILES, inception.SOURCE, None
        )
    elif plan is not None:
        path = plan_weights(plan)
    else:
        path = Path(given)
    tensors = read_weights(path)
    if inception.MARK in tensors:
        return tried(Inception(Weights(path, "Inception v3", tensors, device)))
    plan = plan_of(path, tensors)
    return tried(Plain(plan, Weights(path, plan.name, tensors, device)))


def open_plain(given: str | Path, device: torch.device | None = None) -> Plain:
    """``vgg``, ``alexnet`` or a file of one of them, whose linear layers are not needed.

    Raises:
        FileNotFoundError: the weights are not there.
        ValueError: the file holds something else.
    """
    plan = PLANS.get(str(given))
    path = Path(given) if plan is None else plan_weights(plan)
    tensors = read_weights(path)
    plan = plan_of(path, tensors)
    return Plain(plan, Weights(path, plan.name, tensors, device or automatic_device()))


def plan_weights(plan: Plan) -> Path:
    """The file in torch hub's cache."""
    return find_weights(f"features need {plan.name}'s weights", plan.files, plan.source, None)


def plan_of(path: Path, tensors: Mapping[str, Tensor]) -> Plan:
    """Which network a file is of, by the numbers of its convolutions.

    Raises:
        ValueError: none that is known.
    """
    numbers = sorted(
        int(name.split(".")[1])
        for name, tensor in tensors.items()
        if name.startswith("features.") and name.endswith(".weight") and tensor.ndim == 4
    )
    for plan in PLANS.values():
        if numbers == plan.convolutions:
            return plan
    known = ", ".join(["Inception v3", *(plan.name for plan in PLANS.values())])
    raise ValueError(f"{path}: weights of an unknown network; known: {known}, by torchvision names")


def tried(network: Inception | Plain) -> FeatureNetwork:
    """The network, which was shown a picture: what does not fit is told before any other work.

    Raises:
        ValueError: a tensor is missing, or its shape does not fit those before it.
    """
    try:
        network.see(fit(torch.zeros(1, 3, 8, 8), network.identity.side))
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{network.weights.path}: the tensors do not make {network.identity.name}: {reason}"
        ) from None
    return network
