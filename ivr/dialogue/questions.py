"""A transaction by keypad: its questions, the read-back, the confirm, the signature, the result."""

from __future__ import annotations

from core.messages import Message
from core.transaction import Kind
from ivr.dialogue import emergency
from ivr.dialogue.effects import (
    Asking,
    ComparePin,
    Complete,
    Consult,
    Done,
    KeepPin,
    Kept,
    Perform,
    PinUnfit,
    Refused,
    ToOperator,
    WrongAnswer,
    WrongPin,
)
from ivr.dialogue.entry import PIN_DIGITS, raw_answer
from ivr.dialogue.moves import (
    CODE_BREAK,
    Move,
    change,
    end,
    go,
    help_desk,
    miss,
    tell,
    to_menu,
)
from ivr.dialogue.state import Stage, State

KITS_MAX = 40
WRONG_KEY = Message("wrong.key")


def question(state: State, keys: str) -> Move:
    """The answer to the question asked."""
    asked = state.asked
    if asked is None or keys == "*":
        return _back(state)
    raw = raw_answer(asked, keys)
    if isinstance(raw, Message):
        if keys == "0" and raw == WRONG_KEY:
            return help_desk(state), None
        return miss(state, raw), None
    if asked.kind is Kind.PIN:
        return state, KeepPin(raw)
    if asked.kind is Kind.KITS and not asked.choices:
        return _how_many(state, raw)
    return change(state, given=(*state.given, (asked.name, raw))), Consult()


def _back(state: State) -> Move:
    """One question back; from the first one to the menu."""
    if not state.given or (state.emergency and len(state.given) == 1):
        return to_menu(state), None
    return change(state, given=state.given[:-1], asked=None, signed=()), Consult()


def _how_many(state: State, raw: str) -> Move:
    count = int(raw)
    if count > KITS_MAX:
        return miss(state, Message("wrong.count", {"most": KITS_MAX})), None
    if count == 0:
        return _kits_given(state, ())
    return go(state, Stage.KIT, kits_expected=count, kits=()), None


def kit(state: State, keys: str) -> Move:
    """One of the kits announced."""
    if keys == "*":
        return go(state, Stage.QUESTION, kits_expected=0, kits=()), None
    if not keys.isdigit():
        return miss(state, Message("wrong.digits")), None
    kits = (*state.kits, keys)
    if len(kits) < state.kits_expected:
        return go(state, Stage.KIT, kits=kits), None
    return _kits_given(state, kits)


def _kits_given(state: State, kits: tuple[str, ...]) -> Move:
    name = state.asked.name if state.asked else ""
    given = (*state.given, (name, ",".join(kits)))
    return change(state, given=given, stage=Stage.QUESTION, kits_expected=0, kits=()), Consult()


def pin_again(state: State, keys: str) -> Move:
    """The new PIN once more."""
    if keys == "*":
        return go(state, Stage.QUESTION, kept_pin=""), None
    if len(keys) != PIN_DIGITS or not keys.isdigit():
        return miss(state, Message("wrong.length", {"digits": PIN_DIGITS})), None
    return state, ComparePin(keys)


def pin_kept(state: State, answer: Kept) -> Move:
    """Fit: key it again. Keyed again and the same: that is the answer."""
    if state.stage is Stage.QUESTION or state.asked is None:
        return go(state, Stage.PIN_AGAIN, kept_pin=answer.token), None
    given = (*state.given, (state.asked.name, answer.token))
    return change(state, stage=Stage.QUESTION, given=given, kept_pin=""), Consult()


def pin_unfit(state: State, answer: PinUnfit) -> Move:
    """Too easy, or not the same twice: from the first one again."""
    return miss(change(state, stage=Stage.QUESTION, kept_pin=""), answer.message), None


def asking(state: State, answer: Asking) -> Move:
    """The next question, or after a mistake the same one with one try less."""
    same = state.asked is not None and state.asked.name == answer.asked.name
    state = tell(change(state, stage=Stage.QUESTION, asked=answer.asked), *answer.notes)
    return change(state, tries=state.tries if same else 0), None


def wrong_answer(state: State, answer: WrongAnswer) -> Move:
    """Drop that answer and ask again."""
    given = tuple(pair for pair in state.given if pair[0] != answer.name)
    asked = state.asked
    state = miss(change(state, given=given, stage=Stage.QUESTION), answer.message)
    if state.stage is Stage.QUESTION and state.emergency and not given:
        return to_menu(state), None
    if state.stage is not Stage.QUESTION or (asked and asked.name == answer.name):
        return state, None
    if given == state.given and asked is None:
        return to_menu(state), None
    return state, Consult()


def complete(state: State, answer: Complete) -> Move:
    """Everything is there: read it back. What was keyed ahead beyond it is dropped."""
    signed: tuple[Message, ...] = ()
    if answer.signed and answer.today is not None:
        signed = (
            Message(
                "sign.statement",
                {
                    "name": state.name,
                    "date": answer.today,
                    "meaning": Message(f"meaning.{state.transaction}"),
                },
            ),
        )
    read_back = (
        Message("read.start", {"deed": Message(f"deed.{state.transaction}")}),
        *answer.read_back,
        *answer.warnings,
    )
    if state.signed_on:  # the PIN was given with the ID: the confirm is what commits
        read_back, signed = read_back + signed, ()
    state = tell(state, *answer.notes)
    return go(state, Stage.READ_BACK, queue=(), read_back=read_back, signed=signed), None


def read_back(state: State, keys: str) -> Move:
    """1 confirm, 2 change, 3 cancel."""
    if keys == "1":
        return (go(state, Stage.SIGN), None) if state.signed else (state, Perform())
    if keys == "2" and state.emergency:
        return to_menu(state), None
    if keys == "2":
        return change(state, given=(), asked=None, signed=()), Consult()
    if keys == "3":
        return tell(to_menu(state), Message("cancelled")), None
    if keys == "*":
        return _back(state)
    return (help_desk(state) if keys == "0" else miss(state, WRONG_KEY)), None


def sign(state: State, keys: str) -> Move:
    """The PIN again, which signs."""
    if keys == "*":
        return go(state, Stage.READ_BACK), None
    if len(keys) != PIN_DIGITS or not keys.isdigit():
        return miss(state, Message("wrong.length", {"digits": PIN_DIGITS})), None
    return state, Perform(pin=keys)


def wrong_pin(state: State, answer: WrongPin) -> Move:
    """The signature failed: the PIN again."""
    state = miss(change(state, stage=Stage.SIGN), answer.message)
    if state.stage is Stage.ENDED:
        return tell(state, Message("nothing_recorded")), None
    return state, None


def done(state: State, answer: Done) -> Move:
    """The result, digit by digit."""
    heading = (Message("training.result"),) if state.training else ()
    state = to_menu(state)
    values = {"result": heading + answer.result, "telling": (answer.receipt,)}
    return go(state, Stage.RESULT, queue=(), **values), None


def refused(state: State, answer: Refused) -> Move:
    """The refusal, which can be heard again like a result."""
    if not state.transaction:
        return end(state, answer.message, Message("goodbye")), None
    telling = (answer.receipt,) if answer.receipt else ()
    if state.transaction == CODE_BREAK:
        state = tell(change(state, telling=telling, result=(), queue=()), *answer.notes)
        return emergency.to_operator(state, ToOperator(answer.message, choice=True))
    values = {"result": (*answer.notes, answer.message), "telling": telling}
    return go(to_menu(state), Stage.RESULT, queue=(), **values), None


def result(state: State, keys: str) -> Move:
    """1 repeats (the engine sees to that), 2 main menu."""
    if keys == "2":
        return to_menu(state), None
    return (help_desk(state) if keys == "0" else miss(state, WRONG_KEY)), None
