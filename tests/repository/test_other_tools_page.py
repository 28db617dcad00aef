"""docs/from-other-tools.md: what it calls things is what recipes take."""

import re

from stacks.recipe import parse_recipe
from tests.repository.test_techniques_page import BASE
from tests.repository.tree import ROOT


def test_other_tools_options_are_ones_that_a_recipe_takes() -> None:
    page = (ROOT / "docs" / "from-other-tools.md").read_text()
    switches = sorted(set(re.findall(r"`([a-z][\w.]*=[^`]+)`", page)))
    assert len(switches) > 30
    for switch in switches:
        of_pix2pix = re.match(r"stage\.0\.generator\.(depth|channels|norm|dropout)=", switch)
        base = BASE.replace('kind = "unet"', 'kind = "pix2pix"') if of_pix2pix else BASE
        alone = ["data.layout=targets"] if switch.startswith("degrade.") else []
        if switch == "data.layout=targets":
            alone = ['degrade.choices=["bicubic:4"]']
        assert parse_recipe(base, [*alone, switch]), switch
    for command in set(re.findall(r"`pixstack recipes (\w+)`", page)):
        assert (ROOT / "stacks" / "recipes" / f"{command}.toml").is_file()
