"""Plan how a picture is cut into tiles whose results fit together without a seam.

Every tile is a window of the picture from which only an inner part is kept. The kept part is
what the untiled run gives, because
- windows start at multiples of `multiple`, so that strides and pixel shuffles fall alike;
- between the kept part and a side of the window that lies inside the picture there are at least
  `halo` pixels, so nothing kept depends on what lies beyond the window.
At the picture's own border the window ends there too and the graph pads as it does untiled.

All windows of a plan have one size: ONNX Runtime plans its memory anew for each new shape. That
is possible because a window's size need not be a multiple, it only has to leave the same
remainder as the picture's side, so that the last window ends exactly at the border.
"""

from __future__ import annotations

from dataclasses import dataclass

# More tiles along one side than this are not looked at: the halo would outweigh the tiles.
_MOST_TILES = 512


@dataclass(frozen=True)
class Box:
    """Rows top..bottom and columns left..right (the ends excluded), in pixels."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def pixels(self) -> int:
        return self.height * self.width


@dataclass(frozen=True)
class Tile:
    """`window`: what the network is given. `keep`: the part of the picture it is trusted with."""

    window: Box
    keep: Box


@dataclass(frozen=True)
class Plan:
    """The tiles of one picture, row by row; their kept parts cover it exactly once."""

    height: int
    width: int
    tiles: tuple[Tile, ...]

    @property
    def tile_size(self) -> tuple[int, int]:
        """(height, width) of every window."""
        return self.tiles[0].window.height, self.tiles[0].window.width

    @property
    def overhead(self) -> float:
        """Computed pixels / picture pixels - 1: what the halos cost; 0 for an untiled run."""
        computed = sum(tile.window.pixels for tile in self.tiles)
        return computed / (self.height * self.width) - 1


def whole(height: int, width: int) -> Plan:
    """The plan of an untiled run."""
    box = Box(0, 0, height, width)
    return Plan(height, width, (Tile(box, box),))


def plan_tiles(
    height: int, width: int, *, multiple: int, halo: int, largest: int, smallest: int = 1
) -> Plan:
    """Cut a picture of height x width pixels so that the fewest pixels are computed twice.

    multiple: pixels; windows start at multiples of it.
    halo: pixels around an output pixel which it depends on; rounded up to the multiple.
    largest: pixels a window may have. Where the halo alone needs more, the smallest windows that
        make progress are taken instead.
    smallest: least height and width of a window in pixels.
    """
    if height < 1 or width < 1:
        raise ValueError(f"cannot plan a picture of {height}x{width} pixels")
    halo = -(-halo // multiple) * multiple
    # Windows that keep less than their halo compute most pixels many times over.
    smallest = max(smallest, 3 * halo, multiple)
    rows = _sides(height, multiple, halo, smallest)
    columns = _sides(width, multiple, halo, smallest)
    best: tuple[int, int, int, int] | None = None
    for count_rows, tall in rows:
        for count_columns, wide in columns:
            if tall * wide > largest:
                continue
            tiles = count_rows * count_columns
            cost = (tiles * tall * wide, tiles, count_rows, count_columns)
            best = cost if best is None else min(best, cost)
            # Columns come in ever smaller windows: fewer of them always compute less.
            break
    count_rows, count_columns = best[2:] if best else (rows[-1][0], columns[-1][0])
    spans_rows = _spans(height, count_rows, dict(rows)[count_rows], multiple, halo)
    spans_columns = _spans(width, count_columns, dict(columns)[count_columns], multiple, halo)
    return Plan(
        height,
        width,
        tuple(
            Tile(
                Box(window_top, window_left, window_bottom, window_right),
                Box(top, left, bottom, right),
            )
            for window_top, window_bottom, top, bottom in spans_rows
            for window_left, window_right, left, right in spans_columns
        ),
    )


def _sides(length: int, multiple: int, halo: int, smallest: int) -> list[tuple[int, int]]:
    """(number of windows, their length) along one side, fewest windows first.

    In units of the multiple, with K = length, k = window, q = halo: n windows of which each
    neighboring pair overlaps by 2q reach n k - 2q (n - 1), so k = ceil((K + 2q (n - 1)) / n).
    """
    remainder, whole_units, q = length % multiple, length // multiple, halo // multiple
    found = [(1, length)]
    for count in range(2, _MOST_TILES + 1):
        units = -(-(whole_units + 2 * q * (count - 1)) // count)
        size = units * multiple + remainder
        if units <= 2 * q or size < smallest or size >= length:
            break
        if size < found[-1][1]:
            found.append((count, size))
    return found


def _spans(
    length: int, count: int, size: int, multiple: int, halo: int
) -> list[tuple[int, int, int, int]]:
    """(window start, window end, keep start, keep end) of `count` windows along one side."""
    if count == 1:
        return [(0, length, 0, length)]
    room = (length - size) // multiple
    starts = [room * index // (count - 1) * multiple for index in range(count)]
    # The cut between two windows lies in the middle of what both may be trusted with.
    first = [start + halo for start in starts[1:]]
    last = [start + size - halo for start in starts[:-1]]
    cuts = [(low + high) // 2 // multiple * multiple for low, high in zip(first, last, strict=True)]
    edges = [0, *cuts, length]
    return [
        (start, start + size, edges[index], edges[index + 1]) for index, start in enumerate(starts)
    ]
