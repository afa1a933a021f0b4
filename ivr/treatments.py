"""The treatment in a reply: put in when it is spoken, from the sealed record, and kept nowhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.messages import Message
from core.treatment import treatment_of
from ivr.dialogue.state import Stage, State

if TYPE_CHECKING:
    from core.runtime import Core


def with_treatment(core: Core, state: State) -> State:
    """The state to speak: at the result of a randomization in an open-label study whose file has
    treatments spoken, with the treatment; otherwise the state as it is."""
    if state.stage is not Stage.RESULT or not state.telling:
        return state
    with core.reading() as db:
        found = treatment_of(core, db, state.telling[-1], state.user_id, spoken=True)
    if found is None:
        return state
    told = Message("result.treatment", {"treatment": found})
    return replace(state, result=(*state.result, told))
