"""Questions on demand and stock, as one JSON object: `docs/SUPPLY.md` shows them all.

Numbers are written 0.05, "1/3" or 2 and read exactly. Nothing here needs settings or a database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from core.study.case_text import read_object, stop
from core.study.fields import Days, Exact, Text
from core.study.problems import Finding, error
from core.study.randomization import Section
from core.study.read import read_section

_HALF_AND_TAILS: Final = (Fraction(1, 2), Fraction(19, 20), Fraction(99, 100))


def _above_zero(value: Fraction) -> Fraction:
    if value <= 0:
        raise PydanticCustomError("above_zero", "above 0")
    return value


def _share(value: Fraction) -> Fraction:
    if not 0 < value <= 1:
        raise PydanticCustomError("share_range", "above 0 and at most 1")
    return value


def _probability(value: Fraction) -> Fraction:
    if not 0 <= value <= 1:
        raise PydanticCustomError("case_probability", "from 0 to 1")
    return value


def _inside(value: Fraction) -> Fraction:
    if not 0 < value < 1:
        raise PydanticCustomError("risk_range", "above 0 and below 1")
    return value


def _moderate(value: Fraction) -> Fraction:
    # Poisson chances are added one by one, up to about the mean.
    if not 0 < value <= _MEAN_MAX:
        raise PydanticCustomError("less_than_equal", "too large", {"le": _MEAN_MAX})
    return value


_MEAN_MAX: Final = 10_000
Above = Annotated[Exact, AfterValidator(_above_zero)]
Mean = Annotated[Exact, AfterValidator(_above_zero), AfterValidator(_moderate)]
Share = Annotated[Exact, AfterValidator(_share)]
Probability = Annotated[Exact, AfterValidator(_probability)]
Inside = Annotated[Exact, AfterValidator(_inside)]
Subjects = Annotated[int, Field(ge=0, le=1_000)]
Kits = Annotated[int, Field(ge=0, le=10_000)]
_ALL: Final = Fraction(1)


class Seen(Section):
    """What a site has enrolled, and in how many days."""

    subjects: Kits
    days: Days


class Rates(Section):
    """How a site's rate of enrolment is drawn: Gamma(shape, rate_days), shape/rate_days a day."""

    shape: Above
    rate_days: Above


class SiteCase(Rates):
    """Subjects of one site in the coming days; `share` of them count (an arm's)."""

    days: Days
    share: Share = _ALL
    seen: Seen | None = None


class StudyCase(Rates):
    """When `subjects` are enrolled by sites that all open on day 0."""

    sites: Annotated[int, Field(ge=1, le=10_000)]
    subjects: Annotated[int, Field(ge=1, le=20_000)]
    by_days: tuple[Days, ...] = ()


class OpeningCase(Rates):
    """How many are enrolled on a day by sites that open one after the other."""

    opening_days: tuple[Days, ...] = Field(min_length=1, max_length=10_000)
    on_day: Days


class VisitsCase(Section):
    """Kits that subjects need when `dropout[i]` of those still there leave before visit i."""

    dropout: tuple[Probability, ...] = Field(min_length=1, max_length=200)
    kits: tuple[Kits, ...] | None = None
    subjects: Annotated[int, Field(ge=1, le=1_000_000)] = 1


class PoolingCase(Section):
    """Stock at each of some sites with Poisson demand, against one stock for them all."""

    mean: Mean
    sites: Annotated[int, Field(ge=1, le=1_000)]


class BaseStockCase(Section):
    """A stock in which every kit used is reordered at once; load = demand a day · lead days."""

    load: Mean
    stock: tuple[Kits, ...] = Field(min_length=1, max_length=100)


class LeadTimeCase(Section):
    """Poisson demand until the next shipment; each of `lead_days` is as probable."""

    a_day: Mean
    lead_days: tuple[Annotated[int, Field(ge=1, le=365)], ...] = Field(min_length=1, max_length=100)
    stock: tuple[Kits, ...] = Field(min_length=1, max_length=100)


class ScreeningCase(Section):
    """Of those in screening, how many come to be randomized and count."""

    subjects: Subjects
    pass_rate: Share = _ALL
    share: Share = _ALL


class Normal(Section):
    """A normal distribution."""

    mean: Exact
    sd: Above


class CostCase(Section):
    """The stock at which a kit that is missing and a kit left over weigh alike (newsvendor)."""

    short: Above
    over: Above
    normal: Normal | None = None
    poisson: Mean | None = None


class VisitKits(Section):
    """Kits of the type given at a visit whose window opens `day` days after randomization."""

    day: Days
    kits: Annotated[int, Field(ge=1, le=100)] = 1


class BuffersCase(Rates):
    """The buffers by risk of one kit type at a site, of which `share` of the subjects need kits."""

    share: Share = _ALL
    visits: tuple[VisitKits, ...] = Field(default=(VisitKits(day=0),), min_length=1, max_length=200)
    seen: Seen | None = None
    screened: Subjects = 0
    pass_rate: Share = _ALL
    risk: Inside
    short_days: Days
    long_days: Days


class TypeCase(Section):
    """One kit type at a site, in kits: see `core.supply.resupply.rule.TypeState`."""

    code: Text
    group: Text = "kit"
    on_hand: Kits
    in_transit: Kits = 0
    expiring: Kits = 0
    need_short: Kits = 0
    need_long: Kits = 0
    minimum: Kits = 0
    maximum: Kits = 0


class ResupplyCase(Section):
    """What a site would be sent; the keys are those of the study file's `[resupply]`."""

    strategy: Literal["min_max", "predictive"]
    comparison: Literal["below", "at_or_below"] | None = None
    ship: Literal["group", "needed"] = "group"
    short_days: Days = 14
    long_days: Days = 42
    blinded: bool = True
    types: tuple[TypeCase, ...] = Field(min_length=1, max_length=100)


class Figures(Section):
    """A file of questions; each may be left out. `levels`: the quantiles that are printed."""

    levels: tuple[Inside, ...] = Field(default=_HALF_AND_TAILS, max_length=20)
    site: SiteCase | None = None
    study: StudyCase | None = None
    opening: OpeningCase | None = None
    visits: VisitsCase | None = None
    pooling: PoolingCase | None = None
    base_stock: BaseStockCase | None = None
    lead_time: LeadTimeCase | None = None
    screening: ScreeningCase | None = None
    cost: CostCase | None = None
    buffers: BuffersCase | None = None
    resupply: ResupplyCase | None = None


_QUESTIONS: Final = tuple(name for name in Figures.model_fields if name != "levels")


def load(text: str) -> Figures:
    """Read the object. Raises CaseFileRefused with everything that is wrong, each at its key."""
    data = read_object(text)
    sections: dict[str, Any] = {}
    names = ", ".join(Figures.model_fields)
    findings = [error("unknown_key", key, allowed=names)
                for key in data if key not in Figures.model_fields]  # fmt: skip
    if not data.keys() - {"levels"}:
        findings.append(error("case_nothing_asked", "file", allowed=", ".join(_QUESTIONS)))
    for name in (key for key in data if key in Figures.model_fields):
        try:
            sections[name], wrong = read_section(name, data[name], Figures)
        except RecursionError:
            wrong = [error("json_syntax", name, detail="nested too deeply")]
        findings += wrong
    stop(findings)
    figures = Figures(**{key: value for key, value in sections.items() if value is not None})
    stop([*_check(figures)])
    return figures


def _check(figures: Figures) -> Iterator[Finding]:
    """What must fit together."""
    visits, cost, resupply = figures.visits, figures.cost, figures.resupply
    if visits and visits.kits is not None and len(visits.kits) != len(visits.dropout):
        yield error("case_visits", "visits", "kits", number=len(visits.dropout))
    if cost and (cost.normal is None) == (cost.poisson is None):
        yield error("case_one_of", "cost", allowed="normal, poisson")
    if figures.buffers and figures.buffers.long_days < figures.buffers.short_days:
        yield error("at_least", "buffers", "long_days", limit=figures.buffers.short_days)
    if resupply:
        times = Counter(one.code for one in resupply.types)
        for place, one in enumerate(resupply.types):
            if times[one.code] > 1:
                yield error("twice", "resupply", "types", place, "code", value=one.code)
