"""Shipments made and sent on their way by hand."""

from __future__ import annotations

import datetime as dt
from typing import Final

from sqlalchemy import Connection, insert, update

from core.access.roles import Permission
from core.codes import shipment_number
from core.context import Context
from core.db.models import shipment
from core.db.stock import shipment_kit
from core.db.upsert import new_id
from core.errors import (
    NoKitAvailable,
    NotFound,
    SiteNotActive,
    WrongShipmentStatus,
)
from core.facts import Facts, Record
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.subjects.screen import EVERYWHERE
from core.subjects.status import day_has_come
from core.supply.days import limits
from core.supply.dispense import dispenses
from core.supply.kits import lock_kits_with_expiry, set_kits
from core.supply.lifecycle import STEPS, check_shipment, check_step
from core.supply.pick import pick
from core.transaction import Answers, Kind, Outcome, Question, Transaction


def _check_active(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    check_active(facts.find_site(value), value)
    return None


def check_active(found: Record | None, number: str) -> Record:
    """Nothing is shipped to a site that is not active. Raises SiteNotActive."""
    if found is None or found.status != "active":
        raise SiteNotActive(site=Digits(number))
    return found


def create_questions(config: StudyConfig) -> tuple[Question, ...]:
    """To which site, and how many kits of each type: all types of a blinded group, or none."""
    return (
        Question("to_site", Kind.SITE, check=_check_active, digits=(1, 11)),
        Question("kits_each", Kind.NUMBER, low=1, high=99, digits=(1, 2)),
    )


def run_create(context: Context, answers: Answers) -> Outcome:
    """Reserve kits at the site's depot, earliest expiry first."""
    here = check_active(context.facts.find_site(str(answers["to_site"])), str(answers["to_site"]))
    wanted = [
        kit_type.code
        for kit_type in context.config.kit_types
        for _ in range(int(str(answers["kits_each"])))
    ]
    days = limits(context.config, here.country, here.depot).dns
    good_until = context.facts.today_at(here.number) + dt.timedelta(days)
    chosen = pick(context, here.depot, here.country, wanted, good_until)
    if not chosen:
        raise NoKitAvailable(Message("error.depot_short"))
    number = shipment_number(context.entropy)
    made = context.db.execute(
        insert(shipment),
        {
            "study": context.study,
            "number": number,
            "kind": "manual",
            "depot": here.depot,
            "site": here.number,
            "status": "requested",
            "created_at": context.now,
        },
    )
    set_kits(
        context.db,
        [item.id for item in chosen],
        **STEPS["reserve"].values,
        shipment_id=new_id(made),
    )
    rows = [{"shipment_id": new_id(made), "kit_id": item.id} for item in chosen]
    context.db.execute(insert(shipment_kit), rows)
    facts = {
        "shipment": number,
        "site": here.number,
        "depot": here.depot,
        "kits": sorted(item.number for item in chosen),
    }
    params: dict[str, Param] = {
        "shipment": Digits(number),
        "site": Digits(here.number),
        "count": len(chosen),
    }
    return Outcome(Message("said.create_shipment", params), facts)


def _check_requested(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    if (found := facts.shipment(value)) is not None:
        check_shipment("dispatch", found)
    return None


def _check_dispatched(
    config: StudyConfig, facts: Facts, answers: Answers, value: dt.date
) -> Message | None:
    """Not before it was made, and not after today where it goes: it cannot arrive there before it
    left."""
    found = facts.shipment(str(answers["shipment"]))
    if found is None:
        return day_has_come(value, facts.today)
    made = (found.created_at - _WESTERNMOST).date()
    if value < made:
        return Message("error.dispatched_early", {"date": value, "created": made})
    return day_has_come(value, facts.today_at(found.site))


_WESTERNMOST: Final = dt.timedelta(hours=12)
"""The day it was made, wherever the depot is."""


def dispatch_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which shipment, and when it left."""
    return (
        Question("shipment", Kind.SHIPMENT, check=_check_requested, digits=(1, 16)),
        Question("dispatch_date", Kind.DATE, check=_check_dispatched),
    )


def run_dispatch(context: Context, answers: Answers) -> Outcome:
    """The shipment is on its way: its kits are in transit to the site."""
    number = str(answers["shipment"])
    found = context.facts.shipment(number)
    if found is None:
        raise NotFound
    check_shipment("dispatch", found)
    check_active(context.facts.find_site(found.site), found.site)
    numbers = [row.number for row in context.facts.shipment_kits(found.id)]
    kits = lock_kits_with_expiry(context.db, context.study, numbers)
    check_step("dispatch", kits, context.facts.today)
    if any(row.quality != "none" for row in kits):
        raise WrongShipmentStatus(Message("error.shipment_held", {"shipment": Digits(number)}))
    ids = [row.id for row in kits]
    set_kits(context.db, ids, **STEPS["dispatch"].values, depot=None, site=found.site)
    _mark(context.db, found.id, answers["dispatch_date"])
    facts = {
        "shipment": number,
        "site": found.site,
        "dispatch_date": answers["dispatch_date"],
        "kits": sorted(numbers),
    }
    params = {"shipment": Digits(number), "site": Digits(found.site)}
    return Outcome(Message("said.dispatch_shipment", params), facts)


def _mark(db: Connection, shipment_id: int, day: object) -> None:
    db.execute(
        update(shipment)
        .where(shipment.c.id == shipment_id)
        .values(status="in_transit", dispatched_on=day)
    )


CREATE_SHIPMENT = Transaction(
    "create_shipment",
    "6662",
    Permission.SUPPLY,
    create_questions,
    run_create,
    EVERYWHERE,
    site=False,
    used=dispenses,
)
DISPATCH_SHIPMENT = Transaction(
    "dispatch_shipment",
    "6663",
    Permission.DISPATCH,
    dispatch_questions,
    run_dispatch,
    EVERYWHERE,
    site=False,
    used=dispenses,
)
