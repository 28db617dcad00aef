"""The tab that shows the hand of a photograph in another pose."""

from __future__ import annotations

from pixstack.shelf import example_files
from pixstack.web.panel import Panel
from pixstack.web.studio import Studio
from pixstack.web.translation import build_translation

TAB = "pose"


def pose_tab(studio: Studio) -> Panel | None:
    """Build the tab from those of its models that are at hand."""
    return build_translation(
        studio, TAB, "Pose", "Change the pose", "hand-pose", example_files("hand-*.png")
    )
