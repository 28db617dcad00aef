"""Arrays in, arrays out: types, channels, every kind of view, progress and cancelling."""

import threading
import time
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from export.manifest import Input, Manifest, Output
from export.runtime import Cancelled, InputError, Translator
from export.runtime.images import Picture, read, write
from tests.runtime import models

RANDOM = np.random.default_rng(3)


def repeated(array: np.ndarray) -> np.ndarray:
    return array.repeat(2, axis=0).repeat(2, axis=1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (1, 1, 3)])
def test_whole_numbers_come_back_in_their_type_and_layout(
    enlarger: Translator, dtype: type, shape: tuple[int, ...]
):
    array = RANDOM.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    result = enlarger(array)
    assert result.dtype == dtype
    # The weights of BT.601 sum to one, so grey comes back as it went in.
    assert np.array_equal(result, repeated(array))


def test_floats_are_not_clipped(enlarger: Translator):
    array = np.linspace(-0.5, 1.5, 6, dtype=np.float32).reshape(1, 2, 3)
    assert np.array_equal(enlarger(array), repeated(array))
    assert enlarger(array.astype(np.float64)).dtype == np.float32


def test_alpha_goes_beside_the_network(enlarger: Translator):
    array = np.full((4, 5, 4), 200, np.uint8)
    array[..., 3] = 77
    result = enlarger(array)
    assert result.shape == (8, 10, 4)
    assert (result[..., :3] == 200).all()
    assert (result[..., 3] == 77).all()
    assert enlarger(array[..., 2:]).shape == (8, 10, 2)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_lies_unseen_does_not_color_what_is_seen(
    tmp_path: Path, enlarger: Translator, dtype: type, channels: int
):
    white = 1 if dtype == np.float32 else int(np.iinfo(dtype).max)
    # One bright half, and unseen black, in which a far corner stays.
    array = np.zeros((8, 200, channels + 1), dtype)
    array[:, :20] = white
    result = enlarger(array)
    assert result.dtype == dtype
    assert np.allclose(result[:, :80, :-1], white)
    assert not result[:, 300:, :-1].any()
    assert (result[:, :36, -1] == white).all()
    assert not result[:, 44:, -1].any()
    write(tmp_path / "a.tif", Picture(array[..., :-1], array[..., -1]))
    enlarger.file(tmp_path / "a.tif", tmp_path / "b.tif")
    assert np.allclose(read(tmp_path / "b.tif").pixels, result[..., :-1])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_what_draws_anew_sees_a_picture_on_white_and_is_opaque(tmp_path: Path, dtype: type):
    path = models.adder(tmp_path / "whole.onnx", tiling="whole")
    white = 1 if dtype == np.float32 else int(np.iinfo(dtype).max)
    array = np.zeros((4, 6, 4), dtype)
    array[:, 3:, 3] = white
    views = {"strength": 0.0, "noise": np.zeros((3, 4, 6)), "layout": np.zeros((4, 6), int)}
    translator = Translator(path, providers="cpu")
    seen = translator.run({**views, "image": array[..., :3]})["result"]
    assert not seen.any()
    result = translator(array, views)
    assert result.dtype == dtype
    assert (result[:, :3] == white).all()
    assert not result[:, 3:, :3].any()
    assert (result[:, 3:, 3] == white).all()
    picture = Picture(array[..., :3], array[..., 3])
    write(tmp_path / "a.tif", picture)
    translator.file(tmp_path / "a.tif", tmp_path / "b.tif", inputs=views)
    found = read(tmp_path / "b.tif")
    assert found.alpha is None
    assert (found.pixels[:, :3] == white).all()
    assert not found.pixels[:, 3:].any()


def label_mirror(path: Path, palette: tuple[tuple[int, int, int], ...]) -> Translator:
    """Gives labels back as they are."""
    kind = f"labels:{len(palette)}"
    graph = models.Graph()
    graph.add("Identity", "layout", output="same")
    manifest = Manifest(
        "test-labels",
        "painting",
        (Input("layout", kind, palette=palette),),
        (Output("same", kind, palette=palette),),
    )
    shape = (models.INT64, ["n", 1, "h", "w"])
    graph.save(path, manifest, {"layout": shape}, {"same": shape})
    return Translator(path, providers="cpu")


def test_see_through_labels_are_those_of_their_colors(tmp_path: Path):
    palette = ((0, 0, 0), (255, 0, 0), (0, 0, 255))
    colors = np.array(palette, np.uint8)[RANDOM.integers(0, 3, (4, 5))]
    write(tmp_path / "a.png", Picture(colors, RANDOM.integers(0, 256, (4, 5)).astype(np.uint8)))
    label_mirror(tmp_path / "labels.onnx", palette).file(tmp_path / "a.png", tmp_path / "b.png")
    assert np.array_equal(read(tmp_path / "b.png").pixels, colors)


def test_label_colors_may_have_sixteen_bits(adder: Translator):
    colors = np.array([(0, 0, 0), (255, 0, 0), (0, 0, 255)], np.uint16) * 257
    views = full(4, 5)
    views["layout"] = colors[ids := RANDOM.integers(0, 3, (4, 5))]
    assert np.array_equal(adder.run(views)["same layout"], ids)


def test_labels_of_many_pictures_are_dealt_out_without_channels(adder: Translator):
    ids = RANDOM.integers(0, 3, (3, 4, 5))
    images = np.zeros((3, 4, 5, 3), np.float32)
    assert np.array_equal(adder.run({"image": images, "layout": ids})["same layout"], ids)


def full(height: int, width: int) -> dict[str, np.ndarray]:
    return {
        "image": np.full((height, width, 3), 0.25, np.float32),
        "layout": RANDOM.integers(0, 3, (height, width)),
    }


def test_defaults_are_those_of_the_manifest(adder: Translator):
    views = {**full(6, 5), "noise": np.zeros((3, 6, 5), np.float32)}
    result = adder.run(views)["result"]
    # -1 means automatic, which this graph takes for 100; class 0 adds nothing.
    assert result == pytest.approx(np.full((6, 5, 3), 0.25 + 100 / 255), abs=1e-6)


@pytest.mark.parametrize("kind", [3, "high", "3", np.int64(3)])
def test_strength_and_class_are_told(adder: Translator, kind: object):
    views = {**full(6, 5), "noise": np.zeros((3, 6, 5)), "strength": 25.0, "kind": kind}
    result = adder.run(views, outputs="result")
    assert list(result) == ["result"]
    assert result["result"] == pytest.approx(np.full((6, 5, 3), 0.25 + 25 / 255 + 3 / 8), abs=1e-6)


def test_noise_is_drawn_once_for_the_whole_picture(adder: Translator):
    views = full(9, 11)
    assert len(adder.plan(9, 11).tiles) == 99
    noise = adder.run(views, "same noise", seed=4)["same noise"]
    expected = np.random.default_rng(4).standard_normal((3, 9, 11), np.float32)
    assert np.array_equal(noise, expected.transpose(1, 2, 0))
    assert not np.array_equal(adder.run(views, "same noise", seed=5)["same noise"], noise)


def test_gray_pictures_are_looked_up_in_the_palette_first(tmp_path: Path):
    # All black is the second label, as in training, although 0 is the id of the first.
    translator = label_mirror(tmp_path / "mask.onnx", ((255, 255, 255), (0, 0, 0)))
    black = np.zeros((4, 5), np.uint8)
    assert (translator.run({"layout": black[..., None]})["same"] == 1).all()
    assert (translator.run({"layout": black[..., None].repeat(3, 2)})["same"] == 1).all()
    # (H, W) are ids, and so are grays that the palette does not have.
    assert (translator.run({"layout": black})["same"] == 0).all()
    assert (translator.run({"layout": black[..., None] + 1})["same"] == 1).all()
    with pytest.raises(InputError):
        translator.run({"layout": black[:0, :, None]})


def test_views_that_are_no_mapping(tmp_path: Path):
    translator = label_mirror(tmp_path / "mask.onnx", ((255, 255, 255), (0, 0, 0)))
    with pytest.raises(InputError, match=r"ndarray; expected a mapping .* such as \{.layout"):
        translator.run(np.zeros((4, 5), np.uint8))  # pyright: ignore[reportArgumentType]


def test_a_black_and_white_mask_is_looked_up_in_the_palette(tmp_path: Path):
    mask = RANDOM.integers(0, 2, (4, 5)).astype(np.uint8)
    translator = label_mirror(tmp_path / "mask.onnx", ((255, 255, 255), (0, 0, 0)))
    for given in (mask, 255 * (1 - mask), (255 * (1 - mask))[..., None].repeat(3, 2)):
        assert np.array_equal(translator.run({"layout": given})["same"], mask)
    with pytest.raises(InputError, match=r"has the color \(128, 128, 128\), which is not in its"):
        translator.run({"layout": np.full((4, 5), 128, np.uint8)})


def test_labels_are_ids_or_the_colors_of_the_palette(adder: Translator):
    views = full(4, 6)
    ids = adder.run(views)["same layout"]
    assert ids.dtype == np.uint8
    assert np.array_equal(ids, views["layout"])
    palette = np.array([(0, 0, 0), (255, 0, 0), (0, 0, 255)], np.uint8)
    colored = adder.run({**views, "layout": palette[views["layout"]]})["same layout"]
    assert np.array_equal(colored, ids)


def test_several_pictures_at_once(adder: Translator):
    images = RANDOM.random((3, 4, 5, 3), np.float32)
    layout = np.zeros((4, 5), int)
    steps: list[tuple[int, int]] = []
    both = adder.run(
        {"image": images, "layout": layout, "strength": np.array([0.0, 1.0, 2.0])},
        progress=lambda done, total: steps.append((done, total)),
        seed=7,
    )
    assert both["result"].shape == (3, 4, 5, 3)
    for index in range(3):
        alone = adder.run(
            {"image": images[index], "layout": layout, "strength": float(index)}, seed=7 + index
        )
        assert np.array_equal(both["result"][index], alone["result"])
    assert steps[0] == (0, 60)
    assert steps[-1] == (60, 60)


def test_fixed_size_fits_in_and_back(pointer: Translator):
    # 8x8 network, 16 high and 12 wide picture: content 8x6, padded by two columns on the right.
    image = np.full((16, 12), 128, np.uint8)
    points = np.array([[0.5, 0.5, 1], [11.5, 15.5, 0]], np.float32)
    results = pointer.run({"image": image, "points": points})
    assert results["result"].shape == (16, 12)
    assert (results["result"] == 128).all()
    assert results["same points"] == pytest.approx(points, abs=1e-5)
    assert results["level"] == pytest.approx(128 / 255, abs=1e-6)
    assert results["bright"] == 0


def test_fixed_size_keeps_a_picture_of_that_size(pointer: Translator):
    image = RANDOM.integers(0, 256, (8, 8, 1), np.uint8)
    result = pointer.run({"image": image, "points": np.zeros((2, 3))}, "result")["result"]
    assert np.array_equal(result, image)


def test_color_through_a_gray_model_is_its_luma(pointer: Translator):
    red = np.zeros((8, 8, 3), np.float32)
    red[..., 0] = 1
    result = pointer.run({"image": red, "points": np.zeros((2, 3))}, "result")["result"]
    assert result == pytest.approx(np.full((8, 8, 1), 0.299), abs=1e-6)


def test_a_model_without_a_picture(tmp_path: Path):
    translator = Translator(models.dreamer(tmp_path / "dreamer.onnx"), providers="cpu")
    result = translator.run({}, seed=2)["result"]
    color = np.random.default_rng(2).standard_normal(3, np.float32)
    assert result.shape == (4, 4, 3)
    assert np.array_equal(result[0, 0], color)
    with pytest.raises(InputError, match="takes no picture"):
        translator(np.zeros((4, 4, 3), np.uint8))


def test_whole_pictures_have_a_limit(tmp_path: Path):
    path = models.upscaler(tmp_path / "whole.onnx", tiling="whole", max_pixels=100)
    translator = Translator(path, providers="cpu", threads=1)
    assert translator(np.zeros((10, 10, 3), np.uint8)).shape == (40, 40, 3)
    with pytest.raises(InputError, match="up to 100 pixels"):
        translator(np.zeros((10, 11, 3), np.uint8))


def test_pictures_have_a_least_size(tmp_path: Path):
    path = models.upscaler(tmp_path / "least.onnx", min_size=8)
    translator = Translator(path, providers="cpu", threads=1)
    with pytest.raises(InputError, match=r"1x1 pixels; .* at least 8x8"):
        translator(np.zeros((1, 1, 3), np.uint8))
    assert translator(np.zeros((8, 8, 3), np.uint8)).shape == (32, 32, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"picture": 1}, "unknown input 'picture'; test-adder takes image"),
        ({"image": np.zeros((4, 5, 3), np.int32)}, "has the type int32"),
        ({"image": np.zeros((4, 5, 3), bool)}, "has the type bool"),
        ({"image": np.zeros((4, 5, 4), np.uint8)}, "has the shape"),
        ({"image": np.zeros((0, 5, 3), np.uint8)}, "has the shape"),
        ({"image": "a.png"}, "has the type"),
        ({"layout": np.zeros((4, 4), int)}, "expected 5x4"),
        ({"layout": np.full((4, 5), 3)}, "ids 3..3; expected 0..2"),
        ({"layout": np.full((4, 5), 0.5)}, "whole numbers"),
        ({"layout": np.full((4, 5, 3), 9, np.uint8)}, "not in its palette"),
        ({"strength": 101}, "expected 0..100, or -1 for automatic"),
        ({"strength": "much"}, "expected a number"),
        ({"strength": float("nan")}, "expected a number"),
        ({"strength": 10**400}, "expected a number"),
        ({"kind": 10**400}, "expected a number"),
        ({"kind": 4}, r"expected 0\.\.3"),
        ({"kind": 1.5}, r"expected 0\.\.3"),
        ({"kind": "huge"}, "expected one of none, low, mid, high"),
        ({"noise": np.zeros((3, 4, 4))}, "has the shape"),
    ],
)
def test_wrong_views_are_named(adder: Translator, change: dict, message: str):
    with pytest.raises(InputError, match=message) as caught:
        adder.run({**full(4, 5), **change})
    assert "\n" not in str(caught.value)


def test_missing_views_and_unknown_outputs_are_named(adder: Translator):
    with pytest.raises(InputError, match="'layout' is missing"):
        adder.run({"image": np.zeros((4, 5, 3), np.uint8)})
    with pytest.raises(InputError, match="unknown output 'x9'"):
        adder.run(full(4, 5), outputs=["x9"])


def test_progress_counts_tiles(adder: Translator):
    steps: list[tuple[int, int]] = []
    adder.run(full(2, 3), progress=lambda done, total: steps.append((done, total)))
    assert steps == [(done, 6) for done in range(7)]


@pytest.mark.parametrize("form", ["event", "function"])
def test_a_run_stops_between_tiles(adder: Translator, form: str):
    event = threading.Event()
    done: list[int] = []

    def progress(count: int, total: int) -> None:
        done.append(count)
        if count == 2:
            event.set()

    cancel = event if form == "event" else event.is_set
    with pytest.raises(Cancelled):
        adder.run(full(4, 5), progress=progress, cancel=cancel)
    assert done == [0, 1, 2]


def test_a_run_that_is_left_gives_its_memory_back(
    adder: Translator, monkeypatch: pytest.MonkeyPatch
):
    emptied: list[str] = []

    class Options(onnxruntime.RunOptions):
        def add_run_config_entry(self, name: str, value: str) -> None:
            emptied.append(value)
            super().add_run_config_entry(name, value)

    monkeypatch.setattr(onnxruntime, "RunOptions", Options)
    done: list[int] = []
    with pytest.raises(Cancelled):
        adder.run(full(4, 5), progress=lambda *now: done.append(now[0]), cancel=lambda: 2 in done)
    assert done == [0, 1, 2]
    # ONNX Runtime keeps what it took until a run that is told to let go.
    assert emptied == ["cpu:0"]


def test_an_event_stops_a_tile_that_is_being_computed(tmp_path: Path):
    path = models.slow(tmp_path / "slow.onnx")
    translator = Translator(path, providers="cpu", threads=1)
    event = threading.Event()
    start = time.monotonic()
    threading.Timer(0.2, event.set).start()
    with pytest.raises(Cancelled):
        translator.run({"image": np.zeros((256, 256, 3), np.uint8)}, cancel=event)
    # Untouched it takes a thousand convolutions of 7x7, minutes.
    assert time.monotonic() - start < 10


def test_one_translator_serves_several_threads(adder: Translator):
    views = {**full(8, 9), "strength": 5.0}
    expected = adder.run(views)["result"]
    results: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: results.append(adder.run(views)["result"]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(np.array_equal(result, expected) for result in results)
