"""The life of a turn: looked up, worked out, stored with its deed, and told.

A turn is single-use. Retried, replayed or raced, it is found stored and rendered again; with other
keys it is refused and reported, and the reply is the one it had.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection

from core import calls
from core.calls import Turn
from core.errors import NotFound, Unavailable
from core.messages import Message
from ivr import deeds, emergency, requests
from ivr.dialogue import effects as fx
from ivr.dialogue.engine import start, step
from ivr.dialogue.entry import without_pins
from ivr.dialogue.moves import is_urgent
from ivr.dialogue.state import State
from ivr.requests import Line

if TYPE_CHECKING:
    from core.runtime import Core

WAIT_SECONDS: Final = 6.0
_POLL_SECONDS: Final = 0.05
log = structlog.get_logger("ivr")
conflicts = Counter("ixrs_turn_conflicts", "Turns that came again with other keys")


class CallLost(Exception):
    """The turn follows none that is stored: nothing to go on from."""


class _Beaten(Exception):
    """Another request is at work on the same turn."""


class TurnWork:
    """One webhook's work on one turn of one call."""

    def __init__(self, core: Core, line: Line, turn: int, spoken: frozenset[str]) -> None:
        self.core, self.line, self.turn, self.spoken = core, line, turn, spoken
        self.now = core.now()
        self.digest = ""
        self.before: State | None = None
        self.stored: bool | None = None  # False: another request was first
        self.claimed = False
        self.study: str | None = None  # of the number dialled
        self.failures: list[emergency.Failure] = []  # on record with the turn

    def take(self, heard: fx.Keyed | fx.Dialled) -> State:
        """The state after this turn, whoever worked it out. Raises CallLost, Unavailable."""
        with self.core.reading() as db:
            before, this, is_over = calls.turns(db, self.line.sid, self.turn)
        if before is None and self.turn > 0:
            raise CallLost
        if this is None and is_over:
            # Nothing expires that the provider signed: what comes after the end does no deed.
            raise CallLost
        self.before = self._load(before) if before and before.state else None
        if self.turn > 0 and self.before is None:
            raise CallLost
        self.digest = self._digest(heard)
        state = self._attempt(heard) if this is None else None
        return state or self._after_another(heard)

    def _attempt(self, heard: fx.Keyed | fx.Dialled) -> State | None:
        """Work it out; None if another request is at it, or was first."""
        self.stored, self.failures = None, []
        try:
            return self._work(heard)
        except _Beaten:
            return None
        except Exception:
            self._release()
            raise

    def _digest(self, heard: fx.Keyed | fx.Dialled) -> str:
        if isinstance(heard, fx.Dialled):
            kept = heard.status
        elif self.before is not None:
            kept = without_pins(self.before.stage, self.before.asked, heard.keys)
        else:
            kept = ""
        return calls.heard_digest(self.core, self.line.sid, self.turn, kept)

    def _again(self, this: Turn) -> State:
        if this.heard != self.digest:
            conflicts.inc()
            log.warning("turn came again with other keys", call=self.line.sid, turn=self.turn)
        return self._load(this)

    def _load(self, turn: Turn) -> State:
        return State.load(calls.open_state(self.core, self.line.sid, turn))

    def _after_another(self, heard: fx.Keyed | fx.Dialled) -> State:
        """The result of the request that has taken this very turn, as soon as it is there.

        If that one failed, or must have died, the turn is ours. Raises Unavailable.
        """
        until = time.monotonic() + WAIT_SECONDS
        while True:
            with self.core.reading() as db:
                _, this, _ = calls.turns(db, self.line.sid, self.turn)
            if this is not None and this.state:
                return self._again(this)
            is_over = time.monotonic() > until
            if this is None or ((is_over or self._is_stale(this)) and self._take_over(this)):
                state = self._attempt(heard)
                if state is not None:
                    return state
            elif is_over:
                raise Unavailable
            time.sleep(_POLL_SECONDS)

    def _is_stale(self, this: Turn) -> bool:
        return (self.now - this.at).total_seconds() > 2 * WAIT_SECONDS

    def _take_over(self, this: Turn) -> bool:
        with self.core.writing() as db:
            self.claimed = calls.take_over(db, self.line.sid, this, self.now)
        return self.claimed

    def _claim(self) -> None:
        """Trying a PIN counts: of many requests at once for one turn, one alone does it."""
        if self.claimed:
            return
        with self.core.writing() as db:
            if not calls.claim(db, self.line.sid, self.turn, self.digest, self.now):
                raise _Beaten
        self.claimed = True

    def _release(self) -> None:
        if not self.claimed:
            return
        try:
            with self.core.writing() as db:
                calls.release(db, self.line.sid, self.turn)
        except Exception:
            log.exception("claim not released", call=self.line.sid, turn=self.turn)

    def _work(self, heard: fx.Keyed | fx.Dialled) -> State:
        state, effect = self._first() if self.before is None else step(self.before, heard)
        while not isinstance(effect, fx.Ask | fx.Transfer | fx.HangUp):
            if _is_counted(effect):
                self._claim()
            state, effect = step(state, self._fulfil(state, effect))
        if self.stored is None:
            with self.core.writing() as db:
                self.store(db, state)
        if not self.stored:
            raise _Beaten
        return state

    def _first(self) -> tuple[State, fx.Effect]:
        with self.core.reading() as db:
            dialled = requests.who_is_dialled(db, self.core, self.line, self.spoken)
        self.study = dialled.study
        return start(
            dialled.languages,
            title=dialled.title,
            training=dialled.training,
            helpdesk=self.core.settings.helpdesk_number,
            emergency=self.line.name == "unblinding",
        )

    def store(self, db: Connection, state: State, receipt_id: int | None = None) -> None:
        """Write the turn, and what it says about the call, in an open write session."""
        if self.before is None:
            calls.begin(db, self.core, self.line.sid, self.line.name, self.study, self.line.caller)
        sid, turn = self.line.sid, self.turn
        kept = calls.seal_state(self.core, sid, turn, state.dump())
        self.stored = calls.write_turn(db, sid, turn, self.digest, kept, self.now, receipt_id)
        if not self.stored:
            return
        emergency.record(db, self, state)
        known = self.before
        if known is not None:
            calls.mark_told(db, known.telling, self.now)
        if known is None or _who(known) != _who(state):
            calls.note_who(db, self.line.sid, *_who(state))

    def _fulfil(self, state: State, request: fx.Effect) -> fx.Answer:
        try:
            answer = self._answer(state, request)
        except NotFound:  # since signing on the caller was locked, or has no role here any more
            if not is_urgent(state):
                raise
            keyed = dict(state.given).get("subject", "")
            told = Message("emergency.not_now")
            answer = fx.ToOperator(told, why="not_identified", subject=keyed)
        self.failures += emergency.failures_in(state, answer)
        return answer

    def _answer(self, state: State, request: fx.Effect) -> fx.Answer:
        match request:
            case fx.FindOperators():
                return requests.find_operators(self.core, self.line, request)
            case fx.SignIn():
                return requests.identify(self.core, self.line, request)
            case fx.KeepCode():
                return requests.keep_code(self.core, self.line, request)
            case fx.KeepPin():
                return requests.check_pin(self.core, state, request)
            case fx.ComparePin():
                return requests.compare_pin(self.core, state, request)
            case fx.Activate():
                return requests.activate_person(self.core, self.line, state, request)
            case fx.Renew():
                return requests.renew_pin(self.core, self.line, state, request)
            case fx.FindSubject():
                return requests.find_subject(self.core, state, request)
            case fx.Place():
                return requests.place(self.core, state, request)
            case fx.Consult():
                return deeds.consult(self, state)
            case fx.Perform():
                return deeds.do(self, state, request)
        raise TypeError(f"not a request: {type(request).__name__}")


def _is_counted(effect: fx.Effect) -> bool:
    """Whether doing it twice counts twice: a PIN is tried. A deed alone is done once anyway."""
    return isinstance(effect, fx.SignIn | fx.Activate | fx.Renew) or (
        isinstance(effect, fx.Perform) and bool(effect.pin)
    )


def _who(state: State) -> tuple[str | None, str | None, str]:
    """Person, study and language of a call, as far as they are sure."""
    return (state.user_id if state.name else None) or None, state.study or None, state.language
