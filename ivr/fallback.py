"""When the line itself fails in an emergency, its last words are the operators' telephone numbers.

They are remembered in this process from the calls that went well, because the database may be what
has failed. All of them ring at once: there is nothing left that could remember whose turn it is.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from core.errors import IxrsError
from core.messages import Message
from ivr import requests
from ivr.dialogue import effects as fx
from ivr.dialogue.moves import is_urgent
from ivr.dialogue.state import State
from ivr.requests import Line

if TYPE_CHECKING:
    from core.runtime import Core

CALLS_KEPT: Final = 1000
NUMBERS_MAX: Final = 10  # as many as the provider rings at once
ANSWERED: Final = ("completed", "answered")
T = TypeVar("T")
log = structlog.get_logger("ivr")


@dataclass(frozen=True, slots=True)
class Remembered:
    """Whom to call for one number dialled, and the language of its study."""

    operators: fx.Operators
    language: str


class Fallback:
    """What this process knows by heart of the numbers that are dialled."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._known: dict[str, Remembered] = {}
        self._urgent: OrderedDict[str, str] = OrderedDict()
        self._rung: OrderedDict[str, None] = OrderedDict()

    def note(self, line: Line, state: State) -> None:
        """Learn that this call is an emergency, and in which language it is held."""
        if not is_urgent(state):
            return
        _keep(self._urgent, line.sid, state.language)

    def is_needed(self, line: Line) -> bool:
        """Whether a call that fails is to be put through."""
        return line.name == "unblinding" or line.sid in self._urgent

    def learn(self, line: Line) -> None:
        """Learn the operators now, if they are not known yet: what has failed is not the database.
        Where it is, nobody has the time to ask it once more."""
        if line.called not in self._known:
            self.remember(line, self._urgent.get(line.sid, "en"))

    def remember(self, line: Line, language: str) -> None:
        """Learn the operators of the number dialled; nothing happens if they can't be found."""
        try:
            found = requests.find_operators(self._core, line, fx.FindOperators(anyone=True))
        except (IxrsError, SQLAlchemyError):
            log.exception("operators not learned", call=line.sid)
            return
        if isinstance(found, fx.Operators) and found.telephones:
            self._known[line.called] = Remembered(found, language)

    def reply(self, line: Line, heard: fx.Keyed | fx.Dialled) -> fx.Reply:
        """Put through to everybody who could help; after that, say where the sealed card is."""
        known = self._known.get(line.called)
        language = self._urgent.get(line.sid) or (known.language if known else "en")
        if isinstance(heard, fx.Dialled) and heard.status in ANSWERED:
            return fx.HangUp((fx.Say(language, (Message("goodbye"),)),))
        numbers = known.operators.telephones if known else ()
        helpdesk = self._core.settings.helpdesk_number
        numbers = (numbers or ((helpdesk,) if helpdesk else ()))[:NUMBERS_MAX]
        # Of an operator whom the line itself has rung others may be left.
        if not numbers or (isinstance(heard, fx.Dialled) and line.sid in self._rung):
            return fx.HangUp((fx.Say(language, (_card(known),)),))
        _keep(self._rung, line.sid, None)
        words = (Message("emergency.failed"), Message("emergency.connecting"))
        return fx.Transfer((fx.Say(language, words),), numbers[0], numbers[1:])


def _keep(kept: OrderedDict[str, T], sid: str, value: T) -> None:
    """Keep it of this call; the oldest calls are forgotten."""
    kept[sid] = value
    while len(kept) > CALLS_KEPT:
        kept.popitem(last=False)


def _card(known: Remembered | None) -> Message:
    place = known.operators.sealed_card if known else None
    if place is None:
        return Message("emergency.nobody")
    return Message("emergency.nobody_card", {"place": place})
