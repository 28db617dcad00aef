"""What a visitor can choose for a model besides the picture, as its manifest tells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from export.manifest import Input, Manifest
from export.runtime.errors import InputError
from pixstack.shelf import example_files
from pixstack.web.canvas import data_url

PICTURED = "gesture"  # the input whose classes have pictures, `examples/gesture-NAME.png`
RANGES = {"strength": (0.0, 1.0), "angle": (-180.0, 180.0)}  # of sliders, where none is told
CHOSEN = ("class", *RANGES)  # families of inputs that have a component
LARGEST_SEED = 2**31 - 1

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


@dataclass(frozen=True)
class Choice:
    """A component and the input of a model that it sets."""

    model: str
    name: str
    component: gr.Radio | gr.Dropdown | gr.Slider


def can_be_asked(manifest: Manifest) -> bool:
    """Whether the page can give the model all it needs: one picture, and what has a component."""
    pictures = [port for port in manifest.inputs if port.is_picture]
    others = {port.family for port in manifest.inputs if not port.is_picture}
    return len(pictures) == 1 and others <= {*CHOSEN, "noise"}


def has_noise(manifest: Manifest) -> bool:
    """Whether a seed changes the result."""
    return any(port.family == "noise" for port in manifest.inputs)


def has_choices(manifest: Manifest) -> bool:
    """Whether there is a class, a strength or an angle to choose."""
    return any(port.family in CHOSEN for port in manifest.inputs)


def build_choices(tab: str, model: str, manifest: Manifest) -> list[Choice]:
    """A component for each class, strength and angle of the model, in the current context."""
    return [
        Choice(model, port.name, _component(port, element_id(tab, model, port.name)))
        for port in manifest.inputs
        if port.family in CHOSEN
    ]


def element_id(*parts: str) -> str:
    """An id for the page of names that may hold anything."""
    return re.sub(r"[^\w-]", "-", "-".join(parts))


def gather(choices: Iterable[Choice]) -> str:
    """JavaScript (model, value, value ...) -> the model's own values by input name."""
    places = json.dumps([[choice.model, choice.name] for choice in choices])
    return f"""(model, ...values) => Object.fromEntries({places}
      .map(([owner, name], index) => [owner, name, values[index]])
      .filter(([owner]) => owner === model).map(([owner, name, value]) => [name, value]))"""


def checked_inputs(manifest: Manifest, given: Any) -> dict[str, str | float]:
    """What came from the page or an API client, when it sets nothing but what is chosen.

    The runtime checks the values; here it is made sure that no name of a file gets through.

    Raises:
        InputError: another input is set, or not by a text or a number.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InputError(
            f'the inputs must be an object such as {{"gesture": "5"}}; got {str(given)[:40]!r}'
        )
    known = [port.name for port in manifest.inputs if port.family in CHOSEN]
    for name, value in given.items():
        if name not in known:
            raise InputError(
                f"unknown input {name!r}; {manifest.name} takes {', '.join(known) or 'none'}"
            )
        if not isinstance(value, str | int | float):
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
    if port.family in RANGES:
        low, high = port.range or RANGES[port.family]
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
