"""Stacks of whole pictures at one size (``data.fit = "resize"``), measured at any.

Their exported files work at that size and the runtime fits pictures in and back; the weights are
measured in the same way, so that both are worth the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from export.runtime.feeds import Fit, KeypointsFeed, LabelsFeed, PictureFeed, scaled
from export.runtime.images import resize
from stacks.evaluate import Predict
from stacks.stack import Stack


def fitted(predict: Predict, stack: Stack, source: str, output: str) -> Predict:
    """A predictor that brings views to the size of the data, and its result back.

    Args:
        predict: works on views of that size.
        stack: that it is of.
        source: the picture whose size results have.
        output: the picture that is asked for; the others are left out.
    """
    scale = float(stack.views[output].scale)
    writers = [stage for stage in stack.stages.values() if stage.spec.writes == output]
    keeps = scale == 1 and any(stage.inside and stage.outside == source for stage in writers)

    def predict_fitted(views: Mapping[str, Any]) -> dict[str, Any]:
        whole = views[source]
        height, width = whole.shape[:2]
        fit = Fit.of(height, width, stack.recipe.data.shape)
        small = {name: fitted_view(stack, name, view, fit) for name, view in views.items()}
        rows, columns = (scaled(side, scale) for side in fit.content)
        made = predict(small)[output][:rows, :columns]
        result = resize(made, scaled(height, scale), scaled(width, scale))
        if keeps and made.shape[2] == whole.shape[2]:
            # What the network left alone is the caller's own, as sharp as it was.
            same = (made == small[source][:rows, :columns]).all(axis=2, keepdims=True)
            same = resize(same.astype(np.uint8), height, width, "nearest") > 0
            result = np.where(same, whole, result)
        return {output: result}

    return predict_fitted


def fitted_view(stack: Stack, name: str, view: Any, fit: Fit) -> Any:
    """One view at the size of the network; what has no size is left as it is."""
    if name not in stack.inputs:
        return view
    family, scale = stack.inputs[name].kind.family, float(stack.inputs[name].scale)
    match family:
        case "rgb" | "gray":
            return PictureFeed(view, view.shape[2], scale).fitted(fit).pixels
        case "labels":
            return LabelsFeed(view, scale).fitted(fit).ids
        case "keypoints":
            return KeypointsFeed(np.asarray(view), scale).fitted(fit).points
        case _:
            return view
