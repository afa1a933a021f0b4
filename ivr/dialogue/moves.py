"""Steps that many stages share: telling, missing, giving up, starting the menu again."""

from __future__ import annotations

import dataclasses
from typing import Any

from core.messages import Message
from ivr.dialogue.effects import Request
from ivr.dialogue.state import Stage, State

TRIES_MAX = 3
CODE_BREAK = "code_break"
Move = tuple[State, Request | None]


def change(state: State, **values: Any) -> State:
    """The state with other values."""
    return dataclasses.replace(state, **values)


def tell(state: State, *messages: Message) -> State:
    """Say these before the next prompt, after what is to be said already."""
    return change(state, said=state.said + messages) if messages else state


def go(state: State, stage: Stage, **values: Any) -> State:
    """On to another prompt, with all its tries."""
    return change(state, stage=stage, tries=0, **values)


def miss(state: State, message: Message) -> State:
    """A try that failed: say why and ask again; the third time, give up."""
    state = tell(change(state, tries=state.tries + 1, queue=()), message)
    return give_up(state) if state.tries >= TRIES_MAX else state


def is_urgent(state: State) -> bool:
    """Whether the caller is about to break a code: then nobody is given up."""
    return state.emergency or state.transaction == CODE_BREAK


def give_up(state: State) -> State:
    """To the help desk, or a polite goodbye if there is none; in an emergency to the operators."""
    if state.stage is Stage.RESULT:
        return end(change(state, said=()), Message("goodbye"))
    if is_urgent(state):
        return seek_operator(state)
    if state.helpdesk:
        return help_desk(state)
    return end(state, Message("goodbye.tries"))


def seek_operator(state: State) -> State:
    """To a person, whoever answers: the engine asks who that is."""
    return go(state, Stage.SEEKING, queue=())


def help_desk(state: State) -> State:
    """Put through to the help desk, or say that there is none and ask again; in an emergency it is
    the operators whom 0 calls."""
    if is_urgent(state):
        return seek_operator(state)
    if not state.helpdesk:
        return tell(state, Message("helpdesk.none"))
    return to_help_desk(state)


def to_help_desk(state: State) -> State:
    """Put through to the help desk, which there is."""
    return tell(go(state, Stage.HELPDESK, queue=()), Message("helpdesk.connecting"))


def end(state: State, *messages: Message) -> State:
    """Say these and hang up."""
    return tell(go(state, Stage.ENDED, queue=()), *messages)


def to_menu(state: State) -> State:
    """The main menu, with nothing kept of a transaction. An emergency has no menu: it begins with
    the subject's number."""
    return go(
        state,
        Stage.EMERGENCY_SUBJECT if state.emergency else Stage.MENU,
        level="",
        transaction="",
        given=(),
        asked=None,
        kits_expected=0,
        kits=(),
        read_back=(),
        signed=(),
        kept_pin="",
        result=(),
        subject="",
        by="",
        receipt=0,
    )
