"""The answers to the questions of a figures file, as plain values for JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from core.study.supply import ResupplyRule
from core.supply.demand.casefile import (
    BaseStockCase,
    BuffersCase,
    CostCase,
    Figures,
    LeadTimeCase,
    OpeningCase,
    PoolingCase,
    ResupplyCase,
    ScreeningCase,
    Seen,
    SiteCase,
    StudyCase,
    VisitsCase,
)
from core.supply.demand.counts import Counts, Number, binomial, decimal, poisson
from core.supply.demand.enrolment import Rate, TimeTo, enrolled_by
from core.supply.demand.stock import (
    backorder,
    critical_ratio,
    erlang_b,
    lead_time_demand,
    normal_quantile,
)
from core.supply.demand.visits import followed
from core.supply.resupply.buffers import Shared, least
from core.supply.resupply.rule import Decision, TypeState, decide
from core.supply.resupply.strategy import rule_of

_DIGITS: Final = 12
_SHOWN: Final = Decimal("0.9999")
_SHOWN_MAX: Final = 500
Levels = Sequence[Fraction]


def answers(figures: Figures) -> dict[str, Any]:
    """The answer to each question asked, under its own key; numbers to 12 digits."""
    told: dict[str, Callable[[Any, Levels], dict[str, Any]]] = {
        "site": _site,
        "study": _study,
        "opening": _opening,
        "visits": _visits,
        "pooling": _pooling,
        "base_stock": _base_stock,
        "lead_time": _lead_time,
        "screening": _screening,
        "cost": _cost,
        "buffers": _buffers,
        "resupply": _resupply,
    }
    asked = ((name, getattr(figures, name)) for name in told)
    return {name: told[name](case, figures.levels) for name, case in asked if case is not None}


def decision_of(case: ResupplyCase) -> Decision:
    """What the resupply rule decides in the case."""
    rule = ResupplyRule.model_validate(case.model_dump(exclude={"blinded", "types"}))
    types = [TypeState(**one.model_dump()) for one in case.types]
    return decide(types, rule_of(rule), blinded=case.blinded)


def _number(value: Number | None) -> float | int | None:
    if value is None or isinstance(value, int):
        return value
    return float(f"{decimal(value):.{_DIGITS}g}")


def _moments(mean: Number | None, variance: Number | None) -> dict[str, Any]:
    sd = None if variance is None else math.sqrt(variance)
    return {
        "mean": _number(mean),
        "variance": _number(variance),
        "sd": None if sd is None else float(f"{sd:.{_DIGITS}g}"),
    }


def _written(level: Fraction) -> str:
    plain = decimal(level)
    return f"{plain.normalize():f}" if Fraction(plain) == level else str(level)


def _counts(counts: Counts, levels: Levels) -> dict[str, Any]:
    """Moments, quantiles, and P(X ≤ 0), P(X ≤ 1) … as far as it is above 0.9999."""
    sums: list[Decimal] = []
    while (not sums or sums[-1] < _SHOWN) and len(sums) < _SHOWN_MAX:
        sums.append(counts.at_most(len(sums)))
    return {
        **_moments(counts.mean, counts.variance),
        "quantiles": {_written(level): counts.quantile(level) for level in levels},
        "at_most": [_number(each) for each in sums],
    }


def _rate(shape: Fraction, rate_days: Fraction, seen: Seen | None) -> Rate:
    rate = Rate(shape, rate_days)
    return rate if seen is None else rate.after(seen.subjects, seen.days)


def _site(case: SiteCase, levels: Levels) -> dict[str, Any]:
    rate = _rate(case.shape, case.rate_days, case.seen)
    exactly = _moments(rate.mean(case.days, case.share), rate.variance(case.days, case.share))
    return _counts(rate.subjects(case.days, case.share), levels) | exactly


def _study(case: StudyCase, levels: Levels) -> dict[str, Any]:
    time = TimeTo(Rate(case.shape, case.rate_days), case.sites, case.subjects)
    return {
        **_moments(time.mean, time.variance),
        "quantiles": {_written(level): _number(time.quantile(level)) for level in levels},
        "by_days": {str(days): _number(time.chance_by(days)) for days in case.by_days},
    }


def _opening(case: OpeningCase, levels: Levels) -> dict[str, Any]:
    rate = Rate(case.shape, case.rate_days)
    return _moments(*enrolled_by(rate, case.on_day, case.opening_days))


def _visits(case: VisitsCase, levels: Levels) -> dict[str, Any]:
    one = followed(case.dropout, case.kits or (1,) * len(case.dropout))
    return {
        "subject": _moments(one.mean, one.variance),
        "all": _moments(case.subjects * one.mean, case.subjects * one.variance),
        "completes": _number(one.completes),
    }


def _pooling(case: PoolingCase, levels: Levels) -> dict[str, Any]:
    site, pooled = poisson(case.mean), poisson(case.mean * case.sites)
    return {
        "site": {_written(level): site.quantile(level) for level in levels},
        "sites": {_written(level): case.sites * site.quantile(level) for level in levels},
        "pooled": {_written(level): pooled.quantile(level) for level in levels},
    }


def _base_stock(case: BaseStockCase, levels: Levels) -> dict[str, Any]:
    return {
        "lost": {str(one): _number(erlang_b(case.load, one)) for one in case.stock},
        "backorder": {str(one): _number(backorder(case.load, one)) for one in case.stock},
    }


def _lead_time(case: LeadTimeCase, levels: Levels) -> dict[str, Any]:
    counts = lead_time_demand(case.a_day, case.lead_days)
    return {
        **_counts(counts, levels),
        "above": {str(one): _number(counts.above(one)) for one in case.stock},
        "shortage": {str(one): _number(counts.shortage(one)) for one in case.stock},
    }


def _screening(case: ScreeningCase, levels: Levels) -> dict[str, Any]:
    return _counts(binomial(case.subjects, case.pass_rate * case.share), levels)


def _cost(case: CostCase, levels: Levels) -> dict[str, Any]:
    ratio = critical_ratio(case.short, case.over)
    stock: Number = 0
    if case.normal is not None:
        stock = normal_quantile(ratio, case.normal.mean, case.normal.sd)
    elif case.poisson is not None:
        stock = poisson(case.poisson).quantile(ratio)
    return {"critical_ratio": _number(ratio), "stock": _number(stock)}


def _buffers(case: BuffersCase, levels: Levels) -> dict[str, Any]:
    rate = _rate(case.shape, case.rate_days, case.seen)
    visits = tuple((visit.day, visit.kits) for visit in case.visits)
    others: Shared = () if case.share == 1 else ((1 - case.share, ()),)
    kits = ((case.share, visits), *others)
    low, high = (
        least(rate, days, kits, case.screened, case.pass_rate, case.risk)
        for days in (case.short_days, case.long_days)
    )
    return {"minimum": low, "maximum": max(low, high)}


def _resupply(case: ResupplyCase, levels: Levels) -> dict[str, Any]:
    decision = decision_of(case)
    return {
        "sent": dict(decision.kits),
        "types": [
            {
                "code": line.state.code,
                "position": line.state.position,
                "limit": line.limit,
                "target": line.target,
                "is_low": line.is_low,
                "kits": line.kits,
            }
            for line in decision.lines
        ],
    }
