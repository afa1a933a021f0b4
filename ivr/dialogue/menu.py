"""The menu, whose keys never shift, and the ways out of it: help desk and emergency."""

from __future__ import annotations

from core.messages import Message
from ivr.dialogue.effects import Consult, Dialled, FindOperators, Operators, StudyUnknown
from ivr.dialogue.moves import TRIES_MAX, Move, change, end, give_up, go, help_desk, miss, tell
from ivr.dialogue.state import Stage, State

MORE = "6"
CODE_BREAK = "9"
HELP_DESK = "0"
WRONG_KEY = Message("wrong.key")


def options(state: State) -> tuple[tuple[str, str], ...]:
    """(key, transaction) of the level of the menu that the caller is at."""
    size = len(state.level) + 1
    return tuple(
        (key[-1], name)
        for key, name in state.offered
        if len(key) == size and key.startswith(state.level)
    )


def has_more(state: State) -> bool:
    """Whether there is a level below."""
    below = state.level + MORE
    return any(len(key) > len(below) and key.startswith(below) for key, _ in state.offered)


def menu(state: State, keys: str) -> Move:
    """One key, or several keyed ahead in one field."""
    for place, key in enumerate(keys):
        state, request = _key(state, key)
        if request is not None:
            left = keys[place + 1 :]
            return (state, request) if not left else (miss(state, WRONG_KEY), None)
        if state.stage is not Stage.MENU or state.tries:
            break
    return state, None


def _key(state: State, key: str) -> Move:
    if key == HELP_DESK:
        return help_desk(state), None
    if key == MORE and has_more(state):
        return go(state, Stage.MENU, level=state.level + MORE), None
    for own, name in options(state):
        if own == key:
            return change(state, transaction=name, given=(), asked=None), Consult()
    if state.level:
        if key == "*":
            return go(state, Stage.MENU, level=state.level[:-1]), None
    elif key == CODE_BREAK and state.code_break:
        return state, FindOperators(state.study_number)
    if key in ("*", "9"):
        return state, None
    return miss(state, WRONG_KEY), None


def emergency_study(state: State, keys: str) -> Move:
    """The study whose operators are wanted."""
    if not keys.isdigit():
        return emergency_unknown(state, StudyUnknown())
    return state, FindOperators(keys)


def emergency_unknown(state: State, answer: StudyUnknown) -> Move:
    """Ask for the study; who can't name one is put through all the same."""
    if state.stage is not Stage.EMERGENCY_STUDY:
        return go(state, Stage.EMERGENCY_STUDY, queue=()), None
    return emergency_missed(state, Message("wrong.study"))


def emergency_missed(state: State, message: Message) -> Move:
    """Nobody in an emergency is given up: after the last try, every operator of the line."""
    if state.tries + 1 >= TRIES_MAX:
        return state, FindOperators(anyone=True)
    return miss(state, message), None


def operators(state: State, answer: Operators) -> Move:
    """Call them in turn."""
    state = change(state, sealed_card=answer.sealed_card, queue=())
    if not answer.telephones:
        return give_up(_say_card(state)), None
    state = go(state, Stage.OPERATOR, operators=answer.telephones, operator=0)
    return tell(state, Message("emergency.connecting")), None


def _say_card(state: State) -> State:
    if state.sealed_card is None:
        return tell(state, Message("emergency.nobody"))
    return tell(state, Message("emergency.nobody_card", {"place": state.sealed_card}))


def dialled(state: State, heard: Dialled) -> Move:
    """The transfer is over: talked, or the next one in turn."""
    if heard.status in ("completed", "answered"):
        return end(state, Message("goodbye")), None
    if state.stage is Stage.OPERATOR and state.operator + 1 < len(state.operators):
        state = change(state, operator=state.operator + 1)
        return tell(state, Message("emergency.next")), None
    if state.stage is Stage.OPERATOR:
        return end(_say_card(state)), None
    return end(state, Message("helpdesk.nobody"), Message("goodbye")), None
