"""What a report is made of, whatever it is printed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    words: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what they are; `codes` are the rows to be compared letter by letter."""

    rows: tuple[tuple[str, str], ...]
    codes: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Items:
    """A list of sentences, numbered or not."""

    lines: tuple[str, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """What is to be typed, or is printed by a machine."""

    lines: tuple[str, ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A source, with its address."""

    before: str
    words: str
    url: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; `numbers` are the columns that stand to the right."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Series:
    """Heights, one for each place of the plot, under a name; `errors` are standard errors."""

    name: str
    values: tuple[float, ...]
    errors: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A level to compare with: a dashed line across the plot."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing with a sentence on how to read it and its numbers beside it.

    `places` name what stands along the bottom; lines take them as numbers.
    """

    title: str
    reading: str
    across: str
    up: str
    places: tuple[str, ...]
    series: tuple[Series, ...]
    table: Table
    marks: tuple[Mark, ...] = ()
    is_line: bool = False
    least_top: float = 0.0
    """What the scale reaches at least."""


Block = Text | Facts | Items | Code | Link | Table | Plot


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    name: str
    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The whole; `brief` is what one must know if one reads nothing else."""

    title: str
    about: str
    brief: tuple[str, ...]
    sections: tuple[Section, ...]
    training: bool = False


_LARGE: Final = 1000


def number(value: float, decimals: int = 3) -> str:
    """The number for people: 0.512, 12.3, 1,204."""
    if value and abs(value) < 10.0**-decimals:
        return f"{value:.1e}"
    text = f"{value:,.{0 if abs(value) >= _LARGE else decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(value: float) -> str:
    """The share for people: 50.0%."""
    return f"{100 * value:.1f}%"


def fixed(value: float, decimals: int = 3) -> str:
    """The number in a column: always so many decimals."""
    return f"{value:,.{decimals}f}"
