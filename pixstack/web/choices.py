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
from pixstack.web.colors import build_colors, checked_colors
from pixstack.web.pictured import pictured_radio
from pixstack.web.poses import PoseBox, build_pose, checked_pose

PICTURED = "gesture"  # the input whose classes have pictures, `examples/gesture-NAME.png`
RANGES = {"strength": (0.0, 1.0), "angle": (-180.0, 180.0)}  # of sliders, where none is told
CHOSEN = ("class", *RANGES, "colors", "keypoints")  # families of inputs that have a component
LARGEST_SEED = 2**31 - 1
AUTOMATIC = -1  # a strength that the model is to choose


@dataclass(frozen=True)
class Choice:
    """A component and the input of a model that it sets.

    Of colors, one component tells which of them are asked for (``role`` "chosen") and each has a
    picker of its own, named by ``part``. A slider below ``least`` leaves a strength to the model.
    ``pose`` is what the component of a pose belongs to.
    """

    model: str
    name: str
    component: gr.Radio | gr.Dropdown | gr.Slider | gr.Textbox | gr.CheckboxGroup | gr.ColorPicker
    role: Literal["value", "chosen", "color"] = "value"
    part: str = ""
    least: float | None = None
    pose: PoseBox | None = None


def can_be_asked(manifest: Manifest) -> bool:
    """Whether the page can give the model all it needs: at most one picture, and what has a
    component.
    """
    pictures = [port for port in manifest.inputs if port.is_picture]
    others = [port for port in manifest.inputs if not port.is_picture]
    return len(pictures) <= 1 and all(
        # Of joints without names, nobody can tell which is which; without a picture, nor where.
        (pictures and port.names) if is_pose(port) else port.family in (*CHOSEN, "noise")
        for port in others
    )


def is_pose(port: Input) -> bool:
    """Whether an input is asked for as a pose."""
    return port.family == "keypoints"


def is_automatic(port: Input) -> bool:
    """Whether a strength is left to the model unless one is told."""
    return port.family == "strength" and (port.default is None or port.default < 0)


def has_noise(manifest: Manifest) -> bool:
    """Whether a seed changes the result."""
    return any(port.family == "noise" for port in manifest.inputs)


def has_choices(manifest: Manifest) -> bool:
    """Whether there is a class, a strength, an angle, a color or a pose to choose."""
    return any(port.family in CHOSEN for port in manifest.inputs)


def build_choices(
    tab: str, model: str, manifest: Manifest, preferred: Mapping[str, str]
) -> list[Choice]:
    """Components for all that the model is asked beside pictures, in the current context.

    Of the inputs of classes in `preferred`, the named class is chosen from the start.
    """
    choices: list[Choice] = []
    poses = 0
    for port in manifest.inputs:
        elem_id = element_id(tab, model, port.name)
        if is_pose(port):
            box = build_pose(port, _label(port), poses, elem_id)
            choices.append(Choice(model, port.name, box.joints, pose=box))
            poses += 1
        elif port.family == "colors":
            choices += _color_choices(model, port, elem_id)
        elif port.family in CHOSEN:
            component = _component(port, elem_id, preferred.get(port.name, ""))
            least = _range(port)[0] if is_automatic(port) else None
            choices.append(Choice(model, port.name, component, least=least))
    return choices


def starting(choices: Iterable[Choice], model: str) -> dict[str, Any]:
    """What a model is given before anything was chosen: what the page shows from the start."""
    return {
        choice.name: choice.component.value
        for choice in choices
        if choice.model == model and choice.role == "value"
    }


def element_id(*parts: str) -> str:
    """An id for the page of names that may hold anything."""
    return re.sub(r"[^\w-]", "-", "-".join(parts))


def gather(choices: Iterable[Choice]) -> str:
    """JavaScript (model, value, value ...) -> the model's own values by input name."""
    places = json.dumps([[one.model, one.name, one.role, one.part, one.least] for one in choices])
    # A picker may write a color in any way of CSS; a canvas writes it as #rrggbb.
    return f"""(model, ...values) => {{
      const inputs = {{}}, chosen = {{}};
      const canvas = document.createElement("canvas").getContext("2d");
      const hex = (color) => {{ canvas.fillStyle = color; return canvas.fillStyle; }};
      {places}.forEach(([owner, name, role, part, least], index) => {{
        if (owner !== model) return;
        if (role === "value") inputs[name] = least !== null && values[index] < least
          ? {AUTOMATIC} : values[index];
        else if (role === "chosen") {{ chosen[name] = values[index]; inputs[name] = {{}}; }}
        else if (chosen[name].includes(part)) inputs[name][part] = hex(values[index]);
      }});
      return inputs;
    }}"""


def checked_inputs(manifest: Manifest, given: Any) -> dict[str, Any]:
    """What came from the page or an API client, when it sets nothing but what is chosen.

    The runtime checks the values; here it is made sure that no name of a file gets through.

    Raises:
        InputError: another input is set, or not by a text or a number, or a pose or colors by no
            object.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InputError(
            f'the inputs must be an object such as {{"gesture": "5"}}; got {str(given)[:40]!r}'
        )
    known = {port.name: port for port in manifest.inputs if port.family in CHOSEN}
    checked: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            raise InputError(
                f"unknown input {name!r}; {manifest.name} takes {', '.join(known) or 'none'}"
            )
        port = known[name]
        if is_pose(port):
            if (pose := checked_pose(port, value)) is not None:
                checked[name] = pose
            continue
        if port.family == "colors":
            checked[name] = checked_colors(port, value)
            continue
        if not isinstance(value, str | int | float):
            raise InputError(f"input {name!r} is {str(value)[:40]!r}; expected a text or a number")
        checked[name] = value
    return checked


def checked_seed(value: Any) -> int:
    """The seed as a whole number.

    Raises:
        InputError: it is none, negative or too large.
    """
    if not isinstance(value, int | float) or value != value or not 0 <= value <= LARGEST_SEED:
        raise InputError(f"the seed is {str(value)[:40]!r}; expected 0..{LARGEST_SEED}")
    return int(value)


def _component(port: Input, elem_id: str, preferred: str) -> gr.Radio | gr.Dropdown | gr.Slider:
    label = _label(port)
    if port.family in RANGES:
        low, high = _range(port)
        if is_automatic(port):
            low = usual = min(low, AUTOMATIC)
        else:
            usual = min(high, max(low, port.default or 0))
        return gr.Slider(
            low,
            high,
            usual,
            label=label,
            info=port.description or port.unit or None,
            elem_id=elem_id,
        )
    names = list(port.names) or [str(index) for index in range(port.count)]
    chosen = preferred if preferred in names else names[int(port.default or 0)]
    pictures = _pictures(names) if port.name == PICTURED else []
    if not pictures:
        return gr.Dropdown(names, value=chosen, label=label, elem_id=elem_id)
    urls = [data_url(path) for path in pictures]
    return pictured_radio(names, urls, chosen, label, elem_id)


def _range(port: Input) -> tuple[float, float]:
    return port.range or RANGES[port.family]


def _label(port: Input) -> str:
    return port.name.replace("_", " ").capitalize()


def _color_choices(model: str, port: Input, elem_id: str) -> list[Choice]:
    """Which colors are asked for, and a picker for each of these."""
    names = list(port.names) or [str(index) for index in range(port.count)]
    asked, pickers = build_colors(names, _label(port), elem_id)
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
