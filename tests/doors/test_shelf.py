"""Where models are looked for, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixstack import shelf
from tests.doors.standins import write_super_resolution


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """One folder for each place, each with its own `here.onnx`."""
    monkeypatch.delenv(shelf.MODELS_VARIABLE, raising=False)
    monkeypatch.setattr(shelf, "_PACKAGE", tmp_path / "checkout" / "pixstack")
    folders = {
        "named": tmp_path / "named",
        "variable": tmp_path / "variable",
        "package": tmp_path / "checkout" / "pixstack" / "models",
        "checkout": tmp_path / "checkout" / "models",
    }
    for folder in folders.values():
        folder.mkdir(parents=True)
        write_super_resolution(folder / "here.onnx")
    return folders


def test_the_order_is_option_variable_package_checkout(
    places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shelf.find_model("here") == places["package"] / "here.onnx"
    (places["package"] / "here.onnx").unlink()
    assert shelf.find_model("here") == places["checkout"] / "here.onnx"
    monkeypatch.setenv(shelf.MODELS_VARIABLE, str(places["variable"]))
    assert shelf.find_model("here") == places["variable"] / "here.onnx"
    assert shelf.find_model("here", places["named"]) == places["named"] / "here.onnx"


def test_a_folder_that_is_named_comes_before_the_models_that_ship(
    places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_super_resolution(places["named"] / "mine.onnx")
    write_super_resolution(places["package"] / "shipped.onnx")
    mine = [places["named"] / "here.onnx", places["named"] / "mine.onnx"]
    shipped = places["package"] / "shipped.onnx"
    assert shelf.list_models(places["named"]) == [*mine, shipped]
    assert shelf.list_models(places["named"], shipped=False) == mine
    assert shelf.find_model("shipped", places["named"]) == shipped
    monkeypatch.setenv(shelf.MODELS_VARIABLE, str(places["named"]))
    assert shelf.list_models() == [*mine, shipped]
    monkeypatch.delenv(shelf.MODELS_VARIABLE)
    assert shelf.list_models(shipped=False) == []


def test_a_path_is_taken_as_it_is(places: dict[str, Path]) -> None:
    path = places["named"] / "here.onnx"
    assert shelf.find_model(str(path)) == path


def test_every_name_is_listed_once(places: dict[str, Path]) -> None:
    write_super_resolution(places["checkout"] / "other.onnx")
    assert shelf.list_models() == [
        places["package"] / "here.onnx",
        places["checkout"] / "other.onnx",
    ]


def test_an_export_that_is_being_written_is_no_model(places: dict[str, Path]) -> None:
    (places["named"] / ".here.writing.onnx").write_bytes(b"half of it")
    assert shelf.list_models(places["named"], shipped=False) == [places["named"] / "here.onnx"]


def test_an_unknown_name_lists_the_known_ones(places: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match="no model is named 'there'; known: here"):
        shelf.find_model("there")


def test_a_run_is_told_how_it_becomes_a_model(tmp_path: Path, places: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match=r": a folder; expected an \.onnx file or a model's name$"):
        shelf.find_model(str(tmp_path))
    (tmp_path / "best.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match=r"is made of this run by pixstack export .*best\.safe"):
        shelf.find_model(str(tmp_path))


def test_a_model_is_found_beside_a_folder_of_its_name(
    tmp_path: Path, places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    assert shelf.find_model("here") == places["package"] / "here.onnx"


def test_a_folder_that_was_asked_for_must_exist(
    places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"nowhere: no such folder \(--models"):
        shelf.model_folders(tmp_path / "nowhere")
    monkeypatch.setenv(shelf.MODELS_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=shelf.MODELS_VARIABLE):
        shelf.model_folders()


def test_three_examples_ship_for_each_tab() -> None:
    for kind in ("small", "noisy"):
        names = [path.name for path in shelf.example_files(f"{kind}-*.png")]
        assert names == [f"{kind}-{name}.png" for name in ("astronaut", "chelsea", "coffee")]
