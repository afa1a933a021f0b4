"""Shipments that do not arrive: called off before they leave, or lost on their way."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, update

from core.access.roles import Permission
from core.context import Context
from core.db.models import shipment
from core.db.stock import shipment_kit
from core.errors import NotFound
from core.facts import Facts, Record
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.supply.dispatch import ends
from core.supply.dispense import dispenses
from core.supply.kits import lock_kits_with_expiry, set_kits
from core.supply.lifecycle import STEPS, check_shipment, check_step, state_of
from core.supply.ordering import call_off
from core.supply.quality import KEEPERS, REASON_CHARACTERS_MAX, SCREENS
from core.transaction import Answers, Check, Kind, Notice, Outcome, Question, Transaction


def _can(step: str) -> Check:
    def check(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
        if (found := facts.shipment(value)) is not None:
            check_shipment(step, found)
        return None

    return check


def _questions(step: str) -> tuple[Question, ...]:
    return (
        Question("shipment", Kind.SHIPMENT, check=_can(step), digits=(1, 16)),
        Question("reason", Kind.TEXT, high=REASON_CHARACTERS_MAX),
    )


def cancel_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which shipment, and why it is not sent."""
    return _questions("cancel")


def lost_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which shipment, and what is known of it."""
    return _questions("lose")


def _locked(context: Context, answers: Answers, step: str) -> tuple[Record, list[Any]]:
    """The shipment and those of its kits that take the step. Raises WrongShipmentStatus."""
    found = context.facts.shipment(str(answers["shipment"]))
    if found is None:
        raise NotFound
    check_shipment(step, found)
    numbers = [row.number for row in context.facts.shipment_kits(found.id)]
    today = context.facts.today
    kits = lock_kits_with_expiry(context.db, context.study, numbers)
    rows = [row for row in kits if state_of(row, today) in STEPS[step].before]
    check_step(step, rows, today)
    return found, rows


def _mark(context: Context, found: Record, status: str) -> None:
    values = {"status": status, "remind_at": None}
    context.db.execute(update(shipment).where(shipment.c.id == found.id).values(**values))


def run_cancel(context: Context, answers: Answers) -> Outcome:
    """Give the kits back to where they are; whoever was to send them is told. Each is looked at
    again: a hold that came meanwhile stays, and what has expired is not sent another time."""
    found, rows = _locked(context, answers, "cancel")
    ids = [row.id for row in rows]
    set_kits(context.db, ids, **STEPS["cancel"].values, shipment_id=None)
    context.db.execute(delete(shipment_kit).where(shipment_kit.c.shipment_id == found.id))
    _mark(context, found, "cancelled")
    if found.status != "draft":
        call_off(context, found)
    numbers = [row.number for row in rows]
    today = context.facts.today
    now = lock_kits_with_expiry(context.db, context.study, numbers)
    # Only how many: those of a lot that was recalled or extended are of one type.
    apart = sum(state_of(row, today) != "available" for row in now)
    facts = {
        "shipment": found.number,
        **ends(found),
        "reason": answers["reason"],
        "kits": sorted(numbers),
        "apart": apart,
    }
    params: dict[str, Param] = {"shipment": Digits(found.number), "count": len(rows) - apart}
    return Outcome(Message("said.cancel_shipment", params), facts)


def run_lost(context: Context, answers: Answers) -> Outcome:
    """Give up what is still on its way; what has arrived of it stays where it is."""
    found, rows = _locked(context, answers, "lose")
    set_kits(context.db, [row.id for row in rows], **STEPS["lose"].values)
    _mark(context, found, "lost")
    facts = {
        "shipment": found.number,
        **ends(found),
        "reason": answers["reason"],
        "kits": sorted(row.number for row in rows),
    }
    params: dict[str, Param] = {"shipment": Digits(found.number), "count": len(rows)}
    told = Message("sms.shipment_lost", {"shipment": Digits(found.number)})
    notices = (
        Notice(told, roles=KEEPERS, site=found.site)
        if found.site is not None
        else Notice(told, roles=("depot",), depot=found.to_depot),
        Notice(told, roles=("quality", "depot"), depot=found.depot)
        if found.depot is not None
        else Notice(told, roles=("quality",)),
    )
    return Outcome(Message("said.shipment_lost", params), facts, notices=notices)


CANCEL_SHIPMENT = Transaction(
    "cancel_shipment",
    "",
    Permission.SUPPLY,
    cancel_questions,
    run_cancel,
    SCREENS,
    site=False,
    used=dispenses,
)
SHIPMENT_LOST = Transaction(
    "shipment_lost",
    "",
    Permission.SUPPLY,
    lost_questions,
    run_lost,
    SCREENS,
    site=False,
    used=dispenses,
)
