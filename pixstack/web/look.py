"""How the page looks. Fonts come with gradio: the page asks no other host for anything."""

from __future__ import annotations

from gradio import themes
from gradio.themes.utils import fonts

TITLE = "Pixstack"
SENTENCE = "Make a small or noisy photograph better. Drop one in, compare, download."

CSS = """
.gradio-container, .gradio-container > main { max-width: 1180px !important; width: 100% !important; margin: 0 auto !important; }
#head { padding: 20px 4px 4px; }
#head h1 { font-size: 2.1rem; letter-spacing: -0.02em; margin: 0; }
#head p { font-size: 1.05rem; color: var(--body-text-color-subdued); margin: 4px 0 0; }
.result-line { min-height: 1.6em; color: var(--body-text-color-subdued); }
@media (max-width: 640px) {
  .gradio-container { padding: 8px !important; }
  #head { padding-top: 8px; }
  #head h1 { font-size: 1.7rem; }
}
"""


def theme() -> themes.Base:
    """Quiet neutrals, one strong color, generous corners."""
    return themes.Default(
        primary_hue=themes.colors.teal,
        secondary_hue=themes.colors.teal,
        neutral_hue=themes.colors.slate,
        radius_size=themes.sizes.radius_lg,
        font=(fonts.LocalFont("Source Sans Pro", weights=(400, 600, 700)), "ui-sans-serif", "system-ui", "sans-serif"),
        font_mono=(fonts.LocalFont("IBM Plex Mono"), "ui-monospace", "monospace"),
    )
