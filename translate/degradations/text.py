"""How a degradation is written: the grammar of `translate.degrade`, read by descent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from translate.degradations.blur import Blur, Gaussian, Sinc
from translate.degradations.files import Jpeg, Rounding
from translate.degradations.noise import Camera, Noise, Poisson
from translate.degradations.order import OneOf, Shuffled, Sometimes, Steps
from translate.degradations.resize import Bicubic, Fit, Resize
from translate.degradations.step import DegradationError, Range, Step

GROUPS = {"(": (")", OneOf), "{": ("}", Shuffled)}
DEEPEST = 8
"""Groups within groups: more is a mistake."""


@dataclass
class Words:
    """One step as it is written: ``name:argument;key=value``.

    Args:
        name: of the step.
        argument: behind the colon, empty where there is none.
        options: by key; those that were read are gone.
        text: the whole degradation, for errors.
    """

    name: str
    argument: str
    options: dict[str, str]
    text: str

    def range(self, least: float, most: float) -> Range:
        """The argument as ``25`` or ``0-55``."""
        return parse_range(self.argument, self.text, least, most)

    def whole(self, least: int, most: int) -> int:
        """The argument as a whole factor."""
        argument = self.argument
        if not (argument.isascii() and argument.isdecimal()) or not least <= int(argument) <= most:
            raise DegradationError(
                f"degradation {self.text!r}: {self.name} takes a whole factor of {least} to "
                f"{most}, got {argument!r}"
            )
        return int(argument)

    def none(self) -> None:
        """There is no argument."""
        if self.argument:
            raise DegradationError(
                f"degradation {self.text!r}: {self.name} takes no number, got {self.argument!r}"
            )

    def option(self, key: str, default: float, least: float = 0, most: float = 1) -> float:
        """One of the options, a single number."""
        if key not in self.options:
            return default
        return parse_number(self.options.pop(key), f"{self.name};{key}", self.text, least, most)


def read_resize(words: Words) -> Resize:
    """The chances of growing and of shrinking share a whole."""
    scales, of = words.range(0.01, 8), words.option("of", 1, 1, 16)
    if of % 1:
        raise DegradationError(
            f"degradation {words.text!r}: of is the scale of the result, a whole number; got {of:g}"
        )
    step = Resize(
        scales,
        int(of),
        words.option("grow", 0.2),
        words.option("shrink", 0.7),
    )
    if step.grow + step.shrink > 1:
        raise DegradationError(
            f"degradation {words.text!r}: grow and shrink are chances of one draw; got "
            f"{step.grow:g} and {step.shrink:g}, together above 1"
        )
    return step


def read_rounding(words: Words) -> Rounding:
    """It has nothing to set."""
    words.none()
    return Rounding()


READERS: Mapping[str, Callable[[Words], Step]] = {
    "bicubic": lambda words: Bicubic(words.whole(2, 16)),
    "blur": lambda words: Blur(words.range(0, 20), words.option("sinc", 0.0)),
    "camera": lambda words: Camera(words.range(1e-6, 1)),
    "fit": lambda words: Fit(words.whole(1, 16)),
    "gaussian": lambda words: Gaussian(words.range(0.05, 20)),
    "jpeg": lambda words: Jpeg(words.range(1, 100)),
    "noise": lambda words: Noise(words.range(0, 255), words.option("gray", 0.0)),
    "poisson": lambda words: Poisson(words.range(0, 20), words.option("gray", 0.0)),
    "resize": read_resize,
    "round": read_rounding,
    "sinc": lambda words: Sinc(words.range(0.05, 1)),
}

PUBLISHED_NOISE = "(noise:{noise};gray=0.4|poisson:{counts};gray=0.4)"
SAVED = "{fit:S,sinc:0.33-1@0.8|jpeg:30-95},round"
"""The last sharpening and the last compression, in either order."""

PIPELINES: Mapping[str, str] = {
    # Equation 1 of Real-ESRGAN: what earlier work on blind super-resolution takes for the world.
    "classical": "blur:0.2-3,fit:S,noise:1-30;gray=0.4,jpeg:30-95",
    # Section 3 and the authors' settings: twice around, with a sinc at the end.
    "real": ",".join(
        [
            "blur:0.2-3;sinc=0.1",
            "resize:0.15-1.5",
            PUBLISHED_NOISE.format(noise="1-30", counts="0.05-3"),
            "jpeg:30-95",
            "blur:0.2-1.5;sinc=0.1@0.8",
            "resize:0.3-1.2;of=S;grow=0.3;shrink=0.4",
            PUBLISHED_NOISE.format(noise="1-25", counts="0.05-2.5"),
            SAVED,
        ]
    ),
}
"""Whole pipelines by name (Wang et al. 2021, arXiv 2107.10833); S stands for the scale."""


@dataclass
class Reader:
    """Reads ``text`` from ``place`` on."""

    text: str
    told: str
    """The text that errors name: what the user wrote."""
    place: int = field(default=0)

    @property
    def ahead(self) -> str:
        """The next character, empty at the end."""
        return self.text[self.place : self.place + 1]

    def whole(self) -> Steps:
        """All of the text."""
        steps = self.sequence(0)
        if self.ahead:
            raise self.unexpected()
        return steps

    def sequence(self, depth: int) -> Steps:
        """Items between commas, up to what closes them."""
        steps = list(self.item(depth))
        while self.ahead == ",":
            self.place += 1
            steps += self.item(depth)
        return tuple(steps)

    def item(self, depth: int) -> Steps:
        """A step, a pipeline or a group, with its chance; nothing between two commas."""
        self.skip_spaces()
        if self.ahead in GROUPS:
            steps: Steps = (self.group(depth + 1),)
            behind = self.word()
            if behind and not behind.startswith("@"):
                raise self.unexpected(behind)
            chance = behind[1:] if behind else None
        else:
            written = self.word()
            if not written:
                return ()
            written, at, chance = written.partition("@")
            chance = chance if at else None
            steps = self.plain(written.strip())
        if chance is None:
            return steps
        return (Sometimes(steps, parse_number(chance.strip(), "@", self.told, 0, 1)),)

    def group(self, depth: int) -> Step:
        """``(a|b)`` or ``{a|b}``."""
        closing, kind = GROUPS[self.ahead]
        if depth > DEEPEST:
            raise DegradationError(f"degradation {self.told!r}: more than {DEEPEST} groups nested")
        self.place += 1
        members = [self.sequence(depth)]
        while self.ahead == "|":
            self.place += 1
            members.append(self.sequence(depth))
        if self.ahead != closing:
            raise DegradationError(
                f"degradation {self.told!r}: a group is not closed by {closing!r}"
            )
        self.place += 1
        return kind(tuple(members))

    def word(self) -> str:
        """What stands before the next mark."""
        end = self.place
        while end < len(self.text) and self.text[end] not in ",|(){}":
            end += 1
        found, self.place = self.text[self.place : end], end
        return found.strip()

    def skip_spaces(self) -> None:
        while self.ahead.isspace():
            self.place += 1

    def plain(self, written: str) -> Steps:
        """``name:argument;key=value``."""
        head, *settings = written.split(";")
        name, _, argument = (part.strip() for part in head.partition(":"))
        options: dict[str, str] = {}
        for setting in settings:
            key, equals, value = (part.strip() for part in setting.partition("="))
            if not equals:
                raise DegradationError(
                    f"degradation {self.told!r}: expected KEY=NUMBER behind ';', got {setting!r}"
                )
            options[key] = value
        words = Words(name, argument, options, self.told)
        if name in PIPELINES:
            steps = Reader(PIPELINES[name].replace("S", str(words.whole(1, 16))), self.told).whole()
        elif name in READERS:
            steps = (READERS[name](words),)
        else:
            raise DegradationError(
                f"degradation {self.told!r}: unknown step {name!r}; known: "
                f"{', '.join(sorted({*READERS, *PIPELINES}))}"
            )
        if words.options:
            raise DegradationError(
                f"degradation {self.told!r}: {name} has no option {next(iter(words.options))!r}"
            )
        return steps

    def unexpected(self, found: str = "") -> DegradationError:
        """What stands where nothing may."""
        return DegradationError(f"degradation {self.told!r}: unexpected {found or self.ahead!r}")


def read_steps(text: str) -> Steps:
    """The steps of a text.

    Raises:
        DegradationError: what is wrong, with the whole text.
    """
    return Reader(text, text).whole()


def parse_range(argument: str, text: str, least: float, most: float) -> Range:
    """``25`` or ``0-55``, also as ``1e-5-1e-3``."""
    # Behind an e it is the sign of an exponent.
    low, *high = re.split("(?<![eE])-", argument, maxsplit=1)
    try:
        numbers = Range(float(low), float(high[0] if high else low))
    except ValueError:
        numbers = None
    if numbers is None or not least <= numbers.low <= numbers.high <= most:
        raise DegradationError(
            f"degradation {text!r}: expected a number or a range LOW-HIGH within "
            f"{least:g} to {most:g}, got {argument!r}"
        )
    return numbers


def parse_number(argument: str, name: str, text: str, least: float, most: float) -> float:
    """One number."""
    try:
        number = float(argument)
    except ValueError:
        number = None
    if number is None or not least <= number <= most:
        raise DegradationError(
            f"degradation {text!r}: {name} takes a number of {least:g} to {most:g}, got "
            f"{argument!r}"
        )
    return number
