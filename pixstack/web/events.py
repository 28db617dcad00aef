"""How the page's own small events are listened to."""

from __future__ import annotations

from typing import Any

SILENT: dict[str, Any] = {
    "queue": False,
    "show_progress": "hidden",
    "api_visibility": "private",
}
"""Of events that only show or hide: at once, without a bar, and not among the API's endpoints."""
