"""Transactions by telephone: asking on, doing, refusing, each stored with the turn that did it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection

from core import calls, interview
from core.access.roles import Actor, load_actor
from core.access.signin import sign
from core.errors import (
    InvalidInput,
    IxrsError,
    LockedOut,
    MustWait,
    NotAuthenticated,
    NotFound,
    Refused,
    Unavailable,
)
from core.facts import Facts
from core.interview import Ask, Complete, Wrong
from core.messages import Digits, Message
from core.perform import perform, refuse
from core.register import find
from core.transaction import Channel, Kind, Receipt, Signature
from ivr import emergency
from ivr.dialogue import effects as fx
from ivr.dialogue.engine import step
from ivr.dialogue.moves import CODE_BREAK
from ivr.dialogue.state import State
from ivr.requests import Line, for_the_ear

if TYPE_CHECKING:
    from core.runtime import Core


class Work(Protocol):
    """What a deed needs of the turn that it is done in."""

    core: Core
    line: Line
    turn: int
    now: dt.datetime

    def store(self, db: Connection, state: State, receipt_id: int | None = None) -> None:
        """Write the turn in the deed's own database transaction."""


def consult(work: Work, state: State) -> fx.Answer:
    """What comes next in the transaction. A refusal found while asking is put on record."""
    notes: tuple[Message, ...] = ()
    with work.core.reading() as db:
        actor = load_actor(db, state.user_id, work.now)
        try:
            notes = _notes(work, db, actor, state)
            return _found(work, db, actor, state, notes)
        except Refused as error:
            refused = error
        except Unavailable:
            raise
        except IxrsError as error:
            if state.transaction == CODE_BREAK and isinstance(error, NotFound):
                raise  # no role here any more: the caller is put through, on record
            return fx.Refused(for_the_ear(error.message), notes)
    return _refuse(work, actor, state, refused, notes)


def _site(state: State) -> str | None:
    """The site that the transaction is done at; None for what belongs to the study or person."""
    return (state.site or None) if find(state.transaction).site else None


def _notes(work: Work, db: Connection, actor: Actor, state: State) -> tuple[Message, ...]:
    """What a colleague's cut call did for the subject that has just been keyed."""
    if state.asked is None or state.asked.kind is not Kind.SUBJECT or not state.given:
        return ()
    name, subject = state.given[-1]
    if name != state.asked.name:
        return ()
    site = state.site or None
    told = calls.untold_about(db, work.core, actor, state.study, site, subject)
    return tuple(for_the_ear(note) for note in told)


def _found(
    work: Work, db: Connection, actor: Actor, state: State, notes: tuple[Message, ...]
) -> fx.Answer:
    transaction, site = find(state.transaction), _site(state)
    found = interview.advance(
        work.core, db, transaction, actor, state.study, site, dict(state.given)
    )
    match found:
        case Ask():
            return fx.Asking(asked_of(found), (*notes, *emergency.who(db, state, found)))
        case Wrong(name, message):
            return fx.WrongAnswer(name, for_the_ear(message))
        case Complete():
            today = None
            if found.signed:
                surroundings = Facts(
                    db, work.core, actor=actor, study=state.study, site=site, now=work.now
                )
                today = surroundings.today
            read_back = tuple(_sentence(one) for one in found.read_back)
            warnings = tuple(_sentence(one) for one in found.warnings)
            if state.transaction == CODE_BREAK:  # who it is has the number in it: said once
                read_back, warnings = (*warnings, *read_back[1:]), ()
            return fx.Complete(read_back, warnings, found.signed, today, notes)


def asked_of(ask: Ask) -> fx.Asked:
    """A question of the core as the engine keeps it."""
    keyed = tuple((choice.key, choice.value, choice.label) for choice in ask.choices)
    question = ask.question
    text = interview.words("ask", question)
    return fx.Asked(question.name, question.kind, text, keyed, question.unit)


def _sentence(message: Message) -> Message:
    """A line of the read-back; a deed that is only named (a proposal's) gets its own words."""
    heard = for_the_ear(message)
    return Message("read.proposed", {"deed": heard}) if heard.id.startswith("deed.") else heard


def _refuse(
    work: Work, actor: Actor, state: State, refused: Refused, notes: tuple[Message, ...]
) -> fx.Answer:
    """Record what will be refused whatever else is keyed; the turn goes with it."""
    answers: list[fx.Answer] = []

    def also(db: Connection, result: Receipt | Refused) -> None:
        answers.append(_stored(work, db, state, result, notes))

    try:
        refuse(
            work.core,
            find(state.transaction),
            dict(state.given),
            refused,
            actor=actor,
            study=state.study,
            site=_site(state),
            channel=Channel.PHONE,
            request_id=_request_id(work),
            also=also,
        )
    except Refused as error:
        return answers[-1] if answers else fx.Refused(for_the_ear(error.message), notes)
    return answers[-1]


def do(work: Work, state: State, request: fx.Perform) -> fx.Answer:
    """Do the deed, once for this turn, signed where it has to be."""
    answers: list[fx.Answer] = []
    way: emergency.Way | None = None
    if state.transaction == CODE_BREAK:
        way = emergency.find_way(work.core, work.line, state)

    def also(db: Connection, result: Receipt | Refused) -> None:
        answers.append(_stored(work, db, state, result, (), way))

    with work.core.reading() as db:
        actor = load_actor(db, state.user_id, work.now)
    try:
        perform(
            work.core,
            find(state.transaction),
            dict(state.given),
            actor=actor,
            study=state.study,
            site=_site(state),
            channel=Channel.PHONE,
            request_id=_request_id(work),
            signature=_signature(work, actor, state, request.pin),
            also=also,
        )
    except NotAuthenticated as wrong:
        return fx.WrongPin(wrong.message)
    except (LockedOut, MustWait) as held:
        return fx.Blocked(held.message)
    except InvalidInput as wrong:
        return fx.WrongAnswer(wrong.field, for_the_ear(wrong.message))
    except Unavailable:
        raise
    except IxrsError as error:
        if state.transaction == CODE_BREAK and not actor.sees_study(state.study):
            raise  # as while asking; otherwise it is on record already
        return answers[-1] if answers else fx.Refused(for_the_ear(error.message))
    return answers[-1]


def _signature(work: Work, actor: Actor, state: State, pin: str) -> Signature | None:
    """By the PIN keyed now; in an emergency the one that signing on has made."""
    if state.signed_on:
        at = dt.datetime.fromisoformat(state.signed_on)
        return Signature(actor.user_id, actor.name, state.transaction, at, "PIN")
    if not pin:
        return None
    return sign(
        work.core,
        actor,
        pin,
        meaning=state.transaction,
        source=work.line.caller,
        channel=Channel.PHONE,
        emergency=state.emergency,
    )


def _request_id(work: Work) -> str:
    return f"{work.line.sid}:{work.turn}"


def _stored(
    work: Work,
    db: Connection,
    state: State,
    result: Receipt | Refused,
    notes: tuple[Message, ...],
    way: emergency.Way | None = None,
) -> fx.Answer:
    """The answer to the engine, its turn written in the deed's own database transaction."""
    if isinstance(result, Refused):
        receipt_id = calls.receipt_id_of(db, state.study, state.user_id, _request_id(work))
        answer: fx.Answer = fx.Refused(for_the_ear(result.message), notes, receipt_id)
    elif way is not None:
        receipt_id = result.id
        answer = fx.Broken(_told(result), result.id, way.by, way.operators)
    else:
        receipt_id = result.id
        answer = fx.Done(_told(result), result.id)
    following, _ = step(state, answer)
    work.store(db, following, receipt_id)
    return answer


def _told(receipt: Receipt) -> tuple[Message, ...]:
    if receipt.transaction == "repeat":  # which tells the number of the deed that it repeats
        return (for_the_ear(receipt.said),)
    number = Message("result.confirmation", {"confirmation": Digits(receipt.confirmation)})
    pending = (Message("result.pending"),) if receipt.pending else ()
    notes = tuple(for_the_ear(note) for note in receipt.notes)
    return (for_the_ear(receipt.said), *pending, number, *notes)
