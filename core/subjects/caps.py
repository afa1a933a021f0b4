"""Enrolment caps of the study file, counted in rows that are locked before the allocator."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, select, update

from core.context import Context
from core.db.drawing import counter
from core.db.models import site, subject
from core.db.prepared import Prepared
from core.db.upsert import insert_missing
from core.errors import EnrolmentCapReached
from core.messages import Digits, Message, Param
from core.study.conduct import CapSet
from core.transaction import Notice

Where = Mapping[str, Any]
"""Whom a cap counts: a country, a site, levels of factors, or all."""


_known = Prepared(select(counter.c.scope).where(counter.c.study == bindparam("s")))

_KINDS: Final = {
    "study": "word.cap_study",
    "country": "word.cap_country",
    "site": "word.cap_site",
    "stratum": "word.cap_stratum",
}


def check_caps(
    context: Context, levels: Mapping[str, str] | None, *, counting: bool
) -> tuple[str, ...]:
    """Refuse when a cap is full; `counting` also takes a place under each cap.

    A hard cap refuses those in screening too; a soft one screens nobody any more and lets those in
    screening finish: the kinds of soft caps that were full (study, country, site, stratum) are
    given back, to be recorded and told to the study manager.
    Screening looks without counting. Where nothing is randomized, screening enrols: it takes the
    lock and counts those enrolled anew, since a screen failure gives its place back.
    `levels` are the subject's factor levels, None where they are not known yet. Raises
    EnrolmentCapReached, in the same words whichever cap it is.
    """
    caps = context.config.caps
    _refuse_if(context, _full(context, caps, levels, counting=counting))
    passed = _full(context, caps.soft, levels, counting=counting)
    if not (counting and context.config.screening):
        _refuse_if(context, passed)
    if counting:
        _take_places(context, levels or {})
    return passed


def _full(
    context: Context, caps: CapSet, levels: Mapping[str, str] | None, *, counting: bool
) -> tuple[str, ...]:
    """The kinds of caps that are full."""
    return tuple(
        scope.partition("|")[0]
        for scope, most, whom in _caps(context, caps, levels)
        if _taken_under(context, scope, whom, counting=counting) >= most
    )


def _refuse_if(context: Context, full: Sequence[str]) -> None:
    if full:
        raise EnrolmentCapReached(site=Digits(context.site or ""))


def over_soft_caps(context: Context, passed: Sequence[str]) -> tuple[Notice, ...]:
    """The notice to the study manager of a subject who finished screening beyond a soft cap."""
    if not passed:
        return ()
    params: dict[str, Param] = {
        "site": Digits(context.site or ""),
        "caps": tuple(Message(_KINDS[kind]) for kind in passed),
    }
    return (Notice(Message("sms.soft_cap", params), roles=("study_manager",)),)


def _taken_under(context: Context, scope: str, whom: Where, *, counting: bool) -> int:
    if context.config.has_randomization:
        return _count(context, scope, whom, locking=counting)
    _lock(context, scope)
    return _recount(context, whom)


def _take_places(context: Context, levels: Mapping[str, str]) -> None:
    """Count the subject wherever anybody counts: a cap that an amendment brought also counts those
    who still follow the version before it."""
    known = {row.scope for row in _known.all(context.db, {"s": context.study})}
    mine = known & _scopes(context, levels) if known else known
    if mine:
        context.db.execute(
            update(counter)
            .where(counter.c.study == context.study, counter.c.scope.in_(sorted(mine)))
            .values(count=counter.c.count + 1)
        )


def count_others(context: Context, randomized: Iterable[tuple[Any, Mapping[str, str]]]) -> None:
    """Count subjects who were randomized elsewhere, whatever the caps say: of each the site (a row
    of the site table) and the levels. What nobody counts yet is counted when somebody first does.
    """
    known = {row.scope for row in _known.all(context.db, {"s": context.study})}
    if not known:
        return
    alike = Counter((at.country, at.number, tuple(own.items())) for at, own in randomized)
    counts: Counter[str] = Counter()
    for (country, number, own), count in alike.items():
        for scope in known & _scopes_at(country, number, dict(own)):
            counts[scope] += count
    for scope, more in sorted(counts.items()):
        context.db.execute(
            update(counter)
            .where(counter.c.study == context.study, counter.c.scope == scope)
            .values(count=counter.c.count + more)
        )


def _scopes(context: Context, levels: Mapping[str, str]) -> set[str]:
    at = context.facts.here
    return _scopes_at(at.country, at.number, levels)


def _scopes_at(country: str, number: str, levels: Mapping[str, str]) -> set[str]:
    some = (
        dict(chosen)
        for size in range(1, len(levels) + 1)
        for chosen in itertools.combinations(levels.items(), size)
    )
    return {"study", f"country|{country}", f"site|{number}", *map(_stratum, some)}


def _caps(
    context: Context, caps: CapSet, levels: Mapping[str, str] | None
) -> Iterator[tuple[str, int, Where]]:
    """Scope, most and whom it counts, always in the same order, since they are locked in it."""
    at = context.facts.site
    if caps.study is not None:
        yield "study", caps.study, {}
    if at is not None and at.country in caps.per_country:
        yield f"country|{at.country}", caps.per_country[at.country], {"country": at.country}
    if at is not None and (most := caps.of_site(at.number)) is not None:
        yield f"site|{at.number}", most, {"site": at.number}
    for cap in caps.strata if levels else ():
        if levels and all(levels.get(name) == value for name, value in cap.levels.items()):
            yield _stratum(cap.levels), cap.randomized, {"levels": cap.levels}


def _stratum(levels: Mapping[str, str]) -> str:
    # A digest: the levels written out may be longer than the column, and cut they may be equal.
    text = json.dumps(dict(levels), sort_keys=True)
    return f"stratum|{hashlib.sha256(text.encode()).hexdigest()}"


def _count(context: Context, scope: str, whom: Where, *, locking: bool) -> int:
    query: Any = select(counter.c.count).where(
        counter.c.study == context.study, counter.c.scope == scope
    )
    found = context.db.scalar(query.with_for_update() if locking else query)
    if found is not None:
        return int(found)
    already = _recount(context, whom)
    if not locking:
        return already
    insert_missing(context.db, counter, {"study": context.study, "scope": scope, "count": already})
    return int(context.db.scalar(query.with_for_update()))


def _lock(context: Context, scope: str) -> None:
    where = {"study": context.study, "scope": scope}
    insert_missing(context.db, counter, {**where, "count": 0})
    context.db.execute(select(counter.c.count).filter_by(**where).with_for_update())


def _recount(context: Context, whom: Where) -> int:
    """Those randomized (enrolled) before the cap was first counted: it came by an amendment."""
    query = select(subject.c.levels).where(subject.c.study == context.study, _is_in(context))
    if "site" in whom:
        query = query.where(subject.c.site == whom["site"])
    if "country" in whom:
        query = query.join(
            site, (site.c.study == subject.c.study) & (site.c.number == subject.c.site)
        ).where(site.c.country == whom["country"])
    wanted = whom.get("levels", {})
    return sum(
        all(json.loads(levels or "{}").get(name) == value for name, value in wanted.items())
        for levels in context.db.scalars(query)
    )


def _is_in(context: Context) -> ColumnElement[bool]:
    if context.config.has_randomization:
        return subject.c.randomized_at.is_not(None)
    return subject.c.status != "screen_failed"
