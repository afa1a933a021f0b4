"""What becomes of an order before it leaves: approved, acknowledged, packed, dispatched."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from sqlalchemy import update

from core.access.roles import Permission
from core.context import Context
from core.db.models import shipment
from core.errors import NotFound, WrongShipmentStatus
from core.facts import Facts, Record
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.subjects.screen import EVERYWHERE
from core.subjects.status import day_has_come
from core.supply.calendar import due_on
from core.supply.days import last_day, limits
from core.supply.dispense import dispenses
from core.supply.kits import lock_kits_with_expiry, set_kits
from core.supply.lifecycle import STEPS, check_shipment, check_step
from core.supply.ordering import get_depot, plan, request, source_of, target_of
from core.supply.quality import KEEPERS, SCREENS
from core.supply.ship import check_active
from core.transaction import Answers, Check, Kind, Notice, Outcome, Question, Transaction

NAME_CHARACTERS_MAX: Final = 80
LOGGERS_CHARACTERS_MAX: Final = 400


def leaving(facts: Facts, number: str) -> Record | None:
    """A shipment that leaves this site; for the study as a whole, one that leaves a depot where
    the person may send it from."""
    found = facts.shipment(number)
    if found is None:
        return None
    if facts.site is not None:
        return found if found.from_site == facts.site.number else None
    return found if facts.sends_from(found.depot) else None


def can(step: str) -> Check:
    """The shipment leaves from here and can take the step. Raises WrongShipmentStatus."""

    def check(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
        found = leaving(facts, value)
        if found is None:
            return Message("error.shipment_unknown", {"number": Digits(value)})
        if facts.site is None and found.from_site is not None:
            params = {"shipment": Digits(value), "site": Digits(found.from_site)}
            return Message("error.shipment_from_site", params)
        check_shipment(step, found)
        return None

    return check


def locked(context: Context, answers: Answers, step: str) -> Record:
    """The shipment, locked, that takes the step. Raises NotFound, WrongShipmentStatus."""
    found = leaving(context.facts, str(answers["shipment"]))
    if found is None:
        raise NotFound
    check_shipment(step, found)
    return found


def _check_draft(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    if (found := facts.shipment(value)) is not None:
        check_shipment("approve", found)
    return None


def approve_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which proposed shipment."""
    return (Question("shipment", Kind.SHIPMENT, check=_check_draft, digits=(1, 16)),)


def run_approve(context: Context, answers: Answers) -> Outcome:
    """What was only proposed is now ordered. Raises WrongShipmentStatus where a kit has been held
    meanwhile."""
    found = context.facts.shipment(str(answers["shipment"]))
    if found is None:
        raise NotFound
    check_shipment("approve", found)
    if found.site is not None:
        check_active(context.facts.find_site(found.site), found.site)
    check_kits(context, found)
    _mark(context, found, "requested")
    source, target = source_of(found), target_of(found)
    request(context, found.id, found.number, source, target)
    facts = {"shipment": found.number, "site": found.site, "depot": found.depot}
    return Outcome(Message("said.approve_shipment", {"shipment": Digits(found.number)}), facts)


def acknowledge_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which order."""
    return (Question("shipment", Kind.SHIPMENT, check=can("confirm"), digits=(1, 16)),)


def run_acknowledge(context: Context, answers: Answers) -> Outcome:
    """The depot has the order and sends it: the days are planned from now."""
    found = locked(context, answers, "confirm")
    depot = get_depot(context.config, found.depot)
    leaves, due = plan(context, depot, target_of(found))
    values = {"confirmed_at": context.now, "leaves_on": leaves, "due_on": due, "remind_at": None}
    _mark(context, found, "confirmed", **values)
    facts = {"shipment": found.number, **ends(found), "leaves_on": leaves, "due_on": due}
    params: dict[str, Param] = {"shipment": Digits(found.number), "leaves": leaves, "due": due}
    return Outcome(Message("said.acknowledge_shipment", params), facts)


def _check_packed(
    config: StudyConfig, facts: Facts, answers: Answers, value: tuple[str, ...]
) -> Message | None:
    """What was packed is what was ordered, kit by kit."""
    found = leaving(facts, str(answers["shipment"]))
    inside = {row.number for row in facts.shipment_kits(found.id)} if found is not None else set()
    for number in value:
        if number not in inside:
            return Message("error.kit_not_in_shipment", {"kit": Digits(number)})
    lacking = len(inside) - len(value)
    return Message("error.kits_not_packed", {"count": lacking}) if lacking else None


def pack_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which order, and the numbers on the cartons that are in the box, where they were read."""
    return (
        Question("shipment", Kind.SHIPMENT, check=can("pack"), digits=(1, 16)),
        Question("kits", Kind.KITS, check=_check_packed, optional=True),
    )


def run_pack(context: Context, answers: Answers) -> Outcome:
    """The box is ready to leave."""
    found = locked(context, answers, "pack")
    check_kits(context, found)
    _mark(context, found, "packed", remind_at=None)
    facts = {"shipment": found.number, **ends(found), "read": "kits" in answers}
    return Outcome(Message("said.pack_shipment", {"shipment": Digits(found.number)}), facts)


def ends(found: Record) -> dict[str, str | None]:
    """Where a shipment comes from and goes to, for the ledger."""
    named = {
        "depot": found.depot,
        "from_site": found.from_site,
        "site": found.site,
        "to_depot": found.to_depot,
    }
    return {name: number for name, number in named.items() if number is not None}


def check_kits(context: Context, found: Record) -> list[Any]:
    """The kits of a shipment that has not left, locked. Raises WrongShipmentStatus where one is
    held or waits for its label: it must not leave as it is."""
    numbers = [row.number for row in context.facts.shipment_kits(found.id)]
    kits = lock_kits_with_expiry(context.db, context.study, numbers)
    check_step("dispatch", kits, context.facts.today)
    named = {"shipment": Digits(found.number)}
    if any(row.quality != "none" for row in kits):
        raise WrongShipmentStatus(Message("error.shipment_held", named))
    if any(row.labelled_until is not None for row in kits):
        raise WrongShipmentStatus(Message("error.shipment_to_relabel", named))
    return kits


def _check_dispatched(
    config: StudyConfig, facts: Facts, answers: Answers, value: dt.date
) -> Message | None:
    """Not before it was made, and not after today where it goes: it cannot arrive there before it
    left."""
    found = leaving(facts, str(answers["shipment"]))
    if found is None:
        return day_has_come(value, facts.today)
    made = (found.created_at - _WESTERNMOST).date()
    if value < made:
        return Message("error.dispatched_early", {"date": value, "created": made})
    there = target_of(found)
    today = facts.today_at if there.is_site else facts.today_at_depot
    return day_has_come(value, today(there.number))


_WESTERNMOST: Final = dt.timedelta(hours=12)
"""The day it was made, wherever the depot is."""


def dispatch_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which shipment, when it left, with whom, and the serial numbers of the loggers in the box."""
    return (
        Question("shipment", Kind.SHIPMENT, check=can("dispatch"), digits=(1, 16)),
        Question("dispatch_date", Kind.DATE, check=_check_dispatched),
        Question("courier", Kind.TEXT, high=NAME_CHARACTERS_MAX, optional=True),
        Question("waybill", Kind.TEXT, high=NAME_CHARACTERS_MAX, optional=True),
        Question("loggers", Kind.TEXT, high=LOGGERS_CHARACTERS_MAX, optional=True),
    )


def run_dispatch(context: Context, answers: Answers) -> Outcome:
    """The shipment is on its way: its kits are in transit to where it goes."""
    found = locked(context, answers, "dispatch")
    there = target_of(found)
    here = context.facts.find_site(there.number) if there.is_site else None
    if there.is_site:
        check_active(here, there.number)
    country = here.country if here is not None else None
    day = dt.date.fromisoformat(str(answers["dispatch_date"]))
    kits = check_kits(context, found)
    days = limits(context.config, country, found.depot).dns
    if any(day > last_day(row.expiry, days) for row in kits):
        raise WrongShipmentStatus(
            Message("error.shipment_too_old", {"shipment": Digits(found.number)})
        )
    moved = {"depot": found.to_depot, "site": found.site}
    set_kits(context.db, [row.id for row in kits], **STEPS["dispatch"].values, **moved)
    target = None if there.is_site else get_depot(context.config, there.number)
    due = due_on(context.config, day, found.depot, country=country, target=target)
    told = {name: answers.get(name) for name in ("courier", "waybill", "loggers")}
    _mark(context, found, "in_transit", dispatched_on=day, due_on=due, remind_at=None, **told)
    facts = {
        "shipment": found.number,
        **ends(found),
        "dispatch_date": day,
        "due_on": due,
        **told,
        "kits": sorted(row.number for row in kits),
    }
    return _dispatched(found, due, facts)


def _dispatched(found: Record, due: dt.date, facts: dict[str, object]) -> Outcome:
    params: dict[str, Param] = {"shipment": Digits(found.number), "due": due}
    sms = Message("sms.on_its_way", params)
    if found.site is None:
        notice = Notice(sms, roles=("depot",), depot=found.to_depot)
        said = Message(
            "said.dispatch_to_depot",
            {"shipment": Digits(found.number), "depot": Digits(found.to_depot)},
        )
    else:
        notice = Notice(sms, roles=KEEPERS, site=found.site)
        said = Message(
            "said.dispatch_shipment",
            {"shipment": Digits(found.number), "site": Digits(found.site)},
        )
    return Outcome(said, facts, notices=(notice,))


def _mark(context: Context, found: Record, status: str, **values: object) -> None:
    context.db.execute(
        update(shipment).where(shipment.c.id == found.id).values(status=status, **values)
    )


APPROVE_SHIPMENT = Transaction(
    "approve_shipment",
    "",
    Permission.SUPPLY,
    approve_questions,
    run_approve,
    SCREENS,
    site=False,
    used=dispenses,
)
ACKNOWLEDGE_SHIPMENT = Transaction(
    "acknowledge_shipment",
    "",
    Permission.DISPATCH,
    acknowledge_questions,
    run_acknowledge,
    SCREENS,
    site=False,
    used=dispenses,
)
PACK_SHIPMENT = Transaction(
    "pack_shipment",
    "",
    Permission.DISPATCH,
    pack_questions,
    run_pack,
    SCREENS,
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
DISPATCH_TRANSFER = Transaction(
    "dispatch_transfer",
    "",
    Permission.STOCK,
    dispatch_questions,
    run_dispatch,
    SCREENS,
    used=dispenses,
)
