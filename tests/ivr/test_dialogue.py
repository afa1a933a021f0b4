"""The manners of the keypad, on the engine alone."""

from __future__ import annotations

import datetime as dt

import pytest

from core.messages import Labels, Message
from core.transaction import Kind
from ivr.dialogue import effects as fx
from ivr.dialogue.engine import start, step
from ivr.dialogue.entry import keys_of_question, raw_answer, without_pins
from ivr.dialogue.present import present
from ivr.dialogue.state import Stage, State

WORDS = Labels.of({"en": "one"})
ASK = Message("ask.any")
OFFERED = (("1", "screen"), ("61", "screen_failure"), ("661", "missed_visit"))
NUMBER = fx.Asked("number", Kind.NUMBER, ASK)
DATE = fx.Asked("date", Kind.DATE, ASK)
KITS = fx.Asked("damaged", Kind.KITS, ASK)
PICK = fx.Asked("pick", Kind.CHOICE, ASK, (("1", "a", WORDS), ("2", "b", WORDS)))


def at(stage: Stage, **values: object) -> State:
    """A state in the middle of a call."""
    common = {"user_id": "11", "name": "Ada", "study": "demo", "offered": OFFERED}
    return State(stage, ("en", "es"), "en", **{**common, **values})  # type: ignore[arg-type]


def asked(question: fx.Asked, **values: object) -> State:
    return at(Stage.QUESTION, transaction="screen", asked=question, **values)


def key(state: State, keys: str) -> tuple[State, fx.Effect]:
    return step(state, fx.Keyed(keys))


def ids(state: State) -> list[str]:
    """The ids of all that is said now."""
    reply = present(state)
    says = (*getattr(reply, "heard_out", ()), *reply.says)
    return [message.id for say in says if isinstance(say, fx.Say) for message in say.messages]


def heard_out(ask: fx.Ask) -> list[str]:
    """The ids of what no key interrupts."""
    return [m.id for one in ask.heard_out if isinstance(one, fx.Say) for m in one.messages]


@pytest.mark.parametrize(
    ("kind", "keys", "raw"),
    [
        (Kind.DATE, "05032026", "2026-03-05"),
        (Kind.YES_NO, "1", "yes"),
        (Kind.YES_NO, "2", "no"),
        (Kind.DECIMAL, "125", "12.5"),
        (Kind.DECIMAL, "5", "0.5"),
        (Kind.YEAR, "1961", "1961"),
        (Kind.CARTON, "0042", "0042"),
        (Kind.SUBJECT, "101001", "101001"),
        (Kind.NUMBER, "0", "0"),
    ],
)
def test_keys_become_the_answer_that_a_keyboard_would_give(kind: Kind, keys: str, raw: str) -> None:
    assert raw_answer(fx.Asked("x", kind, ASK), keys) == raw


@pytest.mark.parametrize(
    ("kind", "keys", "wrong"),
    [
        (Kind.DATE, "31022026", "wrong.date"),
        (Kind.DATE, "5032026", "wrong.length"),
        (Kind.YES_NO, "3", "wrong.key"),
        (Kind.YEAR, "61", "wrong.length"),
        (Kind.NUMBER, "1A", "wrong.digits"),
        (Kind.NUMBER, "1" * 21, "wrong.digits"),
    ],
)
def test_keys_that_are_no_answer_are_said_to_be_so(kind: Kind, keys: str, wrong: str) -> None:
    answer = raw_answer(fx.Asked("x", kind, ASK), keys)
    assert isinstance(answer, Message)
    assert answer.id == wrong


def test_entries_end_as_the_sheet_says() -> None:
    fixed = {kind: keys_of_question(fx.Asked("x", kind, ASK)).fixed for kind in Kind}
    assert (fixed[Kind.DATE], fixed[Kind.YEAR], fixed[Kind.CARTON], fixed[Kind.PIN]) == (8, 4, 4, 6)
    assert fixed[Kind.YES_NO] == 1
    ended_by_hash = (Kind.SUBJECT, Kind.KIT, Kind.KITS, Kind.SHIPMENT, Kind.NUMBER, Kind.DECIMAL)
    assert {fixed[kind] for kind in ended_by_hash} == {0}


def test_more_than_nine_choices_are_ended_by_hash() -> None:
    many = tuple((str(n), str(n), WORDS) for n in range(1, 12))
    question = fx.Asked("visit", Kind.VISIT, ASK, many)
    assert keys_of_question(question).fixed == 0
    assert "choice.hash" in ids(asked(question))


def test_languages_beyond_five_are_eight_and_two_digits() -> None:
    state, _ = start(("en", "es", "de", "fr", "it", "pt", "nl"))
    assert "language.more" in ids(state)
    state, _ = key(state, "8")
    assert state.stage is Stage.LANGUAGE_CODE
    state, _ = key(state, "07")
    assert (state.stage, state.language) == (Stage.USER_ID, "nl")


def test_each_language_is_offered_in_itself() -> None:
    state, effect = start(("es", "en"))
    assert isinstance(effect, fx.Ask)
    offers = [say.language for say in effect.says if say.messages[-1].id == "language.offer"]
    assert offers == ["es", "en"]
    assert state.language == "es"


def test_a_menu_tells_only_what_there_is_and_more_only_where_there_is_more() -> None:
    state = at(Stage.MENU)
    assert "menu.more" in ids(state)
    assert "menu.code_break" not in ids(state)
    state, _ = key(state, "6")
    state, _ = key(state, "6")
    assert state.level == "66"
    assert "menu.more" not in ids(state)
    state, request = key(state, "1")
    assert (state.transaction, request) == ("missed_visit", fx.Consult())
    alone = at(Stage.MENU, offered=(("1", "screen"),))
    assert "menu.more" not in ids(alone)
    assert key(alone, "6")[0].tries == 1


def test_star_goes_back_one_question_and_from_the_first_to_the_menu() -> None:
    state, request = key(asked(DATE, given=(("number", "7"),)), "*")
    assert (state.given, request) == ((), fx.Consult())
    assert key(asked(NUMBER), "*")[0].stage is Stage.MENU


def test_nine_repeats_and_zero_is_the_help_desk_where_one_key_is_asked() -> None:
    state = asked(PICK, said=(Message("note.any"),), helpdesk="+12025550199")
    again, _ = key(state, "9")
    assert again == state
    assert key(state, "0")[0].stage is Stage.HELPDESK
    nine = fx.Asked("pick", Kind.CHOICE, ASK, (("9", "a", WORDS), ("0", "b", WORDS)))
    assert key(asked(nine), "9")[0].given == (("pick", "a"),)
    assert key(asked(nine), "0")[0].given == (("pick", "b"),)
    assert key(asked(NUMBER, helpdesk="+12025550199"), "0")[0].given == (("number", "0"),)


def test_three_tries_then_the_help_desk_or_a_goodbye() -> None:
    for helpdesk, stage in (("+12025550199", Stage.HELPDESK), ("", Stage.ENDED)):
        state = asked(PICK, helpdesk=helpdesk)
        for keys in ("7", "", "8"):
            state, _ = key(state, keys)
        assert state.stage is stage


def test_tries_begin_anew_at_each_question() -> None:
    state, _ = key(asked(PICK), "7")
    state, _ = key(state, "1")
    state, _ = step(state, fx.Asking(NUMBER))
    assert state.tries == 0


def test_a_wrong_answer_is_dropped_and_asked_again_with_one_try_less() -> None:
    state, _ = key(asked(NUMBER), "5")
    state, effect = step(state, fx.WrongAnswer("number", Message("error.number")))
    assert isinstance(effect, fx.Ask)
    assert (state.given, state.tries, ids(state)[0]) == ((), 1, "error.number")


def test_kits_are_counted_and_then_keyed_one_by_one() -> None:
    state, _ = key(asked(KITS), "2")
    assert state.stage is Stage.KIT
    state, _ = key(state, "12345678")
    state, request = key(state, "87654321")
    assert (state.given, request) == ((("damaged", "12345678,87654321"),), fx.Consult())
    state, request = key(asked(KITS), "0")
    assert (state.given, request) == ((("damaged", ""),), fx.Consult())
    assert key(asked(KITS), "99")[0].tries == 1


def test_fields_keyed_ahead_are_the_answers_to_come() -> None:
    state, request = key(asked(NUMBER), "5*05032026*1")
    assert request == fx.Consult()
    state, request = step(state, fx.Asking(DATE))
    assert request == fx.Consult()
    state, request = step(state, fx.Asking(PICK))
    assert state.given == (("number", "5"), ("date", "2026-03-05"), ("pick", "a"))
    assert state.queue == ()


def test_fields_keyed_ahead_never_cross_the_read_back() -> None:
    state, _ = key(asked(NUMBER), "5*1*1*1")
    state, effect = step(state, fx.Complete(()))
    assert isinstance(effect, fx.Ask)
    assert (state.stage, state.queue) == (Stage.READ_BACK, ())


def test_fields_keyed_ahead_are_dropped_at_the_first_error() -> None:
    state, _ = key(asked(NUMBER), "5*99*1")
    state, effect = step(state, fx.Asking(DATE))
    assert isinstance(effect, fx.Ask)
    assert (state.stage, state.queue, state.tries) == (Stage.QUESTION, (), 1)
    assert state.asked == DATE


def test_an_empty_field_is_an_error_and_a_trailing_star_is_not() -> None:
    assert key(asked(NUMBER), "**5")[0].tries == 1
    assert key(asked(NUMBER), "5*")[0].given == (("number", "5"),)


def read_back(**values: object) -> State:
    return at(
        Stage.READ_BACK,
        transaction="screen",
        given=(("number", "5"),),
        asked=NUMBER,
        read_back=(Message("read.any"),),
        **values,
    )


def test_the_read_back_is_heard_out_and_only_its_options_are_interruptible() -> None:
    reply = present(read_back())
    assert isinstance(reply, fx.Ask)
    assert heard_out(reply) == ["read.any"]
    assert [m.id for say in reply.says for m in say.messages] == ["read.options"]


def test_one_confirms_two_changes_three_cancels() -> None:
    assert key(read_back(), "1")[1] == fx.Perform()
    changed, request = key(read_back(), "2")
    assert (changed.given, request) == ((), fx.Consult())
    cancelled, _ = key(read_back(), "3")
    assert (cancelled.stage, ids(cancelled)[0]) == (Stage.MENU, "cancelled")


def test_who_signs_hears_name_date_and_meaning_before_the_pin() -> None:
    state, _ = key(asked(NUMBER), "5")
    state, _ = step(state, fx.Complete((), (), True, dt.date(2026, 3, 5)))
    state, effect = key(state, "1")
    assert isinstance(effect, fx.Ask)
    (statement,) = (m for one in effect.heard_out if isinstance(one, fx.Say) for m in one.messages)
    assert statement.params["name"] == "Ada"
    assert statement.params["date"] == dt.date(2026, 3, 5)
    assert statement.params["meaning"] == Message("meaning.screen")
    state, request = key(state, "482915")
    assert request == fx.Perform(pin="482915")
    state, _ = step(state, fx.WrongPin(Message("error.not_authenticated")))
    assert (state.stage, state.tries) == (Stage.SIGN, 1)


def test_a_result_can_be_repeated_and_left_for_the_menu() -> None:
    state = at(Stage.RESULT, result=(Message("said.any"),), telling=(3,))
    assert key(state, "1")[0] == state
    menu, _ = key(state, "2")
    assert (menu.stage, menu.telling) == (Stage.MENU, ())
    for _ in range(3):
        state, _ = key(state, "")
    assert ids(state) == ["goodbye"]


def test_training_is_told_at_the_start_and_in_the_result() -> None:
    state, _ = start(("en",), title=WORDS, training=True)
    assert ids(state)[0] == "training.start"
    state, _ = step(read_back(training=True), fx.Done((Message("said.any"),), 1))
    assert ids(state)[0] == "training.result"


@pytest.mark.parametrize(
    ("stage", "question", "keys", "kept"),
    [
        (Stage.PIN, None, "482915", ""),
        (Stage.PIN, None, "48291", ""),
        (Stage.SIGN, None, "482915", ""),
        (Stage.QUESTION, fx.Asked("new_pin", Kind.PIN, ASK), "482915", ""),
        (Stage.USER_ID, None, "11*482915*301*2", "11*-*301*2"),
        (Stage.USER_ID, None, "11*48291*301", "11*-*301"),
        (Stage.USER_ID, None, "123456789012*482915*482915*1", "123456789012*-*-*1"),
        (Stage.SITE, None, "101*68*482915", "101*68*-"),
        (Stage.QUESTION, NUMBER, "482915", "482915"),
    ],
)
def test_pins_are_taken_out_before_keys_are_digested(
    stage: Stage, question: fx.Asked | None, keys: str, kept: str
) -> None:
    assert without_pins(stage, question, keys) == kept
