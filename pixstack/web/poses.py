"""Poses to choose from, and joints that a visitor brings."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from export.manifest import Input, Manifest
from export.runtime.errors import InputError
from export.runtime.keypoints import parse_pose
from pixstack.shelf import example_files
from pixstack.web.events import SILENT
from pixstack.web.pictured import pictured_radio

PREFIX = "pose-"
OF_SOURCE = "source_pose"  # the input that says how the one in the picture stands
COLORS = {"left_": "#e8663c", "right_": "#3c7de8"}
MIDDLE = "#707070"
Pose = dict[str, Any]


@dataclass(frozen=True)
class PoseBox:
    """The components that ask for a pose.

    joints: what holds it, as JSON, whatever it comes from.
    radio: examples to choose from, where there are any.
    texts: the JSON of each example, by its name.
    """

    joints: gr.Textbox
    radio: gr.Radio | None
    texts: Mapping[str, str]

    @property
    def parts(self) -> list[gr.Radio | gr.Textbox]:
        """What changes when another example is chosen."""
        return [self.radio, self.joints] if self.radio else [self.joints]

    def choose(self, name: str) -> list[Any]:
        """Updates of `parts` that choose an example; what is no example changes nothing."""
        if self.radio is None or name not in self.texts:
            return [gr.skip() for _ in self.parts]
        return [gr.update(value=name), gr.update(value=self.texts[name])]


def example_poses(port: Input) -> dict[str, Pose]:
    """The shipped poses that have the joints of a model, by name: `examples/pose-NAME.json`."""
    poses = {
        path.stem.removeprefix(PREFIX): parse_pose(path.read_bytes(), path.name)
        for path in example_files(f"{PREFIX}*.json")
    }
    return {name: pose for name, pose in poses.items() if set(pose["joints"]) == set(port.names)}


def pictured_pose(picture: Path) -> str:
    """The name of the shipped pose that an example picture shows: of `figure-NAME.png`, NAME."""
    return picture.stem.partition("-")[2]


def build_pose(port: Input, label: str, number: int, elem_id: str) -> PoseBox:
    """What asks for a pose, in the current context: examples, a file of joints, or their JSON.

    Args:
        port: an input of kind `keypoints:K` with names.
        label: of the whole.
        number: how many poses the model asks for before this one: each starts from another example.
        elem_id: of the JSON; those of the other components begin with it.
    """
    poses = example_poses(port)
    names = list(poses)
    texts = {name: json.dumps(pose) for name, pose in poses.items()}
    chosen = names[number % len(names)] if names else ""
    radio = None
    if names:
        pictures = [skeleton(port, pose) for pose in poses.values()]
        radio = pictured_radio(names, pictures, chosen, label, f"{elem_id}-examples")
    with gr.Accordion(f"{label}: joints of your own", open=not names):
        upload = gr.UploadButton(
            "Upload a JSON file",
            file_types=[".json"],
            type="binary",
            size="sm",
            elem_id=f"{elem_id}-upload",
        )
        joints = gr.Textbox(
            texts.get(chosen, ""),
            lines=2,
            max_lines=6,
            label="Joints",
            info='In pixels of the picture, such as {"head": [48, 20], "neck": null ...}',
            elem_id=elem_id,
        )
    if radio is not None:
        js = f"(name) => ({json.dumps(texts)})[name]"
        radio.input(None, radio, joints, js=js, **SILENT)
        # What one wrote oneself is no example.
        joints.input(None, None, radio, js="() => null", **SILENT)
        upload.upload(None, None, radio, js="() => null", **SILENT)
    upload.upload(_uploaded, upload, joints, **SILENT)
    return PoseBox(joints, radio, texts)


def _uploaded(content: bytes) -> str:
    """The joints of a file, in one line."""
    try:
        return json.dumps(parse_pose(content, "the file"))
    except InputError as error:
        message = html.escape(str(error), quote=False)
        raise gr.Error(message, duration=None, print_exception=False) from None


def checked_pose(port: Input, value: Any) -> Pose | None:
    """Joints from the page, as JSON, or from an API client; None where there are none.

    The runtime holds them against the model.

    Raises:
        InputError: it is no object.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return parse_pose(value, f"input {port.name!r}")
    if not isinstance(value, Mapping):
        raise InputError(
            f"input {port.name!r} is {str(value)[:40]!r}; expected an object of joints, such as "
            '{"head": [48, 20]}'
        )
    return dict(value)


def sized_poses(
    manifest: Manifest, inputs: Mapping[str, Any], size: tuple[int, int]
) -> dict[str, Any]:
    """Inputs in which every pose says of what picture it is: of none, the uploaded one of `size`
    (height, width), which the model may be handed smaller.
    """
    poses = {port.name for port in manifest.inputs if port.family == "keypoints"}
    height, width = size
    return {
        name: {"size": [width, height], "joints": value}
        if name in poses and "joints" not in value
        else value
        for name, value in inputs.items()
    }


def skeleton(port: Input, pose: Pose) -> str:
    """A pose as a drawing, a data URL: the left of a body orange, its right blue."""
    width, height = pose["size"]
    joints = pose["joints"]
    parts = [
        f'<line x1="{joints[one][0]}" y1="{joints[one][1]}" x2="{joints[two][0]}" '
        f'y2="{joints[two][1]}" stroke="{_color(two)}"/>'
        for one, two in _named_limbs(port)
        if joints[one] and joints[two]
    ]
    parts += [
        f'<circle cx="{place[0]}" cy="{place[1]}" r="{width / 40:g}" fill="{_color(name)}"/>'
        for name, place in joints.items()
        if place
    ]
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'stroke-width="{width / 24:g}" stroke-linecap="round">{"".join(parts)}</svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(drawing.encode()).decode()


def _named_limbs(port: Input) -> list[tuple[str, str]]:
    return [(port.names[one], port.names[two]) for one, two in port.limbs]


def _color(joint: str) -> str:
    return next((color for side, color in COLORS.items() if joint.startswith(side)), MIDDLE)
