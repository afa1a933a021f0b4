"""What went wrong at the pharmacy: a kit that the subject never got, or one given by mistake.

The site says so, the monitor approves. Words and facts are the same whatever the kits are, and
whether the wrong one was of the right type or not.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from core.access.roles import Permission
from core.context import Context
from core.db.models import lot, subject
from core.db.stock import not_given
from core.errors import KitNotUsable, NotAllowed
from core.facts import Facts, Record
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.subjects.status import REASON_CHARACTERS_MAX, day_has_come
from core.supply.dispense import dispenses
from core.supply.kits import lock_kits_with_expiry, set_kits, type_of
from core.supply.lifecycle import STEPS, check_step, state_of
from core.supply.quality import SCREENS
from core.transaction import Answers, Kind, Notice, Outcome, Question, Transaction

_TOLD: Final = ("pharmacist", "unblinded_pharmacist", "investigator", "study_manager")


def _is_put_aside(db: Connection, row: Any) -> bool:
    """Whether the kit was replaced as not given, and nobody has said yet where it was."""
    if row.disposition != "returned" or row.replaced_by is None or row.units_used is not None:
        return False
    query = select(not_given.c.id).where(
        not_given.c.kit_id == row.id, not_given.c.at >= row.dispensed_at
    )
    return db.execute(query).first() is None


def _check_never_got(db: Connection, row: Any, found: Record, today: dt.date) -> None:
    """Raises KitNotUsable for a kit that is not assigned to the subject, or came back from it."""
    if row.subject_id != found.id:
        raise KitNotUsable(Message("error.kit_not_of_subject", {"kit": Digits(row.number)}))
    if not _is_put_aside(db, row):
        check_step("take_back", (row,), today)


def _check_any(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    """Raises KitNotUsable for a subject to whom no kit is assigned."""
    found = facts.the_subject({"subject": value})
    if not facts.kits_of(found.id):
        raise KitNotUsable(Message("error.nothing_to_return", {"subject": Digits(value)}))
    return None


def _check_assigned(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    if (row := facts.kit(value)) is not None:
        _check_never_got(facts.db, row, facts.the_subject(answers), facts.today)
    return None


def _check_stored(
    config: StudyConfig, facts: Facts, answers: Answers, value: bool
) -> Message | None:
    """Nobody vouches for a kit that is at another site's pharmacy."""
    row, found = facts.kit(str(answers["kit"])), facts.the_subject(answers)
    if value and row is not None and row.site != found.site:
        return Message("error.stored_elsewhere", {"kit": Digits(row.number)})
    return None


_DETAILS: Final = Question("details", Kind.TEXT, optional=True, high=REASON_CHARACTERS_MAX)


def never_got_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whose, which kit, and whether it was in the pharmacy's storage all the time."""
    return (
        Question("subject", Kind.SUBJECT, check=_check_any, digits=(1, 16)),
        Question("kit", Kind.KIT, check=_check_assigned, digits=(8, 8)),
        Question("storage_confirmed", Kind.YES_NO, check=_check_stored),
        _DETAILS,
    )


def handed_over(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Message, ...]:
    """A warning, where the record says that the kit was handed over."""
    row = facts.kit(str(answers["kit"]))
    if row is None or row.confirmed_at is None:
        return ()
    return (Message("warn.handed_over", {"kit": Digits(row.number)}),)


def run_never_got(context: Context, answers: Answers) -> Outcome:
    """Back to the shelf if it never left the pharmacy's control, among the returns otherwise.

    A kit of a lot that was recalled meanwhile goes among the returns in any case.
    """
    found = _of_a_site_of_mine(context, answers)
    (row,) = lock_kits_with_expiry(context.db, context.study, [str(answers["kit"])])
    today = context.facts.today_at(found.site)
    _check_never_got(context.db, row, found, today)
    status = context.db.scalar(select(lot.c.status).where(lot.c.id == row.lot_id))
    step = "take_back_replaced" if _is_put_aside(context.db, row) else "take_back"
    if not answers["storage_confirmed"] or status == "recalled":
        step = "take_back_returned"
    is_back = STEPS[step].after == "available"
    visit = next((one for one in context.facts.visits(found.id) if one.id == row.visit_id), None)
    released = {"subject_id": None, "visit_id": None, "dispensed_at": None}
    values = {**STEPS[step].values, "confirmed_at": None}
    set_kits(context.db, [row.id], **values, **(released if is_back else {}))
    _lacks(context, row, found.id)
    facts = {
        "kit": row.number,
        "visit": visit.code if visit is not None else None,
        "storage_confirmed": answers["storage_confirmed"],
        "before": row.disposition,
        "after": STEPS[step].after,
        "replaced_by": row.replaced_by,
        "details": answers.get("details"),
    }
    params: dict[str, Param] = {"subject": Digits(found.number), "kit": Digits(row.number)}
    said = "said.taken_back" if is_back else "said.taken_back_returned"
    return Outcome(Message(said, params), facts, subject=found.number)


def _lacks(context: Context, row: Any, subject_id: int) -> None:
    """The subject never got this kit, and may be given another in its place if that is not done."""
    context.db.execute(
        insert(not_given),
        {
            "subject_id": subject_id,
            "kit_id": row.id,
            "visit_id": row.visit_id,
            "at": context.now,
            "replaced_by": row.replaced_by,
        },
    )


def _of_a_site_of_mine(context: Context, answers: Answers) -> Record:
    """The subject, at a site where the person may approve this: it may have moved since."""
    found = context.facts.the_subject(answers)
    if not context.actor.may(Permission.DEVIATIONS, context.study, found.site):
        raise NotAllowed
    return found


def _check_wrong(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    row, found = facts.kit(value), facts.the_subject(answers)
    if row is None or row.site != found.site:
        return Message("error.kit_unknown", {"number": Digits(value)})
    _check_misallocable(row, found, facts.today)
    return None


def _check_misallocable(row: Any, found: Record, today: dt.date) -> None:
    """Raises KitNotUsable for a kit that cannot have been given, or that was the subject's own."""
    check_step("misallocate", (row,), today)
    if row.disposition == "dispensed" and row.subject_id == found.id:
        raise KitNotUsable(Message("error.kit_is_own", {"kit": Digits(row.number)}))


def _check_date(
    config: StudyConfig, facts: Facts, answers: Answers, value: dt.date
) -> Message | None:
    return day_has_come(value, facts.today_at(facts.the_subject(answers).site))


def wrong_kit_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Who got it, treated or not, which kit, and when."""
    return (
        Question("subject", Kind.SUBJECT, digits=(1, 16)),
        Question("kit", Kind.KIT, check=_check_wrong, digits=(8, 8)),
        Question("given_date", Kind.DATE, check=_check_date),
        _DETAILS,
    )


def run_wrong_kit(context: Context, answers: Answers) -> Outcome:
    """The kit is that of the subject who really got it. Whoever it was meant for lacks it, and the
    subject's own kit stays assigned until it is said what became of it."""
    found = _of_a_site_of_mine(context, answers)
    (row,) = lock_kits_with_expiry(context.db, context.study, [str(answers["kit"])])
    today = context.facts.today_at(found.site)
    _check_misallocable(row, found, today)
    meant_for = _meant_for(context, row)
    if meant_for is not None:
        _lacks(context, row, row.subject_id)
    set_kits(
        context.db,
        [row.id],
        **STEPS["misallocate"].values,
        subject_id=found.id,
        visit_id=None,
        dispensed_at=context.now,
        confirmed_at=None,
        replaced_by=None,
    )
    facts = {
        "kit": row.number,
        "before": state_of(row, today),
        "after": "misallocated",
        "given_date": answers["given_date"],
        "meant_for": meant_for,
        "details": answers.get("details"),
        "deviation": "wrong_kit",
    }
    kind = type_of(context.keys, row)
    secret = {f"kit_type_{row.number}": context.seal(f"given|{row.number}", kind)}
    params: dict[str, Param] = {"subject": Digits(found.number), "kit": Digits(row.number)}
    told = Message("sms.wrong_kit", {"subject": Digits(found.number)})
    notice = Notice(told, roles=_TOLD, site=found.site)
    said = Message("said.wrong_kit", params)
    return Outcome(said, facts, secret, (notice,), subject=found.number)


def _meant_for(context: Context, row: Any) -> str | None:
    """The number of the subject to whom the kit was assigned, if any."""
    if row.disposition != "dispensed":
        return None
    query = select(subject.c.number).where(subject.c.id == row.subject_id)
    number: str | None = context.db.scalar(query)
    return number


NEVER_GOT_IT = Transaction(
    "never_got_it",
    "",
    Permission.DRUG,
    never_got_questions,
    run_never_got,
    SCREENS,
    signers=(Permission.DEVIATIONS,),
    used=dispenses,
    warns=handed_over,
)
WRONG_KIT = Transaction(
    "wrong_kit",
    "",
    Permission.DRUG,
    wrong_kit_questions,
    run_wrong_kit,
    SCREENS,
    signed=True,
    signers=(Permission.DEVIATIONS,),
    used=dispenses,
)
