"""Whatever is keyed, whatever the core answers: the conversation goes on or ends, and is safe."""

from __future__ import annotations

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from core.messages import Labels, Message
from core.transaction import Kind
from ivr.dialogue import effects as fx
from ivr.dialogue.engine import start, step
from ivr.dialogue.entry import keys_of_stage
from ivr.dialogue.present import present
from ivr.dialogue.state import Stage, State

PIN = "482915"
TITLE = Labels.of({"en": "HARBOR", "es": "PUERTO"})
OPERATORS = fx.Operators(("+12025550101", "+12025550102"), TITLE)
OFFERED = (
    ("9", "code_break"),
    ("1", "screen"),
    ("2", "randomize"),
    ("61", "end"),
    ("68", "change_pin"),
    ("667", "x"),
)
PLACED = fx.Placed("harbor", "12", TITLE, True, "101", OFFERED, True)
_AT_A_KEYBOARD = (Kind.TEXT, Kind.FILE, Kind.PASSWORD, Kind.MOBILE)
QUESTIONS = [
    fx.Asked(f"q_{kind.value}", kind, Message("ask.any"))
    for kind in Kind
    if kind not in _AT_A_KEYBOARD and kind not in (Kind.CHOICE, Kind.VISIT)
] + [
    fx.Asked("pick", Kind.CHOICE, Message("ask.any"), (("1", "a", TITLE), ("2", "b", TITLE))),
    fx.Asked("many", Kind.VISIT, Message("ask.any"), (("9", "a", TITLE), ("10", "b", TITLE))),
]
WRONG = Message("error.any")
HELP = fx.Keyed("0")

ANSWERS: dict[type[fx.Request], list[fx.Answer]] = {
    fx.FindOperators: [OPERATORS, fx.Operators(()), fx.StudyUnknown()],
    fx.SignIn: [
        fx.SignedIn("1001", "Ada", (Message("note.any"),), (7,)),
        fx.SignedIn("1001", "Ada"),
        fx.SignedIn("1001", "Ada", language="es", at="2026-03-05T12:00:00+00:00"),
        fx.NotSignedIn(WRONG),
        fx.Blocked(WRONG),
        fx.PinAged("1001", "Ada"),
        fx.ToOperator(WRONG),
    ],
    fx.Renew: [fx.SignedIn("1001", "Ada"), fx.NotSignedIn(WRONG), fx.PinUnfit(WRONG)],
    fx.FindSubject: [
        fx.SubjectFound("101001", "101"),
        fx.ToOperator(WRONG, choice=True, why="subject_unknown", subject="7"),
    ],
    fx.KeepCode: [fx.Kept("sealed")],
    fx.KeepPin: [fx.Kept("kept:hash"), fx.PinUnfit(WRONG)],
    fx.ComparePin: [fx.Kept("kept:hash"), fx.PinUnfit(WRONG)],
    fx.Activate: [fx.SignedIn("1001", "Ada"), fx.NotSignedIn(WRONG), fx.PinUnfit(WRONG)],
    fx.Place: [
        PLACED,
        fx.StudyNeeded((("12", TITLE),)),
        fx.SiteNeeded("harbor", "12"),
        fx.StudyUnknown(),
        fx.SiteUnknown(),
        fx.Nowhere(),
        fx.ToOperator(WRONG, why="refused"),
    ],
    fx.Consult: [
        *(fx.Asking(asked) for asked in QUESTIONS),
        *(fx.WrongAnswer(asked.name, WRONG) for asked in QUESTIONS[:3]),
        fx.Complete((Message("read.any"),)),
        fx.Complete((), (WRONG,), True, dt.date(2026, 3, 5), (Message("note.any"),)),
        fx.Refused(WRONG),
    ],
    fx.Perform: [
        fx.Done((Message("said.any"),), 3),
        fx.Broken((Message("said.any"), Message("result.any")), 3, "recording", OPERATORS),
        fx.Broken((Message("said.any"),), 3, "", OPERATORS),
        fx.Refused(WRONG),
        fx.WrongPin(WRONG),
        fx.Blocked(WRONG),
        fx.WrongAnswer("pick", WRONG),
    ],
}
LANGUAGES = [("en",), ("en", "es"), ("en", "es", "de", "fr", "it", "pt", "sw")]
KEYED = st.one_of(
    st.sampled_from(["", "1", "2", "3", "9", "0", "*", "#", "1001", PIN, "05032026", "7"]),
    st.sampled_from(["1001*" + PIN, f"1001*{PIN}*12*101*2", f"123456789012*{PIN}*{PIN}", "**"]),
    st.text("0123456789*#ABCD", max_size=24),
)
HEARD = st.one_of(KEYED.map(fx.Keyed), st.sampled_from(["completed", "busy", ""]).map(fx.Dialled))


def run(state: State, heard: fx.Heard, data: st.DataObject) -> State:
    """One turn: requests answered in any way the runner may, until there is a reply."""
    confirmed = state
    state, effect = step(state, heard)
    for _ in range(200):
        if isinstance(effect, fx.Ask | fx.Transfer | fx.HangUp):
            assert effect == present(state)
            return state
        check(confirmed, heard, effect)
        options = ANSWERS[type(effect)]
        if isinstance(effect, fx.FindOperators) and effect.anyone:
            options = [OPERATORS, fx.Operators(())]
        state, effect = step(state, data.draw(st.sampled_from(options)))
    raise AssertionError("a turn without end")


def sensible(state: State, heard: fx.Heard) -> fx.Heard:
    """A PIN is keyed where one is asked for, or ahead at the user ID: nowhere else is it a PIN."""
    if not isinstance(heard, fx.Keyed) or PIN not in heard.keys or state.stage is Stage.USER_ID:
        return heard if heard != fx.Keyed(PIN) or state.stage is not Stage.USER_ID else HELP
    asked_for = keys_of_stage(state.stage, state.asked).fixed == len(PIN)
    return fx.Keyed(PIN if asked_for else "1001")


def check(before: State, heard: fx.Heard, effect: fx.Effect) -> None:
    """A deed is asked for only by 1 at the read-back, or by a PIN after it."""
    if isinstance(effect, fx.Perform):
        assert isinstance(heard, fx.Keyed)
        if before.stage is Stage.READ_BACK:
            assert heard.keys == "1"
            assert not before.signed
        else:
            assert before.stage is Stage.SIGN
            assert effect.pin == heard.keys


@settings(max_examples=400, deadline=None)
@given(data=st.data(), languages=st.sampled_from(LANGUAGES), helpdesk=st.booleans())
def test_any_keys_and_silence_lead_on_or_out_and_a_deed_needs_its_confirm(
    data: st.DataObject, languages: tuple[str, ...], helpdesk: bool
) -> None:
    emergency = data.draw(st.booleans())
    state, effect = start(
        languages,
        title=TITLE,
        training=True,
        helpdesk="+12025550199" if helpdesk else "",
        emergency=emergency,
    )
    assert effect == present(state)
    walk = data.draw(st.booleans())  # half of the calls get past the PIN
    opening = [fx.Keyed("1"), fx.Keyed(f"1001*{PIN}")] if walk else []
    for heard in [*opening, *data.draw(st.lists(HEARD, max_size=25))]:
        state = run(state, sensible(state, heard), data)
        text = state.dump()
        assert State.load(text) == state
        assert PIN not in text
        assert state.queue == ()
        assert state.stage is not Stage.SEEKING
        if state.stage is Stage.ENDED:
            assert isinstance(present(state), fx.HangUp)


URGENT = [Stage.USER_ID, Stage.PIN, Stage.STUDY, Stage.QUESTION, Stage.READ_BACK, Stage.SIGN]
URGENT += [Stage.EMERGENCY_SUBJECT, Stage.EMERGENCY_CHOICE, Stage.REVEAL]


@given(stage=st.sampled_from(URGENT), keys=st.lists(st.text("0123456789*#", max_size=9)))
def test_in_an_emergency_no_keys_and_no_silence_end_without_a_person(
    stage: Stage, keys: list[str]
) -> None:
    """Three mistakes or silences in a row call the operators, from wherever the caller is."""
    state = State(stage, ("en",), "en", emergency=True, asked=QUESTIONS[0], user_id="7")
    for _ in range(3):
        state, effect = step(state, fx.Keyed(""))
        if isinstance(effect, fx.FindOperators):
            break
        assert isinstance(effect, fx.Ask)
    assert isinstance(effect, fx.FindOperators)
    for keyed in keys:
        _, effect = step(State(stage, ("en",), "en", emergency=True), fx.Keyed(keyed))
        assert not isinstance(effect, fx.HangUp)


@given(stage=st.sampled_from(Stage), keys=st.text("0123456789*", max_size=30))
def test_three_silences_end_or_transfer_every_prompt(stage: Stage, keys: str) -> None:
    state = State(stage, ("en",), "en", operators=("+12025550101",), asked=QUESTIONS[0])
    if stage in (Stage.OPERATOR, Stage.HELPDESK, Stage.ENDED, Stage.SEEKING):
        return
    for _ in range(3):
        state, _ = step(state, fx.Keyed(""))
    if stage in (Stage.EMERGENCY_STUDY, Stage.EMERGENCY_CHOICE):  # these look for a person first
        return
    assert isinstance(present(state), fx.HangUp | fx.Transfer)
