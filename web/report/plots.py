"""From a plot's numbers to lines, boxes and words at places: drawn once, for page and paper alike.

Places are in units of the drawing, x to the right and y downwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from core.randomization.report.model import Plot

WIDTH: Final = 400.0
INK: Final = "#14212b"
SOFT: Final = "#4d5b66"
LINE: Final = "#c3ccd3"
COLOURS: Final = ("#0b4a5e", "#c26a00", "#0b6b3a", "#7b3f99", "#b10e1e", "#5a6b2a")
_PALE: Final = "#9cc3d0"
_DASHES: Final = ((), (6.0, 3.0), (2.0, 2.0), (8.0, 2.0, 2.0, 2.0), (1.0, 3.0), (10.0, 4.0))
_SIZE: Final = 11.0
_WIDE: Final = 0.54
"""Of a letter, on average, in sizes."""
_TICKS: Final = 5
_LABELS_MAX: Final = 11
_NAME_MAX: Final = 32


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through points."""

    points: tuple[tuple[float, float], ...]
    colour: str
    width: float = 1.0
    dash: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle; x and y are its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True, slots=True)
class Word:
    """Words on a line; `anchor` is start, middle or end, y the base line."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    colour: str = SOFT


Shape = Stroke | Box | Word


@dataclass(frozen=True, slots=True)
class Drawing:
    """What to draw, within 0 … WIDTH and 0 … height."""

    height: float
    shapes: tuple[Shape, ...]


def drawn(plot: Plot) -> Drawing:
    """The plot as lines, upright bars or, where places have names, bars lying down."""
    if plot.is_line:
        return _lines(plot)
    if all(place.replace(".", "").replace(",", "").isdigit() for place in plot.places):
        return _upright(plot)
    return _lying(plot)


def top_of(plot: Plot) -> tuple[float, float]:
    """The end of the scale and the distance of its ticks."""
    highest = max(
        [plot.least_top, *(mark.value for mark in plot.marks)]
        + [value for series in plot.series for value in series.values]
    )
    highest = highest or 1.0
    unit = 10.0 ** math.floor(math.log10(highest / _TICKS))
    step = next(unit * m for m in (1, 2, 2.5, 5, 10) if unit * m * _TICKS >= highest - 1e-12)
    return math.ceil(highest / step - 1e-9) * step, step


def _legend(plot: Plot) -> tuple[list[Shape], float]:
    """Keys of series and marks, and where they end."""
    keys = [(s.name, _colour(plot, i), _dash(plot, i)) for i, s in enumerate(plot.series)]
    keys = keys if len(keys) > 1 else []
    keys += [(mark.name, INK, (3.0, 3.0)) for mark in plot.marks]
    shapes: list[Shape] = []
    x, y = 4.0, 12.0
    for name, colour, dash in keys:
        wide = 26 + len(name) * _SIZE * _WIDE + 12
        if x > 4 and x + wide > WIDTH:
            x, y = 4.0, y + 16
        shapes.append(Stroke(((x, y - 4), (x + 20, y - 4)), colour, _weight(plot, colour), dash))
        shapes.append(Word(x + 25, y, name))
        x += wide
    return shapes, y + 12 if keys else 10.0


def _weight(plot: Plot, colour: str) -> float:
    """Thick keys for bars, thin ones for lines."""
    if colour == INK:
        return 1.2
    return 2.0 if plot.is_line else 9.0


def _colour(plot: Plot, place: int) -> str:
    if not plot.is_line and len(plot.series) == 2:
        return (_PALE, COLOURS[0])[place]
    return COLOURS[place % len(COLOURS)]


def _dash(plot: Plot, place: int) -> tuple[float, ...]:
    return _DASHES[place % len(_DASHES)] if plot.is_line else ()


def _frame(plot: Plot, left: float, upper: float, lower: float) -> list[Shape]:
    """The upright scale with its ticks, and what stands on both."""
    top, step = top_of(plot)
    shapes: list[Shape] = [Word(4, upper - 12, plot.up)]
    for tick in range(round(top / step) + 1):
        y = lower - (lower - upper) * tick * step / top
        shapes.append(Stroke(((left, y), (WIDTH - 4, y)), LINE, 0.7))
        shapes.append(Word(left - 5, y + 4, f"{tick * step:g}", "end"))
    for mark in plot.marks:
        y = lower - (lower - upper) * mark.value / top
        shapes.append(Stroke(((left, y), (WIDTH - 4, y)), INK, 1.2, (3.0, 3.0)))
    shapes.append(Stroke(((left, lower), (WIDTH - 4, lower)), SOFT))
    shapes.append(Word((left + WIDTH) / 2, lower + 32, plot.across, "middle"))
    return shapes


def _lines(plot: Plot) -> Drawing:
    shapes, end = _legend(plot)
    left, upper, lower = 42.0, end + 18, end + 208
    shapes += _frame(plot, left, upper, lower)
    top, _ = top_of(plot)
    count = len(plot.places)
    span = WIDTH - 12 - left
    xs = [left + (span * i / (count - 1) if count > 1 else span / 2) for i in range(count)]
    for place, series in enumerate(plot.series):
        ys = [lower - (lower - upper) * value / top for value in series.values]
        points = tuple((x, y) for x, y in zip(xs, ys, strict=True))
        shapes.append(Stroke(points, _colour(plot, place), 1.8, _dash(plot, place)))
    shapes += [Word(xs[i], lower + 16, plot.places[i], "middle") for i in _labelled(count)]
    return Drawing(lower + 40, tuple(shapes))


def _labelled(count: int) -> list[int]:
    """Which places are named at the bottom: few enough to be read, the last one among them."""
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 10**9) if count / s <= _LABELS_MAX)
    found = [i for i in range(count) if (i + 1) % step == 0 or i == 0]
    return [i for i, after in pairwise([*found, 10**9]) if after - i > step / 2]


def _upright(plot: Plot) -> Drawing:
    shapes, end = _legend(plot)
    left, upper, lower = 42.0, end + 18, end + 188
    shapes += _frame(plot, left, upper, lower)
    top, _ = top_of(plot)
    each = (WIDTH - 8 - left) / max(len(plot.places), 4)
    wide = min(each * 0.7, 40) / len(plot.series)
    for place, series in enumerate(plot.series):
        for i, value in enumerate(series.values):
            x = left + each * (i + 0.5) + wide * (place - len(plot.series) / 2)
            high = (lower - upper) * value / top
            shapes.append(Box(x, lower - high, wide, high, _colour(plot, place)))
    every = -(-len(plot.places) // _LABELS_MAX)
    for i, name in enumerate(plot.places):
        if i % every == 0:
            shapes.append(Word(left + each * (i + 0.5), lower + 16, name, "middle"))
    return Drawing(lower + 40, tuple(shapes))


def _lying(plot: Plot) -> Drawing:
    shapes, end = _legend(plot)
    top, step = top_of(plot)
    names = [_short(name) for name in plot.places]
    left = min(190.0, 14 + max(len(name) for name in names) * _SIZE * _WIDE)
    right, upper = WIDTH - 48, end + 4
    thick = 13.0
    each = thick * len(plot.series) + 9
    lower = upper + each * len(names) + 4
    for tick in range(round(top / step) + 1):
        x = left + (right - left) * tick * step / top
        shapes.append(Stroke(((x, upper), (x, lower)), LINE, 0.7))
        shapes.append(Word(x, lower + 15, f"{tick * step:g}", "middle"))
    for i, name in enumerate(names):
        y = upper + 5 + each * i
        shapes.append(Word(left - 6, y + thick * len(plot.series) / 2 + 4, name, "end", INK))
        for place, series in enumerate(plot.series):
            value, at = series.values[i], y + thick * place
            long = (right - left) * value / top
            shapes.append(Box(left, at, long, thick - 1, _colour(plot, place)))
            shapes.append(Word(WIDTH - 4, at + thick - 3, f"{value:.3g}", "end", INK))
    for mark in plot.marks:
        x = left + (right - left) * mark.value / top
        shapes.append(Stroke(((x, upper), (x, lower)), INK, 1.2, (3.0, 3.0)))
    shapes.append(Stroke(((left, upper), (left, lower)), SOFT))
    shapes.append(Word((left + right) / 2, lower + 32, plot.up, "middle"))
    return Drawing(lower + 40, tuple(shapes))


def _short(name: str) -> str:
    return name if len(name) <= _NAME_MAX else f"{name[: _NAME_MAX - 1]}…"
