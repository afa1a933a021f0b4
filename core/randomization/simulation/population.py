"""Who enters the simulated trials: factors, how frequent their levels are, and strata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from core.randomization.exact import exact
from core.randomization.method import Method

STRATA_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Population:
    """Factors in order, each with the relative frequency of its levels; factors are independent.

    `strata` are indices of factors whose combined levels keep a state of their own (stratified
    blocks; strata kept apart). The other factors, in order, are the levels that the method sees.
    Raises ValueError for a factor without levels, a frequency below 0 or a factor whose
    frequencies are all 0, an index that is no factor or more strata than can be kept; TypeError
    for a float.
    """

    frequencies: tuple[tuple[Fraction, ...], ...] = ()
    strata: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check, and scale each factor's frequencies to 1."""
        scaled = tuple(_scaled(levels) for levels in self.frequencies)
        object.__setattr__(self, "frequencies", scaled)
        if len(set(self.strata)) != len(self.strata) or any(
            not 0 <= factor < len(scaled) for factor in self.strata
        ):
            raise ValueError("strata must name factors, each once")
        if self.strata_count > STRATA_MAX:
            raise ValueError(f"more than {STRATA_MAX} strata")

    @classmethod
    def even(cls, sizes: Sequence[int], strata: Sequence[int] = ()) -> Population:
        """Factors with so many levels, all equally frequent."""
        return cls(tuple((Fraction(1),) * size for size in sizes), tuple(strata))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of levels of each factor."""
        return tuple(len(levels) for levels in self.frequencies)

    @property
    def own(self) -> tuple[int, ...]:
        """The factors that the method sees."""
        return tuple(f for f in range(len(self.frequencies)) if f not in self.strata)

    @property
    def strata_count(self) -> int:
        """How many states are kept."""
        count = 1
        for factor in self.strata:
            count *= len(self.frequencies[factor])
        return count

    @property
    def strides(self) -> tuple[int, ...]:
        """What a level of each factor adds to the number of the stratum."""
        strides, step = [0] * len(self.frequencies), 1
        for factor in self.strata:
            strides[factor] = step
            step *= len(self.frequencies[factor])
        return tuple(strides)


def fitting(method: Method, population: Population | None) -> Population:
    """The population, or evenly frequent levels of the method's own factors where none is given.

    ValueError where the factors outside the strata are not those that the method counts.
    """
    if population is None:
        return Population.even(method.sizes)
    seen = tuple(population.sizes[factor] for factor in population.own)
    if method.sizes and seen != method.sizes:
        raise ValueError(f"the method counts factors of {method.sizes} levels, not of {seen}")
    return population


def checked_ratio(method: Method, ratio: Sequence[int] | None) -> tuple[int, ...]:
    """The ratio of the arms, equal where none is given. ValueError for another number of arms."""
    found = (1,) * method.arms if ratio is None else tuple(ratio)
    if len(found) != method.arms or any(type(share) is not int or share < 1 for share in found):
        raise ValueError(f"the ratio must give {method.arms} arms a whole share of 1 or more")
    return found


def checked_successes(
    method: Method, successes: Sequence[Fraction] | None
) -> tuple[Fraction, ...] | None:
    """The probability of a response by arm, read exactly.

    ValueError for a method that looks at responses without them, for one that doesn't with them,
    or for numbers that are no probability for each arm; TypeError for a float.
    """
    if (method.respond is None) != (successes is None):
        raise ValueError("success probabilities go with response-adaptive methods, and only these")
    if successes is None:
        return None
    found = tuple(exact(value) for value in successes)
    if len(found) != method.arms or any(not 0 <= value <= 1 for value in found):
        raise ValueError(f"{method.arms} success probabilities from 0 to 1 are needed")
    return found


def _scaled(levels: Sequence[Fraction]) -> tuple[Fraction, ...]:
    values = tuple(exact(value) for value in levels)
    total = sum(values, Fraction())
    if not values or any(value < 0 for value in values) or not total:
        raise ValueError("a factor needs levels with frequencies of 0 or more, not all 0")
    return tuple(value / total for value in values)
