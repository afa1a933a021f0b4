"""Corrections of what a site recorded of drug: proposed there, approved and signed by the monitor.

The entry that was wrong stays; no kit takes a step by it.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from sqlalchemy import select, update

from core.access.roles import Permission
from core.context import Context
from core.db.models import kit, shipment, subject
from core.errors import InvalidInput, KitNotUsable, NotAllowed
from core.facts import Facts, Record
from core.messages import Digits, Message, Param
from core.records.changes import WHY, Change, entries_among, on_record, preview, why
from core.records.ways import registered_on
from core.study.schema import StudyConfig
from core.subjects.status import day_has_come
from core.supply.dispense import dispenses
from core.supply.kits import lock_kits_with_expiry
from core.supply.lifecycle import check_shipment, state_of
from core.supply.quality import SCREENS
from core.supply.returns import UNITS, UNITS_MAX, units_warning
from core.transaction import Answers, Choice, Kind, Outcome, Question, Transaction

ENTRIES: Final = ("received_date", "returned_units")
_COUNTED: Final = ("returned", "verified", "to_destroy")
"""States of a kit that came back and can still be counted."""


def _entries(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return entries_among(ENTRIES, ENTRIES)


def _is_a_shipment(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return answers.get("which_entry") == "received_date"


def _is_a_kit(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return answers.get("which_entry") == "returned_units"


def _check_shipment(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    found = facts.shipment(value)
    here = facts.site.number if facts.site is not None else None
    if found is None or found.site is None or here not in (None, found.site):
        return Message("error.shipment_unknown", {"number": Digits(value)})
    check_shipment("correct", found)
    return None


def _shipment(facts: Facts, answers: Answers) -> Record:
    found = facts.shipment(str(answers["shipment"]))
    if found is None:
        raise NotAllowed
    return found


def _check_date(
    config: StudyConfig, facts: Facts, answers: Answers, value: dt.date
) -> Message | None:
    """Between the day when it left and the day when its receipt was recorded."""
    found = _shipment(facts, answers)
    if problem := day_has_come(value, facts.today_at(found.site)):
        return problem
    if value == found.received_on:
        return Message("error.same_value")
    if found.dispatched_on is not None and value < found.dispatched_on:
        params: dict[str, Param] = {"date": value, "dispatched": found.dispatched_on}
        return Message("error.received_early", params)
    recorded = registered_on(facts, found.site, found.number)
    if recorded is not None and value > recorded:
        return Message("error.received_after_recorded", {"date": value, "recorded": recorded})
    return None


def _check_kit(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    if (row := facts.kit(value)) is not None:
        _check_counted(row, facts)
    return None


def _check_counted(row: Any, facts: Facts) -> None:
    """Raises KitNotUsable for a kit that did not come back, or is no more."""
    today = facts.today_at(row.site) if row.site is not None else facts.today
    state = state_of(row, today)
    if state not in _COUNTED:
        raise KitNotUsable(Message(f"error.kit_is_{state}", {"kit": Digits(row.number)}))


def _check_units(config: StudyConfig, facts: Facts, answers: Answers, value: int) -> Message | None:
    """Other than on record, and not nothing at all."""
    right = tuple(int(str({**answers, UNITS[-1]: value}[name])) for name in UNITS)
    row = facts.kit(str(answers["kit"]))
    if not sum(right):
        return Message("error.no_units")
    if row is not None and right == _units(row):
        return Message("error.same_value")
    return None


def _units(row: Any) -> tuple[int | None, ...]:
    return tuple(getattr(row, name) for name in UNITS)


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which entry, of which shipment or kit, what is right, why it was not, and which document
    says so."""
    *counted, last = UNITS
    units: dict[str, Any] = {"when": _is_a_kit, "low": 0, "high": UNITS_MAX, "digits": (1, 4)}
    return (
        Question("which_entry", Kind.CHOICE, choices=_entries),
        Question(
            "shipment",
            Kind.SHIPMENT,
            when=_is_a_shipment,
            check=_check_shipment,
            digits=(1, 16),
        ),
        Question("right_date", Kind.DATE, when=_is_a_shipment, check=_check_date),
        Question("kit", Kind.KIT, when=_is_a_kit, check=_check_kit, digits=(8, 8)),
        *(Question(name, Kind.NUMBER, **units) for name in counted),
        Question(last, Kind.NUMBER, check=_check_units, **units),
        *WHY,
    )


def _of_a_shipment(found: Record, answers: Answers) -> tuple[Change, ...]:
    right = answers["right_date"]
    return (Change("shipment", found.number, "received_on", found.received_on, right),)


def _of_a_kit(row: Record, answers: Answers) -> tuple[Change, ...]:
    pairs = ((name, getattr(row, name), answers[name]) for name in UNITS)
    return tuple(
        Change("kit", row.number, name, before, right)
        for name, before, right in pairs
        if before != right
    )


def effects(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Message, ...]:
    """What is on record now and what will be; units that do not make up a full kit."""
    entry = str(answers["which_entry"])
    if entry == "received_date":
        (one,) = _of_a_shipment(_shipment(facts, answers), answers)
        return (preview(entry, one.before, one.after),)
    row = facts.kit(str(answers["kit"]))
    before = _told(_units(row)) if row is not None and None not in _units(row) else None
    after = _told(tuple(answers[name] for name in UNITS))
    return (preview(entry, before, after), *units_warning(config, facts, answers))


def _told(units: tuple[Any, ...]) -> Message:
    return Message("word.units", dict(zip(("used", "unused", "missing"), units, strict=True)))


def run(context: Context, answers: Answers) -> Outcome:
    """Write what is right beside the entry that was not."""
    if answers["which_entry"] == "received_date":
        found = _shipment(context.facts, answers)
        _check_mine(context, found.site)
        check_shipment("correct", found)
        return _done(context, answers, _of_a_shipment(found, answers), None)
    (row,) = lock_kits_with_expiry(context.db, context.study, [str(answers["kit"])])
    _check_mine(context, row.site)
    _check_counted(row, context.facts)
    query = select(subject.c.number).where(subject.c.id == row.subject_id)
    made = _of_a_kit(
        row, answers
    )  # of the row that is locked: it may have changed since it was read
    if not made:
        raise InvalidInput(UNITS[-1], Message("error.same_value"))
    return _done(context, answers, made, context.db.scalar(query))


def _check_mine(context: Context, site: str | None) -> None:
    """The kit or shipment may be at another site by now. Raises NotAllowed."""
    if not context.actor.may(Permission.DEVIATIONS, context.study, site):
        raise NotAllowed


def _done(
    context: Context, answers: Answers, made: tuple[Change, ...], whose: str | None
) -> Outcome:
    table = shipment if answers["which_entry"] == "received_date" else kit
    number = str(answers["shipment" if table is shipment else "kit"])
    context.db.execute(
        update(table)
        .where(table.c.study == context.study, table.c.number == number)
        .values({one.field: one.after for one in made})
    )
    kept = on_record(made)
    facts = {
        "which_entry": answers["which_entry"],
        "shipment": answers.get("shipment"),
        "kit": answers.get("kit"),
        "before": [one["before"] for one in kept],
        "after": [one["after"] for one in kept],
        "changes": kept,
        **why(answers),
    }
    said = Message("said.correct_supply", {"number": Digits(number)})
    return Outcome(said, facts, subject=whose)


CORRECT_SUPPLY = Transaction(
    "correct_supply",
    "",
    Permission.STOCK,
    questions,
    run,
    SCREENS,
    signers=(Permission.DEVIATIONS,),
    used=dispenses,
    warns=effects,
)
