"""The minimum and maximum of each kit type at a site: from the study file, or by risk.

By risk, each is the least number of kits that new subjects, and those in screening, exceed in no
more than so many of a hundred cases, within the short and within the long window. The kits of all
who may come are added as distributions (convolved): the sum of quantiles would be too many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

from core.randomization.williams import williams
from core.study.schema import IN_SEQUENCE, StudyConfig
from core.study.supply import ResupplyRule
from core.supply.demand.counts import Counts, binomial, decimal, mixture
from core.supply.demand.enrolment import Rate
from core.supply.resupply.strategy import amount

_CACHED: Final = 20_000

Shared = tuple[tuple[Fraction, tuple[tuple[int, int], ...]], ...]
"""For each arm its share, and (day from randomization, kits) of each visit that may give some."""


class Buffer(NamedTuple):
    """Kits of one type that a site holds beside what its subjects need."""

    minimum: int
    maximum: int


def buffers(
    config: StudyConfig,
    rule: ResupplyRule,
    *,
    enrolment_open: bool,
    enrolled: int = 0,
    open_days: int = 0,
    screened: int = 0,
    places: int | None = None,
    ratio: Mapping[str, int] | None = None,
) -> Mapping[str, Buffer]:
    """Each kit type's buffer at a site.

    `enrolled`: randomized there in the `open_days` since it opened; `screened`: in screening now;
    `places`: how many more the caps let it randomize, None for any number; `ratio`: the arms that
    are drawn at present, where that isn't all that are open.
    Of a predictive rule both fall to 0 when enrolment closes, as no new subject will need them;
    min/max amounts stay, since they are for the visits to come too. ValueError if a risk is given
    without `expected`.
    """
    codes = [kit_type.code for kit_type in config.kit_types]
    if rule.strategy == "predictive" and not enrolment_open:
        return dict.fromkeys(codes, Buffer(0, 0))
    risk = rule.risk
    if risk is None:
        return {one: Buffer(amount(rule.minimum, one), amount(rule.maximum, one)) for one in codes}
    expected = config.resupply.expected
    if expected is None:
        raise ValueError("a buffer by risk needs what is expected of enrolment")
    rate = Rate(expected.shape, expected.rate_days).after(enrolled, open_days)
    shares = _shares(config, ratio or config.open_ratio)

    def of(kit_type: str) -> Buffer:
        kits = _kits(config, shares, kit_type)
        low, high = (
            least(rate, days, kits, screened, expected.pass_rate, risk, places)
            for days in (rule.short_days, rule.long_days)
        )
        return Buffer(low, max(low, high))

    return {one: of(one) for one in codes}


@lru_cache(_CACHED)
def least(
    rate: Rate,
    days: int,
    kits: Shared,
    screened: int,
    pass_rate: Fraction,
    risk: Fraction,
    places: int | None = None,
) -> int:
    """The least kits that suffice for new subjects in so many days with chance 1 − risk.

    New subjects come at any time within the days, each alike; those in screening are taken to be
    randomized today. With `places`, never more than that many subjects may need.
    """
    new = rate.subjects(days, each=_mixed(kits, days, today=False))
    waiting = binomial(screened, pass_rate, _mixed(kits, days, today=True))
    enough = new.plus(waiting).quantile(1 - risk)
    if places is None:
        return enough
    most = max((sum(n for day, n in visits if day <= days) for _, visits in kits), default=0)
    return min(enough, places * most)


def _mixed(kits: Shared, days: int, *, today: bool) -> Counts:
    """Kits that one new subject needs within the days."""
    return mixture([(share, _needed(visits, days, today)) for share, visits in kits])


def _needed(visits: Iterable[tuple[int, int]], days: int, today: bool) -> Counts:
    """The same of one arm: a visit `day` days after randomization falls within the days for the
    share (days − day)/days of those who come at any time."""
    within = sorted((day, number) for day, number in visits if day <= days)
    reached = [Fraction(1), *(_reach(day, days, today) for day, _ in within), Fraction(0)]
    chances, total = {0: Fraction(0)}, 0
    for place, at_least in enumerate(reached[:-1]):
        total += within[place - 1][1] if place else 0
        chances[total] = chances.get(total, Fraction(0)) + at_least - reached[place + 1]
    return Counts(tuple(decimal(chances.get(k, Fraction(0))) for k in range(total + 1)))


def _reach(day: int, days: int, today: bool) -> Fraction:
    return Fraction(1) if today or days == 0 else Fraction(days - day, days)


def _shares(config: StudyConfig, ratio: Mapping[str, int]) -> Mapping[str | None, Fraction]:
    """The share of each arm, or sequence of arms; of None where nobody is randomized."""
    if not config.has_randomization or not ratio:
        return {None: Fraction(1)}
    if config.is_crossover:
        arms = tuple(ratio)
        orders = [IN_SEQUENCE.join(arms[i] for i in order) for order in williams(len(arms))]
        return dict.fromkeys(orders, Fraction(1, len(orders)))
    whole = sum(ratio.values())
    return {arm: Fraction(share, whole) for arm, share in ratio.items()}


def _kits(config: StudyConfig, shares: Mapping[str | None, Fraction], kit_type: str) -> Shared:
    """When subjects of each arm need kits of the type, from the first day of each window on, at
    the dose that they begin with."""
    return tuple(
        (
            share,
            tuple(
                (max(visit.day - visit.before, 0), number)
                for visit in config.visits_in(None)
                if (number := config.kits_for(visit.code, arm).count(kit_type))
            ),
        )
        for arm, share in shares.items()
    )
