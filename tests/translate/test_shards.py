"""Tars of samples: read where they lie, like the same files in folders, and never obeyed."""

import gzip
import io
import struct
import tarfile
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.photographs import window
from tests.pngs import huge_png
from tests.tars import png, write_tar
from translate import pictures
from translate.augment import Augment, AugmentSpec
from translate.batches import Sampler
from translate.layouts import Reading, find_items
from translate.pairs import DataError, Pairs
from translate.pictures import Member, open_picture
from translate.shards import is_shards, read_samples

PAIR = {"source": "rgb", "target": "rgb"}
LABELED = {"group": "class:3", "target": "rgb"}
PHOTO = window("coffee", 12, 16)
FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def shot(index: int, side: int = 16) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 256, (side, side, 3), np.uint8)


def pairs(count: int = 3) -> dict[str, bytes]:
    return {
        f"{index:03d}.{view}.png": png(shot(2 * index + place))
        for index in range(count)
        for place, view in enumerate(("source", "target"))
    }


def refused(path: Path, views: dict[str, str] | None = None) -> str:
    """What is said of it, in one line."""
    with pytest.raises(DataError) as error:
        find_items(path, "shards", Reading(views or PAIR))
    assert "\n" not in str(error.value)
    return str(error.value)


# What is read.


@pytest.mark.parametrize("form", FORMATS)
def test_pictures_are_those_that_were_put_in(tmp_path: Path, form: int) -> None:
    file, long = tmp_path / "any.tar", "d" * 60 + "/" + "k" * 80
    with tarfile.open(file, "w", format=form) as archive:
        for name, content in pairs().items():
            header = tarfile.TarInfo(f"{long}{name}")
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    items = find_items(file, "shards", Reading(PAIR))
    assert [item.name for item in items] == [f"{long}{index:03d}" for index in range(3)]
    for index, item in enumerate(items):
        assert (item.views["source"].decode() == shot(2 * index)).all()
        assert (item.views["target"].decode() == shot(2 * index + 1)).all()


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "JPEG"])
def test_every_format_is_read_as_from_a_file(tmp_path: Path, suffix: str) -> None:
    whole = window("astronaut", 300, 200)
    Image.fromarray(whole).save(path := tmp_path / f"1.{suffix}")
    tar = write_tar(tmp_path / "1.tar", {f"1.{suffix}": path.read_bytes()})
    [item] = find_items(tar, "shards", Reading({"target": "rgb"}))
    assert item.views["target"].size() == (300, 200)
    expected = np.asarray(open_picture(path).numpy())
    assert (item.views["target"].decode() == expected).all()


def test_a_size_that_stands_at_the_end_is_found(tmp_path: Path) -> None:
    # Pillow writes the directory of a TIFF in front; libvips puts it behind the pixels.
    pixels = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    content = pictures.pyvips.Image.new_from_array(pixels).tiffsave_buffer()
    assert len(content) > 2 * pictures.HEAD
    assert struct.unpack("<I", content[4:8])[0] > pictures.HEAD
    tar = write_tar(tmp_path / "1.tar", {"1.tiff": content})
    [item] = find_items(tar, "shards", Reading({"target": "rgb"}))
    assert item.views["target"].size() == (200, 300)
    assert (item.views["target"].decode() == pixels).all()


def test_no_more_than_the_head_is_read_for_a_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = png(shot(0, 256))
    assert len(content) > 2 * pictures.HEAD
    tar = write_tar(tmp_path / "1.tar", {"1.png": content})
    read: list[int] = []
    plain = Member.read

    def counted(member: Member, most: int = pictures.MAX_BYTES) -> bytes:
        content = plain(member, most)
        read.append(len(content))
        return content

    monkeypatch.setattr(Member, "read", counted)
    find_items(tar, "shards", Reading({"target": "rgb"}))
    assert read == [pictures.HEAD]


@pytest.mark.parametrize(("label", "expected"), [("2", 2), (" 1\n", 1), ("cat", 2)])
def test_classes_by_number_and_name(tmp_path: Path, label: str, expected: int) -> None:
    tar = write_tar(tmp_path / "1.tar", {"1.cls": label, "1.png": png(PHOTO)})
    names = {"group": ("cup", "dog", "cat")}
    [item] = find_items(tar, "shards", Reading(LABELED, names=names))
    assert (item.name, item.values) == ("1", {"group": expected})
    assert (item.views["target"].decode() == PHOTO).all()


def test_tars_of_a_folder_in_the_order_of_their_names(tmp_path: Path) -> None:
    write_tar(tmp_path / "b.tar", {"1.png": png(PHOTO), "0.png": png(PHOTO)})
    write_tar(tmp_path / "a.tar", {"2.png": png(PHOTO)})
    (tmp_path / "list.txt").write_text("not a tar")
    assert is_shards(tmp_path)
    items = find_items(tmp_path, "shards", Reading({"target": "rgb"}))
    assert [item.name for item in items] == ["2", "0", "1"]
    paths = [item.views["target"].path for item in items]
    assert [str(path) for path in paths[:2]] == [
        f"{tmp_path / 'a.tar'}:2.png", f"{tmp_path / 'b.tar'}:0.png",
    ]  # fmt: skip


def test_what_belongs_to_no_view_is_passed_over(tmp_path: Path) -> None:
    more = {"000.json": "{}", "000.mask.png": b"no picture", "._000.source.png": b"of a Mac"}
    tar = write_tar(tmp_path / "1.tar", {**pairs(1), **more})
    [item] = find_items(tar, "shards", Reading(PAIR))
    assert list(item.views) == ["source", "target"]
    old = {name.replace("source", "A").replace("target", "B"): v for name, v in pairs(2).items()}
    items = find_items(write_tar(tmp_path / "2.tar", old), "shards", Reading(PAIR))
    assert (items[1].views["target"].decode() == shot(3)).all()


def test_batches_are_those_of_the_same_files_in_folders(tmp_path: Path) -> None:
    for name, content in pairs(5).items():
        key, view, _ = name.split(".")
        (tmp_path / "folders" / view).mkdir(parents=True, exist_ok=True)
        (tmp_path / "folders" / view / f"{key}.png").write_bytes(content)
    # Out of order, over and over from threads, with nothing cached.
    tar = write_tar(tmp_path / "1.tar", dict(sorted(pairs(5).items(), reverse=True)))

    def sampler(path: Path, layout: str) -> Sampler:
        items = find_items(path, layout, Reading(PAIR))  # type: ignore[arg-type]
        return Sampler([(Pairs(items, 0), 1.0)], 3, 8, [], Augment(AugmentSpec(flip=True)), seed=1)

    expected = [sampler(tmp_path / "folders", "views")(step).views for step in range(12)]
    drawn = sampler(tar, "shards")
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            for step, batch in enumerate(pool.map(drawn, range(12))):
                for view, pixels in batch.views.items():
                    assert (pixels == expected[step][view]).all()


def test_the_index_holds_no_pixels(tmp_path: Path) -> None:
    content = png(PHOTO) + bytes(50_000)
    file = write_tar(tmp_path / "1.tar", {f"{n:05d}.png": content for n in range(1000)})
    tracemalloc.start()
    samples = read_samples(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(samples) == 1000
    # Of 50 MB: 100,000 members take some 100 MB at this, however large their pictures are.
    assert peak < 1_000_000


# What is refused.


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"1.source.png": png(PHOTO)}, ":1: has no picture of view 'target'; add 1.target.png, or"),
        ({"1.txt": "text"}, ": holds no pictures; expected KEY.source.png and KEY.target.png"),
        ({**pairs(1), "000.source.jpg": png(PHOTO)},
         ": 000.source.png and 000.source.jpg are the same view; keep one"),
        ({**pairs(1), "000.target.png": b"text"},
         ":000.target.png: not a readable picture: it holds no PNG, JPEG, WebP or TIFF"),
        ({**pairs(1), "000.target.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>"},
         ":000.target.png: not a readable picture: it holds no PNG, JPEG, WebP or TIFF"),
        ({**pairs(1), "000.target.png": huge_png()},
         ":000.target.png: its header claims 60000x60000 pixels, more than the 100,000,000 that"),
        ({**pairs(1), "000.target.png": png(PHOTO)},
         "pair '000' has views of different sizes (source 16x16, target 16x12) in "),
    ],
)  # fmt: skip
def test_samples_that_are_no_pairs(
    tmp_path: Path, members: dict[str, bytes | str], message: str
) -> None:
    said = refused(write_tar(tmp_path / "1.tar", members))
    assert said.removeprefix(str(tmp_path / "1.tar")).startswith(message)


@pytest.mark.parametrize(
    ("label", "message"),
    [(None, "1: has no class; add 1.cls, or"), ("3", "1: group is '3'; expected one of 0..2")],
)
def test_samples_without_a_class(tmp_path: Path, label: str | None, message: str) -> None:
    members = {"1.png": png(PHOTO)} | ({} if label is None else {"1.cls": label})
    said = refused(write_tar(tmp_path / "1.tar", members), LABELED)
    assert said.startswith(f"{tmp_path / '1.tar'}:{message}")


def test_a_compressed_tar_is_refused_by_what_it_holds(tmp_path: Path) -> None:
    plain = write_tar(tmp_path / "1.tar", pairs()).read_bytes()
    for name in ("1.tar", "2.tar.gz"):
        (tmp_path / name).write_bytes(gzip.compress(plain))
        assert is_shards(tmp_path / name)
        said = refused(tmp_path / name)
        assert said.startswith(f"{tmp_path / name}: is compressed with gzip; expected a plain tar")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty file"),
        (b"text", "truncated header"),
        (zlib.compress(bytes(9000)) * 60, "bad checksum"),
        (bytes(1024), "holds no pictures"),
    ],
)
def test_what_is_no_tar(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "1.tar").write_bytes(content)
    assert message in refused(tmp_path / "1.tar")
    assert refused(tmp_path / "none.tar").endswith("or a folder of tars")
    (tmp_path / "empty").mkdir()
    assert "holds no tars" in refused(tmp_path / "empty")


@pytest.mark.parametrize("left", [0.3, 0.5, 0.9])
def test_a_tar_that_was_cut_off(tmp_path: Path, left: float) -> None:
    tar = write_tar(tmp_path / "1.tar", {f"{n}.png": png(shot(n, 40)) for n in range(4)})
    content = tar.read_bytes().rstrip(b"\0")
    tar.write_bytes(content[: int(left * len(content))])
    assert "is no sound, uncompressed tar" in refused(tar, {"target": "rgb"})


def test_a_tar_with_a_damaged_header_in_its_middle(tmp_path: Path) -> None:
    tar = write_tar(tmp_path / "1.tar", {f"{n}.png": png(PHOTO) for n in range(4)})
    content = tar.read_bytes()
    place = content.index(b"2.png\0")
    tar.write_bytes(content[:place] + b"garbage!" * 64 + content[place + 512 :])
    assert f"no header at byte {place:,}" in refused(tar, {"target": "rgb"})


# What a hostile tar tries.


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, link
    return info


def test_names_are_no_paths_and_links_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(png(PHOTO))
    tar = tmp_path / "shards" / "1.tar"
    tar.parent.mkdir()
    with tarfile.open(tar, "w") as archive:
        content = png(shot(0))
        for name in ("../../up.png", "/etc/root.png"):
            archive.addfile(header(name, len(content)), io.BytesIO(content))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            archive.addfile(header(f"link{int(kind)}.png", 0, kind, str(secret)))
        for kind in (tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            archive.addfile(header(f"device{int(kind)}.png", 0, kind))
    items = find_items(tar, "shards", Reading({"target": "rgb"}))
    assert [item.name for item in items] == ["../../up", "/etc/root"]
    assert all((item.views["target"].decode() == shot(0)).all() for item in items)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["1.tar", "secret.png", "shards"]


def test_a_member_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tar = write_tar(tmp_path / "1.tar", {"1.png": png(shot(0))})
    monkeypatch.setattr(pictures, "MAX_BYTES", 100)
    said = refused(tar, {"target": "rgb"})
    assert "1.png: has " in said
    assert said.endswith("bytes, more than the 100 that are read")


@pytest.mark.parametrize("size", [-512, -1024, 10**12])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
@pytest.mark.timeout(20)
def test_sizes_that_no_member_has(tmp_path: Path, size: int, kind: bytes) -> None:
    first = png(PHOTO)
    with open(tmp_path / "1.tar", "wb") as file:
        file.write(header("0.png", len(first)).tobuf(tarfile.GNU_FORMAT))
        file.write(first + bytes(-len(first) % 512))
        # In base 256, in which a size can be below zero.
        block = bytearray(header("1.png", 0, kind).tobuf(tarfile.GNU_FORMAT))
        block[124:136] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)  # type: ignore[attr-defined]
        block[148:156] = b" " * 8
        block[148:155] = b"%06o\0" % sum(block)
        file.write(block + bytes(4096))
    tracemalloc.start()
    said = refused(tmp_path / "1.tar", {"target": "rgb"})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "is no sound, uncompressed tar" in said
    assert peak < 2**21


def test_what_a_terminal_would_obey_is_written_out(tmp_path: Path) -> None:
    name = "\x1b[2Jclear\nline\udcff.png"
    with tarfile.open(tmp_path / "1.tar", "w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(header(name, 4), io.BytesIO(b"text"))
    said = refused(tmp_path / "1.tar", {"target": "rgb"})
    assert "\\x1b[2Jclear\\x0aline\\xdcff.png: not a readable picture" in said
    assert said.isprintable()


def test_a_tar_that_changes_under_a_run(tmp_path: Path) -> None:
    tar = write_tar(tmp_path / "1.tar", {"1.png": png(PHOTO)})
    [item] = find_items(tar, "shards", Reading({"target": "rgb"}))
    tar.write_bytes(tar.read_bytes()[:600])
    with pytest.raises(DataError, match="the tar ends within it; it has changed"):
        item.views["target"].decode()
    tar.unlink()
    with pytest.raises(DataError, match="cannot be read: no such file"):
        item.views["target"].decode()
