"""The tab that makes a photograph of labels, of a sketch, of another photograph or of noise.

Models of one's own, whose recipe names no task, are here as well.
"""

from __future__ import annotations

from pixstack.web.panel import Panel
from pixstack.web.studio import Studio
from pixstack.web.translation import build_translation

TAB = "photo"
TASKS = (TAB, "translation")
# An outfit that changes every photograph, for "as it is" would change none.
FIRST = {"outfit": "dress"}


def photo_tab(studio: Studio) -> Panel | None:
    """Build the tab from those of its models that are at hand."""
    return build_translation(
        studio, TAB, "Photo", "Make the photo", "facade-photo", {}, FIRST, TASKS
    )
