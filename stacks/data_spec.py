"""What a recipe says of its data: folders, views, and how sources are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Literal

from translate.degradations.device.plan import not_on_device
from translate.degrade import Degradation, DegradationError, parse_degradation
from translate.joints import JointsSpec
from translate.kinds import Kind, parse_kind
from translate.layouts import Layout
from translate.sides import swapped
from translate.tables import TableError, require


@dataclass(frozen=True)
class FolderSpec:
    """A folder of pictures, a table or a tar beneath the data root."""

    path: str = "."
    """Beneath the data root; of a table or a tar, the file."""
    share: float = 1.0
    """Of the items of a batch, relative to the other folders'."""
    reduce: int = 1
    """Shrink by this whole factor: cleans compressed photographs."""
    pictures: str = ":"
    """START:STOP of the items in their order, either may be empty: by name, in a table by row, in
    tars by key, in layout ``classes`` class by class. ``:-80`` leaves the last 80 out."""

    def __post_init__(self) -> None:
        require(self.share > 0, "share", self.share, "above 0")
        require(self.reduce >= 1, "reduce", self.reduce, "1 or more")
        try:
            self.chosen()
        except ValueError:
            raise TableError(
                f"pictures: got {self.pictures!r}; allowed: START:STOP, either may be empty"
            ) from None

    def chosen(self) -> slice:
        """The slice over the pictures in name order."""
        start, colon, stop = self.pictures.partition(":")
        if not colon:
            raise ValueError(self.pictures)
        return slice(int(start) if start else None, int(stop) if stop else None)


@dataclass(frozen=True)
class DataSpec:
    """Where the pictures are and how they are read."""

    root: str = "data"
    """The folder that the paths of all others begin in."""
    layout: Layout = "views"
    """How files make up pairs; ``docs/data.md`` shows each."""
    views: Mapping[str, str] = field(default_factory=lambda: {"source": "rgb", "target": "rgb"})
    """Kinds by name: rgb, gray, labels:K and class:K (of K), colors:G (G colors asked for), noise:C
    (C numbers), noise-map:C or noise-map:C@S (C channels, S pixels on one of the source along a
    side), strength, angle (degrees), keypoints:K (K joints)."""
    palette: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    """Red, green and blue of each label, for views of labels that come in colors."""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of the labels, classes or colors of a view. Labels and classes called left and right change
    places in a flip: Left-arm and Right-arm."""
    descriptions: Mapping[str, str] = field(default_factory=dict)
    """Of the pictures of a view, for those who will use the model: what it expects to see."""
    paper: Mapping[str, Literal["white", "black"]] = field(default_factory=dict)
    """What the line drawings of a gray view are drawn on: the app inverts those of its users that
    are drawn on the other."""
    joints: JointsSpec | None = None
    """Of the views of kind keypoints:K, and for no other."""
    size: int = 128
    """Side of the training crop of the largest view, in pixels; of several degradations that at the
    largest scale, at which the others' are smaller."""
    width: int = 0
    """Of whole pictures that are no squares, with ``fit = "resize"``; ``size`` is their height."""
    fit: Literal["crop", "resize"] = "crop"
    """``resize`` stretches whole pictures to ``size`` (and ``width``), whatever their proportions,
    in place of cropping them; a stack that reads pictures then ships as one of that size."""
    scale: int = 1
    """Pixels of the target on one of the other views, along a side: of pairs of a low and a high
    resolution, which are cropped on the grid of the source."""
    swap: bool = False
    """In side-by-side pictures the left half is the target."""
    cache: float = 2.0
    """Gigabytes of decoded pictures to keep."""
    folder: tuple[FolderSpec, ...] = (FolderSpec(),)
    """Folders beneath the root, each with its share of the items."""

    def __post_init__(self) -> None:
        require(self.size >= 8, "size", self.size, "8 or more")
        require(self.width == 0 or self.width >= 8, "width", self.width, "0, or 8 or more")
        if self.width and self.fit != "resize":
            raise TableError("width: is of whole pictures, with fit = 'resize'; crops are square")
        for view, text in self.views.items():
            try:
                parse_kind(text)
            except TableError as error:
                raise TableError(f"views.{view}: {error}") from None
        if "strength" in self.views:
            raise TableError("views.strength: is the name of the strength of noise; choose another")
        if "target" not in self.views:
            raise TableError("views: no 'target'; a stack learns from target pictures")
        self.check_scale()
        self.check_layout()
        self.check_labels()
        self.check_joints()

    def check_scale(self) -> None:
        """Targets may be larger where each view has files of its own, and crops are cut."""
        require(1 <= self.scale <= 16, "scale", self.scale, "1 to 16")
        if self.scale == 1:
            return
        if self.layout not in ("views", "table", "shards") or self.alone:
            raise TableError(
                f"scale: got {self.scale}; targets larger than their sources come in layouts "
                "'views', 'table' and 'shards'"
            )
        if self.fit == "resize":
            raise TableError(f"scale: got {self.scale}; fit = 'resize' brings all to one size")
        placed = [view for view, kind in self.kinds.items() if kind.family == "keypoints"]
        if placed:
            raise TableError(
                f"scale: got {self.scale}, but {placed[0]!r} are joints in pixels; allowed: 1"
            )
        require(self.size % self.scale == 0, "size", self.size, f"a multiple of scale {self.scale}")

    def check_layout(self) -> None:
        """Every view has a place in the layout."""
        pictures = [view for view, kind in self.kinds.items() if kind.is_picture]
        classes = [view for view, kind in self.kinds.items() if kind.family == "class"]
        angles = [view for view, kind in self.kinds.items() if kind.family == "angle"]
        if self.layout in ("views", "unpaired", "side-by-side") and "source" not in pictures:
            raise TableError(f"views: no 'source'; layout {self.layout!r} brings one")
        for view in pictures:
            if self.layout in ("targets", "side-by-side") and view not in ("source", "target"):
                raise TableError(f"views: {view!r} has no place in layout {self.layout!r}")
            if self.layout == "classes" and view != "target":
                raise TableError(f"views: {view!r} has no place in layout 'classes'")
        if self.alone and self.views.get("source", "") not in (
            "",
            self.views["target"],
        ):
            raise TableError(
                f"views.source: got {self.views['source']!r}; sources made from targets are of "
                f"their kind, {self.views['target']!r}"
            )
        if self.layout == "classes" and len(classes) != 1:
            raise TableError("views: layout 'classes' brings one view of kind class:K")
        if classes and self.layout not in ("classes", "table", "shards"):
            raise TableError(
                f"views.{classes[0]}: layout {self.layout!r} brings no classes; 'classes', "
                "'table' and 'shards' do"
            )
        if self.layout == "shards" and len(classes) > 1:
            raise TableError(
                f"views.{classes[1]}: layout 'shards' brings one class, KEY.cls; 'table' brings any"
            )
        if angles and self.layout != "table":
            raise TableError(
                f"views.{angles[0]}: layout {self.layout!r} brings no angles; 'table' does"
            )

    def check_labels(self) -> None:
        """Palettes and names are of views that have labels, one for each; descriptions of any."""
        for key, given in (("palette", self.palette), ("names", self.names)):
            families = ("labels",) if key == "palette" else ("labels", "class", "colors")
            for view, entries in given.items():
                kind = self.kinds.get(view)
                if kind is None or kind.family not in families:
                    allowed = " or ".join(f"{family}:K" for family in families)
                    raise TableError(f"{key}.{view}: expected a view of kind {allowed}")
                require(
                    len(entries) == kind.count, f"{key}.{view}", len(entries), f"{kind.count} ones"
                )
                twice = len(set(entries)) < len(entries)
                require(not twice, f"{key}.{view}", list(entries), "ones that differ")
        for view in self.descriptions:
            if view not in self.kinds or not self.kinds[view].is_picture:
                raise TableError(f"descriptions.{view}: expected a view of pictures")
        for view in self.paper:
            if self.views.get(view) != "gray":
                raise TableError(f"paper.{view}: expected a view of kind gray")
        for view, colors in self.palette.items():
            for color in colors:
                fits = len(color) == 3 and all(0 <= part <= 255 for part in color)
                require(fits, f"palette.{view}", list(color), "red, green and blue, 0 to 255 each")

    def check_joints(self) -> None:
        """Keypoints have names and a place in the layout."""
        views = [view for view, kind in self.kinds.items() if kind.family == "keypoints"]
        if not views:
            if self.joints is not None:
                raise TableError("joints: no view is of kind keypoints:K")
            return
        if self.joints is None:
            raise TableError(f"joints: missing; views.{views[0]} needs the names of its joints")
        for view in views:
            count = self.kinds[view].count
            require(
                len(self.joints.names) == count,
                "joints.names",
                len(self.joints.names),
                f"{count} ones, as views.{view} is of kind {self.views[view]}",
            )
        if self.layout not in ("table", "views"):
            raise TableError(
                f"views.{views[0]}: layout {self.layout!r} brings no keypoints; 'table' and "
                "'views' do"
            )
        path = PurePath(self.joints.file)
        if path.is_absolute() or ".." in path.parts:
            raise TableError(f"joints.file: got {self.joints.file!r}; allowed: beneath data.root")
        if (self.layout == "table") != bool(self.joints.file):
            raise TableError(
                "joints.file: missing; a table names the pictures whose joints stand in it"
                if self.layout == "table"
                else "joints.file: is for tables; layout 'views' reads VIEW.csv or VIEW.json"
            )

    @property
    def alone(self) -> bool:
        """Whether targets alone are brought: sources are made from them, or there are none."""
        if self.layout == "shards":
            given = [view for view, kind in self.kinds.items() if kind.is_picture or kind.is_value]
            return given == ["target"]
        return self.layout == "targets"

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width that whole pictures are brought to."""
        return self.size, self.width or self.size

    @property
    def swapped(self) -> dict[str, tuple[int, ...]]:
        """By view: of each joint, label or class, the one that stands for it in a mirrored picture;
        of views with a left and a right alone.
        """
        orders = {view: swapped(names) for view, names in self.names.items()}
        if self.joints:
            kinds = self.kinds.items()
            orders |= {
                view: self.joints.swapped for view, kind in kinds if kind.family == "keypoints"
            }
        return {view: order for view, order in orders.items() if list(order) != sorted(order)}

    @property
    def kinds(self) -> dict[str, Kind]:
        """Kinds of the views."""
        kinds = {view: parse_kind(text) for view, text in self.views.items()}
        if self.joints is None:
            return kinds
        return {view: replace(kind, drawing=self.joints.drawing) for view, kind in kinds.items()}


@dataclass(frozen=True)
class DegradeSpec:
    """How sources are made from targets; empty where the data bring their own."""

    choices: tuple[str, ...] = ()
    """Degradations as ``docs/data.md`` writes them, or names of ``pipelines``."""
    pipelines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Degradations of the recipe's own by name, a list of steps each."""
    shares: tuple[float, ...] = ()
    """Of the batches, one for each choice; equal where empty."""
    told: float = 0.5
    """Share of the items whose noise strength is told; the others get -1, automatic."""
    where: Literal["workers", "device"] = "workers"
    """Sources are made by the workers that read pictures, or on the device that trains: there for
    fast devices that wait for their workers."""

    def __post_init__(self) -> None:
        for name in self.pipelines:
            self.read(name, f"pipelines.{name}")
        for index, text in enumerate(self.choices):
            degradation = self.read(text, f"choices[{index}]")
            if self.where == "device" and (told := not_on_device(degradation.steps)):
                raise TableError(f"choices[{index}]: {told}; degrade.where = 'workers' does it")
        if self.where == "device" and not self.choices:
            raise TableError("where: got 'device', but choices names nothing to be done there")
        require(
            len(self.shares) in (0, len(self.choices)) and all(share > 0 for share in self.shares),
            "shares",
            self.shares,
            "one number above 0 for each choice",
        )
        require(0 <= self.told <= 1, "told", self.told, "0 to 1")

    @property
    def degradations(self) -> list[Degradation]:
        """The choices, read."""
        return [parse_degradation(self.written(text)) for text in self.choices]

    def written(self, text: str) -> str:
        """A degradation written out, where ``text`` is the name of a pipeline."""
        return ",".join(self.pipelines.get(text, (text,)))

    def read(self, text: str, key: str) -> Degradation:
        """A degradation, or the pipeline of that name.

        Raises:
            TableError: names the key.
        """
        try:
            return parse_degradation(self.written(text))
        except DegradationError as error:
            raise TableError(f"{key}: {error}") from None
