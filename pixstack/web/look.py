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
.block.drag-hint { margin-top: -10px; text-align: center; visibility: hidden; }
.compare:has(img) ~ .block.drag-hint { visibility: visible; }
.compare:not(.fullscreen) img { max-height: 100% !important; }
.pair img { width: 100%; height: 100%; object-fit: contain; }
.block.trouble { border-left: 4px solid var(--error-border-color); padding-left: 10px; }
.compare:has(img)::before, .compare:has(img)::after {
  position: absolute; bottom: 10px; z-index: 20; padding: 1px 10px; border-radius: 999px;
  color: white; background: rgb(15 23 42 / 0.65); font-size: 0.85rem; pointer-events: none;
}
.compare:has(img)::before { content: "Before"; left: 10px; }
.compare:has(img)::after { content: "After"; right: 10px; }
.result [aria-label="Empty value"] { flex-direction: column; gap: 10px; }
.result [aria-label="Empty value"]::after {
  content: "The result appears here"; color: var(--body-text-color-subdued);
}
@media (max-width: 640px) {
  .result-line { min-height: 3.2em; }
  #head h1 { font-size: 1.8rem; }
  #head p { font-size: 1rem; }
}
"""

# What lies outside of the part of the page that gradio lets `css` reach.
HEAD = """
<style>
:root { --result-height: 480px; --pair-height: 340px; }
:root body.dark { --color-accent: var(--primary-500); }
@media (max-width: 640px) {
  :root { --result-height: 320px; --pair-height: 300px; }
  .gradio-container .main.fillable { padding: 8px 14px !important; }
}
</style>
"""


def theme() -> themes.Base:
    """Quiet neutrals, one strong color, generous corners.

    Text has the contrast of at least 4.5 to its ground that WCAG 2.2 asks for (1.4.3).
    """
    base = themes.Default(
        primary_hue=themes.colors.teal,
        secondary_hue=themes.colors.teal,
        neutral_hue=themes.colors.slate,
        radius_size=themes.sizes.radius_lg,
        # The semi-bold files that gradio brings hold next to no Latin letters; bold ones do.
        font=(fonts.LocalFont("Source Sans Pro", weights=(400, 700)), "system-ui", "sans-serif"),
        font_mono=("ui-monospace", "Consolas", "monospace"),
    )
    return base.set(
        color_accent="*primary_700",  # in the dark, `HEAD` has a lighter one
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_hover_dark="*primary_800",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_title_text_color="*neutral_600",
        block_label_text_color="*neutral_600",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        link_text_color="*secondary_700",
    )
