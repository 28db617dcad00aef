"""Radio buttons with a picture above each name."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

STYLE = """<style>
#ID .wrap {{ display: grid; grid-template-columns: repeat(5, 1fr); gap: 8px; }}
#ID label {{ flex-direction: column; padding: 6px; gap: 2px; }}
#ID label::before {{
  content: ""; width: 100%; aspect-ratio: 1; border-radius: 6px; background: center / cover;
}}
#ID label input {{ position: absolute; opacity: 0; }}
#ID label:has(:checked) {{ border-color: var(--color-accent); background: var(--primary-50); }}
.dark #ID label:has(:checked) {{ background: var(--primary-900); }}
#ID label:has(:focus-visible) {{ outline: 2px solid var(--color-accent); outline-offset: 1px; }}
#ID label span {{ margin: 0; }}
{pictures}
</style>"""


def pictured_radio(
    names: list[str], urls: Sequence[str], chosen: str, label: str, elem_id: str
) -> gr.Radio:
    """A choice of names, in the current context.

    Args:
        names: what can be chosen.
        urls: of a picture for each, as data URLs.
        chosen: the name that is chosen from the start.
        label: above it.
        elem_id: of the component.
    """
    rules = [
        f"#ID label:nth-of-type({index})::before {{ background-image: url({url}); }}"
        for index, url in enumerate(urls, start=1)
    ]
    style = STYLE.format(pictures="\n".join(rules)).replace("#ID", f"#{elem_id}")
    gr.HTML(style, visible="hidden")
    return gr.Radio(names, value=chosen, label=label, elem_id=elem_id)
