"""Recipes so small that a step takes a few milliseconds, and pictures to train them on."""

from pathlib import Path

from stacks.recipe import parse_recipe
from stacks.spec import Recipe
from tests.photographs import Bytes, photograph, write_pictures

# Two levels of super-resolution; a fidelity phase, then relativistic average LSGAN on the band.
SUPER_RESOLUTION = """
schema = 1
name = "tiny-sr"
task = "super-resolution"
batch = 2
precision = "fp32"

[data]
layout = "targets"
views = { target = "rgb" }
size = 64

[degrade]
choices = ["bicubic:4", "bicubic:2"]
shares = [0.7, 0.3]

[augment]
turn = true

[[stage]]
name = "x2"
reads = ["source"]
writes = "x2"
join = "add"
hands_up = "x2_features"
generator = { kind = "pyramid", channels = 8, blocks = 1, unfold = 1 }
discriminator = { kind = "patch", channels = 4, layers = 2, norm = "spectral" }
sees = "band"
objective = { adversarial = "lsgan", relativistic = "average", generator = { l1 = 0.5 } }

[[stage]]
name = "x4"
reads = ["x2"]
features = "x2_features"
writes = "x4"
join = "add"
generator = { kind = "pyramid", channels = 8, blocks = 1, unfold = 2 }
discriminator = { kind = "patch", channels = 4, layers = 2, norm = "batch" }
objective = { adversarial = "lsgan", relativistic = "average", generator = { l1 = 1.0 } }

[optimizer]
generator = { kind = "adamw", rate = 1e-3, weight_decay = 0.01, clip = 0.5 }
discriminator = { kind = "adam", rate = 4e-3, betas = [0.5, 0.99] }

[schedule]
warmup = 2
decay = 0.5

[ema]
decay = 0.9

[validation]
folder = [{ pictures = "-1:" }]
degrade = "bicubic:4"
metric = "psnr_y"
every = 2

[log]
every = 1
samples = 3
checkpoint = 2

[[phase]]
train = ["x2", "x4"]
adversarial = false
steps = 2

[[phase]]
train = ["x2", "x4"]
adversarial = true
steps = 4
rate = 0.5
"""

# A noise map, then a U-Net that reads it.
DENOISING = """
name = "tiny-denoise"
task = "denoising"
batch = 2
precision = "fp32"

[data]
layout = "targets"
views = { target = "rgb" }
size = 16

[degrade]
choices = ["noise:0-55"]

[[stage]]
name = "level"
reads = ["source"]
writes = "noise_map"
truth = "noise_map"
join = "told"
generator = { kind = "level", channels = 4, depth = 2, unfold = 2, window = 3 }
objective = { generator = { l1 = 0.2 } }

[[stage]]
name = "denoise"
reads = ["source", "noise_map"]
writes = "target"
join = "add"
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 2 }

[log]
every = 1
samples = 2
checkpoint = 1

[[phase]]
train = ["level", "denoise"]
steps = 2
"""

# Pairs that bring their own source.
TRANSLATION = """
name = "tiny-translation"
batch = 2
precision = "fp32"

[data]
size = 16

[[stage]]
name = "paint"
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
discriminator = { kind = "patch", channels = 4, layers = 1, norm = "instance" }
objective = { adversarial = "hinge" }

[log]
every = 1
samples = 2
checkpoint = 1

[[phase]]
train = ["paint"]
steps = 2
"""

# The end of recipes whose data are what is looked at; to be formatted, as they are.
ONE_STAGE = """
[[stage]]
name = "x"
generator = {{ kind = "pix2pix", depth = 3 }}
objective = {{ generator = {{ l1 = 1 }} }}
[[phase]]
train = ["x"]
adversarial = false
steps = 1
"""


def super_resolution(root: Path, *overrides: str) -> Recipe:
    """The two levels, on the pictures beneath ``root``."""
    return parse_recipe(SUPER_RESOLUTION, [f"data.root={str(root)!r}", *overrides])


def pictures() -> dict[str, Bytes]:
    """Three small photographs."""
    return {
        "chelsea.png": photograph("chelsea")[80:160, 120:220],
        "coffee.png": photograph("coffee")[100:190, 150:250],
        "last.png": photograph("astronaut")[60:124, 180:260],
    }


def write_targets(folder: Path) -> Path:
    """A folder of target pictures."""
    return write_pictures(folder, pictures())
