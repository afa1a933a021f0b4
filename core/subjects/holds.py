"""The urgent hold: signed, and from then on screening, randomization or dispensing is refused.

`check_hold` is the only place that looks at holds, and screening, randomization and dispensing are
all that ask it: a code break, a receipt, a visit without drug never meet one. Whoever is refused
hears the same words whatever is held and why, at the same step of the deed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, func, insert, select, update

from core.access.roles import Permission
from core.context import Context
from core.db.drawing import hold
from core.db.models import chain, site
from core.db.prepared import Prepared
from core.errors import HoldNotOpen, OnHold
from core.facts import Facts, Record
from core.messages import Digits, Message, Param
from core.sealed import Sealed
from core.study.schema import IN_SEQUENCE, StudyConfig
from core.subjects.levels import current_levels
from core.subjects.status import REASON_CHARACTERS_MAX
from core.transaction import (
    Answers,
    Channel,
    Check,
    Choice,
    Kind,
    Notice,
    Outcome,
    Question,
    Transaction,
    Value,
    When,
)

SCREENING: Final = "screening"
RANDOMIZATION: Final = "randomization"
DISPENSING: Final = "dispensing"
STOPS: Final = (SCREENING, RANDOMIZATION, DISPENSING)
SCOPES: Final = ("study", "country", "site", "stratum", "cohort", "arm")
_, COUNTRY, SITE, STRATUM, COHORT, ARM = SCOPES
_NARROW: Final = frozenset({STRATUM, COHORT, ARM})  # nobody in screening is known to be in one
_ANY: Final = "any"
_STAFF: Final = ("investigator", "coordinator", "pharmacist", "unblinded_pharmacist", "monitor")
_OFFICE: Final = frozenset({Channel.WEB, Channel.API, Channel.COMMAND})

_columns = (hold.c.number, hold.c.scope, hold.c.value, hold.c.arm, hold.c.stops)
_is_open = hold.c.lifted_at.is_(None)
_open = Prepared(select(*_columns).where(hold.c.study == bindparam("s"), _is_open))
_counted = Prepared(
    select(chain.c.holds, *_columns)
    .outerjoin(hold, and_(hold.c.study == chain.c.study, _is_open))
    .where(chain.c.study == bindparam("s"))
)
_changed = update(chain).where(chain.c.study == bindparam("s")).values(holds=chain.c.holds + 1)


def stop_words(what: str) -> Message:
    """What a hold stops, in words."""
    return Message(f"word.held_{what}")


def hold_about(study: str, number: str) -> str:
    """What the arm of a hold is bound to."""
    return f"{study}|hold|{number}"


def check_hold(
    context: Context,
    what: str,
    *,
    levels: Mapping[str, str] | None = None,
    found: Record | None = None,
    cohort: int | None = None,
    arm: str | None = None,
) -> None:
    """Refuse what is on hold here: `what` is one of STOPS.

    `levels` are those drawn with, else the current ones of the subject `found`; `cohort` likewise;
    `arm` is the one that kits would be given for. One indexed statement. Raises OnHold.
    """
    rows = _counted.all(context.db, {"s": context.study})
    if rows:
        # Deeds under way lock no hold: whoever finds another number at the head looks again.
        context.facts.holds = rows[0].holds
    held = [row for row in rows if row.stops is not None and f" {what} " in row.stops]
    if not held:
        return
    if levels is None and found is not None:
        levels = current_levels(found)
    if cohort is None and found is not None:
        cohort = found.cohort
    if any(_concerns(context, row, what, levels, cohort, arm) for row in held):
        raise OnHold(what=stop_words(what))


def _concerns(
    context: Context,
    row: Any,
    what: str,
    levels: Mapping[str, str] | None,
    cohort: int | None,
    arm: str | None,
) -> bool:
    match row.scope:
        case "country" | "site":
            return _is_at(row, context.facts.here)
        case "stratum":
            wanted = json.loads(row.value).items()
            return levels is not None and all(levels.get(name) == one for name, one in wanted)
        case "cohort":
            return cohort is not None and str(cohort) == row.value
        case "arm":
            # Drawing for the others alone, or giving kits to them alone, would tell who is on it.
            if what != DISPENSING or context.config.is_blinded or arm is None:
                return True
            held = context.keys.open(Sealed(row.arm, hold_about(context.study, row.number)))
            return held in arm.split(IN_SEQUENCE)
    return True


def _is_at(row: Any, here: Any) -> bool:
    """Whether a hold is one of this site: every one is that is not of another site or country."""
    if row.scope == COUNTRY:
        return bool(row.value == here.country)
    return bool(row.scope != SITE or row.value == here.number)


def held_at(db: Connection, study: str, number: str) -> tuple[str, ...]:
    """What somebody at the site may be refused, of STOPS: the same whatever the scope within it."""
    rows = _open.all(db, {"s": study})
    if not rows:
        return ()
    here = db.execute(
        select(site.c.number, site.c.country).where(site.c.study == study, site.c.number == number)
    ).one()
    stopped = " ".join(row.stops for row in rows if _is_at(row, here)).split()
    return tuple(what for what in STOPS if what in stopped)


def _scopes(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    has = {
        STRATUM: bool(config.asked_factors) and config.has_randomization,
        COHORT: config.escalation is not None,
        ARM: config.has_randomization,
    }
    return tuple(
        Choice(str(place), scope, Message(f"choice.hold_{scope}"))
        for place, scope in enumerate(SCOPES, start=1)
        if has.get(scope, True)
    )


def _of_scope(scope: str) -> When:
    def when(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
        return answers.get("hold_scope") == scope

    return when


def _countries(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    query = select(site.c.country).where(site.c.study == facts.study).distinct()
    return tuple(
        Choice(str(place), country, Message("choice.as_it_is", {"value": country}))
        for place, country in enumerate(facts.db.scalars(query.order_by(site.c.country)), start=1)
    )


def _levels_or_any(place: int) -> Callable[..., tuple[Choice, ...]]:
    def choices(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
        levels = config.asked_factors[place].levels
        listed = tuple(
            Choice(str(key), level.value, level.labels) for key, level in enumerate(levels, start=1)
        )
        return (*listed, Choice(str(len(listed) + 1), _ANY, Message("choice.any_level")))

    return choices


def _some_level(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    """Any of each would be the whole study."""
    chosen = [answers[factor.name] for factor in config.asked_factors[:-1]]
    return Message("error.hold_no_level") if {*chosen, value} == {_ANY} else None


def _arms(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), arm.code, arm.labels) for place, arm in enumerate(config.arms, start=1)
    )


def _stoppable(config: StudyConfig, answers: Answers) -> tuple[str, ...]:
    """What this study does and a hold of this scope can stop."""
    does = {
        SCREENING: config.screening is not None and answers.get("hold_scope") not in _NARROW,
        RANDOMIZATION: config.has_randomization,
        DISPENSING: config.dispenses,
    }
    return tuple(what for what in STOPS if does[what])


def _can_stop(what: str) -> When:
    def when(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
        return what in _stoppable(config, answers)

    return when


def _stops_something(what: str) -> Check:
    def check(config: StudyConfig, facts: Facts, answers: Answers, value: Value) -> Message | None:
        asked = _stoppable(config, answers)
        earlier = any(answers.get(f"hold_{one}") is True for one in asked)
        if value is not True and not earlier and what == asked[-1]:
            return Message("error.hold_stops_nothing")
        return None

    return check


def place_questions(config: StudyConfig) -> tuple[Question, ...]:
    """What is held, what stops, and why."""
    factors = config.asked_factors
    return (
        Question("hold_scope", Kind.CHOICE, choices=_scopes),
        Question("hold_country", Kind.CHOICE, when=_of_scope(COUNTRY), choices=_countries),
        Question("hold_site", Kind.SITE, when=_of_scope(SITE), digits=(1, 11)),
        *(
            Question(
                factor.name,
                Kind.CHOICE,
                when=_of_scope(STRATUM),
                choices=_levels_or_any(place),
                check=_some_level if place == len(factors) - 1 else None,
                title=factor.labels,
            )
            for place, factor in enumerate(factors)
        ),
        Question(
            "hold_cohort", Kind.NUMBER, when=_of_scope(COHORT), low=1, high=999, digits=(1, 3)
        ),
        Question("hold_arm", Kind.CHOICE, when=_of_scope(ARM), choices=_arms),
        *(
            Question(
                f"hold_{what}", Kind.YES_NO, when=_can_stop(what), check=_stops_something(what)
            )
            for what in STOPS
        ),
        _reason_question(),
    )


def _reason_question() -> Question:
    return Question("hold_reason", Kind.TEXT, high=REASON_CHARACTERS_MAX)


def _value(config: StudyConfig, answers: Answers) -> str | None:
    match answers["hold_scope"]:
        case "country":
            return str(answers["hold_country"])
        case "site":
            return str(answers["hold_site"])
        case "cohort":
            return str(answers["hold_cohort"])
        case "stratum":
            levels = {factor.name: answers[factor.name] for factor in config.asked_factors}
            return json.dumps({name: one for name, one in levels.items() if one != _ANY})
    return None


def run_place(context: Context, answers: Answers) -> Outcome:
    """From now on it is refused; what was done before stays."""
    query = select(func.count()).select_from(hold).where(hold.c.study == context.study)
    number = str(1 + (context.db.scalar(query) or 0))
    scope, value = str(answers["hold_scope"]), _value(context.config, answers)
    stops = tuple(what for what in STOPS if answers.get(f"hold_{what}") is True)
    arm = None
    if scope == ARM:
        about = hold_about(context.study, number)
        arm = context.keys.seal(about, str(answers["hold_arm"]))
    context.db.execute(
        insert(hold),
        {
            "study": context.study,
            "number": number,
            "scope": scope,
            "value": value,
            "arm": arm.token if arm else None,
            "stops": f" {' '.join(stops)} ",
            "placed_at": context.now,
            "placed_by": context.actor.user_id,
        },
    )
    context.db.execute(_changed, {"s": context.study})
    facts = {"hold": number, "scope": scope, "value": value, "stops": list(stops)}
    why, secret = _reason(context, scope, number, str(answers["hold_reason"]))
    told = {"what": tuple(stop_words(what) for what in stops)}
    return Outcome(
        Message("said.place_hold", {"number": Digits(number), **told}),
        {**facts, **why},
        {**secret, **({"arm": arm} if arm else {})},
        tuple(_notices(context, "sms.place_hold", scope, value, stops)),
    )


def _reason(
    context: Context, scope: str, number: str, reason: str
) -> tuple[dict[str, str], dict[str, Sealed]]:
    """The reason in clear, or sealed where it may say which arm is held."""
    if scope != ARM:
        return {"reason": reason}, {}
    return {}, {"reason": context.seal(f"hold|{number}|reason", reason)}


def _notices(
    context: Context, text: str, scope: str, value: str | None, stops: Sequence[str]
) -> Iterator[Notice]:
    """To the staff of the sites concerned: no scope within a site, no reason."""
    words = tuple(Message(f"sms.held_{what}") for what in stops)
    params: dict[str, Param] = {"study": context.study, "what": words}
    if scope not in (COUNTRY, SITE):
        yield Notice(Message(text, params), roles=_STAFF)
        return
    column = site.c.country if scope == COUNTRY else site.c.number
    query = select(site.c.number).where(site.c.study == context.study, column == value)
    for number in context.db.scalars(query.order_by(site.c.number)):
        yield Notice(Message(text, params), roles=_STAFF, site=number)


def list_open(db: Connection, study: str) -> list[Any]:
    """The holds in force, the oldest first."""
    return sorted(_open.all(db, {"s": study}), key=lambda row: int(row.number))


def _open_holds(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    rows = list_open(facts.db, facts.study)
    if not rows:
        raise HoldNotOpen
    return tuple(
        Choice(
            str(place),
            row.number,
            Message(
                "choice.hold",
                {"number": Digits(row.number), "scope": Message(f"choice.hold_{row.scope}")},
            ),
        )
        for place, row in enumerate(rows, start=1)
    )


def lift_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which hold, and why it ends."""
    return (
        Question("hold", Kind.CHOICE, choices=_open_holds),
        _reason_question(),
    )


def run_lift(context: Context, answers: Answers) -> Outcome:
    """What was held goes on, unless another hold stops it."""
    number = str(answers["hold"])
    of_study = (hold.c.study == context.study) & (hold.c.number == number)
    row = context.db.execute(select(hold).where(of_study).with_for_update()).one()
    if row.lifted_at is not None:
        raise HoldNotOpen
    context.db.execute(
        update(hold).where(of_study).values(lifted_at=context.now, lifted_by=context.actor.user_id)
    )
    context.db.execute(_changed, {"s": context.study})
    stops = tuple(row.stops.split())
    told = {"what": tuple(stop_words(what) for what in stops)}
    why, secret = _reason(context, row.scope, number, str(answers["hold_reason"]))
    facts = {"hold": number, "scope": row.scope, "value": row.value, "stops": list(stops), **why}
    return Outcome(
        Message("said.lift_hold", {"number": Digits(number), **told}),
        facts,
        secret,
        tuple(_notices(context, "sms.lift_hold", row.scope, row.value, stops)),
    )


PLACE_HOLD = Transaction(
    "place_hold",
    "",
    Permission.HOLDS,
    place_questions,
    run_place,
    _OFFICE,
    signed=True,
    site=False,
)
LIFT_HOLD = Transaction(
    "lift_hold", "", Permission.HOLDS, lift_questions, run_lift, _OFFICE, signed=True, site=False
)
