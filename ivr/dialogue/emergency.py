"""An emergency: a code is broken by keypad, and whoever can't do that is put through to a person.

Nobody is refused here. Whatever goes wrong ends at the operators, and where none of them answers,
at the sealed card.
"""

from __future__ import annotations

from core.messages import Digits, Message
from ivr.dialogue.effects import (
    Broken,
    Consult,
    Dialled,
    FindOperators,
    FindSubject,
    Operators,
    StudyUnknown,
    SubjectFound,
    ToOperator,
)
from ivr.dialogue.moves import (
    CODE_BREAK,
    TRIES_MAX,
    Move,
    change,
    end,
    go,
    is_urgent,
    miss,
    seek_operator,
    tell,
    to_help_desk,
    to_menu,
)
from ivr.dialogue.state import Stage, State

OPERATOR_KEY = "0"
WRONG_KEY = Message("wrong.key")


def begin(state: State, *, is_line: bool = False) -> State:
    """Who it is, right away and in the first language; nobody else is asked. The study is named on
    a line of its own only: at the language step it has been."""
    if state.title is None or not is_line:
        greeting = Message("emergency.start")
    else:
        greeting = Message("emergency.start_study", {"title": state.title})
    first = state.languages[0]
    state = go(state, Stage.USER_ID, emergency=True, language=first, user_id="", queue=())
    return tell(state, greeting)


def missed(state: State, message: Message) -> Move:
    """Nothing was keyed, or nothing that could be meant."""
    if state.stage is Stage.EMERGENCY_STUDY:
        return study_missed(state, message)
    silent = message.id == "wrong.silence"
    if silent and state.stage is Stage.EMERGENCY_CHOICE:
        return seek_operator(state), None
    if silent and state.stage is Stage.USER_ID and state.emergency and state.tries:
        return seek_operator(state), None  # staying on the line asks for the operator
    return miss(state, message), None


def subject(state: State, keys: str) -> Move:
    """The number of the subject."""
    if keys == "*":
        return go(state, Stage.EMERGENCY_SUBJECT), None
    if keys == OPERATOR_KEY:
        return seek_operator(state), None
    if not keys.isdigit():
        return miss(state, Message("wrong.digits")), None
    return state, FindSubject(keys)


def subject_found(state: State, answer: SubjectFound) -> Move:
    """One of the person's own: on to the questions of the code break."""
    given = (("subject", answer.number),)
    found = change(
        state, site=answer.site, transaction=CODE_BREAK, given=given, asked=None, tries=0
    )
    return found, Consult()


def to_operator(state: State, answer: ToOperator) -> Move:
    """Say why; then the operator, or where a slip of the finger is likely the choice."""
    state = tell(change(state, queue=()), answer.message)
    if answer.choice:
        return go(state, Stage.EMERGENCY_CHOICE), None
    return seek_operator(state), None


def choice(state: State, keys: str) -> Move:
    """1 the operator, 2 the number once more."""
    if keys in ("1", OPERATOR_KEY):
        return seek_operator(state), None
    if keys == "2":
        return again(state)
    return miss(state, WRONG_KEY), None


def again(state: State) -> Move:
    """From the subject's number on, once more."""
    if state.emergency:
        return to_menu(state), None
    return change(state, given=(), asked=None, signed=(), result=(), tries=0), Consult()


def broken(state: State, answer: Broken) -> Move:
    """On record: now the treatment is told. A sign-on signs once. Of what was done (told first in
    `result`) the caller hears in full when the treatment is written down."""
    heading = (Message("training.result"),) if state.training else ()
    state = change(state, signed_on="", queue=(), result=heading + answer.result, tries=0)
    subject = dict(state.given).get("subject", "")
    state = change(state, receipt=answer.receipt, subject=subject, signed=(), read_back=())
    if not answer.by:
        state = change(state, telling=(answer.receipt,))
        state = tell(state, *state.result, Message("reveal.impossible"))
        return operators(state, answer.operators)
    state = go(state, Stage.REVEAL, by=answer.by, tells=True)
    follows = Message("reveal.follows", {"subject": Digits(subject)})
    on_record = (Message("reveal.on_record"), *answer.result[1:])
    return tell(state, *heading, *on_record, follows), None


def reveal(state: State, keys: str) -> Move:
    """1 it is written down, 2 tell it again, 0 the operator."""
    if keys == "1":
        values = {"result": state.result, "telling": (state.receipt,)}
        return go(to_menu(state), Stage.RESULT, **values), None
    if keys == "2":
        return tell(go(state, Stage.REVEAL, tells=True), Message("reveal.again")), None
    if keys == OPERATOR_KEY:
        return seek_operator(state), None
    return miss(state, WRONG_KEY), None


def study(state: State, keys: str) -> Move:
    """The study whose operators are wanted."""
    if not keys.isdigit():
        return study_unknown(state, StudyUnknown())
    return state, FindOperators(keys)


def study_unknown(state: State, answer: StudyUnknown) -> Move:
    """Ask for the study; who can't name one is put through all the same."""
    if state.stage is not Stage.EMERGENCY_STUDY:
        return go(state, Stage.EMERGENCY_STUDY, queue=()), None
    return study_missed(state, Message("wrong.study"))


def study_missed(state: State, message: Message) -> Move:
    """Nobody in an emergency is given up: after the last try, every operator of the line."""
    if state.tries + 1 >= TRIES_MAX:
        return state, FindOperators(anyone=True)
    return miss(state, message), None


def operators(state: State, answer: Operators) -> Move:
    """Call them in turn."""
    study = state.study or answer.study  # those who watch it are told what becomes of the call
    state = change(state, sealed_card=answer.sealed_card, study=study, queue=())
    if not answer.telephones:
        return _unattended(state), None
    state = go(state, Stage.OPERATOR, operators=answer.telephones, operator=0)
    return tell(state, Message("emergency.connecting")), None


def _unattended(state: State) -> State:
    """Where the sealed card is; then the help desk, if there is one."""
    state = _say_card(change(state, unattended=True))
    return to_help_desk(state) if state.helpdesk else end(state)


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
        return end(_say_card(change(state, unattended=True))), None
    return end(state, Message("helpdesk.nobody"), Message("goodbye")), None


def hold_up(state: State, message: Message) -> Move:
    """Locked, or made to wait: in an emergency that is no matter of the caller's."""
    if is_urgent(state):
        return to_operator(change(state, said=()), ToOperator(Message("emergency.not_now")))
    return end(change(state, said=()), message, Message("goodbye")), None
