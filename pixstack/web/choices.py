"""What a visitor can choose for a model besides the picture, as its manifest tells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gradio as gr

from export.manifest import Input, Manifest
from export.runtime.errors import InputError
from pixstack.shelf import example_files
from pixstack.web.canvas import data_url

PICTURED = "gesture"  # the input whose classes have pictures, `examples/gesture-NAME.png`
LARGEST_SEED = 2**31 - 1
USUAL_COLOR = "#b03060"  # of a picker before a color is picked

# A radio button for each class, its picture above its name.
PICTURES = """<style>
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


ASKED = ("class", "strength", "colors")
"""Families of inputs that a visitor sets by components."""


@dataclass(frozen=True)
class Choice:
    """A component and the input of a model that it sets.

    Of colors, one component tells which of them are asked for (``role`` "chosen") and each has a
    picker of its own, named by ``part``.
    """

    model: str
    name: str
    component: gr.Radio | gr.Dropdown | gr.Slider | gr.CheckboxGroup | gr.ColorPicker
    role: Literal["value", "chosen", "color"] = "value"
    part: str = ""


def can_be_asked(manifest: Manifest) -> bool:
    """Whether the page can give the model all it needs: one picture, and what has a component."""
    pictures = [port for port in manifest.inputs if port.is_picture]
    others = {port.family for port in manifest.inputs if not port.is_picture}
    return len(pictures) == 1 and others <= {*ASKED, "noise"}


def has_noise(manifest: Manifest) -> bool:
    """Whether a seed changes the result."""
    return any(port.family == "noise" for port in manifest.inputs)


def has_choices(manifest: Manifest) -> bool:
    """Whether there is a class, a strength or a color to choose."""
    return any(port.family in ASKED for port in manifest.inputs)


def build_choices(tab: str, model: str, manifest: Manifest) -> list[Choice]:
    """Components for what the model reads beside pictures, in the current context."""
    choices: list[Choice] = []
    for port in manifest.inputs:
        elem_id = element_id(tab, model, port.name)
        if port.family == "colors":
            choices += _color_choices(model, port, elem_id)
        elif port.family in ASKED:
            choices.append(Choice(model, port.name, _component(port, elem_id)))
    return choices


def element_id(*parts: str) -> str:
    """An id for the page of names that may hold anything."""
    return re.sub(r"[^\w-]", "-", "-".join(parts))


def gather(choices: Iterable[Choice]) -> str:
    """JavaScript (model, value, value ...) -> the model's own values by input name."""
    places = json.dumps([[one.model, one.name, one.role, one.part] for one in choices])
    # A picker may write a color in any way of CSS; a canvas writes it as #rrggbb.
    return f"""(model, ...values) => {{
      const inputs = {{}}, chosen = {{}};
      const canvas = document.createElement("canvas").getContext("2d");
      const hex = (color) => {{ canvas.fillStyle = color; return canvas.fillStyle; }};
      {places}.forEach(([owner, name, role, part], index) => {{
        if (owner !== model) return;
        if (role === "value") inputs[name] = values[index];
        else if (role === "chosen") {{ chosen[name] = values[index]; inputs[name] = {{}}; }}
        else if (chosen[name].includes(part)) inputs[name][part] = hex(values[index]);
      }});
      return inputs;
    }}"""


def checked_inputs(manifest: Manifest, given: Any) -> dict[str, Any]:
    """What came from the page or an API client, when it sets classes, strengths and colors alone.

    The runtime checks the values; here it is made sure that no name of a file gets through.

    Raises:
        InputError: another input is set, or not by a text or a number, of colors by their names.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InputError(
            f'the inputs must be an object such as {{"gesture": "5"}}; got {str(given)[:40]!r}'
        )
    known = {port.name: port.family for port in manifest.inputs if port.family in ASKED}
    for name, value in given.items():
        if name not in known:
            raise InputError(
                f"unknown input {name!r}; {manifest.name} takes {', '.join(known) or 'none'}"
            )
        if known[name] == "colors":
            if not isinstance(value, Mapping):
                raise InputError(
                    f'input {name!r} must be an object such as {{"top": "#b03060"}}; got '
                    f"{str(value)[:40]!r}"
                )
        elif not isinstance(value, str | int | float):
            raise InputError(f"input {name!r} is {str(value)[:40]!r}; expected a text or a number")
    return dict(given)


def checked_seed(value: Any) -> int:
    """The seed as a whole number.

    Raises:
        InputError: it is none, negative or too large.
    """
    if not isinstance(value, int | float) or value != value or not 0 <= value <= LARGEST_SEED:
        raise InputError(f"the seed is {str(value)[:40]!r}; expected 0..{LARGEST_SEED}")
    return int(value)


def _component(port: Input, elem_id: str) -> gr.Radio | gr.Dropdown | gr.Slider:
    label = port.name.replace("_", " ").capitalize()
    if port.family == "strength":
        low, high = port.range or (0.0, 1.0)
        usual = low if port.default is None else port.default
        return gr.Slider(
            low,
            high,
            min(high, max(low, usual)),
            label=label,
            info=port.description or port.unit or None,
            elem_id=elem_id,
        )
    names = list(port.names) or [str(index) for index in range(port.count)]
    chosen = names[int(port.default or 0)]
    pictures = _pictures(names) if port.name == PICTURED else []
    if not pictures:
        return gr.Dropdown(names, value=chosen, label=label, elem_id=elem_id)
    gr.HTML(_style(elem_id, pictures), visible="hidden")
    return gr.Radio(names, value=chosen, label=label, elem_id=elem_id)


def _color_choices(model: str, port: Input, elem_id: str) -> list[Choice]:
    """Which colors are asked for, and a picker for each of these."""
    names = list(port.names) or [str(index) for index in range(port.count)]
    label = port.name.replace("_", " ").capitalize()
    asked = gr.CheckboxGroup(
        names, label=label, info="Those to change; the others stay as they are.", elem_id=elem_id
    )
    with gr.Row():
        pickers = [
            gr.ColorPicker(
                USUAL_COLOR,
                label=name.capitalize(),
                visible=False,
                elem_id=element_id(elem_id, name),
            )
            for name in names
        ]

    def show(chosen: list[str]) -> Any:
        shown = [gr.update(visible=name in chosen) for name in names]
        return shown if len(shown) > 1 else shown[0]

    asked.change(
        show, asked, pickers, queue=False, show_progress="hidden", api_visibility="private"
    )
    return [
        Choice(model, port.name, asked, "chosen"),
        *(
            Choice(model, port.name, picker, "color", name)
            for name, picker in zip(names, pickers, strict=True)
        ),
    ]


def _pictures(names: list[str]) -> list[Path]:
    """The pictures of the classes; none where one is missing."""
    known = {path.stem: path for path in example_files(f"{PICTURED}-*.png")}
    wanted = [f"{PICTURED}-{name}" for name in names]
    return [known[stem] for stem in wanted] if all(stem in known for stem in wanted) else []


def _style(elem_id: str, pictures: list[Path]) -> str:
    rules = [
        f"#ID label:nth-of-type({index})::before {{ background-image: url({data_url(path)}); }}"
        for index, path in enumerate(pictures, start=1)
    ]
    return PICTURES.format(pictures="\n".join(rules)).replace("#ID", f"#{elem_id}")
