"""What a turn leads to: a reply to the caller, or a request to the runner and its answers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from core.messages import Labels, Message
from core.transaction import Kind
from ivr.dialogue.replies import Ask as Ask
from ivr.dialogue.replies import HangUp as HangUp
from ivr.dialogue.replies import Keys as Keys
from ivr.dialogue.replies import Reply as Reply
from ivr.dialogue.replies import Say as Say
from ivr.dialogue.replies import Tell as Tell
from ivr.dialogue.replies import Transfer as Transfer

# What the runner is asked to do. Secrets are in requests only, never in a state.


@dataclass(frozen=True, slots=True)
class FindOperators:
    """Who answers the emergency line: of the study keyed, or of the number dialled.

    `anyone`: the caller could not name a study; give every operator of the line.
    """

    study_number: str = ""
    anyone: bool = False


@dataclass(frozen=True, slots=True)
class SignIn:
    """Is this the PIN of that user ID? `emergency`: for a code break, which it signs."""

    user_id: str
    pin: str = field(repr=False)
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class KeepCode:
    """Seal an activation code until the new PIN has been keyed twice."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeepPin:
    """Is this PIN good enough? Then keep only what can be compared with its repetition."""

    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Activate:
    """Compare the repeated PIN with the kept one, and activate with the sealed code."""

    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Renew:
    """Compare the repeated PIN with the kept one, and put it in the place of one too old."""

    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FindSubject:
    """Is this a subject whose code the person may break, and at which site?"""

    number: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where the person works: the study and site keyed, "" where not keyed yet."""

    study_number: str = ""
    site_number: str = ""


@dataclass(frozen=True, slots=True)
class ComparePin:
    """Is this the new PIN kept in the state?"""

    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Consult:
    """What comes next in the transaction, given the answers of the state."""


@dataclass(frozen=True, slots=True)
class Perform:
    """Do it. `pin` signs, where the transaction is signed."""

    pin: str = field(default="", repr=False)


Request = (
    FindOperators
    | SignIn
    | KeepCode
    | KeepPin
    | ComparePin
    | Activate
    | Renew
    | FindSubject
    | Place
    | Consult
    | Perform
)
Effect = Reply | Request


# What is heard: from the telephone …


@dataclass(frozen=True, slots=True)
class Keyed:
    """Keys, without the # that ended them; "" is silence."""

    keys: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Dialled:
    """What became of a transfer, in the provider's word: completed, busy, no-answer …"""

    status: str


# … and from the runner.


@dataclass(frozen=True, slots=True)
class Operators:
    """Whom to call in turn, and where the sealed card is if nobody answers; of this study, if it is
    clear which."""

    telephones: tuple[str, ...]
    sealed_card: Labels | None = None
    study: str = ""


@dataclass(frozen=True, slots=True)
class StudyUnknown:
    """The number names no study that the caller may mean; it has to be keyed (again)."""


@dataclass(frozen=True, slots=True)
class SiteUnknown:
    """The number names no site of the person in this study."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who it is; `notes` tell of earlier deeds by telephone, `telling` are their receipts.

    In an emergency `language` is the person's own, if it is spoken here, and `at` the moment of
    the signature, ISO 8601.
    """

    user_id: str
    name: str
    notes: tuple[Message, ...] = ()
    telling: tuple[int, ...] = ()
    language: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class NotSignedIn:
    """Wrong ID, PIN or code, in the same words for all of them."""

    message: Message


@dataclass(frozen=True, slots=True)
class Blocked:
    """Locked or made to wait: nothing more in this call."""

    message: Message


@dataclass(frozen=True, slots=True)
class PinAged:
    """The PIN is right and too old: a new one comes first."""

    user_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToOperator:
    """The line can't help further in this emergency: a person will. `choice`: unless the caller
    would rather key the subject's number again. `why` goes on record, with the number keyed."""

    message: Message
    choice: bool = False
    why: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class SubjectFound:
    """The subject of that number is at this site, where the person may break codes."""

    number: str
    site: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What stands for a secret in the state; after `ComparePin`: they are the same."""

    token: str


@dataclass(frozen=True, slots=True)
class PinUnfit:
    """The new PIN is too easy, or the two differ: key it anew."""

    message: Message


@dataclass(frozen=True, slots=True)
class StudyNeeded:
    """The person works in several studies: (number, title) of each, if they are few."""

    studies: tuple[tuple[str, Labels], ...] = ()


@dataclass(frozen=True, slots=True)
class SiteNeeded:
    """The person works at several sites of the study."""

    study: str
    study_number: str


@dataclass(frozen=True, slots=True)
class Nowhere:
    """No study is open to the person."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Study and site are settled. `offered` are (menu key, transaction) in menu order."""

    study: str
    study_number: str
    title: Labels
    training: bool
    site: str
    offered: tuple[tuple[str, str], ...]
    code_break: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a transaction, its words and choices (key, value, label) worked out."""

    name: str
    kind: Kind
    text: Message
    choices: tuple[tuple[str, str, Labels | Message], ...] = ()
    unit: Labels | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """This question comes next; `notes` are told first."""

    asked: Asked
    notes: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """That answer won't do."""

    name: str
    message: Message


@dataclass(frozen=True, slots=True)
class Complete:
    """All answers are there; `today` is the date at the site."""

    read_back: tuple[Message, ...]
    warnings: tuple[Message, ...] = ()
    signed: bool = False
    today: dt.date | None = None
    notes: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """It is done and on record."""

    result: tuple[Message, ...]
    receipt: int


@dataclass(frozen=True, slots=True)
class Broken:
    """A code is broken and on record. `by` is how the treatment is told: "recording", "voice", or
    "" where it can't be told here and now; then `operators` are called."""

    result: tuple[Message, ...]
    receipt: int
    by: str
    operators: Operators


@dataclass(frozen=True, slots=True)
class Refused:
    """It is refused; where a rule refused it, the refusal is on record, as that receipt."""

    message: Message
    notes: tuple[Message, ...] = ()
    receipt: int = 0


@dataclass(frozen=True, slots=True)
class WrongPin:
    """The signature failed; nothing was done."""

    message: Message


Answer = (
    Operators
    | StudyUnknown
    | SiteUnknown
    | SignedIn
    | NotSignedIn
    | Blocked
    | PinAged
    | ToOperator
    | SubjectFound
    | Kept
    | PinUnfit
    | StudyNeeded
    | SiteNeeded
    | Nowhere
    | Placed
    | Asking
    | WrongAnswer
    | Complete
    | Done
    | Broken
    | Refused
    | WrongPin
)
Heard = Keyed | Dialled | Answer
