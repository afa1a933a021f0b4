"""The one abstraction: something a person does, defined once and offered on every channel.

A `Transaction` is its questions and a `run`; the phone dialogue, the SMS grammar, the web form,
the API schema and the printed call sheet are derived from the questions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from core.messages import Labels, Message

if TYPE_CHECKING:
    from core.access.roles import Permission
    from core.context import Context
    from core.facts import Facts
    from core.sealed import Sealed
    from core.study.schema import StudyConfig


class Kind(StrEnum):
    """What an answer is; each channel knows how to ask for each kind."""

    SUBJECT = "subject"  # a screening or randomization number of the site
    KIT = "kit"  # a kit number, eight digits with a Damm check digit
    KITS = "kits"  # none, one or several kit numbers
    CARTON = "carton"  # the last four digits of a kit number
    SHIPMENT = "shipment"
    LOT = "lot"
    VISIT = "visit"  # one of the visits offered as choices
    PERSON = "person"  # the user ID of an investigator of the site
    SITE = "site"  # a site number of the study
    PROPOSAL = "proposal"
    DATE = "date"
    YEAR = "year"
    CHOICE = "choice"
    YES_NO = "yes_no"
    NUMBER = "number"
    DECIMAL = "decimal"  # asked in tenths of the unit on a keypad
    PIN = "pin"  # never stored, shown or read back
    PASSWORD = "password"  # noqa: S105 (the same; web, API and command line only)
    MOBILE = "mobile"  # a telephone number, sealed wherever it is kept: not on the phone
    TEXT = "text"  # command line, web and API only
    FILE = "file"  # a file's text: command line only


class Channel(StrEnum):
    """Where a person stands when doing it; values are what the ledger says."""

    PHONE = "telephone"
    SMS = "sms"
    WEB = "web"
    API = "api"
    COMMAND = "command line"
    SYSTEM = "system"


Value = str | int | bool | Decimal | dt.date | tuple[str, ...]
"""A checked answer: numbers of things are strings of digits, choices their values."""

Answers = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a closed set: `key` on the keypad, `value` on record, `label` in words."""

    key: str
    value: str
    label: Labels | Message


def always(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    """The question is asked every time."""
    return True


When = Callable[["StudyConfig", "Facts", Answers], bool]
Choices = Callable[["StudyConfig", "Facts", Answers], tuple[Choice, ...]]
Check = Callable[["StudyConfig", "Facts", Answers, Any], Message | None]


@dataclass(frozen=True)
class Question:
    """One answer to ask for.

    `low` and `high` bound numbers and years, both inclusive, `high` also the length of a text;
    `digits` is the least and the most keys of a number. `check` says what is wrong with a value
    that is of the right kind (a consent in the future), or nothing. `title` are the study file's
    words for the question, where it has any (a stratification factor).
    """

    name: str
    kind: Kind
    when: When = always
    choices: Choices | None = None
    check: Check | None = None
    low: int | None = None
    high: int | None = None
    digits: tuple[int, int] | None = None
    title: Labels | None = None
    unit: Labels | None = None
    optional: bool = False  # may be left out where there is a keyboard; never asked on the phone


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to people by role, queued with the deed: never a treatment in it.

    `site`: the site whose people are meant, where the deed itself is one of the whole study.
    `depot`: of those who work at depots, only those of this one.
    `by_mail`: by e-mail too, where the installation sends any.
    """

    message: Message
    roles: tuple[str, ...] = ()  # role names at the deed's site (or the whole study)
    people: tuple[str, ...] = ()  # user IDs
    site: str | None = None
    depot: str | None = None
    by_mail: bool = False


@dataclass(frozen=True, slots=True)
class Opens:
    """Whose treatment a deed opens, to whom and until when: what `core.unblinding.reading` reads
    by. No `user_id`: to whoever sees the subject. Neither `subject` nor `kit`: every subject."""

    basis: str
    user_id: str | None
    subject: str | None = None
    kit: str | None = None
    ends_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A signed look over what went on: of what `kind` (core/db/records.py), on which day, at which
    site if at one. `upto`: the last entry of the chain that was looked at, None for all so far."""

    kind: str
    on: dt.date
    site: str | None = None
    upto: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What a deed did. `facts` are safe for any blinded reader; `secret` is not."""

    said: Message
    facts: Mapping[str, Any] = field(default_factory=dict)
    secret: Mapping[str, Sealed] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    subject: str | None = None
    notes: tuple[Message, ...] = ()  # told after the receipt (a likely duplicate, a deviation)
    opens: tuple[Opens, ...] = ()
    review: Reviewed | None = None


Questions = Callable[["StudyConfig"], tuple[Question, ...]]
Run = Callable[["Context", Answers], Outcome]
Warns = Callable[["StudyConfig", "Facts", Answers], tuple[Message, ...]]


@dataclass(frozen=True)
class Transaction:
    """A deed: its name on every channel, who may do it, what is asked, what it does.

    `menu_key` is the way through the phone menu, one key a level ("61" is 6, then 1); empty where
    the phone does not offer it. `signers` holds one permission when a second person has to approve
    before `run` happens: the first one proposes, `approve` runs it.
    `site` is false for what belongs to the study or the person and not to one site.
    `watched`: it opens a treatment, so a try that fails is on record too, and people are told.
    """

    name: str
    menu_key: str
    permission: Permission
    questions: Questions
    run: Run
    channels: frozenset[Channel]
    signed: bool = False
    signers: tuple[Permission, ...] = ()
    site: bool = True
    used: Callable[[StudyConfig], bool] | None = None  # whether a study has use for it; None: all
    bare: bool = False  # may be done before the study's first version is published
    warns: Warns | None = None  # what the read-back warns of (outside the window)
    watched: bool = False

    def is_used(self, config: StudyConfig) -> bool:
        """Whether the study has use for the transaction at all."""
        return self.used is None or self.used(config)


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed what, when, by which means: goes into what is hashed (21 CFR 11.50, 11.70)."""

    user_id: str
    name: str
    meaning: str
    at: dt.datetime
    method: str


@dataclass(frozen=True)
class Receipt:
    """Proof of a deed: the same request always gets the same one."""

    id: int
    study: str
    sequence: int
    transaction: str
    confirmation: str
    said: Message
    notes: tuple[Message, ...]
    facts: Mapping[str, Any]
    at: dt.datetime
    zone: str
    replayed: bool = False
    pending: bool = False  # proposed: a second person still has to approve
    subject: str | None = None
    site: str | None = None
