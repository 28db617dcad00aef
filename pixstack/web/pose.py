"""The tab that shows the hand or the person of a picture in another pose."""

from __future__ import annotations

from pixstack.shelf import example_files
from pixstack.web.panel import Panel
from pixstack.web.studio import Studio
from pixstack.web.translation import build_translation

TAB = "pose"
# By how a model is told the pose: the pictures to try it on.
EXAMPLES = {"class": ("hand-two.png", "hand-five.png"), "keypoints": ("figure-*.png",)}
# A gesture that changes the hand of every example, and that is drawn well from each.
FIRST = {"gesture": "1"}


def pose_tab(studio: Studio) -> Panel | None:
    """Build the tab from those of its models that are at hand."""
    examples = {
        family: [path for pattern in patterns for path in example_files(pattern)]
        for family, patterns in EXAMPLES.items()
    }
    return build_translation(studio, TAB, "Pose", "Change the pose", "hand-pose", examples, FIRST)
