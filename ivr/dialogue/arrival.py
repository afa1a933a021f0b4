"""From the first ring to the menu: language, who it is, which study, which site."""

from __future__ import annotations

from core.messages import Message
from ivr.dialogue import emergency
from ivr.dialogue.effects import (
    Activate,
    Blocked,
    KeepCode,
    KeepPin,
    Kept,
    NotSignedIn,
    Nowhere,
    PinAged,
    PinUnfit,
    Place,
    Placed,
    Renew,
    SignedIn,
    SignIn,
    SiteNeeded,
    SiteUnknown,
    StudyNeeded,
    StudyUnknown,
)
from ivr.dialogue.entry import CODE_DIGITS, PIN_DIGITS
from ivr.dialogue.moves import (
    Move,
    change,
    end,
    go,
    help_desk,
    miss,
    seek_operator,
    tell,
    to_menu,
)
from ivr.dialogue.state import Stage, State

KEYED_LANGUAGES = 5
MORE_LANGUAGES = "8"
WRONG_KEY = Message("wrong.key")
_USER_ID_DIGITS_MAX = CODE_DIGITS


def language(state: State, keys: str) -> Move:
    """1 to 5, 8 for more, 9 for an emergency code break."""
    if keys == "9":
        return emergency.begin(state), None
    if keys == "0":
        return help_desk(state), None
    if keys == MORE_LANGUAGES and len(state.languages) > KEYED_LANGUAGES:
        return go(state, Stage.LANGUAGE_CODE), None
    place = int(keys) if len(keys) == 1 and keys.isdigit() else 0
    if 1 <= place <= min(len(state.languages), KEYED_LANGUAGES):
        return go(state, Stage.USER_ID, language=state.languages[place - 1]), None
    return miss(state, WRONG_KEY), None


def language_code(state: State, keys: str) -> Move:
    """Two digits: the place of a language in the order of the study."""
    if keys == "*":
        return go(state, Stage.LANGUAGE), None
    place = int(keys) if len(keys) == 2 and keys.isdigit() else 0
    if 1 <= place <= len(state.languages):
        return go(state, Stage.USER_ID, language=state.languages[place - 1]), None
    return miss(state, WRONG_KEY), None


def user_id(state: State, keys: str) -> Move:
    """A user ID, or in its place an activation code, which nobody has in an emergency."""
    if state.emergency and keys == emergency.OPERATOR_KEY:
        return seek_operator(state), None
    if keys == "*":
        if state.emergency:
            return go(state, Stage.USER_ID), None
        return go(state, Stage.LANGUAGE, language=state.languages[0]), None
    if not keys.isdigit() or len(keys) > _USER_ID_DIGITS_MAX:
        return miss(state, Message("wrong.digits")), None
    if len(keys) == CODE_DIGITS and not state.emergency:
        return state, KeepCode(keys)
    return change(state, stage=Stage.PIN, user_id=keys), None


def pin(state: State, keys: str) -> Move:
    """The PIN of the user ID keyed before."""
    if keys == "*":
        return change(state, stage=Stage.USER_ID, user_id=""), None
    if not _is_pin(keys):
        return miss(state, Message("wrong.length", {"digits": PIN_DIGITS})), None
    return state, SignIn(state.user_id, keys, state.emergency)


def new_pin(state: State, keys: str) -> Move:
    """The PIN that a first caller chooses, or one whose PIN is too old."""
    if keys == "*":
        return _ask_again_who(state), None
    if not _is_pin(keys):
        return miss(state, Message("wrong.length", {"digits": PIN_DIGITS})), None
    return state, KeepPin(keys)


def new_pin_again(state: State, keys: str) -> Move:
    """The same once more."""
    if keys == "*":
        return go(state, Stage.NEW_PIN, kept_pin=""), None
    if not _is_pin(keys):
        return miss(state, Message("wrong.length", {"digits": PIN_DIGITS})), None
    return state, Renew(keys) if state.renewing else Activate(keys)


def pin_aged(state: State, answer: PinAged) -> Move:
    """A new PIN before anything else. What was keyed ahead was not meant for it."""
    state = change(state, stage=Stage.NEW_PIN, user_id=answer.user_id, renewing=True, tries=0)
    return tell(change(state, queue=()), Message("pin.aged", {"name": answer.name})), None


def _is_pin(keys: str) -> bool:
    return len(keys) == PIN_DIGITS and keys.isdigit()


def kept(state: State, answer: Kept) -> Move:
    """The code is sealed, or the first PIN is fit to be repeated."""
    if state.stage is Stage.USER_ID:
        return change(state, stage=Stage.NEW_PIN, kept_code=answer.token), None
    return go(state, Stage.NEW_PIN_AGAIN, kept_pin=answer.token), None


def pin_unfit(state: State, answer: PinUnfit) -> Move:
    """Another PIN, please."""
    return miss(change(state, stage=Stage.NEW_PIN, kept_pin=""), answer.message), None


def signed_in(state: State, answer: SignedIn) -> Move:
    """Who it is; what they should know is said whatever comes next."""
    state = tell(
        change(
            state,
            user_id=answer.user_id,
            name=answer.name,
            kept_code="",
            kept_pin="",
            renewing=False,
            tries=0,
            telling=answer.telling,
            language=answer.language or state.language,
            signed_on=answer.at,
        ),
        *answer.notes,
    )
    return state, Place()


def not_signed_in(state: State, answer: NotSignedIn) -> Move:
    """The user ID again: nobody learns whether ID, PIN or code was wrong."""
    missed = miss(_ask_again_who(state), answer.message)
    if missed.stage is Stage.SEEKING:  # nobody is asked to try again any more
        return emergency.hold_up(missed, answer.message)
    return missed, None


def _ask_again_who(state: State) -> State:
    kept = {"user_id": "", "kept_code": "", "kept_pin": "", "renewing": False}
    return change(state, stage=Stage.USER_ID, **kept)


def blocked(state: State, answer: Blocked) -> Move:
    """Locked out: say so, and end the call; in an emergency a person helps."""
    return emergency.hold_up(state, answer.message)


def study(state: State, keys: str) -> Move:
    """The number of one of the person's studies."""
    return (state, Place(keys)) if keys.isdigit() else (miss(state, Message("wrong.digits")), None)


def site(state: State, keys: str) -> Move:
    """The number of one of the person's sites."""
    if keys == "*":
        return state, Place()
    if not keys.isdigit():
        return miss(state, Message("wrong.digits")), None
    return state, Place(state.study_number, keys)


def study_needed(state: State, answer: StudyNeeded) -> Move:
    """Several studies: ask which."""
    return go(state, Stage.STUDY, studies=answer.studies), None


def site_needed(state: State, answer: SiteNeeded) -> Move:
    """Several sites: ask which."""
    if state.stage is Stage.SITE:
        return miss(state, Message("wrong.site")), None
    values = {"study": answer.study, "study_number": answer.study_number}
    return go(state, Stage.SITE, **values), None


def study_unknown(state: State, answer: StudyUnknown) -> Move:
    """The number keyed is none of the person's studies."""
    return miss(state, Message("wrong.study")), None


def site_unknown(state: State, answer: SiteUnknown) -> Move:
    """The number keyed is none of the person's sites."""
    return miss(state, Message("wrong.site")), None


def nowhere(state: State, answer: Nowhere) -> Move:
    """Signed in, with nothing to do."""
    return end(state, Message("place.nowhere"), Message("goodbye")), None


def placed(state: State, answer: Placed) -> Move:
    """Study and site are settled: the menu."""
    known = state.training and state.language == state.languages[0]
    if answer.training and not known:
        state = tell(state, Message("training.start"))
    state = change(
        state,
        study=answer.study,
        study_number=answer.study_number,
        title=answer.title,
        training=answer.training,
        site=answer.site,
        offered=answer.offered,
        code_break=answer.code_break,
        studies=(),
    )
    return to_menu(state), None
