"""Lots: released country by country, and what several lots with one label show.

Lots of different types may share a label lot, so that neither number nor date on a carton tells
them apart: all of them go by the earliest date of any.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from core.access.roles import Permission
from core.context import Context
from core.db.models import kit, lot
from core.db.stock import lot_release
from core.errors import KitNotUsable, LotNotUsable, NotFound
from core.facts import Facts, Record
from core.messages import Digits, Message
from core.study.schema import StudyConfig
from core.subjects.screen import EVERYWHERE
from core.supply.dispense import dispenses
from core.supply.lifecycle import STEPS
from core.transaction import Answers, Kind, Outcome, Question, Transaction

COUNTRIES: Final = re.compile(r"[A-Z]{2}( [A-Z]{2})*")
_COUNTRIES_CHARACTERS_MAX: Final = 400


def lock_lots(db: Connection, study: str, number: str) -> tuple[Any, list[Any]]:
    """The lot of that number, and every lot that shares its label, itself included, locked in order
    of their ids. Raises NotFound."""
    label = select(lot.c.label_lot).where(lot.c.study == study, lot.c.number == number)
    query = (
        select(lot)
        .where(lot.c.study == study, lot.c.label_lot == label.scalar_subquery())
        .order_by(lot.c.id)
        .with_for_update(key_share=True)
    )
    alike = list(db.execute(query).all())
    found = next((one for one in alike if one.number == number), None)
    if found is None:
        raise NotFound
    return found, alike


def shown_expiry(own: Iterable[dt.date]) -> dt.date:
    """The date that lots with one label show, of the dates until which each is stable itself."""
    return min(own)


def check_not_recalled(found: Record | None, number: str) -> Record:
    """Raises LotNotUsable for a lot that was recalled, or that there isn't."""
    if found is None:
        raise LotNotUsable(Message("error.lot_unknown"))
    if found.status == "recalled":
        raise LotNotUsable(Message("error.lot_recalled", {"lot": Digits(number)}))
    return found


def check_kits_not_recalled(db: Connection, rows: Sequence[Any]) -> None:
    """Raises KitNotUsable for the first kit whose lot was recalled."""
    query = select(lot.c.id).where(
        lot.c.id.in_({row.lot_id for row in rows}), lot.c.status == "recalled"
    )
    recalled = set(db.scalars(query))
    for row in rows:
        if row.lot_id in recalled:
            raise KitNotUsable(Message("error.kit_recalled", {"kit": Digits(row.number)}))


def _waiting(db: Connection, found: Record) -> list[str]:
    """The countries that a lot is labelled for and not released for, in the order of the label."""
    query = select(lot_release.c.country).where(lot_release.c.lot_id == found.id)
    released = set(db.scalars(query))
    return [country for country in found.countries.split() if country not in released]


def _check_lot(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    if not _waiting(facts.db, check_not_recalled(facts.lot(value), value)):
        raise LotNotUsable(lot=Digits(value))
    return None


def _check_countries(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    if not COUNTRIES.fullmatch(value):
        return Message("error.import_countries")
    found = facts.lot(str(answers["lot"]))
    waiting = [] if found is None else _waiting(facts.db, found)
    if set(value.split()) <= set(waiting):
        return None
    return Message("error.release_countries", {"countries": " ".join(waiting)})


def release_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which lot, the number of the qualified person's certificate, and for which countries: where
    none are given, all for which it is labelled and not released yet."""
    return (
        Question("lot", Kind.LOT, check=_check_lot, digits=(1, 20)),
        Question("certificate", Kind.NUMBER, low=1, high=10**9 - 1, digits=(1, 9)),
        Question(
            "countries",
            Kind.TEXT,
            check=_check_countries,
            high=_COUNTRIES_CHARACTERS_MAX,
            optional=True,
        ),
    )


def run_release(context: Context, answers: Answers) -> Outcome:
    """The lot's kits may be shipped and given in these countries."""
    number = str(answers["lot"])
    found, _ = lock_lots(context.db, context.study, number)
    check_not_recalled(found, number)
    named = dict.fromkeys(str(answers.get("countries", "")).split())
    countries = list(named) or _waiting(context.db, found)
    context.db.execute(
        insert(lot_release),
        [
            {
                "lot_id": found.id,
                "country": country,
                "certificate": str(answers["certificate"]),
                "released_at": context.now,
            }
            for country in countries
        ],
    )
    context.db.execute(update(lot).where(lot.c.id == found.id).values(status="released"))
    made = context.db.execute(
        update(kit)
        .where(kit.c.lot_id == found.id, kit.c.disposition == "new")
        .values(**STEPS["release_lot"].values)
    )
    facts = {
        "lot": number,
        "certificate": answers["certificate"],
        "expiry": found.expiry,
        "countries": countries,
        "kits": made.rowcount,
    }
    return Outcome(Message("said.release_lot", {"lot": Digits(number)}), facts)


RELEASE_LOT = Transaction(
    "release_lot",
    "6661",
    Permission.SUPPLY,
    release_questions,
    run_release,
    EVERYWHERE,
    signed=True,
    signers=(Permission.QUALITY,),
    site=False,
    used=dispenses,
)
