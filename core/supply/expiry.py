"""A lot lasts longer, or less long, than was thought: the new date holds at once, and kits whose
label shows another one wait to be relabelled wherever they are."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from sqlalchemy import case, func, select, update

from core.access.roles import Permission
from core.context import Context
from core.db.models import kit, lot
from core.facts import Facts
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.supply.dispense import dispenses
from core.supply.kits import lot_type
from core.supply.lots import check_not_recalled, lock_lots, shown_expiry
from core.supply.quality import KEEPERS, REASON_CHARACTERS_MAX, SCREENS
from core.supply.quantities import types_by_group
from core.transaction import Answers, Kind, Notice, Outcome, Question, Transaction

IN_STOCK: Final = ("new", "available", "reserved")
"""The dispositions of kits that may still be given, and so have to show the right date."""


def _check_lot(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    check_not_recalled(facts.lot(value), value)
    return None


def _check_date(
    config: StudyConfig, facts: Facts, answers: Answers, value: dt.date
) -> Message | None:
    found = facts.lot(str(answers["lot"]))
    if found is not None and found.stable_until == value:
        return Message("error.expiry_same", {"date": value})
    return None


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which lot, until when it lasts by itself, and on what basis."""
    return (
        Question("lot", Kind.LOT, check=_check_lot, digits=(1, 20)),
        Question("new_expiry", Kind.DATE, check=_check_date),
        Question("basis", Kind.TEXT, high=REASON_CHARACTERS_MAX),
    )


def tells_types(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Message, ...]:
    """A warning where kits of one type alone will wait for labels at sites that must not tell the
    types apart. No refusal: a date that has to be earlier cannot wait for anything."""
    found = facts.lot(str(answers["lot"]))
    if found is None or not config.is_blinded:
        return ()
    same = (lot.c.study == facts.study) & (lot.c.label_lot == found.label_lot)
    alike = facts.db.execute(select(lot).where(same)).all()
    keys = facts.core.keys
    types = {lot_type(keys, facts.study, one.number, one.kit_type) for one in alike}
    group = config.kit_type(next(iter(types))).group
    at_sites = select(kit.c.id).where(
        kit.c.lot_id.in_([one.id for one in alike]),
        kit.c.site.is_not(None),
        kit.c.disposition.in_(IN_STOCK),
    )
    is_whole = types >= types_by_group(config)[group]
    if is_whole or facts.db.execute(at_sites.limit(1)).first() is None:
        return ()
    return (Message("warn.expiry_tells", {"lot": Digits(found.number)}),)


def run(context: Context, answers: Answers) -> Outcome:
    """Every lot with this label goes by the earliest date of them; where that changes, each of
    their kits has the date on its label noted, and is not given until it is relabelled."""
    number, until = str(answers["lot"]), dt.date.fromisoformat(str(answers["new_expiry"]))
    found, alike = lock_lots(context.db, context.study, number)
    check_not_recalled(found, number)
    own = {one.id: one.stable_until for one in alike if one.status != "recalled"} | {
        found.id: until
    }
    before, after = found.expiry, shown_expiry(own.values())
    context.db.execute(update(lot).where(lot.c.id == found.id).values(stable_until=until))
    ids = [one.id for one in alike]
    places: list[Any] = []
    if after != before:
        context.db.execute(update(lot).where(lot.c.id.in_(ids)).values(expiry=after))
        context.db.execute(update(kit).where(kit.c.lot_id.in_(ids)).values(**_label(before, after)))
        places = _waiting(context, ids)
    waiting = sum(row.count for row in places)
    facts = {
        "lot": number,
        "basis": answers["basis"],
        "before": before,
        "after": after,
        "to_relabel": waiting,
    }
    secret = {
        "stable_before": context.seal(f"stable_before|{number}", str(found.stable_until)),
        "stable_after": context.seal(f"stable_after|{number}", str(until)),
    }
    params: dict[str, Param] = {"lot": Digits(number), "date": after, "count": waiting}
    said = Message("said.extend_lot" if places else "said.extend_lot_same", params)
    return Outcome(said, facts, secret, _notices(places))


def _label(before: dt.date, after: dt.date) -> dict[str, Any]:
    """What is printed on a carton stays what it was; none is noted where it is right again."""
    printed = func.coalesce(kit.c.labelled_until, before)
    return {"labelled_until": case((printed == after, None), else_=printed)}


def _waiting(context: Context, ids: list[int]) -> list[Any]:
    """How many kits in stock wait to be relabelled, by the site or depot where they are, or to
    which they are on their way."""
    query = (
        select(kit.c.site, kit.c.depot, func.count().label("count"))
        .where(
            kit.c.lot_id.in_(ids),
            kit.c.disposition.in_(IN_STOCK),
            kit.c.labelled_until.is_not(None),
        )
        .group_by(kit.c.site, kit.c.depot)
        .order_by(kit.c.site, kit.c.depot)
    )
    return list(context.db.execute(query).all())


def _notices(places: list[Any]) -> tuple[Notice, ...]:
    """A word to each site that has some of the kits or will receive them, and to the depots."""
    told = [
        Notice(Message("sms.relabel", {"site": Digits(row.site)}), roles=KEEPERS, site=row.site)
        for row in places
        if row.site is not None
    ]
    depots = sorted({row.depot for row in places if row.site is None})
    word = Message("sms.relabel_depot")
    told += [Notice(word, roles=("depot",), depot=one) for one in depots]
    return (*told, Notice(word, roles=("supply_manager",))) if depots else tuple(told)


EXTEND_LOT = Transaction(
    "extend_lot",
    "",
    Permission.SUPPLY,
    questions,
    run,
    SCREENS,
    signed=True,
    site=False,
    used=dispenses,
    warns=tells_types,
)
