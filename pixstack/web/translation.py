"""A tab for any models of one task: what it asks for follows from their manifests."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from export.manifest import Manifest
from export.runtime.errors import InputError
from pixstack.shelf import example_files
from pixstack.web.canvas import can_be_drawn, canvas
from pixstack.web.choices import (
    LARGEST_SEED,
    Choice,
    build_choices,
    can_be_asked,
    checked_inputs,
    checked_seed,
    element_id,
    gather,
    has_choices,
    has_noise,
    starting,
)
from pixstack.web.events import SILENT
from pixstack.web.panel import SEND, Panel, Shown, build_panel, connect, present
from pixstack.web.poses import OF_SOURCE, pictured_pose
from pixstack.web.studio import Order, Studio
from pixstack.web.uploads import as_text
from pixstack.web.views import side_by_side

DRAW, UPLOAD = "Draw", "Upload"
# The empty data URL: a board without a drawing, which an earlier upload must not stand in for.
EMPTY_BOARD = "data:,"
# By what a model reads: the pictures that a drawing can start from.
STARTS = {"labels": "labels-*.png", "gray": "edges-*.png"}


def build_translation(
    studio: Studio,
    tab: str,
    title: str,
    action: str,
    model: str,
    examples: Mapping[str, Sequence[Path]],
    preferred: Mapping[str, str],
    tasks: Sequence[str] = (),
) -> Panel | None:
    """Build the tab of some tasks, where there is a model for one of them.

    Args:
        studio: whose models are served.
        tab: for element ids and as the tab's API endpoint.
        title: of the tab.
        action: the label of the button that starts a run.
        model: the one that comes first.
        examples: by how a model is told what to do, a family of inputs: the pictures to try such
            a model on. A click on one chooses the first such model as well.
        preferred: by the name of an input of classes, the one that is chosen from the start; of
            others it is the default of the model.
        tasks: of the models, as their manifests have them; that named like the tab, if unsaid.

    Returns:
        the tab's components; None where no model is at hand.
    """
    manifests = _served(studio, tasks or (tab,), model)
    # A tab that can do nothing is none.
    if not manifests:
        return None
    with gr.Tab(title, id=tab):
        return _tab(studio, tab, action, manifests, examples, preferred)


def _tab(
    studio: Studio,
    tab: str,
    action: str,
    manifests: dict[str, Manifest],
    examples: Mapping[str, Sequence[Path]],
    preferred: Mapping[str, str],
) -> Panel:
    """Lay out a tab inside the current gradio context."""
    asked = _Asked(tab, manifests, preferred)
    first = asked.first
    tried = {
        path: name
        for family, paths in examples.items()
        if (name := asked.first_told(family))
        for path in paths
    }
    panel = build_panel(
        tab,
        action,
        list(tried),
        asked.build_settings,
        above=asked.build_source,
        shows_upload=asked.reads[first] and not asked.drawn[first],
        sends=SEND if studio.models_for("super-resolution") else "",
        shows=side_by_side,
    )
    asked.wire(panel)
    asked.wire_examples(panel, tried)

    def translate(
        picture: dict[str, Any] | None,
        model: str,
        inputs: dict[str, Any] | None,
        seed: float,
        drawing: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - gradio finds it by its default
    ) -> Shown:
        """Translate a picture or a drawing: the PNG, a line about it, previews before and after.

        `inputs` sets the model's classes, strengths and poses by name, such as {"gesture": "5"} or
        {"pose": {"head": [48, 20], ...}}; `seed` its noise. `drawing` is a PNG as data URL and,
        where it is not empty, goes before the picture.
        """

        def order() -> Order:
            if not isinstance(model, str) or model not in manifests:
                raise InputError(f"Choose one of the models {', '.join(manifests)}.")
            manifest = manifests[model]
            drawn = drawing if asked.drawn[model] else ""
            if drawn == EMPTY_BOARD or (asked.drawn[model] and not drawn and not picture):
                raise InputError("Draw something first, or upload a picture.")
            return Order(
                model,
                manifest.outputs[0].name,
                checked_inputs(manifest, inputs),
                checked_seed(seed),
                drawn,
            )

        return present(studio, panel, request, progress, picture, order)

    settings = [asked.model, asked.inputs, asked.seed, asked.drawing]
    connect(studio, panel, translate, settings, [name for name in manifests if asked.reads[name]])
    return panel


def _served(studio: Studio, tasks: Sequence[str], first: str) -> dict[str, Manifest]:
    """The manifests of models by name; one that needs more than a page gives is told."""
    found: dict[str, Manifest] = {}
    for name in sorted(studio.models_for(*tasks), key=lambda name: (name != first, name)):
        if can_be_asked(studio.manifests[name]):
            found[name] = studio.manifests[name]
        else:
            print(f"skipped: {name} needs inputs that the page cannot ask for", file=sys.stderr)
    return found


class _Asked:
    """The components that say which model, of what picture, and with which choices.

    What a model alone has, its board and its choices, is there from the start and shown with the
    model; `inputs` and `drawing` collect its values in the browser, so that every model of the
    tab has the same endpoint.
    """

    def __init__(
        self, tab: str, manifests: dict[str, Manifest], preferred: Mapping[str, str]
    ) -> None:
        self.tab = tab
        self.manifests = manifests
        self.preferred = preferred
        self.first = next(iter(manifests))
        self.reads = {name: manifest.picture is not None for name, manifest in manifests.items()}
        """Others draw from noise, and there is nothing to upload."""
        self.drawn = {
            name: manifest.picture is not None and can_be_drawn(manifest.picture)
            for name, manifest in manifests.items()
        }
        self.boards: dict[str, gr.HTML] = {}
        self.easels: dict[str, gr.Column] = {}
        self.groups: dict[str, gr.Column] = {}
        self.choices: list[Choice] = []

    def first_told(self, family: str) -> str | None:
        """The first model that has an input of that family."""
        for name, manifest in self.manifests.items():
            if any(port.family == family for port in manifest.inputs):
                return name
        return None

    def build_source(self) -> None:
        """The model, what it expects, and the boards to draw on."""
        names = list(self.manifests)
        self.model = gr.Dropdown(
            names,
            value=self.first,
            label="Model",
            visible=len(names) > 1,
            elem_id=f"{self.tab}-model",
        )
        self.expects = gr.Markdown(
            self._expected(self.first),
            visible=bool(self._expected(self.first)),
            elem_id=f"{self.tab}-expects",
            elem_classes="hint",
        )
        self.origin = gr.Radio(
            [DRAW, UPLOAD],
            value=DRAW,
            show_label=False,
            container=False,
            visible=self.drawn[self.first],
            elem_id=f"{self.tab}-origin",
        )
        for name, manifest in self.manifests.items():
            port = manifest.picture
            if port is not None and self.drawn[name]:
                # A column each: to hide a board itself makes gradio forget its colors.
                with gr.Column(visible=name == self.first) as self.easels[name]:
                    self.boards[name] = canvas(
                        port,
                        manifest.fixed_size,
                        example_files(STARTS[port.family]),
                        element_id(self.tab, name, "board"),
                    )

    def build_settings(self) -> None:
        """What can be chosen, and what gathers it."""
        for name, manifest in self.manifests.items():
            if has_choices(manifest):
                with gr.Column(visible=name == self.first) as self.groups[name]:
                    self.choices += build_choices(self.tab, name, manifest, self.preferred)
        noisy = has_noise(self.manifests[self.first])
        with gr.Row(visible=noisy, equal_height=False) as self.chance:
            self.seed = gr.Number(
                0,
                precision=0,
                minimum=0,
                maximum=LARGEST_SEED,
                label="Seed",
                info="Decides what is left to chance.",
                elem_id=f"{self.tab}-seed",
            )
            self.another = gr.Button(
                "Another",
                scale=0,
                min_width=120,
                elem_classes="another",
                elem_id=f"{self.tab}-another",
            )
        self.inputs = gr.JSON(starting(self.choices, self.first), label="Inputs", visible="hidden")
        self.drawing = gr.Textbox("", label="Drawing", visible="hidden")

    def _expected(self, model: str) -> str:
        """What a model's manifest says of the picture that it reads, as a sentence."""
        manifest = self.manifests.get(model)
        told = manifest.picture.description if manifest and manifest.picture else ""
        # A manifest is no markup: it may come from a stranger.
        return f"Expects {as_text(told.rstrip('.'))}." if told else ""

    def wire(self, panel: Panel) -> None:
        """Show what belongs to the chosen model and collect what is chosen."""
        names = list(self.manifests)
        source = panel.view.components[0]
        source.visible = self.reads[self.first]

        def show(model: str, origin: str) -> list[Any]:
            draws, reads = self.drawn.get(model, False), self.reads.get(model, True)
            board = model if draws and origin == DRAW else None
            expected = self._expected(model)
            return [
                gr.update(value=expected, visible=bool(expected)),
                gr.update(visible=draws),
                gr.update(visible=reads and board is None),
                gr.update(visible=reads),
                gr.update(visible=model in names and has_noise(self.manifests[model])),
                *(gr.update(visible=name == model) for name in self.groups),
                *(gr.update(visible=name == board) for name in self.easels),
            ]

        shown = [self.expects, self.origin, panel.upload, source, self.chance]
        shown += self.groups.values()
        gr.on(
            [self.model.change, self.origin.change],
            show,
            [self.model, self.origin],
            [*shown, *self.easels.values()],
            **SILENT,
        )
        parts = [choice.component for choice in self.choices]
        gr.on(
            [self.model.change, *(part.change for part in parts)],
            None,
            [self.model, *parts],
            self.inputs,
            js=gather(self.choices),
            **SILENT,
        )
        boards = list(self.boards.values())
        if boards:
            places = json.dumps(list(self.boards))
            gr.on(
                [self.model.change, self.origin.change, *(board.change for board in boards)],
                None,
                [self.model, self.origin, *boards],
                self.drawing,
                js=f"""(model, origin, ...drawings) => {{
                  const board = {places}.indexOf(model);
                  if (board < 0 || origin !== "{DRAW}") return "";
                  return drawings[board] || "{EMPTY_BOARD}";
                }}""",
                **SILENT,
            )
        self.another.click(
            None, None, self.seed, js="() => Math.floor(Math.random() * 1e6)", **SILENT
        ).then(None, js=f"() => document.querySelector('#{self.tab}-run').click()", **SILENT)

    def wire_examples(self, panel: Panel, tried: Mapping[Path, str]) -> None:
        """Let an example choose its model and, where that is told, the pose that it shows.

        `tried` has the model of each example, in the order in which they are shown.
        """
        if panel.examples is None:
            return
        told = [(one.model, one.pose) for one in self.choices if one.pose and one.name == OF_SOURCE]

        def choose(example: tuple[int, Any]) -> Any:
            path, model = list(tried.items())[example[0]]
            updates = [gr.update(value=model)]
            for owner, box in told:
                updates += box.choose(pictured_pose(path) if owner == model else "")
            return updates if len(updates) > 1 else updates[0]

        parts = [part for _, box in told for part in box.parts]
        panel.examples.click(choose, panel.examples, [self.model, *parts], **SILENT)
