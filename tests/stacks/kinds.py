"""Recipes of stacks that read and write labels, classes and noise, and pictures for them."""

from pathlib import Path

import numpy as np

from stacks.recipe import parse_recipe
from stacks.spec import Recipe
from tests.photographs import Bytes, photograph, write_pictures

PALETTE = ((10, 10, 10), (200, 30, 30), (30, 200, 30), (30, 30, 200))

# A photograph from a label map, in one of three moods.
PAINT = """
name = "paint"
[data]
layout = "table"
views = { layout = "labels:4", mood = "class:3", target = "rgb" }
palette = { layout = [[10, 10, 10], [200, 30, 30], [30, 200, 30], [30, 30, 200]] }
names = { layout = ["sky", "wall", "tree", "road"], mood = ["calm", "dim", "loud"] }
size = 16
[[data.folder]]
path = "pairs.csv"
[[stage]]
name = "paint"
reads = ["layout", "mood"]
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
discriminator = { kind = "patch", channels = 4, layers = 1, norm = "instance" }
sees = "pair"
objective = { adversarial = "hinge", generator = { l1 = 1.0 } }
[[phase]]
train = ["paint"]
steps = 2
"""

# A picture from noise, of one of two classes.
DRAW = """
name = "draw"
[data]
layout = "classes"
views = { noise = "noise:8", group = "class:2", target = "rgb" }
names = { group = ["cup", "cat"] }
size = 32
[[stage]]
name = "draw"
reads = ["noise", "group"]
generator = { kind = "dcgan", size = 32, channels = 16 }
discriminator = { kind = "dcgan", size = 32, channels = 16 }
sees = "pair"
objective = { adversarial = "non-saturating", generator = {} }
[[phase]]
train = ["draw"]
steps = 2
"""

# The labels of a photograph, and the photograph from its labels.
PARSE = """
name = "parse"
[data]
views = { source = "rgb", layout = "labels:4", target = "rgb" }
palette = { layout = [[10, 10, 10], [200, 30, 30], [30, 200, 30], [30, 30, 200]] }
names = { layout = ["sky", "wall", "tree", "road"] }
size = 16
[[stage]]
name = "parse"
writes = "parsed"
truth = "layout"
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
discriminator = { kind = "patch", channels = 4, layers = 1, norm = "instance" }
sees = "pair"
objective = { adversarial = "lsgan", generator = { l1 = 0, cross_entropy = 1.0, dice = 0.5 } }
[[stage]]
name = "paint"
reads = ["parsed"]
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
objective = { generator = { l1 = 1.0 } }
[[phase]]
train = ["parse", "paint"]
feed = "truth"
steps = 1
[[phase]]
train = ["parse", "paint"]
steps = 1
"""


def recipe(text: str, *overrides: str) -> Recipe:
    """One of the recipes above, in small batches, with everything logged."""
    short = ["batch=2", "precision=fp32", "log.every=1", "log.samples=2", "log.checkpoint=1"]
    return parse_recipe(text, [*short, *overrides])


def ids(picture: Bytes) -> Bytes:
    """Four labels of a picture, by how bright it is: ``(H, W, 1)``."""
    return (picture.mean(axis=2, keepdims=True) // 64).astype(np.uint8)


def write_data(root: Path) -> Path:
    """Folders ``source``, ``layout`` and ``target``, the table ``pairs.csv``, and two classes."""
    pictures = {
        "coffee.png": photograph("coffee")[100:140, 150:200],
        "chelsea.png": photograph("chelsea")[80:120, 120:170],
    }
    for folder in ("source", "target"):
        write_pictures(root / folder, pictures)
    colors = np.array(PALETTE, np.uint8)
    layouts = {name: colors[ids(picture)[..., 0]] for name, picture in pictures.items()}
    write_pictures(root / "layout", layouts)
    (root / "pairs.csv").write_text(
        "layout,target,mood\n"
        "layout/coffee.png,target/coffee.png,dim\n"
        "layout/chelsea.png,target/chelsea.png,0\n"
    )
    for folder, name in (("cup", "coffee.png"), ("cat", "chelsea.png")):
        write_pictures(root / "classes" / folder, {name: pictures[name]})
    return root
