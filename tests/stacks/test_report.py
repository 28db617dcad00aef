"""A run as one page: what it shows, and that it needs nothing beside itself."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pixstack.cli import main
from stacks.report.curves import MOST, chart, dots, lone, number, path, thinned, ticks
from stacks.report.history import read_run
from stacks.report.page import page, placed
from stacks.train import train
from tests.stacks.tiny import super_resolution


@pytest.fixture(scope="module")
def run(targets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    train(super_resolution(targets, "validation.folder=[{ pictures = '-2:' }]"), folder)
    alarm = {
        "step": 4, "phase": 1, "kind": "alarm", "alarm": "divergence", "where": "x2/generator/l1",
        "said": "is 9 <b>", "found": 5, "rollback": 1, "slowed": 0.5,
    }  # fmt: skip
    with open(folder / "log.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(alarm) + "\n" + '{"step": 6, "ph')
    return folder


class Outline(HTMLParser):
    """Tags that were opened and closed, and what the page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "input", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "path":
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("h1", "h2"):
            self.headings.append(data)


def test_the_page(run: Path) -> None:
    text = page(read_run(run))
    outline = Outline()
    outline.feed(text)
    assert outline.open == []
    assert outline.headings == [
        "tiny-sr", "Result", "Alarms", "Samples", "Held-out pictures", "Training", "Recipe",
        "Environment",
    ]  # fmt: skip
    assert outline.loaded == [], "pictures are in the page, shown by its script"
    assert "Step 6 of 6." in text
    assert "at step 5: x2/generator/l1 is 9 &lt;b&gt;; went back to step 4, rates times 0.5" in text
    held = re.search(r'id="pictures">(.*?)</script>', text)
    assert held is not None
    pictures = json.loads(held[1])
    assert [picture["step"] for picture in pictures] == [2, 3, 6]
    assert all(picture["data"].startswith("data:image/webp;base64,") for picture in pictures)
    for picture in pictures:
        # Of batches that were reduced by two there is no x4.
        assert picture["columns"] in (
            ["source", "x2 (result)", "target"],
            ["source", "x2 (result)", "x4 (result)", "target"],
        )
        # Crops of 32 or 64 pixels beside each other: each is seen at 128.
        assert (picture["width"], picture["enlarged"]) == (128 * len(picture["columns"]), True)
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()[:-1]]
    best = max((line for line in log if line["kind"] == "validation"), key=lambda x: x["psnr_y"])
    assert f"<th>best psnr_y</th><td>{best['psnr_y']:.4f} (95 %: {best['psnr_y/low']:.4f}" in text
    assert "<th>torch</th>" in text


def test_a_page_to_publish(
    run: Path, targets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def written(target: Path, *options: str) -> str:
        assert main(["report", str(run), *options]) == 0
        assert capsys.readouterr().out == f"{target}\n"
        return target.read_text("utf-8")

    whole = written(run / "report.html")
    mine = tmp_path / "pages" / "mine.html"
    assert written(mine, "-o", str(mine)) == whole == page(read_run(run))
    public = written(mine, "-o", str(mine), "--public")
    assert str(targets) in whole, "else nothing is left out"
    for left_out in (str(targets), "data:image", "Samples"):
        assert left_out not in public
    for kept in ("Held-out pictures", "<th>torch</th>", "root = &quot;data&quot;"):
        assert kept in public


def test_no_picture_becomes_a_page(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run), "-o", "photo.png"]) == 2
    assert "-o photo.png: expected the name of an .html file" in capsys.readouterr().err
    assert not Path("photo.png").exists()


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no run; expected the folder that `pixstack train"):
        read_run(tmp_path)


def test_where_values_stand() -> None:
    assert placed("x2/generator/l1") == ("generator/l1", "x2")
    assert placed("x2/discriminator/fake") == ("discriminator/logits", "x2 fake")
    assert placed("x2/discriminator/weights") == ("weights", "x2 discriminator")
    assert placed("generator/gradient") == ("gradient", "generator")
    assert placed("waiting") == ("waiting", "waiting")


def test_ticks_are_round_and_reach_around() -> None:
    assert ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert ticks(0.13, 0.94) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    first, *_, last = ticks(3, 3)
    assert first < 3 < last
    assert (number(12000), number(0.25), number(-3)) == ("12k", "0.25", "-3")


def test_lines_break_where_there_is_no_number() -> None:
    nan = float("nan")
    assert path([(0, 1), (1, 2), (2, nan), (3, 4)]) == "M0.0 1.0L1.0 2.0M3.0 4.0"
    assert lone([(0, 1), (1, 2), (2, nan), (3, 4), (4, nan)]) == [(3, 4)]
    assert dots([(3, 4)]) == "M3.0 4.0h.1"
    # One look at held-out pictures: a dot, where a line would be nothing.
    assert 'class="line dot c0"' in chart({"a": [(0, 1)]})
    assert "dot" not in chart({"a": [(0, 1), (1, 2)]})
    assert chart({"a": [(0, nan)]}) == ""
    assert chart({}) == ""


def test_many_points_are_thinned_to_means() -> None:
    thin = thinned([(step, step % 2) for step in range(10 * MOST)])
    assert len(thin) == MOST
    assert {value for _, value in thin} == {0.5}
    assert thin[-1][0] == 10 * MOST - 1
