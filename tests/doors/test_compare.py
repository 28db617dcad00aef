"""`pixstack compare`: a page that gives nothing away, its key, and votes read back."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.stats import binomtest

from pixstack.blind.votes import wilson
from tests.doors.conftest import Answer
from tests.doors.standins import write_denoise
from tests.photographs import write_pictures

Call = Callable[..., Answer]
COUNT = 9
LIGHT = {"A": 200, "B": 50}


def flat(value: int) -> np.ndarray:
    """Every picture of A is lighter than every one of B; the index is in its last digit."""
    return np.full((6, 8, 3), value, np.uint8)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return tuple(
        write_pictures(
            tmp_path / side, {f"n{index}.png": flat(light + index) for index in range(COUNT)}
        )
        for side, light in LIGHT.items()
    )  # pyright: ignore[reportReturnType]


def page_data(page: Path) -> dict[str, Any]:
    text = page.read_text("utf-8")
    [data] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    return json.loads(data)


def value(address: str) -> int:
    """The one color of a picture of the page."""
    kind, _, encoded = address.partition(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (6, 8, 3)
    assert pixels.min() == pixels.max()
    return int(pixels.max())


def test_the_key_says_what_the_page_shows(
    pixstack: Call, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    answer = pixstack("compare", *folders, "-o", page, "--seed", "3", "--json", "-")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert told == {"page": str(page), "key": str(tmp_path / "page.key.json"), "trials": COUNT}
    key, data = json.loads(Path(told["key"]).read_text()), page_data(page)
    assert data["page"] == key["page"]
    assert key["sides"] == {"A": str(folders[0]), "B": str(folders[1])}
    assert sorted(trial["name"] for trial in key["trials"]) == [f"n{i}" for i in range(COUNT)]
    assert [trial["name"] for trial in key["trials"]] != [f"n{i}" for i in range(COUNT)]
    for trial, shown in zip(key["trials"], data["trials"], strict=True):
        index = int(trial["name"][1:])
        other = "B" if trial["left"] == "A" else "A"
        assert value(shown["left"]) == LIGHT[trial["left"]] + index
        assert value(shown["right"]) == LIGHT[other] + index
    assert sum(trial["left"] == "A" for trial in key["trials"]) in (4, 5), "balanced"


def test_the_page_gives_nothing_away(
    pixstack: Call, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    assert pixstack("compare", *folders, "-o", page).code == 0
    text = page.read_text("utf-8")
    assert "{{" not in text
    for secret in (str(folders[0]), str(folders[1]), "n0", "n8", "seed", "sides"):
        assert secret not in re.sub(r"data:image/png;base64,[^\"]+", "", text)
    assert set(page_data(page)["trials"][0]) == {"left", "right"}
    # Nothing is fetched from anywhere.
    assert not re.search(r"(src|href)=", text)
    assert "http" not in re.sub(r"data:image/png;base64,[^\"]+", "", text)


def test_the_seed_and_the_count(pixstack: Call, folders: tuple[Path, Path], tmp_path: Path) -> None:
    keys = []
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        page = tmp_path / f"{name}.html"
        given = ("--seed", str(seed), "--count", "4", "--question", "Which <b> is real?")
        assert pixstack("compare", *folders, "-o", page, *given).code == 0
        assert "Which &lt;b&gt; is real?" in page.read_text("utf-8")
        keys.append(json.loads((tmp_path / f"{name}.key.json").read_text()))
    assert len(keys[0]["trials"]) == 4
    assert keys[0] == keys[1]
    assert keys[0]["trials"] != keys[2]["trials"]


def test_the_key_of_an_earlier_page_is_kept(
    pixstack: Call, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    calls = [pixstack("compare", *folders, "-o", page, "--seed", seed) for seed in ("1", "1", "2")]
    assert [call.code for call in calls] == [0, 0, 1]
    assert "page.key.json: is the key of another page" in calls[2].err
    key = json.loads((tmp_path / "page.key.json").read_text())
    assert key["page"] == page_data(page)["page"]


def test_two_models_and_their_sources(pixstack: Call, tmp_path: Path) -> None:
    sources = write_pictures(tmp_path / "sources", {"a.png": flat(10), "b.png": flat(90)})
    for name in ("one.onnx", "two.onnx"):
        write_denoise(tmp_path / name)
    models = (tmp_path / "one.onnx", tmp_path / "two.onnx")
    page = tmp_path / "page.html"
    key = tmp_path / "apart" / "key.json"
    key.parent.mkdir()
    answer = pixstack("compare", *models, "--sources", sources, "-o", page, "--key", key)
    assert answer.code == 0, answer.err
    assert json.loads(key.read_text())["sides"] == {"A": str(models[0]), "B": str(models[1])}
    for shown in page_data(page)["trials"]:
        assert set(shown) == {"left", "right", "source"}
        assert value(shown["left"]) == value(shown["right"]) == value(shown["source"])


def cast(page: str, *choices: str) -> dict[str, Any]:
    """What a page lets one download."""
    votes = [{"trial": index, "choice": choice} for index, choice in enumerate(choices)]
    return {"form": "pixstack.compare-votes", "page": page, "votes": votes}


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    left = "ABBAB"
    content = {
        "form": "pixstack.compare-key",
        "page": "abc",
        "seed": 0,
        "question": "Which?",
        "sides": {"A": "mine", "B": "theirs"},
        "trials": [{"name": f"n{index}", "left": side} for index, side in enumerate(left)],
    }
    path.write_text(json.dumps(content))
    return path


def test_votes_are_read_back(pixstack: Call, key: Path, tmp_path: Path) -> None:
    ann, bob = tmp_path / "ann.json", tmp_path / "bob.json"
    # Left stand A, B, B, A, B: for A, B, A, nobody, B; then for A twice.
    ann.write_text(json.dumps(cast("abc", "left", "left", "right", "none", "left")))
    bob.write_text(json.dumps(cast("abc", "left", "right")))
    read = ("compare", "--votes", ann, "--votes", bob, "--key", key)
    answer = pixstack(*read, "--json", "-")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert (told["A"], told["B"], told["no_preference"], told["files"]) == (4, 2, 1, 2)
    assert told["share_of_A"] == pytest.approx(4 / 6)
    expected = binomtest(4, 6).proportion_ci(0.95, "wilson")
    assert told["interval"] == pytest.approx([expected.low, expected.high])
    assert told["share_of_left"] == pytest.approx(4 / 6)
    answer = pixstack(*read)
    assert "A was preferred in 66.7% of 6 decided votes" in answer.out
    assert "A: mine" in answer.out


def test_nobody_preferred_anything(pixstack: Call, key: Path, tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    path.write_text(json.dumps(cast("abc", "none")))
    answer = pixstack("compare", "--votes", path, "--key", key)
    assert answer.code == 0, answer.err
    assert "nobody preferred either" in answer.out


@pytest.mark.parametrize(("successes", "count"), [(0, 5), (5, 5), (1, 3), (480, 1000)])
def test_the_interval_is_scipys(successes: int, count: int) -> None:
    expected = binomtest(successes, count).proportion_ci(0.95, "wilson")
    assert wilson(successes, count) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no votes", "is not votes of a page"),
        (json.dumps({"form": "else"}), "is not votes of a page"),
        (json.dumps(cast("abd", "left")), "votes on page abd, but"),
        (json.dumps(cast("abc")), "holds no votes"),
        (
            json.dumps(cast("abc", "up")),
            "is no vote; expected a trial of 0..4 and a choice of left",
        ),
        (json.dumps(cast("abc", *["left"] * 6)), "is no vote"),
        (
            json.dumps({**cast("abc"), "votes": [{"trial": 1, "choice": "left"}] * 2}),
            "votes twice on trial 1",
        ),
    ],
)
def test_files_that_hold_no_votes(
    pixstack: Call, key: Path, tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "votes.json"
    path.write_text(content)
    answer = pixstack("compare", "--votes", path, "--key", key)
    assert (answer.code, len(answer.err.splitlines())) == (1, 1)
    assert said in answer.err


@pytest.mark.parametrize(
    ("part", "value"),
    [("trials", None), ("trials", [{"left": "C"}]), ("trials", [1]), ("sides", {"A": "a"}),
     ("page", ...), ("question", ...)],
)  # fmt: skip
def test_a_damaged_key_is_none(
    pixstack: Call, key: Path, tmp_path: Path, part: str, value: Any
) -> None:
    content = json.loads(key.read_text())
    content = {name: one for name, one in content.items() if value is not ... or name != part}
    key.write_text(json.dumps(content | ({} if value is ... else {part: value})))
    (tmp_path / "votes.json").write_text("{}")
    answer = pixstack("compare", "--votes", tmp_path / "votes.json", "--key", key)
    assert answer.code == 1
    assert answer.error_lines == [f"error: {key}: is not a key of `pixstack compare`"]


def test_votes_count_once(pixstack: Call, key: Path, tmp_path: Path) -> None:
    path = tmp_path / "votes.json"
    path.write_text(json.dumps(cast("abc", "left")))
    answer = pixstack("compare", "--votes", path, "--votes", path, "--key", key)
    assert "holds the same votes" in answer.err


def test_compare_refuses_in_one_line(
    pixstack: Call, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    first, second = folders
    smaller = {"n0.png": flat(1)[:4]}
    for given, code, said in (
        ((first,), 2, "compare takes A and B"),
        ((first, second, "-o", "page.pdf"), 2, "expected the name of an .html file"),
        ((first, tmp_path / "none"), 2, "no such folder; where it is a model"),
        ((first, tmp_path, "-o", tmp_path / "p.html"), 1, "holds no pictures"),
        ((first, write_pictures(tmp_path / "few", smaller)), 1, "has no picture named 'n1' and 7"),
        (("--votes", "votes.json"), 2, "give it with --key"),
        (("--votes", "votes.json", "--key", "none.json"), 1, "none.json: no such file"),
    ):
        answer = pixstack("compare", *given)
        assert (answer.code, len(answer.err.splitlines())) == (code, 1), answer.err
        assert said in answer.err
    write_pictures(second, smaller)
    answer = pixstack("compare", first, second, "-o", tmp_path / "page.html")
    assert "n0: 8x6 in one folder, 8x4 in the other" in answer.err
    assert not (tmp_path / "page.html").exists()


def test_reports_of_different_pictures_do_not_compare(pixstack: Call, tmp_path: Path) -> None:
    reports = []
    for side, light in (("one", 10), ("other", 90), ("again", 10)):
        first, second = (np.full((12, 16, 3), value, np.uint8) for value in (light, 30))
        targets = write_pictures(tmp_path / side, {"a.png": first, "b.png": second})
        reports.append(tmp_path / f"{side}.json")
        measure = ("eval", "photo-denoise", "--targets", targets, "--degrade", "noise:25")
        answer = pixstack(*measure, "--json", reports[-1])
        assert answer.code == 0, answer.err
    one, other, again = reports
    answer = pixstack("compare", one, other)
    assert (answer.code, len(answer.error_lines)) == (1, 1)
    assert "protocol.targets_sha256 is " in answer.err
    assert pixstack("compare", one, again).code == 0
