"""A method and its subjects made ready for the kernels: arrays, or lists where it runs as it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np

from core.randomization.method import Method
from core.randomization.simulation import kernels
from core.randomization.simulation.compile import compiled, compiled_for, is_compilable
from core.randomization.simulation.measure import Scale
from core.randomization.simulation.population import (
    Population,
    checked_ratio,
    checked_successes,
    fitting,
)

SEED_RANGE: Final = 2**64
_WORDS: Final = 2**32
_PATHS_DEEP: Final = 64
_SUBJECTS_MANY: Final = 2_000_000
_DESIGN_SHORT: Final = 100


@dataclass(frozen=True, slots=True)
class Setting:
    """One method and its subjects, checked."""

    method: Method
    n: int
    seed: int
    ratio: tuple[int, ...]
    population: Population
    successes: tuple[Fraction, ...] | None = None
    given: tuple[int, ...] | None = None
    """Responses of the subjects in order, whatever their arm."""

    @property
    def common(self) -> int:
        """What makes D whole."""
        return math.lcm(*self.ratio)

    def scale(self) -> Scale:
        """How balance is measured."""
        first, second = self.ratio[0], self.ratio[1]
        sizes = self.population.sizes
        return Scale(
            integers([self.common // share for share in self.ratio]),
            integers(_offsets(sizes)),
            integers(sizes),
            first * second / (first + second) ** 2,
        )


def checked(
    method: Method,
    n: int,
    seed: int,
    ratio: Sequence[int] | None,
    population: Population | None,
    successes: Sequence[Fraction] | None,
) -> Setting:
    """The setting. ValueError for numbers out of range or that don't fit the method."""
    if n < 1:
        raise ValueError("at least one subject is needed")
    check_simulation_seed(seed)
    if method.arms < 2:
        raise ValueError("there is nothing to compare with fewer than two arms")
    return Setting(
        method,
        n,
        seed,
        checked_ratio(method, ratio),
        fitting(method, population),
        checked_successes(method, successes),
    )


def check_simulation_seed(seed: int) -> None:
    """Raise ValueError unless the seed has at most 64 bits."""
    if not 0 <= seed < SEED_RANGE:
        raise ValueError("a seed of simulation lies between 0 and 2**64 - 1")


class Walker:
    """Draws one trial after another into its own arrays; one for each thread."""

    def __init__(self, setting: Setting) -> None:
        """Make room."""
        self.setting = setting
        method, n, factors = setting.method, setting.n, len(setting.population.sizes)
        own = setting.population.own if method.sizes else ()
        self.places = kernels.Places(
            level_words=np.zeros(_whole(n * factors), np.int64),
            words=np.zeros(_whole(2 * n), np.int64),
            cuts=integers([cut for row in setting.population.frequencies for cut in _cuts(row)]),
            offsets=integers(_offsets(setting.population.sizes)),
            strides=integers(setting.population.strides),
            subjects=kernels.Subjects(
                np.zeros(n * factors, np.int64), np.zeros(n, np.int64), integers(own), factors
            ),
            responses=_responses(setting),
            arms=np.zeros(n, np.int64),
            chances=np.zeros(n * method.arms),
        )
        self.is_compiled = is_compilable(method, n)
        self.room = _room(setting, own, self.is_compiled)

    def steps(self, subjects: int = 0) -> tuple[Any, ...]:
        """The compiled step functions, design and start, as the kernels take them first.

        `subjects` says how many will be drawn in all: for many, the design is compiled in.
        """
        method, design = self.setting.method, self.setting.method.design
        is_worth_it = subjects >= _SUBJECTS_MANY and len(design) <= _DESIGN_SHORT
        functions = (method.shares, method.after, method.respond or kernels.deaf)
        return (
            *(compiled_for(one, design) if is_worth_it else compiled(one) for one in functions),
            integers(design),
            integers(method.start),
        )

    def key(self, trial: int, again: int = 0) -> kernels.Key:
        """The words of this trial."""
        seed = self.setting.seed
        return kernels.Key(seed & kernels.WORD, seed >> 32, trial, again)

    def draw_subjects(self, trial: int) -> None:
        """Levels and strata of the subjects of this trial."""
        compiled(kernels.draw_subjects)(self.places, self.key(trial))

    def draw_arms(self, trial: int, again: int = 0) -> None:
        """Arms and chances of the subjects who are there; `again` counts draws of the same."""
        key = self.key(trial, again)
        if self.is_compiled:
            compiled(kernels.draw_arms)(*self.steps(), self.places, self.room, key)
        else:
            self._walk(key)

    def _walk(self, key: kernels.Key) -> None:
        """The same, by the functions as they are, on lists."""
        places, method = self.places, self.setting.method
        compiled(kernels.fill)(places.words, key, kernels.ARMS)
        subjects, responses = places.subjects, places.responses
        kernels.walk(
            method.shares,
            method.after,
            method.respond or kernels.deaf,
            method.design,
            method.start,
            kernels.Subjects(
                subjects.levels.tolist(),
                subjects.stratum.tolist(),
                subjects.own.tolist(),
                subjects.factors,
            ),
            kernels.Responses(responses.mode, responses.below.tolist(), responses.given.tolist()),
            places.words.tolist(),
            key,
            self.room,
            places.arms,
            places.chances,
        )


def integers(values: Sequence[int]) -> Any:
    """An array of 64-bit integers."""
    return np.array(values, np.int64)


def _responses(setting: Setting) -> kernels.Responses:
    below = [int(p * _WORDS) for p in setting.successes or ()]
    mode = kernels.NO_RESPONSES if setting.successes is None else kernels.BY_ARM
    if setting.given is not None:
        mode = kernels.GIVEN
    return kernels.Responses(mode, integers(below), integers(setting.given or ()))


def _room(setting: Setting, own: Sequence[int], is_array: bool) -> kernels.Room:
    method, strata = setting.method, setting.population.strata_count
    length, paths = len(method.start), method.moves * _PATHS_DEEP + 1
    if is_array:
        return kernels.Room(
            np.zeros((strata, length), np.int64),
            np.zeros(len(own), np.int64),
            np.zeros(method.outcomes, np.int64),
            np.zeros((paths, length), np.int64),
            np.zeros(paths),
            np.zeros(length, np.int64),
        )
    return kernels.Room(
        [[0] * length for _ in range(strata)],
        [0] * len(own),
        [0] * method.outcomes,
        [[0] * length for _ in range(paths)],
        [0.0] * paths,
        [0] * length,
    )


def _cuts(frequencies: Sequence[Fraction]) -> list[int]:
    total, cuts = Fraction(), []
    for frequency in frequencies:
        total += frequency
        cuts.append(int(total * _WORDS))
    return cuts


def _offsets(sizes: Sequence[int]) -> list[int]:
    return [sum(sizes[:factor]) for factor in range(len(sizes))]


def _whole(count: int) -> int:
    """The next multiple of 4."""
    return -(-count // 4) * 4
