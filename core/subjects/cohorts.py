"""Cohorts of a dose escalation: each is opened by a signed decision, on what the one before showed.

What is counted and shown is the cohort as a whole, never an arm of it. Where a cohort has controls
the rule is asked as if every toxicity had been on the dose: that errs on the safe side, and tells
nothing about who is on what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, case, func, insert, select, update

from core.access.roles import Permission
from core.context import Context
from core.db.drawing import cohort, response
from core.db.models import subject
from core.errors import CohortFull, InvalidInput, NoCohortOpen, ResponsesMissing
from core.facts import Facts, Record
from core.messages import Message, Param
from core.randomization.escalation import Action, boin_decision, three_plus_three
from core.study.conduct import Escalation
from core.study.schema import StudyConfig
from core.subjects.screen import AT_A_DESK
from core.transaction import Answers, Choice, Kind, Outcome, Question, Transaction

OPEN: Final = "open"
ESCALATE: Final = "escalate"
STAY: Final = "stay"
DE_ESCALATE: Final = "de_escalate"
STOP: Final = "stop"
DECISIONS: Final = (OPEN, ESCALATE, STAY, DE_ESCALATE, STOP)
_BY_LEVELS: Final = {1: ESCALATE, 0: STAY, -1: DE_ESCALATE}


@dataclass(frozen=True, slots=True)
class Place:
    """A subject's place in a cohort: its number, and the arms open to the subject."""

    cohort: int
    among: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """One cohort: its dose (an index, lowest first), subjects, answers and toxicities so far."""

    number: int
    dose: int
    randomized: int
    answered: int
    toxic: int


def escalates(config: StudyConfig) -> bool:
    """Whether subjects are randomized in cohorts."""
    return config.escalation is not None


def find_latest(db: Connection, study: str, *, locking: bool = False) -> Record | None:
    """The newest cohort of the study, open or closed; None before the first."""
    query = select(cohort).where(cohort.c.study == study).order_by(cohort.c.number.desc()).limit(1)
    if not locking:
        return db.execute(query).one_or_none()
    found = db.execute(query.with_for_update()).one_or_none()
    if found is not None and found.closed_at is not None:
        # PostgreSQL gives the row that it waited for, closed meanwhile; a newer one may be open.
        found = db.execute(query.with_for_update()).one_or_none()
    return found


def take_place(context: Context) -> Place | None:
    """A place in the open cohort, which is locked; None in a study without cohorts. Raises
    NoCohortOpen, CohortFull."""
    rule = context.config.escalation
    if rule is None:
        return None
    latest = find_latest(context.db, context.study, locking=True)
    if latest is None or latest.closed_at is not None:
        raise NoCohortOpen
    if latest.randomized >= rule.size:
        raise CohortFull(cohort=latest.number)
    context.db.execute(
        update(cohort)
        .where(cohort.c.study == context.study, cohort.c.number == latest.number)
        .values(randomized=cohort.c.randomized + 1)
    )
    return Place(latest.number, (latest.dose, *rule.controls))


def list_tallies(db: Connection, study: str, rule: Escalation) -> tuple[Tally, ...]:
    """The cohorts so far, the first one first."""
    toxic = func.sum(case((response.c.answer, 1), else_=0))
    query = (
        select(
            cohort.c.number,
            cohort.c.dose,
            cohort.c.randomized,
            func.count(response.c.subject_id),
            func.coalesce(toxic, 0),
        )
        .outerjoin(
            subject, (subject.c.study == cohort.c.study) & (subject.c.cohort == cohort.c.number)
        )
        .outerjoin(response, response.c.subject_id == subject.c.id)
        .where(cohort.c.study == study)
        .group_by(cohort.c.number, cohort.c.dose, cohort.c.randomized)
        .order_by(cohort.c.number)
    )
    return tuple(
        Tally(number, rule.doses.index(dose), randomized, answered, int(bad))
        for number, dose, randomized, answered, bad in db.execute(query)
    )


def advise(config: StudyConfig, rule: Escalation, tallies: Sequence[Tally]) -> str | None:
    """What the rule advises after the last cohort; None where it has nothing to say."""
    treated, toxic = [0] * len(rule.doses), [0] * len(rule.doses)
    for one in tallies:
        at_dose = _at_dose(config, rule, one)
        treated[one.dose] += at_dose
        toxic[one.dose] += min(one.toxic, at_dose)
    current = tallies[-1].dose
    try:
        if rule.rule == "three_plus_three" or rule.target is None:
            found = three_plus_three(treated, toxic)
        else:
            found = boin_decision(rule.target, treated, toxic, current)
    except ValueError:
        return None  # more than the rule provides for, or nobody treated yet
    if found.action is Action.STOP or found.dose is None:
        return STOP
    return _BY_LEVELS[(found.dose > current) - (found.dose < current)]


def _at_dose(config: StudyConfig, rule: Escalation, one: Tally) -> int:
    """How many of a cohort are on its dose, by the shares alone."""
    dose = config.ratio[rule.doses[one.dose]]
    controls = sum(config.ratio[arm] for arm in rule.controls)
    return one.answered * dose // (dose + controls)


def _standing(config: StudyConfig, facts: Facts) -> tuple[Escalation, tuple[Tally, ...]]:
    """The rule and the cohorts, under the lock of the open one. Raises NoCohortOpen after the
    escalation was stopped, ResponsesMissing."""
    rule = config.escalation
    if rule is None:
        raise NoCohortOpen
    latest = find_latest(facts.db, facts.study, locking=facts.locking)
    if latest is None:
        return rule, ()
    if latest.closed_at is not None:
        raise NoCohortOpen(Message("error.escalation_stopped"))
    tallies = list_tallies(facts.db, facts.study, rule)
    missing = tallies[-1].randomized - tallies[-1].answered
    if missing:
        raise ResponsesMissing(cohort=latest.number, count=missing)
    return rule, tallies


def _decisions(rule: Escalation, tallies: Sequence[Tally]) -> tuple[str, ...]:
    if not tallies:
        return (OPEN,)
    last = tallies[-1]
    if not last.randomized:
        return (STOP,)
    up = (ESCALATE,) if last.dose + 1 < len(rule.doses) else ()
    down = (DE_ESCALATE,) if last.dose else ()
    return (*up, STAY, *down, STOP)


def _choices(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), decision, Message(f"choice.cohort_{decision}"))
        for place, decision in enumerate(_decisions(*_standing(config, facts)), start=1)
    )


def _is_against(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    rule, tallies = _standing(config, facts)
    # One that another's decision made impossible just now is refused as such, by `run`.
    decision, advised = answers.get("decision"), advise(config, rule, tallies) if tallies else None
    return bool(tallies) and decision in _decisions(rule, tallies) and decision != advised


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """What follows, and why, where it is not what the rule advises."""
    return (
        Question("decision", Kind.CHOICE, choices=_choices),
        Question("reason", Kind.TEXT, when=_is_against),
    )


def show_counts(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Message, ...]:
    """What the signer is shown first: the counts of the dose, all its cohorts and arms together,
    and what the rule advises."""
    rule, tallies = _standing(config, facts)
    if not tallies:
        return ()
    treated, toxic = _at_level(tallies)
    params: dict[str, Param] = {
        "cohort": tallies[-1].number,
        "level": tallies[-1].dose + 1,
        "treated": treated,
        "toxic": toxic,
    }
    advice = advise(config, rule, tallies)
    if advice is None:
        return (Message("warn.cohort_counts", params), Message("warn.cohort_no_advice"))
    words = Message(f"choice.cohort_{advice}")
    return (
        Message("warn.cohort_counts", params),
        Message("warn.cohort_advice", {"advice": words}),
    )


def _at_level(tallies: Sequence[Tally]) -> tuple[int, int]:
    """Treated and toxic at the dose of the last cohort."""
    alike = [one for one in tallies if one.dose == tallies[-1].dose]
    return sum(one.answered for one in alike), sum(one.toxic for one in alike)


def run(context: Context, answers: Answers) -> Outcome:
    """Close the cohort and open the next one, unless the escalation stops."""
    rule, tallies = _standing(context.config, context.facts)
    decision = str(answers["decision"])
    if decision not in (known := _decisions(rule, tallies)):
        # Before the first cohort there was no row to lock: another one opened it meanwhile.
        raise InvalidInput("decision", Message("error.choice", {"values": ", ".join(known)}))
    facts: dict[str, object] = dict.fromkeys(("cohort", "level", "treated", "toxic", "advice"))
    if tallies:
        last, (treated, toxic) = tallies[-1], _at_level(tallies)
        facts = {
            "cohort": last.number,
            "level": last.dose + 1,
            "treated": treated,
            "toxic": toxic,
            "advice": advise(context.config, rule, tallies),
        }
        context.db.execute(
            update(cohort)
            .where(cohort.c.study == context.study, cohort.c.number == last.number)
            .values(closed_at=context.now, decision=decision)
        )
    opened = None if decision == STOP else _open(context, rule, tallies, decision)
    facts |= {
        "decision": decision,
        "reason": answers.get("reason"),
        "opened": opened.number if opened else None,
        "opened_level": opened.dose + 1 if opened else None,
    }
    if opened is None:
        return Outcome(Message("said.escalation_stopped"), facts)
    params: dict[str, Param] = {"cohort": opened.number, "level": opened.dose + 1}
    return Outcome(Message("said.cohort_opened", params), facts)


def _open(context: Context, rule: Escalation, tallies: Sequence[Tally], decision: str) -> Tally:
    step = next((by for by, name in _BY_LEVELS.items() if name == decision), 0)
    number, dose = (tallies[-1].number + 1, tallies[-1].dose + step) if tallies else (1, 0)
    context.db.execute(
        insert(cohort),
        {
            "study": context.study,
            "number": number,
            "dose": rule.doses[dose],
            "randomized": 0,
            "opened_at": context.now,
            "opened_by": context.actor.user_id,
        },
    )
    return Tally(number, dose, 0, 0, 0)


DECIDE_COHORT = Transaction(
    "decide_cohort",
    "",
    Permission.COHORTS,
    questions,
    run,
    AT_A_DESK,
    signed=True,
    site=False,
    used=escalates,
    warns=show_counts,
)
