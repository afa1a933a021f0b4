"""The menu, whose keys never shift."""

from __future__ import annotations

from core.messages import Message
from ivr.dialogue.effects import Consult, FindOperators
from ivr.dialogue.moves import Move, change, go, help_desk, miss
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
