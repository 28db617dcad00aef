"""The styles of enlarging that the page offers: those whose models are at hand."""

from __future__ import annotations

from pathlib import Path

import gradio

from pixstack.web.page import build_page
from pixstack.web.studio import Studio
from tests.doors.standins import write_super_resolution


def test_the_page_says_what_the_styles_at_hand_do(tmp_path: Path) -> None:
    def style() -> tuple[list[str], str]:
        page = build_page(Studio({path.stem: path for path in tmp_path.glob("*.onnx")}, tmp_path))
        [radio] = [
            block
            for block in page.blocks.values()
            if getattr(block, "elem_id", None) == "super_resolution-style"
        ]
        assert isinstance(radio, gradio.Radio)
        return [name for name, _ in radio.choices], str(radio.info)

    write_super_resolution(tmp_path / "photo-sr-real.onnx")
    write_super_resolution(tmp_path / "photo-sr.onnx")
    names, info = style()
    assert names == ["Faithful", "Repair"]
    assert "JPEG" in info
    assert "Crisp" not in info
    write_super_resolution(tmp_path / "photo-sr-crisp.onnx")
    names, info = style()
    assert names == ["Faithful", "Crisp", "Repair"]
    assert "Crisp" in info
