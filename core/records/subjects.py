"""Corrections of what is on record of a subject: proposed at the site, signed by an investigator.

The entry that was wrong stays. What follows from the value goes by the right one from then on: the
windows of visits to come, and how far those held were outside theirs.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from sqlalchemy import delete, update

from core.access.roles import Permission
from core.context import Context
from core.db.models import subject, visit
from core.errors import InvalidInput, NotAllowed
from core.facts import Facts, Record
from core.messages import Digits, Message, Param
from core.records.changes import WHY, Change, entries_among, on_record, preview, why
from core.records.visits import (
    DATED,
    deviations,
    is_last,
    next_after,
    visit_words,
)
from core.records.ways import how_it_ended
from core.study.schema import StudyConfig
from core.subjects.screen import AT_A_DESK, check_birth
from core.subjects.status import ENDED, RANDOMIZED, day_has_come, status_words
from core.transaction import Answers, Choice, Kind, Outcome, Question, Transaction

ENTRIES: Final = (
    "year_of_birth",
    "consent_date",
    "visit_date",
    "visit_by_mistake",
    "end_date",
    "end_by_mistake",
)
"""What may be corrected, in the order of the keys."""
_OF_A_VISIT: Final = ("visit_date", "visit_by_mistake")
UNDONE: Final = ("missed", "without_drug")
"""Visits at which nothing was dispensed can be taken back; kits never given have a deed of their
own."""
_DATES: Final = {"consent_date": "consent_on", "end_date": "ended_on"}


def _which(answers: Answers) -> str:
    return str(answers.get("which_entry"))


def _entries(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return entries_among(ENTRIES, _open(config, facts, facts.the_subject(answers)))


def _open(config: StudyConfig, facts: Facts, found: Record) -> set[str]:
    """Which entries of this subject there are."""
    rows = facts.visits(found.id)
    is_asked = config.screening is not None and config.screening.year_of_birth
    there = {
        "year_of_birth": is_asked,
        "consent_date": found.consent_on is not None,
        "visit_date": any(row.status in DATED for row in rows),
        "visit_by_mistake": any(_can_undo(config, rows, row) for row in rows),
        "end_date": found.status in ENDED and found.ended_on is not None,
        "end_by_mistake": how_it_ended(facts, found) is not None,
    }
    return {entry for entry, is_there in there.items() if is_there}


def _can_undo(config: StudyConfig, rows: tuple[Record, ...], row: Record) -> bool:
    return row.status in UNDONE and is_last(config, rows, row)


def _is_of_a_visit(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return _which(answers) in _OF_A_VISIT


def _visits(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    rows = facts.visits(facts.the_subject(answers).id)
    undo = _which(answers) == "visit_by_mistake"
    fitting = [
        row for row in rows if (_can_undo(config, rows, row) if undo else row.status in DATED)
    ]
    return tuple(
        Choice(str(place), row.code, visit_words(config, row.code))
        for place, row in enumerate(fitting, start=1)
    )


def _visit(facts: Facts, answers: Answers) -> Record:
    rows = facts.visits(facts.the_subject(answers).id)
    return next(row for row in rows if row.code == answers["which_visit"])


def _is_a_date(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return _which(answers) in ("visit_date", *_DATES)


def _is_a_year(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return _which(answers) == "year_of_birth"


def _check_date(
    config: StudyConfig, facts: Facts, answers: Answers, value: dt.date
) -> Message | None:
    """A day that has come, other than that on record; a visit is not before its subject was
    randomized, nor an end before that."""
    found = facts.the_subject(answers)
    if problem := day_has_come(value, facts.today_at(found.site)):
        return problem
    if value == _value(facts, found, answers):
        return Message("error.same_value")
    since = found.randomized_on
    if _which(answers) != "consent_date" and since is not None and value < since:
        return Message("error.date_before_randomization", {"date": value, "since": since})
    return None


def _check_year(config: StudyConfig, facts: Facts, answers: Answers, value: int) -> Message | None:
    if problem := check_birth(config, facts, answers, value):
        return problem
    same = value == facts.the_subject(answers).year_of_birth
    return Message("error.same_value") if same else None


def _value(facts: Facts, found: Record, answers: Answers) -> Any:
    """What is on record of the entry now."""
    entry = _which(answers)
    if entry == "visit_date":
        return _visit(facts, answers).on
    return getattr(found, _DATES.get(entry, entry))


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whose, which entry, what is right, why it was not, and which document says so."""
    return (
        Question("subject", Kind.SUBJECT, digits=(1, 16)),
        Question("which_entry", Kind.CHOICE, choices=_entries),
        Question("which_visit", Kind.CHOICE, when=_is_of_a_visit, choices=_visits),
        Question("right_date", Kind.DATE, when=_is_a_date, check=_check_date),
        Question("right_year", Kind.YEAR, when=_is_a_year, check=_check_year, digits=(4, 4)),
        *WHY,
    )


def changes(
    config: StudyConfig, facts: Facts, found: Record, answers: Answers
) -> tuple[Change, ...]:
    """Every column that the correction changes; the first is the one that was asked about."""
    entry, number = _which(answers), found.number
    if entry == "year_of_birth":
        right = answers["right_year"]
        return (Change("subject", number, entry, found.year_of_birth, right),)
    if entry in _DATES:
        right, field = answers["right_date"], _DATES[entry]
        first = Change("subject", number, field, getattr(found, field), right)
        consent = right if entry == "consent_date" else None
        return (first, *_moved(config, facts, found, consent=consent))
    if entry == "end_by_mistake":
        return _reopened(facts, found)
    row = _visit(facts, answers)
    if entry == "visit_by_mistake":
        return (Change("visit", row.code, "status", row.status, None),)
    right = answers["right_date"]
    first = Change("visit", row.code, "on", row.on, right)
    return (first, *_moved(config, facts, found, dates={row.code: right}))


def _moved(
    config: StudyConfig,
    facts: Facts,
    found: Record,
    *,
    consent: Any = None,
    dates: dict[str, Any] | None = None,
) -> tuple[Change, ...]:
    """The visits held that are further from their windows, or nearer to them, by the right day."""
    after = deviations(config, facts, found, consent=consent, dates=dates or {})
    return tuple(
        Change("visit", row.code, "deviation_days", row.deviation_days, after[row.code])
        for row in facts.visits(found.id)
        if after.get(row.code, row.deviation_days) != row.deviation_days
    )


def _reopened(facts: Facts, found: Record) -> tuple[Change, ...]:
    before = how_it_ended(facts, found)
    if before is None:
        return ()
    number = found.number
    made = [Change("subject", number, "status", found.status, before)]
    if found.ended_on is not None:
        made.append(Change("subject", number, "ended_on", found.ended_on, None))
    if before == RANDOMIZED and found.treatment == "stopped":
        made.append(Change("subject", number, "treatment", found.treatment, "on"))
    return tuple(made)


def effects(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Message, ...]:
    """What is on record now and what will be, and what follows from it."""
    found = facts.the_subject(answers)
    entry, all_of_it = _which(answers), changes(config, facts, found, answers)
    if not all_of_it:
        return ()
    first, *rest = all_of_it
    told = [preview(entry, _shown(first.before), _shown(first.after))]
    for one in rest:
        if one.field == "deviation_days":
            params: dict[str, Param] = {
                "visit": visit_words(config, one.of),
                "before": one.before,
                "after": one.after,
            }
            told.append(Message("warn.correction_deviation", params))
    if any(one.field == "treatment" for one in rest):
        told.append(Message("warn.correction_treatment"))
    right, code = answers.get("right_date"), answers.get("which_visit")
    dates = {} if code is None else {str(code): None if entry == "visit_by_mistake" else right}
    consent = right if entry == "consent_date" and isinstance(right, dt.date) else None
    coming = next_after(config, facts, found, consent=consent, dates=dates)
    if coming is not None:
        window: dict[str, Param] = {
            "visit": coming.visit.labels,
            "opens": coming.opens,
            "closes": coming.closes,
        }
        told.append(Message("warn.correction_window", window))
    return tuple(told)


def _shown(value: Any) -> Param | None:
    """A value in words: a state by its name, a year as it is written."""
    if isinstance(value, dt.date) or value is None:
        return value
    if isinstance(value, str):
        return Message(f"word.visit_{value}") if value in UNDONE else status_words(value)
    return str(value)


def run(context: Context, answers: Answers) -> Outcome:
    """Write what is right beside the entry that was not."""
    found = context.facts.the_subject(answers)
    # Whoever proposed it did so at the site of that day; the subject may have moved since.
    if not context.actor.may(Permission.CORRECTIONS, context.study, found.site):
        raise NotAllowed
    made = changes(context.config, context.facts, found, answers)
    if not made:
        raise InvalidInput("which_entry", Message("error.no_choice"))
    for one in made:
        _write(context, found, one)
    kept = on_record(made)
    facts = {
        "which_entry": answers["which_entry"],
        "visit": answers.get("which_visit"),
        "before": kept[0]["before"],
        "after": kept[0]["after"],
        "changes": kept,
        **why(answers),
    }
    said = Message("said.correct_subject", {"subject": Digits(found.number)})
    return Outcome(said, facts, subject=found.number)


def _write(context: Context, found: Record, change: Change) -> None:
    if change.record == "subject":
        query = update(subject).where(subject.c.id == found.id)
        context.db.execute(query.values({change.field: change.after}))
        return
    here = (visit.c.subject_id == found.id) & (visit.c.code == change.of)
    if change.after is None:
        context.db.execute(delete(visit).where(here))
    else:
        context.db.execute(update(visit).where(here).values({change.field: change.after}))


CORRECT_SUBJECT = Transaction(
    "correct_subject",
    "",
    Permission.SUBJECTS,
    questions,
    run,
    AT_A_DESK,
    signers=(Permission.CORRECTIONS,),
    warns=effects,
)
