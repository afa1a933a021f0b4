"""The operator's way: somebody calls who cannot sign in, and must be helped all the same.

The operator writes down who is calling, what the sealed card says and what number on record was
called back; only after that is the code broken, by the operator's signature. With nobody reachable
the operator may decide alone, and that exception is told apart.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import insert, update

from core.access.roles import Permission
from core.codes import checked_number
from core.context import Context
from core.db.blind import emergency_call
from core.errors import NotFound
from core.facts import Facts
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.subjects.status import REASON_CHARACTERS_MAX
from core.transaction import (
    Answers,
    Choice,
    Kind,
    Opens,
    Outcome,
    Question,
    Transaction,
)
from core.unblinding.callers import (
    NONE_REACHABLE,
    SITE_PHONE,
    caller_about,
    card_about,
    numbers_on_record,
    open_calls,
)
from core.unblinding.code_break import broken
from core.unblinding.common import (
    AT_A_DESK,
    SITE_TOLD,
    STILL_BLINDED,
    break_reasons,
    check_subject,
    is_randomizing,
    notices,
    sealed_arm,
    warn_who,
    who_it_is,
)
from core.unblinding.openings import FOR_CALLER

POSITIONS: Final = (
    *("investigator", "site_staff", "treating_physician", "emergency_service"),
    *("poison_centre", "other"),
)
DECLINED: Final = ("not_identified", "no_emergency", "call_ended", "other")
CALLER_CHARACTERS_MAX: Final = 100
CARD_CHARACTERS_MAX: Final = 40


def _positions(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), one, Message(f"choice.position_{one}"))
        for place, one in enumerate(POSITIONS, start=1)
    )


def take_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whose subject, who is calling as what, and what the sealed card says."""
    return (
        Question("subject", Kind.SUBJECT, check=check_subject, digits=(1, 16)),
        Question("caller", Kind.TEXT, high=CALLER_CHARACTERS_MAX),
        Question("position", Kind.CHOICE, choices=_positions),
        Question("card_code", Kind.TEXT, optional=True, high=CARD_CHARACTERS_MAX),
    )


def run_take(context: Context, answers: Answers) -> Outcome:
    """Write the call down; nothing is opened by it."""
    found = context.facts.the_subject(answers)
    number = checked_number(context.entropy, 7)
    caller = context.keys.seal(caller_about(context.study, number), str(answers["caller"]))
    secret = {"caller": caller}
    # What is on a card proves who has it: nobody else is to read it.
    if "card_code" in answers:
        about = card_about(context.study, number)
        secret["card_code"] = context.keys.seal(about, str(answers["card_code"]))
    row = {
        "study": context.study,
        "number": number,
        "subject": found.number,
        "site": found.site,
        "caller": caller.token,
        "position": answers["position"],
        "card_code": secret["card_code"].token if "card_code" in secret else None,
        "operator": context.actor.user_id,
        "taken_at": context.now,
    }
    context.db.execute(insert(emergency_call), row)
    facts = {"call": number, "position": answers["position"], "card": "card_code" in secret}
    said = Message(
        "said.take_emergency_call", {"call": Digits(number), "subject": Digits(found.number)}
    )
    return Outcome(said, facts, secret, subject=found.number)


def _calls(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            str(place),
            row.number,
            Message(
                "choice.open_call",
                {
                    "call": Digits(row.number),
                    "subject": Digits(row.subject),
                    "position": Message(f"choice.position_{row.position}"),
                },
            ),
        )
        for place, row in enumerate(open_calls(facts), start=1)
    )


def _call(facts: Facts, answers: Answers) -> Any:
    """The call that the answers name. Raises NotFound: it is closed, or another operator's."""
    for row in open_calls(facts):
        if row.number == answers["call"]:
            return row
    raise NotFound


def _numbers(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    """Where to call back: what is on record, and that nobody could be reached there."""
    row = _call(facts, answers)
    keys = facts.core.keys
    found = [
        Choice(
            str(place),
            one.value,
            Message(
                "choice.call_site" if one.value == SITE_PHONE else "choice.call_investigator",
                {"name": one.name, "telephone": one.telephone},
            ),
        )
        for place, one in enumerate(
            numbers_on_record(facts.db, keys, facts.study, row.site, facts.now), start=1
        )
    ]
    none = Choice(str(len(found) + 1), NONE_REACHABLE, Message("choice.none_reachable"))
    return (*found, none)


def break_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which call, which number on record was called back, and why."""
    return (
        Question("call", Kind.CHOICE, choices=_calls),
        Question("called_back", Kind.CHOICE, choices=_numbers),
        Question("reason", Kind.CHOICE, choices=break_reasons),
        Question("details", Kind.TEXT, optional=True, high=REASON_CHARACTERS_MAX),
    )


def _warn(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Message, ...]:
    row = _call(facts, answers)
    found = facts.the_subject({"subject": row.subject})
    alone = answers["called_back"] == NONE_REACHABLE
    return (who_it_is(found), *((Message("warn.none_reachable"),) if alone else ()))


def run_break(context: Context, answers: Answers) -> Outcome:
    """Open the treatment to the operator, who tells the caller; otherwise a code break like any
    other."""
    row = _call(context.facts, answers)
    found = context.facts.the_subject({"subject": row.subject})
    changed = broken(context, found)
    _close(context, row, "revealed")
    alone = answers["called_back"] == NONE_REACHABLE
    facts = {
        "call": row.number,
        "position": row.position,
        "card": row.card_code is not None,
        "called_back": answers["called_back"],
        "reason": answers["reason"],
        "details": answers.get("details"),
        **changed,
        "still_blinded": list(STILL_BLINDED),
    }
    where: dict[str, Param] = {
        "study": context.study,
        "subject": Digits(found.number),
        "site": Digits(found.site),
    }
    told = notices("sms.code_broken_for_caller", found.site, where, *SITE_TOLD)
    if alone:
        told += notices("sms.nobody_called_back", found.site, where)
    params: dict[str, Param] = {"subject": Digits(found.number), "call": Digits(row.number)}
    return Outcome(
        Message("said.break_for_caller", params),
        facts,
        {"arm": sealed_arm(context, found)},
        told,
        found.number,
        opens=(Opens(FOR_CALLER, context.actor.user_id, found.number),),
    )


def _declined(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), one, Message(f"choice.declined_{one}"))
        for place, one in enumerate(DECLINED, start=1)
    )


def decline_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which call, and why no code is broken."""
    return (
        Question("call", Kind.CHOICE, choices=_calls),
        Question("why_not", Kind.CHOICE, choices=_declined),
        Question("details", Kind.TEXT, optional=True, high=REASON_CHARACTERS_MAX),
    )


def run_decline(context: Context, answers: Answers) -> Outcome:
    """Close the call; that somebody tried is told to those who watch."""
    row = _call(context.facts, answers)
    _close(context, row, "declined")
    facts = {
        "call": row.number,
        "position": row.position,
        "why_not": answers["why_not"],
        "details": answers.get("details"),
    }
    where: dict[str, Param] = {"study": context.study, "subject": Digits(row.subject)}
    return Outcome(
        Message("said.decline_caller", {"call": Digits(row.number)}),
        facts,
        notices=notices("sms.caller_declined", row.site, where),
        subject=row.subject,
    )


def _close(context: Context, row: Any, outcome: str) -> None:
    context.db.execute(
        update(emergency_call)
        .where(emergency_call.c.id == row.id)
        .values(outcome=outcome, closed_at=context.now)
    )


TAKE_EMERGENCY_CALL = Transaction(
    "take_emergency_call",
    "",
    Permission.OPERATE,
    take_questions,
    run_take,
    AT_A_DESK,
    site=False,
    used=is_randomizing,
    warns=warn_who,
    watched=True,
)
BREAK_FOR_CALLER = Transaction(
    "break_for_caller",
    "",
    Permission.OPERATE,
    break_questions,
    run_break,
    AT_A_DESK,
    signed=True,
    site=False,
    used=is_randomizing,
    warns=_warn,
    watched=True,
)
DECLINE_CALLER = Transaction(
    "decline_caller",
    "",
    Permission.OPERATE,
    decline_questions,
    run_decline,
    AT_A_DESK,
    site=False,
    used=is_randomizing,
)
