"""Emergencies beside the dialogue: how a treatment can be told, and what goes on record.

Whatever is recorded here is written in the session that writes the turn, so that a turn told again
records nothing again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from sqlalchemy import Connection

from core import calls
from core.errors import IntegrityBreach, NotFound
from core.interview import Ask
from core.messages import Message
from core.transaction import Channel
from core.unblinding import reveals
from core.unblinding.common import who_it_is
from core.unblinding.failures import failed
from core.unblinding.openings import find_subject
from ivr import recording, requests
from ivr.dialogue import effects as fx
from ivr.dialogue.moves import CODE_BREAK, is_urgent
from ivr.dialogue.state import Stage, State
from ivr.requests import Line
from ivr.speech import NoVoice
from ivr.twiml import Telling

if TYPE_CHECKING:
    from core.runtime import Core

RECORDINGS: Final = "/ivr/recording/"
log = structlog.get_logger("ivr")
_WITH_SOMEBODY: Final = frozenset({Stage.OPERATOR, Stage.HELPDESK, Stage.ENDED})


class Work(Protocol):
    """What is needed here of the turn that is being worked out."""

    core: Core
    line: Line
    turn: int
    before: State | None
    study: str | None
    failures: list[Failure]


@dataclass(frozen=True, slots=True)
class Failure:
    """A try to break a code that came to nothing: why, as `core.unblinding.failures` has it."""

    why: str
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """How the treatment will be told: "recording", "voice", or "" and then by these operators."""

    by: str
    operators: fx.Operators


def find_way(core: Core, line: Line, state: State) -> Way:
    """Before a code is broken: a recording is rendered ahead, so that it won't fail afterwards."""
    found = requests.find_operators(core, line, fx.FindOperators(state.study_number))
    operators = found if isinstance(found, fx.Operators) else fx.Operators(())
    try:
        with core.reading() as db:
            config = reveals.config_of(core, db, state.study, dict(state.given).get("subject", ""))
        if config.study.say_treatment:
            return Way(reveals.VOICE, operators)
        recording.check(reveals.treatments(config), bool(config.phases), state.language)
    except NotFound:
        return Way("", operators)
    except NoVoice as why:
        log.error("no voice for recordings", language=state.language, why=str(why))
        return Way("", operators)
    return Way(reveals.RECORDING, operators)


def who(db: Connection, state: State, ask: Ask) -> tuple[Message, ...]:
    """Whose code it is, before the reason is asked: a wrong number is noticed at once."""
    if state.transaction != CODE_BREAK or ask.question.name != "reason":
        return ()
    found = find_subject(db, state.study, dict(state.given).get("subject", ""))
    return (who_it_is(found),) if found is not None else ()


def telling_of(core: Core, sid: str, turn: int, state: State) -> Telling:
    """What stands where the reply tells the treatment: nothing is opened for a recording's address;
    words are opened here, on record first."""
    if not state.tells:
        return ()
    if state.by == reveals.RECORDING:
        return f"{core.settings.public_url}{RECORDINGS}{reveals.token_of(core, sid, turn)}"
    try:
        return recording.words(reveals.say(core, sid, turn))
    except NotFound:
        return ()  # told already, or too long ago: the prompt offers to hear it again


def failures_in(state: State, answer: fx.Answer) -> list[Failure]:
    """What an answer to the dialogue means for the record."""
    match answer:
        case fx.ToOperator(why=why, subject=keyed) if why:
            return [Failure(why, keyed or None)]
        case fx.WrongAnswer(name="subject") if state.transaction == CODE_BREAK:
            return [Failure("subject_unknown", dict(state.given).get("subject"))]
    return []


def record(db: Connection, work: Work, state: State) -> None:
    """What this turn puts on record of an emergency, in the session that writes the turn."""
    before = work.before
    sought = before is None or before.stage not in _WITH_SOMEBODY
    if is_urgent(state) and state.stage in _WITH_SOMEBODY and sought and not state.name:
        work.failures.append(Failure("not_identified"))
    if state.unattended and not (before and before.unattended):
        work.failures.append(Failure("no_operator", dict(state.given).get("subject")))
    for one in work.failures:
        _fail(db, work.core, work.line.sid, state, one, work.study)
    if state.tells:
        reveals.prepare(
            work.core,
            db,
            sid=work.line.sid,
            turn=work.turn,
            language=state.language,
            user_id=state.user_id,
            study=state.study,
            subject=state.subject,
        )


def record_lost(db: Connection, core: Core, sid: str) -> None:
    """`record_end` of a call whose final status never came."""
    last = calls.last_turn(db, sid)
    if last is None:
        return
    try:
        state = State.load(calls.open_state(core, sid, last))
    except IntegrityBreach:  # which verification tells of; the call ends all the same
        log.error("state of a lost call not read", call=sid)
        return
    record_end(db, core, sid, state)


def record_end(db: Connection, core: Core, sid: str, state: State) -> None:
    """What the end of a call leaves undone: a code break begun and not confirmed, or a treatment
    that nobody heard."""
    subject = dict(state.given).get("subject") or state.subject or None
    if state.receipt:  # a code is broken, and the caller has not said that it is written down
        if not reveals.was_told(db, sid, state.subject):
            _fail(db, core, sid, state, Failure("not_told", subject))
        return
    begun = bool(state.signed_on) or state.transaction == CODE_BREAK
    if begun and state.stage not in _WITH_SOMEBODY:
        _fail(db, core, sid, state, Failure("cut_off", subject))


def _fail(
    db: Connection, core: Core, sid: str, state: State, what: Failure, dialled: str | None = None
) -> None:
    failed(
        core,
        db,
        state.study or dialled or calls.study_of(db, sid),
        what.why,
        actor=state.user_id if state.name else None,
        channel=Channel.PHONE,
        site=state.site or None,
        subject=what.subject,
    )
