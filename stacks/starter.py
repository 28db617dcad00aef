"""A recipe for what `stacks.survey` found, as a text that its user goes on to edit."""

from __future__ import annotations

import math

from stacks.recipe import toml_key, toml_value
from stacks.survey import Survey

BATCHES = {256: 4, 192: 6, 128: 8, 96: 12, 64: 16, 32: 32}
"""Items a batch by the side of the crop: the memory and the time of a step stay about the same."""
PASSES = 200
"""How often each picture is seen, as in pix2pix (Isola et al. 2017, arXiv 1611.07004, section
6.2); of few pictures more steps would learn them by heart."""
MOST_STEPS = 20000
LEAST_STEPS = 2000
"""Of very few pictures: a network learns nothing in fewer."""
LOOKS = 20
"""How often held-out pictures are looked at."""


def starter(survey: Survey, name: str, root: str) -> str:
    """The recipe, TOML with comments.

    Args:
        survey: of the folder of pictures.
        name: of the recipe.
        root: of the data, as the recipe says it.
    """
    parts = [head(survey, name), data(survey, root)]
    write = {
        "restoration": restoration,
        "enlargement": enlargement,
        "generation": generation,
        "translation": translation,
    }
    parts.append(write[survey.purpose](survey))
    return "\n".join(parts)


def head(survey: Survey, name: str) -> str:
    """What it is."""
    larger = survey.purpose in ("restoration", "enlargement")
    task = "super-resolution" if larger else "photo"
    found = ", ".join(f"{view} {found.kind}" for view, found in survey.views.items())
    lines = [
        f"# Written for {survey.count} items ({found}) by `pixstack new`.",
        *(f"# Note: {remark}." for remark in survey.remarks),
        "schema = 1",
        f"name = {toml_value(name)}",
        f"task = {toml_value(task)}",
        '# description = "Says what it does, in one sentence."',
        '# license = "CC-BY-4.0"          # of the weights, as the exported file will tell it',
        f"batch = {BATCHES[survey.size]}",
        "",
    ]
    return "\n".join(lines)


def data(survey: Survey, root: str) -> str:
    """Where the pictures are; of classes there is noise beside them, to start from."""
    views = {view: found.kind for view, found in survey.views.items()}
    generating = survey.purpose == "generation"
    if generating:
        views = {"noise": "noise:64", **views}
    listed = ", ".join(f"{toml_key(view)} = {toml_value(kind)}" for view, kind in views.items())
    lines = [
        "[data]",
        f"root = {toml_value(root)}",
        f"layout = {toml_value(survey.layout)}",
        f"views = {{ {listed} }}",
        f"size = {generated(survey) if generating else survey.size}",
    ]
    if generating:
        lines.append('fit = "resize"')
    if survey.swap:
        lines.append("swap = true")
    if survey.scale > 1:
        lines.append(f"scale = {survey.scale}")
    for view, found in survey.views.items():
        if found.palette:
            colors = ", ".join(toml_value(list(color)) for color in found.palette)
            lines.append(f"palette.{toml_key(view)} = [{colors}]")
        if found.names:
            lines.append(f"names.{toml_key(view)} = {toml_value(list(found.names))}")
    lines += ["", "[[data.folder]]", f"path = {toml_value(survey.path)}"]
    if survey.held_out:
        lines.append(f'pictures = ":-{survey.held_out}"          # the rest validates')
    lines += ["", "[augment]", "flip = true"]
    if survey.purpose == "translation" and survey.most == (survey.size, survey.size):
        # Else every step would show the same whole pictures.
        lines.append("zoom = [1.0, 1.12]          # a little nearer and shifted, as in pix2pix")
    return "\n".join([*lines, ""])


def generated(survey: Survey) -> int:
    """Side of pictures that are made from noise."""
    return 64 if survey.size >= 64 else 32


def validation(survey: Survey, rest: str) -> str:
    """The table of the pictures held out, with what stands before the phases; nothing without."""
    if survey.why_none_held_out:
        return ""
    chosen = (
        f"path = {toml_value(survey.apart)}"
        if survey.apart
        else f'path = {toml_value(survey.path)}, pictures = "-{survey.held_out}:"'
    )
    return f"""[validation]
folder = [{{ {chosen} }}]
{rest}
every = {steps(survey) // LOOKS}

"""


def steps(survey: Survey) -> int:
    """Steps that show each picture about ``PASSES`` times, in whole hundreds."""
    wanted = PASSES * (survey.count - survey.held_out) / BATCHES[survey.size]
    return max(LEAST_STEPS, min(MOST_STEPS, 100 * math.ceil(wanted / 100)))


def length(survey: Survey) -> str:
    """How long the phase is, and why."""
    asked, trained = steps(survey), survey.count - survey.held_out
    if asked == MOST_STEPS:
        return f"steps = {asked}"
    times = round(asked * BATCHES[survey.size] / trained)
    return (
        f"# Each of the {trained} pictures is seen about {times} times. In more steps networks\n"
        f"# would learn so few by heart.\nsteps = {asked}"
    )


def restoration(survey: Survey) -> str:
    """Targets alone: super-resolution by four."""
    degraded = 'degrade = "bicubic:4"'
    return '[degrade]\nchoices = ["bicubic:4"]\n\n' + enlarging(survey, 4, degraded)


def enlargement(survey: Survey) -> str:
    """Pairs of a low and a high resolution."""
    return enlarging(survey, survey.scale, 'metric = "psnr_rgb"')


def enlarging(survey: Survey, scale: int, rest: str) -> str:
    """A pyramid that adds what is missing to the enlarged source."""
    return f"""[[stage]]
name = "enlarge"
writes = "target"
join = "add"
generator = {{ kind = "pyramid", channels = 64, blocks = 6, scale = {scale} }}
objective = {{ generator = {{ charbonnier = 1.0 }} }}

[optimizer]
generator = {{ kind = "adamw", rate = 1e-3, betas = [0.9, 0.99], clip = 0.5 }}

{validation(survey, rest)}[[phase]]
train = ["enlarge"]
adversarial = false
{length(survey)}
"""


def generation(survey: Survey) -> str:
    """Classes: pictures from noise, as in DCGAN, with the class told to both sides."""
    return f"""[[stage]]
name = "draw"
reads = ["noise", "label"]
writes = "target"
generator = {{ kind = "dcgan", size = {generated(survey)}, channels = 512 }}
discriminator = {{ kind = "dcgan", size = {generated(survey)}, channels = 512, norm = "spectral" }}
sees = "pair"
objective = {{ adversarial = "hinge", generator = {{}} }}

[optimizer]
generator = {{ kind = "adam", rate = 1e-4, betas = [0.0, 0.9] }}
discriminator = {{ kind = "adam", rate = 4e-4, betas = [0.0, 0.9] }}

[[phase]]
train = ["draw"]
{length(survey)}
"""


def translation(survey: Survey) -> str:
    """Pairs: a U-Net judged by a patch discriminator, as in pix2pix."""
    target = survey.views["target"]
    reads = [view for view in survey.views if view != "target"]
    depth = min(7, int(math.log2(survey.size)) - 1)
    if target.labels:
        judged = "objective = { generator = { cross_entropy = 1.0, dice = 1.0 } }"
        adversarial = "false"
    else:
        judged = (
            'discriminator = { kind = "patch", channels = 64, layers = 3, norm = "spectral" }\n'
            'sees = "pair"\n'
            'objective = { adversarial = "lsgan", relativistic = "average", '
            "generator = { l1 = 30.0, feature_matching = 10.0 } }"
        )
        adversarial = "true"
    return f"""[[stage]]
name = "translate"
reads = {toml_value(reads)}
writes = "target"
generator = {{ kind = "pix2pix", channels = 64, depth = {depth} }}
{judged}

# Two time scales: the discriminator learns twice as fast.
[optimizer]
generator = {{ kind = "adam", rate = 2e-4, betas = [0.5, 0.99] }}
discriminator = {{ kind = "adam", rate = 4e-4, betas = [0.5, 0.99] }}

{validation(survey, 'metric = "psnr_rgb"')}[[phase]]
train = ["translate"]
adversarial = {adversarial}
{length(survey)}
"""
