"""The reply that belongs to a state: the same state is always told the same way."""

from __future__ import annotations

from collections.abc import Callable

from core.messages import Digits, Message
from core.transaction import Kind
from ivr.dialogue import menu
from ivr.dialogue.arrival import KEYED_LANGUAGES, MORE_LANGUAGES
from ivr.dialogue.effects import Ask, HangUp, Reply, Say, Tell, Transfer
from ivr.dialogue.entry import keys_of_question, keys_of_stage
from ivr.dialogue.state import Stage, State

Messages = tuple[Message, ...]


def present(state: State) -> Reply:
    """What is said and awaited at this state."""
    if state.stage is Stage.ENDED:
        return HangUp(_says(state, state.said))
    if state.stage is Stage.HELPDESK:
        return Transfer(_says(state, state.said), state.helpdesk)
    if state.stage is Stage.OPERATOR:
        return Transfer(_says(state, state.said), state.operators[state.operator])
    keys = keys_of_stage(state.stage, state.asked)
    if state.stage is Stage.LANGUAGE:
        return Ask(_languages(state), keys)
    if state.stage is Stage.LANGUAGE_CODE:
        return Ask(_language_codes(state), keys)
    if state.stage is Stage.READ_BACK:
        options = _says(state, (Message("read.options"),))
        return Ask(options, keys, heard_out=_says(state, state.said + state.read_back))
    if state.stage is Stage.SIGN:
        # What is signed is heard out as well: name, date and meaning (21 CFR 11.50).
        ask = _says(state, (Message("sign.pin"),))
        return Ask(ask, keys, heard_out=_says(state, state.said + state.signed))
    if state.stage is Stage.REVEAL:
        told = (Tell(state.language),) if state.tells else ()
        options = _says(state, (Message("reveal.options"),))
        return Ask(options, keys, heard_out=(*_says(state, state.said), *told))
    return Ask(_says(state, state.said + _prompts(state)), keys)


def _says(state: State, messages: Messages) -> tuple[Say, ...]:
    return (Say(state.language, messages),) if messages else ()


def _languages(state: State) -> tuple[Say, ...]:
    first = state.languages[0]
    if len(state.languages) == 1:
        offers = [Say(first, (Message("language.only"),))]
    else:
        offers = [
            Say(code, (Message("language.offer", {"key": str(place)}),))
            for place, code in enumerate(state.languages[:KEYED_LANGUAGES], start=1)
        ]
    if len(state.languages) > KEYED_LANGUAGES:
        offers.append(Say(first, (Message("language.more", {"key": MORE_LANGUAGES}),)))
    welcome = (
        Message("welcome.study", {"title": state.title}) if state.title else Message("welcome")
    )
    said = (*state.said, welcome) if not state.tries else state.said
    return (Say(first, said), *offers, Say(first, (Message("language.emergency"),)))


def _language_codes(state: State) -> tuple[Say, ...]:
    offers = tuple(
        Say(code, (Message("language.code", {"code": Digits(f"{place:02d}")}),))
        for place, code in enumerate(state.languages, start=1)
        if place > KEYED_LANGUAGES
    )
    return (*_says(state, state.said), *offers)


def _prompts(state: State) -> Messages:
    if state.stage in _FIXED:
        return _FIXED[state.stage]
    return _MADE[state.stage](state)


def _study(state: State) -> Messages:
    offers = tuple(
        Message("place.study_offer", {"title": title, "number": Digits(number)})
        for number, title in state.studies
    )
    return (Message("ask.study"), *offers)


def _menu(state: State) -> Messages:
    heading = () if state.level else (Message("menu.start"),)
    offers = {
        key: Message("menu.option", {"deed": Message(f"menu.{name}"), "key": key})
        for key, name in menu.options(state)
    }
    more = (Message("menu.more"),) if menu.has_more(state) else ()
    if state.level:
        return (*heading, *offers.values(), *more, Message("menu.back"))
    last = offers.pop(menu.CODE_BREAK, Message("menu.operators") if state.code_break else None)
    code_break = (last,) if last else ()
    ends = (*more, *code_break, Message("menu.help_desk"), Message("menu.again"))
    return (*heading, *offers.values(), *ends)


def _question(state: State) -> Messages:
    asked = state.asked
    if asked is None:
        return ()
    if asked.choices:
        one_key = keys_of_question(asked).fixed == 1
        offer = "choice.one" if one_key else "choice.hash"
        return (
            asked.text,
            *(
                Message(offer, {"label": label, "key": Digits(key)})
                for key, _, label in asked.choices
            ),
        )
    if asked.kind is Kind.DECIMAL and asked.unit is not None:
        return (asked.text, Message("hint.decimal_unit", {"unit": asked.unit}))
    if asked.kind in (Kind.CARTON, Kind.PIN):  # their own words say how many digits
        return (asked.text,)
    return (asked.text, _HINTS.get(asked.kind, Message("hint.hash")))


def _user_id(state: State) -> Messages:
    operator = (Message("emergency.or_operator"),) if state.emergency else ()
    return (Message("ask.user_id"), *operator)


def _result(state: State) -> Messages:
    options = "result.options_emergency" if state.emergency else "result.options"
    return (*state.result, Message(options))


def _kit(state: State) -> Messages:
    place = len(state.kits) + 1
    return (Message("ask.one_kit", {"n": place, "of": state.kits_expected}),)


_HINTS = {
    Kind.DATE: Message("hint.date"),
    Kind.YEAR: Message("hint.year"),
    Kind.DECIMAL: Message("hint.decimal"),
    Kind.YES_NO: Message("hint.yes_no"),
    Kind.KITS: Message("hint.kits"),
}
_FIXED: dict[Stage, Messages] = {
    Stage.PIN: (Message("ask.pin"),),
    Stage.NEW_PIN: (Message("ask.new_pin"),),
    Stage.NEW_PIN_AGAIN: (Message("ask.new_pin_again"),),
    Stage.PIN_AGAIN: (Message("ask.new_pin_again"),),
    Stage.SITE: (Message("ask.site"),),
    Stage.EMERGENCY_STUDY: (Message("emergency.study"),),
    Stage.EMERGENCY_SUBJECT: (Message("emergency.subject"), Message("emergency.or_zero")),
    Stage.EMERGENCY_CHOICE: (Message("emergency.choice"),),
}
_MADE: dict[Stage, Callable[[State], Messages]] = {
    Stage.USER_ID: _user_id,
    Stage.STUDY: _study,
    Stage.MENU: _menu,
    Stage.QUESTION: _question,
    Stage.KIT: _kit,
    Stage.RESULT: _result,
}
