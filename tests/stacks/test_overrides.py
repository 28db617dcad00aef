"""``--set KEY.PATH=VALUE``."""

import pytest

from stacks.recipe import changes, parse_recipe
from tests.stacks.tiny import SUPER_RESOLUTION
from translate.tables import TableError


def test_values_are_read_as_toml_or_else_as_text() -> None:
    recipe = parse_recipe(
        SUPER_RESOLUTION,
        [
            "seed=7",
            "name=a b",
            'description="quoted"',
            "license=",
            "ema.decay=0.5",
            "augment.turn=false",
            "stage.1.generator.blocks=6",
            "stage.0.objective.generator={l2 = 3}",
            "phase.0.train=['x4']",
            "phase.0.train.0=x2",
            "optimizer.discriminator.betas.1=0.25",
            "data.root=/somewhere/with = sign",
            "validation.folder.0.path=a/b",
            " seed =8",
        ],
    )
    assert (recipe.seed, recipe.name, recipe.license) == (8, "a b", "")
    assert recipe.description == "quoted"
    assert recipe.ema.decay == 0.5
    assert recipe.augment.turn is False
    assert [stage.generator.blocks for stage in recipe.stage] == [1, 6]
    assert recipe.stage[0].objective.generator == {"l2": 3.0}
    assert recipe.phase[0].train == ("x2",)
    assert recipe.optimizer.discriminator.betas == (0.5, 0.25)
    assert recipe.data.root == "/somewhere/with = sign"
    assert recipe.validation.folder[0].path == "a/b"


def test_tables_that_are_not_there_yet() -> None:
    text = SUPER_RESOLUTION.replace("[ema]\ndecay = 0.9\n", "")
    assert parse_recipe(text).ema.decay == 0.999
    assert parse_recipe(text, ["ema.decay=0.25"]).ema.decay == 0.25


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed", "--set seed: expected KEY.PATH=VALUE"),
        ("=3", "--set =3: expected KEY.PATH=VALUE"),
        ("data..size=3", "--set data..size=3: expected KEY.PATH=VALUE"),
        ("data.=3", "--set data.=3: expected KEY.PATH=VALUE"),
        ("stage.2.name=x", "--set stage.2.name=x: expected a position of 0 to 1, got '2'"),
        ("stage.-1.name=x", "--set stage.-1.name=x: expected a position of 0 to 1, got '-1'"),
        ("stage.x2.name=x", "--set stage.x2.name=x: expected a position of 0 to 1, got 'x2'"),
        ("stage.²=x", "--set stage.²=x: expected a position of 0 to 1, got '²'"),
        ("degrade.choices.5=x", "--set degrade.choices.5=x: expected a position of 0 to 1, got"),
        ("name.first=x", "--set name.first=x: name is no table"),
        ("name.first.second=x", "--set name.first.second=x: name is no table"),
        ("stage.0.name.a.b=x", "--set stage.0.name.a.b=x: stage.0.name is no table"),
        ("stage.0.reads.0.a=x", "--set stage.0.reads.0.a=x: stage.0.reads.0 is no table"),
        ("sed=3", "sed: unknown key; did you mean 'seed'? "),
        ("stage.0.generator.kind=resnet9", "stage[0].generator.kind: unknown kind 'resnet9'; "),
        ("stage.0.generator.kind=unet", "stage[0].generator.channels: unknown key; "),
        ("seed=many", "seed: expected a whole number, got 'many'"),
        ("stage.0=x2", "stage[0]: expected a table, got 'x2'"),
    ],
)
def test_mistakes(override: str, message: str) -> None:
    with pytest.raises(TableError) as error:
        parse_recipe(SUPER_RESOLUTION, [override])
    assert str(error.value).startswith(message)


def test_an_empty_list_has_no_positions() -> None:
    with pytest.raises(TableError) as error:
        parse_recipe(SUPER_RESOLUTION, ["validation.folder=[]", "validation.folder.0.path=a"])
    assert str(error.value) == (
        "--set validation.folder.0.path=a: the list is empty, so there is no position '0'"
    )


def test_what_differs_between_two_recipes_is_told_by_its_path() -> None:
    before = parse_recipe(SUPER_RESOLUTION)
    after = parse_recipe(
        SUPER_RESOLUTION,
        [
            "batch=3",
            "stage.1.generator.blocks=6",
            "validation.folder=[{path = 'more'}]",
        ],
    )
    assert changes(before, before) == []
    told = {one.partition(":")[0]: one for one in changes(before, after)}
    assert told["batch"] == f"batch: {before.batch}, now 3"
    assert told["stage.1.generator.blocks"].endswith(", now 6")
    assert told["validation.folder.0.path"] == 'validation.folder.0.path: ".", now "more"'
    assert set(told) == {
        *("batch", "stage.1.generator.blocks"),
        *("validation.folder.0.path", "validation.folder.0.pictures"),
    }
