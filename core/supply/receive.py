"""What arrives at a site, and what goes wrong with it on the shelf."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import update

from core.access.roles import Permission
from core.context import Context
from core.db.models import shipment
from core.errors import NotFound
from core.facts import Facts, Record
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.subjects.screen import EVERYWHERE
from core.subjects.status import day_has_come
from core.supply.dispense import dispenses
from core.supply.kits import lock_kits_with_expiry, set_kits
from core.supply.lifecycle import STEPS, check_shipment, check_step, state_of
from core.transaction import Answers, Choice, Kind, Notice, Outcome, Question, Transaction

LOGGERS: Final = ("no_alarm", "alarm", "none")
CONDITIONS: Final = ("damaged", "missing", "doubtful")


def _check_shipment(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    found = arriving(facts, value)
    if found is None:
        return Message("error.shipment_unknown", {"number": Digits(value)})
    check_shipment("receive", found)
    return None


def arriving(facts: Facts, number: str) -> Record | None:
    """A shipment that goes to this site; for the study as a whole, one that goes to a depot where
    the person may receive it."""
    found = facts.shipment(number)
    if found is None:
        return None
    if facts.site is not None:
        return found if found.site == facts.site.number else None
    there = found.to_depot is not None and facts.sends_from(found.to_depot)
    return found if there else None


def _today(facts: Facts, found: Record) -> dt.date:
    """The date where the shipment goes."""
    return facts.today if facts.site is not None else facts.today_at_depot(found.to_depot)


def _check_received(
    config: StudyConfig, facts: Facts, answers: Answers, value: dt.date
) -> Message | None:
    found = arriving(facts, str(answers["shipment"]))
    if found is None:
        return None
    if value < found.dispatched_on:
        return Message("error.received_early", {"date": value, "dispatched": found.dispatched_on})
    return day_has_come(value, _today(facts, found))


def _loggers(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), value, Message(f"choice.logger_{value}"))
        for place, value in enumerate(LOGGERS, start=1)
    )


def _check_in_shipment(
    config: StudyConfig, facts: Facts, answers: Answers, value: tuple[str, ...]
) -> Message | None:
    found = facts.shipment(str(answers["shipment"]))
    inside = {row.number for row in _on_the_way(facts, found)} if found else set()
    for number in value:
        if number not in inside:
            return Message("error.kit_not_in_shipment", {"kit": Digits(number)})
        if number in answers.get("damaged", ()):  # type: ignore[operator]
            return Message("error.kit_twice")
    return None


def _on_the_way(facts: Facts, found: Record) -> list[Record]:
    return [row for row in facts.shipment_kits(found.id) if row.custody == "in_transit"]


def _is_missing(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return bool(answers.get("missing"))


def _check_follow(
    config: StudyConfig, facts: Facts, answers: Answers, value: bool
) -> Message | None:
    found = facts.shipment(str(answers["shipment"]))
    count = len(_on_the_way(facts, found)) if found is not None else 0
    return Message("error.nothing_arrived") if value and count == _count(answers) else None


def _count(answers: Answers) -> int:
    return len(_numbers(answers["missing"]))


def receive_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which shipment, when it came, the logger, the kits that are not well, and whether those that
    are not there are still on their way."""
    return (
        Question("shipment", Kind.SHIPMENT, check=_check_shipment, digits=(1, 16)),
        Question("received_date", Kind.DATE, check=_check_received),
        Question("logger", Kind.CHOICE, choices=_loggers),
        Question("damaged", Kind.KITS, check=_check_in_shipment, digits=(8, 8)),
        Question("missing", Kind.KITS, check=_check_in_shipment, digits=(8, 8)),
        Question("to_follow", Kind.YES_NO, when=_is_missing, check=_check_follow),
    )


def run_receive(context: Context, answers: Answers) -> Outcome:
    """Take the kits in: well ones onto the shelf, held after an alarm or without a logger.

    What is to follow stays on its way, and the shipment open. What happened to a kit on its way
    (quarantine, another expiry) holds when it arrives, and is told.
    """
    number = str(answers["shipment"])
    arrived = arriving(context.facts, number)
    if arrived is None:
        raise NotFound
    check_shipment("receive", arrived)
    inside = [row.number for row in _on_the_way(context.facts, arrived)]
    rows = lock_kits_with_expiry(context.db, context.study, inside)
    damaged, missing = _numbers(answers["damaged"]), _numbers(answers["missing"])
    staying = missing if answers.get("to_follow") else set[str]()
    held = answers["logger"] != "no_alarm"
    well = [row for row in rows if row.number not in damaged | missing]
    kept = [row for row in well if row.quality != "none"]
    _take(context, "receive_held" if held else "receive", [r for r in well if r not in kept])
    _take(context, "receive", kept)
    _take(context, "receive_damaged", [row for row in rows if row.number in damaged])
    _take(context, "receive_missing", [row for row in rows if row.number in missing - staying])
    context.db.execute(
        update(shipment)
        .where(shipment.c.id == arrived.id)
        .values(
            status="partially_received" if staying else "received",
            received_on=answers["received_date"],
            logger=answers["logger"],
        )
    )
    lacking = _Lacking(damaged, missing - staying, staying, _apart(context, arrived, well))
    return _received(context, arrived, answers, len(rows) - len(staying), held, lacking)


def _take(context: Context, step: str, rows: Sequence[Record]) -> None:
    if rows:
        check_step(step, rows, context.facts.today)
        set_kits(context.db, [row.id for row in rows], **STEPS[step].values)


def _numbers(value: object) -> set[str]:
    return set(value) if isinstance(value, tuple) else set()


@dataclass(frozen=True, slots=True)
class _Lacking:
    """The numbers of the kits that did not come well."""

    damaged: set[str]
    missing: set[str]
    staying: set[str]
    apart: Mapping[str, list[str]]  # came well, and may not be used as they are


def _apart(context: Context, arrived: Record, well: Sequence[Record]) -> dict[str, list[str]]:
    """The kits that something happened to on their way, by what is to be done about it."""
    today = _today(context.facts, arrived)
    found: dict[str, list[str]] = {"put_aside": [], "out_of_date": [], "to_relabel": []}
    for row in well:
        if row.quality != "none":
            found["put_aside"].append(row.number)
        elif row.expiry < today:
            found["out_of_date"].append(row.number)
        elif row.labelled_until is not None:
            found["to_relabel"].append(row.number)
    return {what: sorted(numbers) for what, numbers in found.items()}


def _received(
    context: Context,
    arrived: Record,
    answers: Answers,
    count: int,
    held: bool,
    lacking: _Lacking,
) -> Outcome:
    number = arrived.number
    params: dict[str, Param] = {
        "shipment": Digits(number),
        "count": count - len(lacking.damaged) - len(lacking.missing),
    }
    sms = Message("sms.receive_held" if held else "sms.receive", params)
    notices = [Notice(sms, people=(context.actor.user_id,))]
    if held or lacking.damaged or lacking.missing or lacking.staying:
        alert = _problem(arrived, params)
        notices.append(Notice(alert, roles=("quality", "supply_manager")))
    facts = {
        "shipment": number,
        "received_date": answers["received_date"],
        "logger": answers["logger"],
        "damaged": sorted(lacking.damaged),
        "missing": sorted(lacking.missing),
        "to_follow": sorted(lacking.staying),
        **lacking.apart,
        "kits": count,
        "held": held,
    }
    said = Message("said.receive_held" if held else "said.receive", params)
    return Outcome(said, facts, notices=tuple(notices), notes=_notes(lacking))


def _notes(lacking: _Lacking) -> tuple[Message, ...]:
    told = []
    if lacking.staying:
        told.append(Message("note.to_follow", {"count": len(lacking.staying)}))
    for what, numbers in lacking.apart.items():
        kits = tuple(Digits(number) for number in numbers)
        if kits:
            told.append(Message(_APART[what], {"count": len(kits), "kits": kits}))
    return tuple(told)


_APART: Final = {
    "put_aside": "note.put_aside",
    "out_of_date": "note.out_of_date",
    "to_relabel": "note.to_relabel",
}


def _problem(arrived: Record, params: dict[str, Param]) -> Message:
    if arrived.site is not None:
        return Message("sms.receipt_problem", {**params, "site": Digits(arrived.site)})
    return Message("sms.depot_receipt_problem", {**params, "depot": Digits(arrived.to_depot)})


_REPORTED: Final = {
    "damaged": "report_damaged",
    "missing": "report_missing",
    "doubtful": "quarantine",
}


def _check_on_shelf(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    found = facts.kit(value)
    if found is not None:
        check_step("report_damaged", (found,), facts.today)
    return None


def _conditions(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), value, Message(f"choice.condition_{value}"))
        for place, value in enumerate(CONDITIONS, start=1)
    )


def report_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which kit, and what is the matter with it."""
    return (
        Question("kit", Kind.KIT, check=_check_on_shelf, digits=(8, 8)),
        Question("condition", Kind.CHOICE, choices=_conditions),
    )


def run_report(context: Context, answers: Answers) -> Outcome:
    """Take a damaged, missing or doubtful kit off the shelf; a doubtful one waits for quality."""
    number, condition = str(answers["kit"]), str(answers["condition"])
    step, today = _REPORTED[condition], context.facts.today
    (found,) = lock_kits_with_expiry(context.db, context.study, [number])
    check_step(step, (found,), today)
    set_kits(context.db, [found.id], **STEPS[step].values)
    params = {"kit": Digits(number), "site": Digits(context.site or "")}
    facts = {"kit": number, "before": state_of(found, today), "after": STEPS[step].after}
    notices = [Notice(Message("sms.report_stock", params), roles=("supply_manager",))]
    if condition == "doubtful":
        notices.append(Notice(Message("sms.quarantined"), roles=("quality",)))
    said = Message("said.report_stock", {"kit": Digits(number)})
    return Outcome(said, facts, notices=tuple(notices))


RECEIVE = Transaction(
    "receive",
    "5",
    Permission.STOCK,
    receive_questions,
    run_receive,
    EVERYWHERE,
    used=dispenses,
)
REPORT_STOCK = Transaction(
    "report_stock",
    "63",
    Permission.STOCK,
    report_questions,
    run_report,
    EVERYWHERE,
    used=dispenses,
)
