"""Draw the example pictures of the Pose and Photo tabs: nothing in them is a photograph.

    python docs/pictures/draw_examples.py

needs Pillow (the `test` extra) and rewrites the same files every time: `gesture-0.png` to
`gesture-9.png` (what can be chosen), `labels-facade.png` and `edges-*.png` (what a drawing can
start from).
"""

from __future__ import annotations

import math
from pathlib import Path

from PIL import Image, ImageDraw

from stacks.presets import preset_text, table_of

FOLDER = Path(__file__).resolve().parents[2] / "examples"
FINE = 4  # drawn that many times as large, then reduced

Point = tuple[float, float]
Color = tuple[int, int, int]

# Of a right hand's palm on a square of side 100: (knuckle, direction in degrees from straight up,
# length, width) from the index finger to the little one.
FINGERS: tuple[tuple[Point, float, float, float], ...] = (
    ((43, 53), -10, 34, 8.0),
    ((51, 51), -2, 38, 8.2),
    ((59, 53), 6, 35, 7.8),
    ((66, 58), 16, 27, 7.0),
)
THUMB = ((38, 72), -48, 26, 8.8)

# Sign language digits: which fingers stand, by number from the index finger; whether the thumb
# does; which finger the thumb touches.
GESTURES: dict[str, tuple[tuple[int, ...], bool, int | None]] = {
    "0": ((), False, None),
    "1": ((0,), False, None),
    "2": ((0, 1), False, None),
    "3": ((0, 1), True, None),
    "4": ((0, 1, 2, 3), False, None),
    "5": ((0, 1, 2, 3), True, None),
    "6": ((0, 1, 2), False, 3),
    "7": ((0, 1, 3), False, 2),
    "8": ((0, 2, 3), False, 1),
    "9": ((1, 2, 3), False, 0),
}


class Board:
    """A square of side 100 to draw shapes with an outline on, in any number of pixels."""

    def __init__(self, side: int, paper: Color, skin: Color, line: Color, outline: float) -> None:
        self.scale = side * FINE / 100
        self.side = side
        self.skin, self.line, self.outline = skin, line, outline
        self.picture = Image.new("RGB", (side * FINE, side * FINE), paper)
        self.draw = ImageDraw.Draw(self.picture)

    def limb(self, points: list[Point], width: float, grown: bool = False) -> None:
        """A bent sausage; where it has grown out of another shape, its start has no outline."""
        self._strokes(points, width + 2 * self.outline, self.line)
        self._strokes(points, width, self.skin)
        if grown:
            self._strokes(points[:1], width + 2 * self.outline + 0.6, self.skin)

    def palm(self, points: list[Point], width: float) -> None:
        """A filled shape with round corners."""
        closed = [*points, points[0]]
        self._strokes(closed, width + 2 * self.outline, self.line)
        self._strokes(closed, width, self.skin)
        self.draw.polygon([self._at(point) for point in points], fill=self.skin)

    def finished(self) -> Image.Image:
        return self.picture.resize((self.side, self.side), Image.Resampling.LANCZOS)

    def _at(self, point: Point) -> Point:
        return point[0] * self.scale, point[1] * self.scale

    def _strokes(self, points: list[Point], width: float, color: Color) -> None:
        places = [self._at(point) for point in points]
        thick = width * self.scale
        if len(places) > 1:
            self.draw.line(places, fill=color, width=round(thick))
        for x, y in places:
            box = (x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2)
            self.draw.ellipse(box, fill=color)


def toward(start: Point, degrees: float, length: float) -> Point:
    """The point `length` away from `start`; 0 degrees is up, 90 to the right."""
    turn = math.radians(degrees)
    return start[0] + length * math.sin(turn), start[1] - length * math.cos(turn)


def hand(board: Board, gesture: str) -> None:
    """A hand that makes one of the ten gestures."""
    standing, thumb_stands, touched = GESTURES[gesture]
    wrist: list[Point] = [(53, 86), (53, 112)]
    board.limb(wrist, 19)
    if gesture == "0":
        _ring(board)
        return
    root, direction, length, width = THUMB
    board.palm([(45, 60), (52, 58), (60, 60), (64, 65), (60, 84), (47, 84)], 9)
    if thumb_stands:
        board.limb([(46, 79), root, toward(root, direction, length)], width, grown=True)
    tip = (56, 69)
    for index, (knuckle, angle, long, wide) in enumerate(FINGERS):
        if index in standing:
            base = toward(knuckle, angle, -4)
            board.limb([base, toward(knuckle, angle, long)], wide, grown=True)
        else:
            bent = toward(knuckle, angle, 7)
            folded = (knuckle[0] - 1.5, knuckle[1] + 11)
            board.limb([knuckle, bent, folded], wide)
            if index == touched:
                tip = folded
    if not thumb_stands:
        board.limb([(45, 80), (42, 72), tip], width - 0.6)


def _ring(board: Board) -> None:
    """The gesture zero: thumb and fingers meet in a ring, seen from the side."""
    board.palm([(50, 62), (60, 54), (66, 62), (62, 84), (46, 84)], 9)
    for bend in (3.0, 0.0):
        top: list[Point] = [(62, 54 + bend), (55, 38 + bend), (42, 34 + bend), (34, 44 + bend)]
        board.limb(top, 8.5)
    board.limb([(48, 76), (36, 66), (32, 54)], 8.8)


def gesture_picture(gesture: str) -> Image.Image:
    """A line drawing with the number in the corner by which the page names it."""
    board = Board(112, (247, 249, 250), (250, 219, 196), (71, 55, 49), 1.3)
    hand(board, gesture)
    return board.finished()


DATA = table_of(preset_text("facade-photo"))["data"]
FACADE: dict[str, Color] = {
    name: tuple(color)
    for name, color in zip(DATA["names"]["source"], DATA["palette"]["source"], strict=True)
}


def facade_labels() -> Image.Image:
    """The front of a house with three floors above a shop."""
    picture = Image.new("RGB", (256, 256), FACADE["background"])
    draw = ImageDraw.Draw(picture)

    def box(label: str, left: int, top: int, width: int, height: int) -> None:
        draw.rectangle((left, top, left + width - 1, top + height - 1), FACADE[label])

    box("facade", 12, 16, 232, 240)
    box("molding", 8, 16, 240, 16)
    for floor in range(3):
        top = 46 + floor * 48
        for column in range(5):
            left = 30 + column * 44
            box("window", left, top, 20, 30)
            box("cornice" if floor == 1 else "sill", left - 4, top - 6, 28, 5)
            box("sill", left - 4, top + 31, 28, 4)
            if floor == 2:
                box("blind", left - 8, top, 7, 30)
                box("blind", left + 21, top, 7, 30)
        if floor == 1:
            box("balcony", 104, top + 18, 48, 16)
    box("molding", 8, 186, 240, 9)
    box("shop", 24, 206, 70, 44)
    box("shop", 162, 206, 70, 44)
    box("door", 114, 206, 28, 50)
    box("deco", 112, 198, 32, 6)
    box("pillar", 104, 196, 6, 60)
    box("pillar", 146, 196, 6, 60)
    return picture


# Half of a person's outline on a board of 128x192, from the middle outwards; the other half is its
# mirror image about x = 64.
PERSON: dict[str, list[Point]] = {
    "hair": [(64, 9), (71, 10), (76, 16), (77, 24), (78, 33), (76, 40), (72, 43)],
    "face": [(64, 16), (69, 18), (72, 23), (72, 29), (69, 35), (64, 38)],
    "neck": [(68, 36), (68, 42), (71, 45)],
    "collar": [(71, 45), (68, 51), (64, 54)],
    "sleeve": [(71, 45), (79, 48), (84, 53), (87, 64), (89, 77), (91, 90), (90, 98), (85, 98)],
    "inside of the sleeve": [(85, 98), (84, 88), (81, 76), (79, 66)],
    "hand": [(90, 98), (91, 104), (88, 108), (85, 104), (85, 98)],
    "side": [(79, 60), (78, 72), (77, 82), (79, 94), (80, 102)],
    "hem": [(80, 102), (72, 104), (64, 104)],
    "outside of the leg": [(79, 103), (80, 118), (79, 134), (77, 150), (76, 168)],
    "inside of the leg": [(64, 114), (66, 126), (67, 142), (68, 156), (68, 168)],
    "cuff": [(68, 168), (72, 169), (76, 168)],
    "shoe": [(69, 169), (68, 176), (70, 181), (76, 182), (79, 180), (77, 174), (76, 168)],
}
BAG: tuple[list[Point], ...] = (
    [(87, 108), (84, 118), (83, 134), (84, 141), (96, 142), (107, 140), (106, 126), (103, 117),
     (94, 116), (84, 118)],
    [(88, 117), (89, 110), (93, 107), (97, 110), (99, 117)],
)  # fmt: skip
GROUND: tuple[list[Point], ...] = (
    [(0, 160), (51, 160)],
    [(61, 160), (67, 160)],
    [(77, 160), (128, 160)],
)


def smooth(points: list[Point]) -> list[Point]:
    """A curve through points (Catmull and Rom 1974), twelve of its own for each of theirs."""
    padded = [points[0], *points, points[-1]]
    found: list[Point] = []
    for before, start, end, after in zip(*(padded[at:] for at in range(4)), strict=False):
        for step in range(12):
            t = step / 12
            weights = (
                (-t + 2 * t**2 - t**3) / 2,
                (2 - 5 * t**2 + 3 * t**3) / 2,
                (t + 4 * t**2 - 3 * t**3) / 2,
                (t**3 - t**2) / 2,
            )
            four = (before, start, end, after)
            x, y = (
                sum(weight * point[axis] for weight, point in zip(weights, four, strict=True))
                for axis in (0, 1)
            )
            found.append((x, y))
    return [*found, points[-1]]


def person_edges() -> Image.Image:
    """A standing person with a bag, as dark lines on white paper."""
    scale = 2 * FINE
    picture = Image.new("L", (128 * scale, 192 * scale), 255)
    draw = ImageDraw.Draw(picture)
    mirrored = [[(128 - x, y) for x, y in points] for points in PERSON.values()]
    for points in (*PERSON.values(), *mirrored, *BAG, *GROUND):
        places = [(x * scale, y * scale) for x, y in smooth(points)]
        draw.line(places, 0, round(1.4 * scale), joint="curve")
    return picture.resize((256, 384), Image.Resampling.LANCZOS)


def main() -> None:
    """Write every drawing into `examples/`."""
    for gesture in GESTURES:
        small = gesture_picture(gesture).quantize(32, dither=Image.Dither.NONE)
        small.save(FOLDER / f"gesture-{gesture}.png", optimize=True)
    facade_labels().save(FOLDER / "labels-facade.png", optimize=True)
    person_edges().save(FOLDER / "edges-person.png", optimize=True)


if __name__ == "__main__":
    main()
