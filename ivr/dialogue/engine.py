"""One turn of the conversation: what was heard and where the call stood, to where it stands now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.messages import Labels, Message
from ivr.dialogue import arrival, effects, menu, questions
from ivr.dialogue import emergency as urgent
from ivr.dialogue.effects import Dialled, Effect, FindOperators, Heard, Keyed
from ivr.dialogue.entry import ONE_KEY, fields_of, keys_of_stage
from ivr.dialogue.moves import Move, change
from ivr.dialogue.present import present
from ivr.dialogue.state import Stage, State

_KEYED: dict[Stage, Callable[[State, str], Move]] = {
    Stage.LANGUAGE: arrival.language,
    Stage.LANGUAGE_CODE: arrival.language_code,
    Stage.USER_ID: arrival.user_id,
    Stage.PIN: arrival.pin,
    Stage.NEW_PIN: arrival.new_pin,
    Stage.NEW_PIN_AGAIN: arrival.new_pin_again,
    Stage.STUDY: arrival.study,
    Stage.SITE: arrival.site,
    Stage.MENU: menu.menu,
    Stage.QUESTION: questions.question,
    Stage.KIT: questions.kit,
    Stage.READ_BACK: questions.read_back,
    Stage.SIGN: questions.sign,
    Stage.PIN_AGAIN: questions.pin_again,
    Stage.RESULT: questions.result,
    Stage.EMERGENCY_STUDY: urgent.study,
    Stage.EMERGENCY_SUBJECT: urgent.subject,
    Stage.EMERGENCY_CHOICE: urgent.choice,
    Stage.REVEAL: urgent.reveal,
}
_ANSWERED: dict[type[Any], Callable[[State, Any], Move]] = {
    effects.Operators: urgent.operators,
    effects.SubjectFound: urgent.subject_found,
    effects.ToOperator: urgent.to_operator,
    effects.Broken: urgent.broken,
    effects.SiteUnknown: arrival.site_unknown,
    effects.SignedIn: arrival.signed_in,
    effects.NotSignedIn: arrival.not_signed_in,
    effects.Blocked: arrival.blocked,
    effects.PinAged: arrival.pin_aged,
    effects.Kept: arrival.kept,
    effects.PinUnfit: arrival.pin_unfit,
    effects.StudyNeeded: arrival.study_needed,
    effects.SiteNeeded: arrival.site_needed,
    effects.Nowhere: arrival.nowhere,
    effects.Placed: arrival.placed,
    effects.Asking: questions.asking,
    effects.WrongAnswer: questions.wrong_answer,
    effects.Complete: questions.complete,
    effects.Done: questions.done,
    effects.Refused: questions.refused,
    effects.WrongPin: questions.wrong_pin,
    Dialled: urgent.dialled,
}
_AWAY = frozenset({Stage.OPERATOR, Stage.HELPDESK})


def start(
    languages: tuple[str, ...],
    *,
    title: Labels | None = None,
    training: bool = False,
    helpdesk: str = "",
    emergency: bool = False,
) -> tuple[State, Effect]:
    """A call that has just come in. `title` and `training` are of the study dialled, if it is one.

    `emergency`: on the unblinding line, which asks who it is right away.
    """
    state = State(
        Stage.LANGUAGE,
        languages,
        languages[0],
        title=title,
        training=training,
        helpdesk=helpdesk,
    )
    if training:
        state = change(state, said=(Message("training.start"),))
    if emergency:
        state = urgent.begin(state, is_line=True)
    return state, present(state)


def step(state: State, heard: Heard) -> tuple[State, Effect]:
    """The next state, with the reply to give, or the request whose answer is to be heard next."""
    state, request = _hear(state, heard)
    while request is None and state.queue:
        field, rest = state.queue[0], state.queue[1:]
        state, request = _field(change(state, queue=rest), field)
    if request is None and state.stage is Stage.SEEKING:
        request = FindOperators(state.study_number)
    return state, present(state) if request is None else request


def _hear(state: State, heard: Heard) -> Move:
    match heard:
        case Keyed(keys):
            return _keyed(state, keys)
        case Dialled():
            if state.stage not in _AWAY:
                return state, None
            return urgent.dialled(change(state, said=()), heard)
        case effects.StudyUnknown():
            own = state.stage is Stage.STUDY  # otherwise it is asked for to find operators
            unknown = arrival.study_unknown if own else urgent.study_unknown
            return unknown(state, heard)
        case effects.PinUnfit() if state.transaction:
            return questions.pin_unfit(state, heard)
        case effects.Kept() if state.transaction:
            return questions.pin_kept(state, heard)
        case _:
            return _ANSWERED[type(heard)](state, heard)


def _keyed(state: State, keys: str) -> Move:
    if state.stage is Stage.ENDED or state.stage in _AWAY:
        return state, None
    if _is_repeat(state, keys):  # all of it, but for what was said of a mistake
        return change(state, said=() if state.tries else state.said), None
    state = change(state, said=(), telling=(), tells=False, queue=())
    if not keys:
        return _missed(state, Message("wrong.silence"))
    if keys_of_stage(state.stage, state.asked).fixed:
        return _KEYED[state.stage](state, keys)
    first, *rest = fields_of(keys)
    return _field(change(state, queue=tuple(rest)), first)


def _field(state: State, keys: str) -> Move:
    """One field of an entry, as if keyed at the prompt of the stage."""
    if not keys:
        return _missed(state, Message("wrong.digits"))
    handler = _KEYED.get(state.stage)
    return handler(state, keys) if handler else (change(state, queue=()), None)


def _missed(state: State, message: Message) -> Move:
    return urgent.missed(state, message)


def _is_repeat(state: State, keys: str) -> bool:
    """Whether the keys ask to hear the same again."""
    if keys_of_stage(state.stage, state.asked) != ONE_KEY:
        return False
    match state.stage:
        case Stage.LANGUAGE:
            return keys == "*"
        case Stage.MENU:
            own = any(key == keys for key, _ in menu.options(state))
            again = state.level or not state.code_break
            return not own and ((keys == "*" and not state.level) or (keys == "9" and bool(again)))
        case Stage.QUESTION:
            choices = state.asked.choices if state.asked else ()
            return keys == "9" and all(key != "9" for key, _, _ in choices)
        case Stage.READ_BACK:
            return keys == "9"
        case Stage.RESULT:
            return keys in ("1", "9", "*")
    return False
