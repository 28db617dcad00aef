"""How the page looks. Fonts come with gradio: the page asks no other host for anything."""

from __future__ import annotations

from gradio import themes
from gradio.themes.utils import fonts

TITLE = "Pixstack"

CSS = """
.gradio-container { max-width: 1180px !important; width: 100% !important; margin: 0 auto; }
#head { padding: 12px 0 0; }
#head .html-container, .board-box .html-container { padding: 0; }
footer .divider:last-of-type { display: none; }
#head h1 { font-size: 2.2rem; letter-spacing: -0.01em; margin: 0; }
#head p { font-size: 1.1rem; opacity: 0.75; margin: 2px 0 0; }
.another { align-self: end; }
.result-line { min-height: 1.6em; }
.compare:has(img)::before, .compare:has(img)::after {
  position: absolute; bottom: 10px; z-index: 20; padding: 1px 10px; border-radius: 999px;
  color: white; background: rgb(15 23 42 / 0.65); font-size: 0.85rem; pointer-events: none;
}
.compare:has(img)::before { content: "Before"; left: 10px; }
.compare:has(img)::after { content: "After"; right: 10px; }
.compare [aria-label="Empty value"] { flex-direction: column; gap: 10px; }
.compare [aria-label="Empty value"]::after {
  content: "The result appears here"; color: var(--body-text-color-subdued);
}
@media (max-width: 640px) {
  #head h1 { font-size: 1.8rem; }
  #head p { font-size: 1rem; }
}
"""

# What lies outside of the part of the page that gradio lets `css` reach.
HEAD = """
<style>
@media (max-width: 640px) {
  .gradio-container .main.fillable { padding: 8px 14px !important; }
}
</style>
"""


def theme() -> themes.Base:
    """Quiet neutrals, one strong color, generous corners."""
    return themes.Default(
        primary_hue=themes.colors.teal,
        secondary_hue=themes.colors.teal,
        neutral_hue=themes.colors.slate,
        radius_size=themes.sizes.radius_lg,
        # The semi-bold files that gradio brings hold next to no Latin letters; bold ones do.
        font=(fonts.LocalFont("Source Sans Pro", weights=(400, 700)), "system-ui", "sans-serif"),
        font_mono=("ui-monospace", "Consolas", "monospace"),
    )
