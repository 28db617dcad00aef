"""Recipes: strict keys at every depth, and the way from text to objects and back."""

from pathlib import Path

import pytest

from stacks.keys import tables
from stacks.presets import preset_names
from stacks.recipe import load_recipe, parse_recipe, recipe_hash, recipe_text
from stacks.spec import PhaseSpec, Recipe, StageSpec
from tests.stacks import tiny
from translate.generators.unet import UNetSpec
from translate.losses.adversarial import ADVERSARIAL
from translate.tables import ELSEWHERE, TableError

TEXT = tiny.SUPER_RESOLUTION


def change(old: str, new: str) -> str:
    assert TEXT.count(old) >= 1, old
    return TEXT.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (change("batch = 2", "bach = 2"), "bach: unknown key; did you mean 'batch'? known: "),
        (change("size = 64", "sice = 64"), "data.sice: unknown key; did you mean 'size'? "),
        (change('name = "x4"', 'nam = "x4"'), "stage[1].nam: unknown key; did you mean 'name'? "),
        (change("blocks = 1, unfold = 2", "block = 1"), "stage[1].generator.block: unknown key; "),
        (change("generator = { l1 = 1.0", "generator = { l11 = 1.0"),
         "stage[1].objective.generator.l11: unknown term; did you mean 'l1'?"),
        (change('"lsgan"', '"lsgam"'), "stage[0].objective.adversarial: unknown loss 'lsgam'; did"),
        (change('relativistic = "average"', "relativstic = true"),
         "stage[0].objective.relativstic: unknown key; did you mean 'relativistic'? "),
        (change('kind = "patch", channels = 4, layers = 2, norm = "batch"', 'kind = "pach"'),
         "stage[1].discriminator.kind: unknown kind 'pach'; did you mean 'patch'? "),
        (change("weight_decay", "weight_decai"), "optimizer.generator.weight_decai: unknown key; "),
        (change("betas = [0.5", "betas = [5"), "optimizer.discriminator.betas: got (5.0, 0.99); "),
        (change("warmup = 2", "warmup = 2.5"), "schedule.warmup: expected a whole number, got 2.5"),
        (change("decay = 0.9", "decay = 1"), "ema.decay: got 1.0; allowed: 0 up to 1"),
        (change('pictures = "-1:"', 'picture = "x"'), "validation.folder[0].picture: unknown key;"),
        (change('pictures = "-1:"', 'pictures = "x:"'), "validation.folder[0].pictures: got 'x:'"),
        (change('"psnr_y"', '"psnr"'), "validation.metric: got 'psnr'; allowed: 'psnr_y', "),
        (change("samples = 3", "samples = 0"), "log.samples: got 0; allowed: 1 or more"),
        (change("rate = 0.5", "rate = -1"), "phase[1].rate: got -1.0; allowed: above 0"),
        (change("steps = 4", 'steps = "4"'), "phase[1].steps: expected a whole number, got '4'"),
        (change('["x2", "x4"]', '["x2", "x5"]'), "phase[0].train: unknown stage 'x5'; known: x2, "),
        (change('["x2", "x4"]', '["x2", "x2"]'), "phase[0].train: 'x2' stands twice"),
        (change('["x2", "x4"]', "[]"), "phase[0].train: got (); allowed: one stage or more"),
        (change('name = "x4"', 'name = "x2"'), "stage: two stages are called 'x2'"),
        (change('"bicubic:4"', '"bicubic:1"'), "degrade.choices[0]: degradation 'bicubic:1': "),
        (change('"bicubic:4"\n', '"bicubic"\n'), "validation.degrade: degradation 'bicubic': "),
        (change("[0.7, 0.3]", "[0.7]"), "degrade.shares: got (0.7,); allowed: one number above 0"),
        (change('choices = ["bicubic:4", "bicubic:2"]\nshares = [0.7, 0.3]', ""),
         "degrade.choices: missing; with data.layout 'targets' sources are made, "),
        (change('{ target = "rgb" }', '{ target = "cmyk" }'), "data.views.target: unknown kind "),
        (change('{ target = "rgb" }', '{ source = "rgb" }'), "data.views: no 'target'; "),
        (change("schema = 1", "schema = 2"), "schema: got 2; allowed: 1"),
        (change("[[stage]]", "[stage]"), "the recipe is not valid TOML: "),
        (change('degrade = "bicubic:4"', ""), "validation.degrade: missing; targets that are not"),
        (change("batch = 2", "seed = -1"), "seed: got -1; allowed: 0 up to 2^63"),
        (change("steps = 4", "steps = 4\nsize = 4"), "phase[1].size: got 4; allowed: 0, or 8"),
        (change("turn = true", "turn = 1"), "augment.turn: expected true or false, got 1"),
        ("", "name: missing; text is needed"),
        ('name = "a"', "stage: missing; a list is needed"),
        ('name = "a"\nstage = []\nphase = []', "stage: got []; allowed: one stage or more"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_path(text: str, message: str) -> None:
    with pytest.raises(TableError) as error:
        parse_recipe(text)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("layout", ["views", "side-by-side"])
def test_pairs_need_a_source(layout: str) -> None:
    text = tiny.TRANSLATION.replace("size = 16", f'layout = "{layout}"\nviews = {{target="rgb"}}')
    with pytest.raises(TableError, match=r"^data\.views: no 'source'; "):
        parse_recipe(text)


def test_side_by_side_pictures_hold_two_views() -> None:
    views = '{ source = "rgb", depth = "gray", target = "rgb" }'
    text = tiny.TRANSLATION.replace("size = 16", f'layout = "side-by-side"\nviews = {views}')
    with pytest.raises(TableError, match=r"^data\.views: 'depth' has no place in layout 'side-"):
        parse_recipe(text)


def test_sources_made_from_targets_are_of_their_kind() -> None:
    with pytest.raises(TableError, match=r"^data\.views\.source: got 'gray'; .*, 'rgb'$"):
        parse_recipe(TEXT, ['data.views.source="gray"'])
    with pytest.raises(TableError, match=r"^data\.views: 'depth' has no place in layout 'targets'"):
        parse_recipe(TEXT, ['data.views.depth="gray"'])


@pytest.mark.parametrize("line", ['truth = "noise_map"', 'join = "told"'])
def test_what_the_degradation_tells_needs_a_degradation(line: str) -> None:
    text = tiny.TRANSLATION.replace('name = "paint"', f'name = "paint"\n{line}')
    with pytest.raises(TableError, match=r"^stage\[0\]\.(truth|join): .* degrade\.choices"):
        parse_recipe(text)


def test_the_channels_of_rgb_pictures_alone_change_their_order() -> None:
    channels = "augment.channels=true"
    assert parse_recipe(TEXT, [channels]).augment.channels
    views = 'data.views={source="rgb", layout="labels:4", target="rgb"}'
    with pytest.raises(TableError, match=r"^augment\.channels: .* 'layout' is labels:4; "):
        parse_recipe(tiny.TRANSLATION, [channels, views])


def test_the_colors_of_rgb_pictures_alone_change() -> None:
    assert parse_recipe(TEXT, ["augment.colors=0.2"]).augment.colors == 0.2
    views = 'data.views={source="rgb", layout="labels:4", target="rgb"}'
    with pytest.raises(TableError, match=r"^augment\.colors: got 0\.2, but 'layout' is labels:4"):
        parse_recipe(tiny.TRANSLATION, ["augment.colors=0.2", views])
    with pytest.raises(TableError, match=r"^augment.*colors: got 2\.0; allowed: 0 "):
        parse_recipe(TEXT, ["augment.colors=2"])


def test_a_phase_that_nothing_judges_is_refused() -> None:
    silent = ["stage.1.objective.generator.l1=0", "stage.0.objective.generator={}"]
    # In the second phase their discriminators judge them, in the first one nothing does.
    with pytest.raises(TableError, match=r"^phase\[0\]\.train: nothing judges 'x2', 'x4'; "):
        parse_recipe(TEXT, silent)
    assert parse_recipe(TEXT, [*silent, "phase.0.adversarial=true"]).phase[0].adversarial
    # What judges the last stage reaches the one before it too.
    assert parse_recipe(TEXT, silent[1:]).stage[0].objective.generator == {}
    with pytest.raises(TableError, match=r"^phase\[0\]\.train: nothing judges 'x2'; "):
        parse_recipe(TEXT, [*silent[1:], "phase.0.train=['x2']"])
    with pytest.raises(TableError, match=r"^phase\[1\]\.train: nothing judges 'x2', 'x4'; "):
        parse_recipe(
            TEXT,
            [
                *silent,
                "phase.0.adversarial=true",
                "stage.0.objective.weight=0",
                "phase.1.adversarial=false",
            ],
        )


def test_bad_toml_says_where() -> None:
    with pytest.raises(TableError, match=r"^the recipe is not valid TOML: .*line 2"):
        parse_recipe("schema = 1\nname = \n")


def test_toml_nested_beyond_reason() -> None:
    with pytest.raises(TableError, match="not valid TOML"):
        parse_recipe("a = " + "[" * 100_000)


@pytest.mark.parametrize("text", [TEXT, tiny.DENOISING, tiny.TRANSLATION])
def test_a_recipe_comes_back_from_its_text(text: str) -> None:
    recipe = parse_recipe(text)
    written = recipe_text(recipe)
    assert parse_recipe(written) == recipe
    assert recipe_text(parse_recipe(written)) == written


@pytest.mark.parametrize(
    "override",
    [
        'description="quotes \\" and \\\\ back, é, 漢字, a\\nline, a\\ttab, \\u0001 and \\u007f"',
        'description="it\'s"',
        "stage.0.objective.generator={}",
        "optimizer.generator.rate=1e-7",
        "optimizer.generator.rate=100000000000000000000.0",
        "seed=9007199254740993",
        "degrade.told=1",
        "validation.folder=[]",
    ],
)
def test_odd_values_come_back(override: str) -> None:
    recipe = parse_recipe(TEXT, [override])
    assert parse_recipe(recipe_text(recipe)) == recipe


def test_views_may_have_any_name() -> None:
    views = '{ source = "rgb", target = "rgb", "left eye" = "rgb", "a.b" = "gray", "é" = "gray" }'
    recipe = parse_recipe(tiny.TRANSLATION, [f"data.views={views}"])
    assert list(recipe.data.views) == ["source", "target", "left eye", "a.b", "é"]
    assert parse_recipe(recipe_text(recipe)) == recipe


def test_recipes_of_python_objects_are_the_same() -> None:
    built = Recipe(
        name="a",
        stage=(StageSpec(name="s", generator=UNetSpec(widths=(4, 8))),),
        phase=(PhaseSpec(train=("s",), steps=3),),
    )
    text = """
    name = "a"
    [[stage]]
    name = "s"
    generator = { kind = "unet", widths = [4, 8] }
    [[phase]]
    train = ["s"]
    steps = 3
    """
    assert parse_recipe(text) == built
    assert parse_recipe(recipe_text(built)) == built


def test_the_hash_is_of_what_the_recipe_says() -> None:
    recipe = parse_recipe(TEXT)
    assert len(recipe_hash(recipe)) == 64
    # Comments, order and written-out defaults say nothing new.
    assert recipe_hash(parse_recipe("# a comment\n" + TEXT)) == recipe_hash(recipe)
    assert recipe_hash(parse_recipe(recipe_text(recipe))) == recipe_hash(recipe)
    assert recipe_hash(parse_recipe(change("batch = 2", "seed = 0\nbatch = 2"))) == recipe_hash(
        recipe
    )
    assert recipe_hash(parse_recipe(TEXT, ["seed=1"])) != recipe_hash(recipe)
    assert recipe_hash(parse_recipe(TEXT, ["stage.1.generator.blocks=2"])) != recipe_hash(recipe)


def test_files_presets_and_names_that_are_neither(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(TEXT, "utf-8")
    assert load_recipe(str(tmp_path / "mine.toml")) == parse_recipe(TEXT)
    changed = load_recipe(str(tmp_path / "mine.toml"), ["seed=4"])
    assert changed == parse_recipe(TEXT, ["seed=4"])
    assert load_recipe("photo-sr").name == "photo-sr"
    with pytest.raises(FileNotFoundError, match=r"gone\.toml: no such recipe file"):
        load_recipe(str(tmp_path / "gone.toml"))
    (tmp_path / "photo.toml").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(TableError, match=r"photo\.toml: not a text in UTF-8"):
        load_recipe(str(tmp_path / "photo.toml"))
    with pytest.raises(TableError, match="photo-st: no such preset; did you mean 'photo-sr'"):
        load_recipe("photo-st")
    assert {"photo-sr", "photo-sr-crisp", "photo-denoise"} <= set(preset_names())


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("stage.0.objective.adversarial=vanilla", "non-saturating"),
        ("stage.0.objective.adversarial=wgangp", "wasserstein"),
        ("stage.0.generator.kind=unet_256", "pix2pix"),
        ("stage.0.discriminator={kind = 'n_layers'}", "patch"),
        ("optimizer.generator.lr=1e-4", "rate"),
        ("batch_size=4", "batch"),
    ],
)
def test_names_of_other_toolkits_lead_to_ours(override: str, meant: str) -> None:
    with pytest.raises(TableError, match=f"did you mean '{meant}'"):
        parse_recipe(TEXT, [override])


def test_what_others_call_things_is_called_so_by_none_of_ours() -> None:
    known = {key.name for table in tables() for key in table.keys}
    known |= {table.path.rpartition(".")[2] for table in tables()} | set(ADVERSARIAL)
    assert set(ELSEWHERE.values()) <= known
    assert not set(ELSEWHERE) & known
