"""The questions of a transaction, walked: what to ask next, what is wrong, or all that is needed.

Every channel goes through here, and `perform` once more under its locks, so that each rule of a
question lives once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection

from core.answers import parse, shown
from core.errors import InvalidInput, NotAllowed, NotFound
from core.facts import Facts, is_keyed
from core.ledger.append import INSTALLATION
from core.messages import Message, Param
from core.study.fields import is_study_code
from core.transaction import Answers, Channel, Choice, Kind, Question, Transaction, Value

if TYPE_CHECKING:
    from core.access.roles import Actor
    from core.runtime import Core
    from core.study.schema import StudyConfig

_made: dict[tuple[str, int], tuple[StudyConfig, tuple[Question, ...]]] = {}
_MADE_MAX: Final = 1000
Given = Mapping[str, str]
"""Raw answers by question name, as a keyboard would give them."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The next question, its choices worked out."""

    question: Question
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Wrong:
    """An answer that won't do: drop it, say why, ask again."""

    name: str
    message: Message


@dataclass(frozen=True)
class Complete:
    """Every answer is there. `read_back` and `warnings` are told before the confirm; what may not
    be read back (a PIN, a file) is left out of `read_back`."""

    answers: Answers
    warnings: tuple[Message, ...]
    signed: bool
    asked: tuple[tuple[Question, tuple[Choice, ...]], ...]  # those answered, in asking order

    @property
    def questions(self) -> tuple[Question, ...]:
        """The questions that were answered, in asking order."""
        return tuple(question for question, _ in self.asked)

    @cached_property
    def read_back(self) -> tuple[Message, ...]:
        """The answers in words."""
        return tuple(
            _read(question, self.answers[question.name], choices)
            for question, choices in self.asked
            if question.kind not in (Kind.PIN, Kind.PASSWORD, Kind.FILE)
        )


def advance(
    core: Core,
    db: Connection,
    transaction: Transaction,
    actor: Actor,
    study: str,
    site: str | None,
    given: Given,
) -> Ask | Wrong | Complete:
    """What comes next, given the answers so far.

    Raises Refused where it is clear already that the deed will be refused, NotFound for a study
    or site that the person does not see.
    """
    check_sight(actor, transaction, study, site)
    facts = Facts(db, core, actor=actor, study=study, site=site, now=core.now())
    check_allowed(actor, transaction, study, site)
    return walk(transaction, facts, given)


def check_sight(actor: Actor, transaction: Transaction, study: str, site: str | None) -> None:
    """What one may not see answers as if it did not exist, and so does a deed at a site that is
    done for the study as a whole: there it would be about that site's shipments and kits. Raises
    NotFound."""
    # Before a study is published nothing else vouches for its code.
    if not is_study_code(study) or study == INSTALLATION or not actor.sees_study(study):
        raise NotFound
    if site is not None and not (
        transaction.site and is_keyed(site) and actor.sees_site(study, site)
    ):
        raise NotFound
    if transaction.site and site is None:
        raise InvalidInput("site", Message("error.site_missing"))


def check_allowed(actor: Actor, transaction: Transaction, study: str, site: str | None) -> None:
    """The roles of the person cover the deed there. Raises NotAllowed."""
    if not actor.may(transaction.permission, study, site if transaction.site else None):
        raise NotAllowed


def check_offered(transaction: Transaction, config: StudyConfig, channel: Channel) -> None:
    """The study has use for the transaction, and the channel offers it. Raises NotFound."""
    if channel not in transaction.channels or not transaction.is_used(config):
        raise NotFound


def is_signed(transaction: Transaction, facts: Facts) -> bool:
    """Whether the transaction takes a signature: by its nature, or by the study file."""
    return transaction.signed or transaction.name in facts.config.signatures


def walk(transaction: Transaction, facts: Facts, given: Given) -> Ask | Wrong | Complete:
    """Take the questions in asking order against what is on record."""
    facts.settle(given.get("subject"))
    config = facts.config
    answers: dict[str, Value] = {}
    asked: list[tuple[Question, tuple[Choice, ...]]] = []
    for question in _questions(transaction, config):
        if not question.when(config, facts, answers):
            continue
        choices = question.choices(config, facts, answers) if question.choices else ()
        raw = given.get(question.name)
        if raw is None or (question.optional and not raw):
            if question.optional:
                continue
            return Ask(question, choices)
        try:
            value = parse(question, raw, choices, facts)
        except InvalidInput as wrong:
            return Wrong(question.name, wrong.message)
        if question.check and (problem := question.check(config, facts, answers, value)):
            return Wrong(question.name, problem)
        answers[question.name] = value
        asked.append((question, choices))
    for name in given:
        if name not in answers and given[name]:
            return Wrong(name, Message("error.unknown_answer", {"name": name[:40]}))
    warnings = transaction.warns(config, facts, answers) if transaction.warns else ()
    signed = is_signed(transaction, facts)
    return Complete(answers, warnings, signed, tuple(asked))


def _questions(transaction: Transaction, config: StudyConfig) -> tuple[Question, ...]:
    """The transaction's questions in this study, made once: every turn of a call walks them."""
    key = (transaction.name, id(config))
    known = _made.get(key)
    if known is None or known[0] is not config:
        if len(_made) >= _MADE_MAX:
            _made.clear()
        known = _made[key] = (config, transaction.questions(config))
    return known[1]


def words(prefix: str, question: Question, **params: Param) -> Message:
    """The text of a question: `ask.subject`, `read.subject`; the study file's own words where it
    has any (`ask.factor` with `title`); one of a series (carton_2) by its stem and `n`."""
    if question.title is not None:
        return Message(f"{prefix}.factor", {"title": question.title, **params})
    stem, _, place = question.name.rpartition("_")
    if stem and place.isdigit():
        return Message(f"{prefix}.{stem}", {"n": int(place), **params})
    return Message(f"{prefix}.{question.name}", params)


def _read(question: Question, value: Value, choices: tuple[Choice, ...]) -> Message:
    return words("read", question, value=shown(question, value, choices))
