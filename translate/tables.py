"""Strict tables: nested mappings (from TOML) into frozen dataclasses and back.

Every error names the path of the key (``stage[1].discriminator.kind``), what was given and what
is allowed, so that a typo fails before any data is read.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import reprlib
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar, Union, cast

Table = TypeVar("Table")


class TableError(ValueError):
    """A table holds a key or a value that it may not hold; the message is one line."""


class UnknownKind(TableError):
    """A table names a kind that no module has registered."""


def parse(cls: type[Table], table: object, path: str = "") -> Table:
    """Build the dataclass ``cls`` from ``table``; keys that ``cls`` does not have are errors.

    A field whose metadata has ``parse`` is read by that function ``(value, path) -> object``.

    Raises:
        TableError: unknown key, missing key, or a value of the wrong type or range.
    """
    if not isinstance(table, Mapping):
        raise TableError(f"{path or 'recipe'}: expected a table, got {table!r}")
    # Every table class handed in is a dataclass; the cast tells the type checker so.
    fields = {field.name: field for field in dataclasses.fields(cast(Any, cls))}
    hints = typing.get_type_hints(cls)
    for key in table:
        if key not in fields:
            raise TableError(f"{join(path, str(key))}: unknown key; {suggest(str(key), fields)}")
    values: dict[str, object] = {}
    for name, field in fields.items():
        here = join(path, name)
        if name in table:
            reader: Callable[[object, str], object] | None = field.metadata.get("parse")
            value = table[name]
            values[name] = reader(value, here) if reader else convert(hints[name], value, here)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise TableError(f"{here}: missing; {describe(hints[name])} is needed")
    try:
        return cls(**values)
    except TableError as error:
        # A dataclass that checks its own ranges names the key; the path is known only here.
        raise type(error)(f"{path}.{error}" if path else str(error)) from None


def join(path: str, key: str) -> str:
    """The path of ``key`` inside the table at ``path``."""
    return f"{path}.{key}" if path else key


ELSEWHERE = {
    **dict.fromkeys(("bce", "gan", "ns", "nsgan", "vanilla"), "non-saturating"),
    **dict.fromkeys(("wgan", "wgan-gp", "wgangp"), "wasserstein"),
    **dict.fromkeys(("least-squares", "least_squares", "mse"), "lsgan"),
    **dict.fromkeys(("unet_64", "unet_128", "unet_256", "unet256"), "pix2pix"),
    **dict.fromkeys(("resnet_6blocks", "resnet_9blocks", "global"), "resnet"),
    **dict.fromkeys(("basic", "n_layers", "patchgan", "pixel", "nlayer"), "patch"),
    **dict.fromkeys(("gp", "gradient_penalty"), "wgan_gp"),
    **dict.fromkeys(("ce", "crossentropy"), "cross_entropy"),
    **dict.fromkeys(("fm", "feat"), "feature_matching"),
    **dict.fromkeys(("vgg",), "perceptual"),
    **dict.fromkeys(("tv",), "total_variation"),
    **dict.fromkeys(("learning_rate", "lr"), "rate"),
    **dict.fromkeys(("batch_size", "batchsize"), "batch"),
    **dict.fromkeys(("epochs", "iterations", "niter", "total_iter"), "steps"),
    **dict.fromkeys(("crop_size", "gt_size", "image_size", "patch_size"), "size"),
    **dict.fromkeys(("ngf", "ndf", "nf", "filters"), "channels"),
    **dict.fromkeys(("flip_lr", "hflip", "use_hflip"), "flip"),
    **dict.fromkeys(("rot", "use_rot"), "turn"),
}
"""What other toolkits call things, for who is used to it: their name -> ours."""


def suggest(given: str, known: typing.Iterable[str]) -> str:
    """List the known names, the nearest first when one is near or is called ``given`` elsewhere."""
    names = sorted(known)
    return f"{hint(given, names)}known: {', '.join(names)}"


def hint(given: str, names: Sequence[str]) -> str:
    """The name that was meant, where one is near or is called ``given`` elsewhere; else nothing."""
    called = [name for name in [ELSEWHERE.get(given.lower())] if name in names]
    near = called or difflib.get_close_matches(given, names, n=1)
    return f"did you mean {near[0]!r}? " if near else ""


def convert(hint: Any, value: object, path: str) -> object:
    """Check ``value`` against the type ``hint`` and bring lists to tuples, integers to floats."""
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if hint is Any:
        # Whoever asks for anything reads it himself.
        return value
    if origin in (Union, types.UnionType):
        return convert_union(arguments, value, path)
    if origin is Literal:
        # To Python True, 1 and 1.0 are equal; in a recipe they are not the same.
        if not any(value == allowed and type(value) is type(allowed) for allowed in arguments):
            raise TableError(f"{path}: got {value!r}; allowed: {describe(hint)}")
        return value
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise TableError(f"{path}: expected a list, got {value!r}")
        return tuple(
            convert(arguments[0], item, f"{path}[{index}]") for index, item in enumerate(value)
        )
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise TableError(f"{path}: expected a table, got {value!r}")
        return {
            str(key): convert(arguments[1], item, join(path, str(key)))
            for key, item in value.items()
        }
    if dataclasses.is_dataclass(hint):
        return parse(cast(type, hint), value, path)
    return convert_plain(hint, value, path)


def convert_union(arguments: tuple[Any, ...], value: object, path: str) -> object:
    """The first member of a union that takes the value."""
    errors: list[TableError] = []
    for argument in arguments:
        if argument is type(None):
            if value is None:
                return None
            continue
        try:
            return convert(argument, value, path)
        except TableError as error:
            errors.append(error)
    if len(errors) == 1 or isinstance(value, (Mapping, list, tuple)):
        # What is wrong lies inside the value, and the error of the last member says where.
        raise errors[-1]
    members = [argument for argument in arguments if argument is not type(None)]
    allowed = ", or ".join(describe(member) for member in members)
    raise TableError(f"{path}: expected {allowed}, got {value!r}")


def convert_plain(hint: Any, value: object, path: str) -> object:
    """Numbers, truth values and text; a truth value is never taken for a number."""
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        # TOML has inf and nan, which no range check catches well and no rate or weight can be, and
        # whole numbers of any length.
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise TableError(f"{path}: expected a finite number, got {reprlib.repr(value)}")
        return number
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if hint in (bool, str) and isinstance(value, hint):
        return value
    raise TableError(f"{path}: expected {describe(hint)}, got {value!r}")


def describe(hint: Any) -> str:
    """A type in words."""
    origin = typing.get_origin(hint)
    if origin is Literal:
        return ", ".join(repr(argument) for argument in typing.get_args(hint))
    if origin is tuple:
        return "a list"
    if origin in (dict, Mapping) or dataclasses.is_dataclass(hint):
        return "a table"
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    return words.get(hint, "a value")


def require(condition: bool, key: str, given: object, allowed: str) -> None:
    """Range check for ``__post_init__``: raises a `TableError` that names the key."""
    if not condition:
        raise TableError(f"{key}: got {given!r}; allowed: {allowed}")


def plain(value: object) -> Any:
    """A dataclass back into plain tables for TOML and JSON; values equal to defaults are kept."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        table = {} if not (kind := getattr(type(value), "kind", None)) else {"kind": kind}
        for field in dataclasses.fields(value):
            item = getattr(value, field.name)
            if item is not None:
                table[field.name] = plain(item)
        return table
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
