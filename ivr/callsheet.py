"""The caller's worksheet: every entry of a call, in order, with keys that would be accepted.

Made by letting the dialogue engine run through the call: a sheet cannot ask for what the line does
not ask for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from babel import Locale
from sqlalchemy import select

from core.access.openings import open_studies
from core.access.roles import Actor, load_actor
from core.db.models import study as study_table
from core.errors import NoExample, NotAllowed, NotFound
from core.examples import find_answers
from core.interview import Ask, Complete, advance
from core.messages import Labels, Message
from core.register import find
from core.study.versions import latest_config
from core.text import Catalogue
from core.transaction import Kind, Transaction
from ivr import requests
from ivr.deeds import asked_of
from ivr.dialogue import effects as fx
from ivr.dialogue.engine import start, step
from ivr.dialogue.entry import keys_of_stage
from ivr.dialogue.menu import has_more, options
from ivr.dialogue.state import Stage, State
from ivr.requests import for_the_ear

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.runtime import Core

_PLACEHOLDER = "000000"  # keyed for the caller's own PIN, which no sheet knows
_DIGITS_MAX = {Stage.USER_ID: 11, Stage.STUDY: 11, Stage.SITE: 11, Stage.KIT: 8}
_NAMES = {Stage.READ_BACK: "confirm", Stage.SIGN: "sign", Stage.PIN_AGAIN: "new_pin_again"}
_KINDS = {
    Stage.LANGUAGE: "choice",
    Stage.LANGUAGE_CODE: "choice",
    Stage.PIN: "pin",
    Stage.SIGN: "pin",
    Stage.PIN_AGAIN: "pin",
    Stage.MENU: "choice",
    Stage.READ_BACK: "choice",
    Stage.KIT: "kit",
}


def _own_name(code: str) -> Labels:
    return Labels((("", Locale(code).get_display_name() or code),))


_WAYS = (
    ("1", "confirm", Message("sheet.confirm")),
    ("2", "change", Message("sheet.change")),
    ("3", "cancel", Message("sheet.cancel")),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: what is asked, how it ends, and an example (None for the caller's secrets)."""

    ask: str
    kind: str
    choices: tuple[tuple[str, str, str], ...]  # key, value, label
    digits: int
    fixed: bool
    example: str | None
    words: str = ""

    def to_json(self) -> dict[str, Any]:
        """As `ixrs callsheet --json` prints it."""
        choices = [{"key": k, "value": v, "label": label} for k, v, label in self.choices]
        return {
            "ask": self.ask,
            "kind": self.kind,
            "choices": choices,
            "digits": self.digits,
            "fixed": self.fixed,
            "example": self.example,
        }


def call_sheet(
    core: Core,
    texts: Catalogue,
    name: str,
    *,
    study: str,
    user_id: str,
    site: str | None = None,
    language: str | None = None,
) -> list[Entry]:
    """The sheet of one transaction for one person. Raises NotFound, NotAllowed, NoExample."""
    transaction = find(name)
    with core.reading() as db:
        actor = load_actor(db, user_id, core.now())
        if not actor.sees_study(study):
            raise NotFound
        config = latest_config(db, core, study)
        number = db.scalar(select(study_table.c.number).where(study_table.c.code == study))
    if not transaction.menu_key or not number:
        raise NotAllowed
    chosen = language or actor.language
    if chosen not in config.languages:
        raise NotFound
    site = site or _only_site(core, actor, study, transaction)
    answers = find_answers(core, transaction, actor, study, site if transaction.site else None)
    if answers is None:
        raise NoExample
    caller = _Caller(core, texts, transaction, actor, study, number, site or "", answers)
    languages = tuple(one for one in config.languages if one in texts.languages)
    return caller.go(languages, languages.index(chosen))


def _only_site(core: Core, actor: Actor, study: str, transaction: Transaction) -> str | None:
    """The site to call for: the first of the person's own."""
    with core.reading() as db:
        mine = [ref for ref in open_studies(db, core, actor) if ref.code == study]
    numbers = [one.number for ref in mine for one in ref.sites]
    if transaction.site and not numbers:
        raise NotAllowed
    return numbers[0] if numbers else None


class _Caller:
    """Makes the call without a line: keys examples, answers the engine's requests, writes down."""

    def __init__(
        self,
        core: Core,
        texts: Catalogue,
        transaction: Transaction,
        actor: Actor,
        study: str,
        study_number: str,
        site: str,
        answers: dict[str, str],
    ) -> None:
        self._core, self._texts, self._actor = core, texts, actor
        self._transaction, self._study, self._study_number = transaction, study, study_number
        self._site, self._answers = site, answers
        self._sheet: list[Entry] = []

    def go(self, languages: tuple[str, ...], place: int) -> list[Entry]:
        """The entries from the first question to the confirm, and the signature."""
        state, effect = start(languages)
        language = languages[place]
        while not isinstance(effect, fx.Perform):
            if isinstance(effect, fx.Ask):
                keys = self._keys(state, str(place + 1))
                self._write(state, effect, keys, language)
                state, effect = step(state, fx.Keyed(keys))
            elif isinstance(effect, fx.Transfer | fx.HangUp):
                raise NoExample
            else:
                state, effect = step(state, self._fulfil(state, effect))
        return self._sheet

    def _keys(self, state: State, language: str) -> str:
        match state.stage:
            case Stage.LANGUAGE:
                return language
            case Stage.USER_ID:
                return self._actor.user_id
            case Stage.STUDY:
                return self._study_number
            case Stage.SITE:
                return self._site
            case Stage.MENU:
                return self._transaction.menu_key[len(state.level)]
            case Stage.QUESTION:
                return self._question_keys(state)
            case Stage.PIN_AGAIN:
                return self._answers["new_pin"]
            case Stage.KIT:
                return self._kits(state)[len(state.kits)]
            case Stage.READ_BACK:
                return "1"
        return _PLACEHOLDER

    def _kits(self, state: State) -> list[str]:
        raw = self._answers[state.asked.name] if state.asked else ""
        return [number for number in raw.split(",") if number]

    def _question_keys(self, state: State) -> str:
        asked = state.asked
        assert asked is not None  # noqa: S101 - the stage says so
        raw = self._answers[asked.name]
        if asked.choices:
            return next(key for key, value, _ in asked.choices if value == raw)
        match asked.kind:
            case Kind.YES_NO:
                return "1" if raw == "yes" else "2"
            case Kind.KITS:
                return str(len(self._kits(state)))
            case Kind.DATE:
                year, month, day = raw.split("-")
                return day + month + year
            case Kind.DECIMAL:
                whole, _, tenth = raw.partition(".")
                return whole + (tenth or "0")
        return raw

    def _write(self, state: State, ask: fx.Ask, keys: str, language: str) -> None:
        asked = state.asked if state.stage is Stage.QUESTION else None
        fixed = keys_of_stage(state.stage, state.asked).fixed
        secret = state.stage in (Stage.PIN, Stage.SIGN)
        name = asked.name if asked else _NAMES.get(state.stage, state.stage.value)
        kind = _KINDS.get(state.stage, "number")
        says = [one for one in ask.says if state.stage is not Stage.LANGUAGE]
        words = " ".join(self._text(part, language) for one in says for part in one.messages)
        choices = tuple(
            (key, value, self._text(label, language)) for key, value, label in self._choices(state)
        )
        self._sheet.append(
            Entry(
                name,
                asked.kind.value if asked else kind,
                choices,
                fixed or _DIGITS_MAX.get(state.stage) or self._digits(asked),
                bool(fixed),
                None if secret else keys,
                words,
            )
        )

    def _text(self, words: Labels | Message, language: str) -> str:
        if isinstance(words, Labels):
            return words.text(language)
        return self._texts.render(words, language, spoken=True)

    def _digits(self, asked: fx.Asked | None) -> int:
        if asked is None:
            return 20
        for question in self._transaction.questions(self._config()):
            if question.name == asked.name and question.digits:
                return question.digits[1]
        return 2 if asked.kind is Kind.KITS else 20

    def _config(self) -> Any:
        with self._core.reading() as db:
            return latest_config(db, self._core, self._study)

    def _choices(self, state: State) -> tuple[tuple[str, str, Labels | Message], ...]:
        match state.stage:
            case Stage.LANGUAGE:
                return tuple(
                    (str(place), code, _own_name(code))
                    for place, code in enumerate(state.languages, start=1)
                )
            case Stage.MENU:
                more = (("6", "more", Message("sheet.more")),) if has_more(state) else ()
                own = ((key, name, Message(f"deed.{name}")) for key, name in options(state))
                return (*own, *more)
            case Stage.READ_BACK:
                return _WAYS
            case Stage.QUESTION if state.asked is not None:
                if state.asked.kind is Kind.YES_NO:
                    return (("1", "yes", Message("word.yes")), ("2", "no", Message("word.no")))
                return state.asked.choices
        return ()

    def _fulfil(self, state: State, request: fx.Effect) -> fx.Answer:
        match request:
            case fx.SignIn():
                return fx.SignedIn(self._actor.user_id, self._actor.name)
            case fx.Place():
                return requests.place(self._core, state, request)
            case fx.Consult():
                with self._core.reading() as db:
                    return self._consult(db, state)
            case fx.KeepPin():
                return requests.check_pin(self._core, state, request)
            case fx.ComparePin():
                return requests.compare_pin(self._core, state, request)
        raise TypeError(f"a sheet does not lead to {type(request).__name__}")

    def _consult(self, db: Connection, state: State) -> fx.Answer:
        site = (state.site or None) if self._transaction.site else None
        found = advance(
            self._core, db, self._transaction, self._actor, self._study, site, dict(state.given)
        )
        if isinstance(found, Ask):
            return fx.Asking(asked_of(found), ())
        if isinstance(found, Complete):
            today = self._core.now().date()
            read_back = tuple(for_the_ear(one) for one in found.read_back)
            return fx.Complete(read_back, (), found.signed, today, ())
        raise NoExample
