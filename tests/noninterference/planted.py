"""Leaks of every kind, planted where ours would be: each has to be found by comparing two worlds.

Each looks at what only a traitor within the code could look at, an opened arm or type, and lets
it out somewhere, mostly without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
from sqlalchemy import text

from core import listing, reading
from core.access.roles import Permission
from core.context import SystemEntropy
from core.db.models import subject
from core.errors import NoKitAvailable
from core.messages import Message
from core.outbox import NotSent
from core.sealed import Keys, Sealed
from core.supply import accountability, dispense
from core.supply.pick import pick
from core.text import Catalogue
from core.transaction import Notice
from tests.support.swap import CODE
from tests.support.world import ENCRYPTION, SECRET
from web import compress
from web.api import problems
from web.mail_out import MailCourier

Patch = Callable[..., None]
_KEYS: Final = Keys(SECRET.encode(), (ENCRYPTION,), SystemEntropy())


@dataclass(frozen=True)
class Leak:
    """How it is planted, and what the comparison says of it (a part of it). `lots_kept`: it tells
    of which lots kits are, so the worlds are those in which lots keep their types."""

    plant: Callable[[Patch], None]
    found: str
    lots_kept: bool = False


def is_active(number: str, token: Any) -> bool:
    """Whether the sealed arm of this subject is the active one."""
    return _KEYS.open(Sealed(bytes(token), f"{CODE}|subject|{number}")) == "active"


def _as_dispensed(patch: Patch, change: Callable[..., Any]) -> None:
    """Whenever kits of the active arm are given, the outcome is changed by `change`."""
    told = dispense.dispensed

    def leak(context: Any, name: str, found: Any, chosen: Any, facts: Any, params: Any) -> Any:
        outcome = told(context, name, found, chosen, facts, params)
        return change(outcome, context) if chosen[0].kit_type.startswith("A") else outcome

    patch(dispense, "dispensed", leak)


def _noted(patch: Patch) -> list[bool]:
    """A list that gets an item whenever kits of the active arm are given."""
    given: list[bool] = []

    def note(outcome: Any, context: Any) -> Any:
        given.append(True)
        return outcome

    _as_dispensed(patch, note)
    return given


def _word(patch: Patch) -> None:
    """What is lacking is told by the words of the refusal."""
    taken = dispense.take

    def leak(context: Any, wanted: Any, *given: Any) -> Any:
        try:
            return taken(context, wanted, *given)
        except NoKitAvailable:
            told = "error.no_kits" if "A20" in wanted else "error.no_kit_available"
            raise NoKitAvailable(Message(told)) from None

    patch(dispense, "take", leak)


def _fact(patch: Patch) -> None:
    """The type of what was given stands in the facts."""
    _as_dispensed(patch, lambda out, _: replace(out, facts={**out.facts, "types": "A20"}))


def _length(patch: Patch) -> None:
    """A page is longer by a space that nobody sees."""
    shown = reading.Reader.subject

    def leak(self: Any, number: str) -> Any:
        row = self._one(subject, number, Permission.SEE_SUBJECTS)
        found = dict(shown(self, number))
        if row.arm is not None and is_active(number, row.arm):
            found["randomization_number"] = f"{row.randomization_number} "
        return found

    patch(reading.Reader, "subject", leak)


def _order(patch: Patch) -> None:
    """The kits of a shipment are told one type after the other."""

    def leak(*given: Any) -> Any:
        found = pick(*given)
        return found and tuple(sorted(found, key=lambda item: (item.kit_type, item.number)))

    patch("core.supply.ship.pick", leak)


def _size(patch: Patch) -> None:
    """A shipment is a kit smaller, if that was one of the active arm."""

    def leak(*given: Any) -> Any:
        found = pick(*given)
        return found[1:] if found and found[0].kit_type.startswith("A") else found

    patch("core.supply.ship.pick", leak)


def _absence(patch: Patch) -> None:
    """Those of one arm are not in the list."""
    listed = listing.Listing.list_subjects

    def leak(self: Any, **given: Any) -> Any:
        page = listed(self, **given)
        query = text("SELECT number, arm FROM subject WHERE study = :s AND arm IS NOT NULL")
        arms = {row.number: row.arm for row in self.db.execute(query, {"s": self.study})}
        rows = [one for one in page.rows if not is_active(one.number, arms[one.number])]
        return replace(page, rows=tuple(rows))

    patch(listing.Listing, "list_subjects", leak)


def _status(patch: Patch) -> None:
    """A program is told with another status, in the same words."""
    taken, status_of = dispense.take, problems.status_of

    class Lacking(NoKitAvailable):
        code = NoKitAvailable.code

    def leak(context: Any, wanted: Any, *given: Any) -> Any:
        try:
            return taken(context, wanted, *given)
        except NoKitAvailable:
            raise (Lacking if "A20" in wanted else NoKitAvailable) from None

    patch(dispense, "take", leak)
    patch(problems, "status_of", lambda error: 422 if type(error) is Lacking else status_of(error))


def _header(patch: Patch) -> None:
    """A header that no page shows."""
    given = _noted(patch)
    squeeze = compress.squeeze

    def leak(response: Any) -> Any:
        if given:
            given.clear()
            response.headers["X-Cache"] = "miss"
        return squeeze(response)

    patch(compress, "squeeze", leak)


def _count(patch: Patch) -> None:
    """One statement more, which changes nothing."""
    _as_dispensed(patch, lambda out, context: context.db.execute(text("SELECT 1")) and out)


def _statement_order(patch: Patch) -> None:
    """Two statements in the other order."""
    assign = dispense.assign

    def leak(context: Any, found: Any, chosen: Any, visit_id: Any) -> None:
        one, other = text("SELECT 1"), text("SELECT 2")
        if chosen[0].kit_type.startswith("A"):
            one, other = other, one
        context.db.execute(one)
        context.db.execute(other)
        assign(context, found, chosen, visit_id)

    patch(dispense, "assign", leak)


def _chance(patch: Patch) -> None:
    """One number more is drawn."""
    _as_dispensed(patch, lambda out, context: (context.entropy.below(2), out)[1])


def _sms(patch: Patch) -> None:
    """The SMS to who gave the kits says it in other words."""

    def change(outcome: Any, context: Any) -> Any:
        (told,) = outcome.notices
        message = Message("sms.unscheduled", told.message.params)
        return replace(outcome, notices=(Notice(message, people=told.people),))

    _as_dispensed(patch, change)


def _recipient(patch: Patch) -> None:
    """The same SMS, to somebody else too."""

    def change(outcome: Any, context: Any) -> Any:
        (told,) = outcome.notices
        return replace(outcome, notices=(replace(told, people=(*told.people, "14")),))

    _as_dispensed(patch, change)


def _mail(patch: Patch) -> None:
    """An e-mail is headed by a sign more."""
    write = MailCourier._write

    def leak(self: Any, db: Any, row: Any) -> Any:
        mail = write(self, db, row)
        if isinstance(mail, NotSent):
            return mail
        query = (
            "SELECT kit.number, kit.kit_type FROM kit JOIN shipment ON shipment.id = shipment_id "
            "WHERE shipment.number = :n ORDER BY kit.number"
        )
        first = db.execute(text(query), {"n": row.message.params["shipment"].value}).first()
        if first is None:  # called off
            return mail
        about = f"{CODE}|kit|{first.number}"
        if _KEYS.open(Sealed(bytes(first.kit_type), about)).startswith("A"):
            mail.replace_header("Subject", f"{mail['Subject']} !")
        return mail

    patch(MailCourier, "_write", leak)


def _log(patch: Patch) -> None:
    """A line in the log of the server."""
    said = structlog.get_logger("core.supply")
    _as_dispensed(patch, lambda out, _: (said.info("given"), out)[1])


def _export(patch: Patch) -> None:
    """A file says of which lots the kits are: the blinded get an account without them."""
    lots = accountability._lots

    def leak(*given: Any) -> Any:
        return {key: replace(found, plain=True) for key, found in lots(*given).items()}

    patch(accountability, "_lots", leak)


def _spoken(patch: Patch) -> None:
    """What is spoken has a pause more."""
    render, given = Catalogue.render, _noted(patch)

    def leak(self: Any, message: Message, language: str, *, spoken: bool) -> str:
        words = render(self, message, language, spoken=spoken)
        if spoken and message.id == "said.dispense" and given:
            given.clear()
            return f"{words} "
        return words

    patch(Catalogue, "render", leak)


PLANTED: Final = {
    "a word": Leak(_word, "POST /api/v1/studies/swap/transactions/unscheduled: told"),
    "a fact": Leak(_fact, "types"),
    "the length of a page": Leak(_length, "GET /subjects/101001: told"),
    "the order of kits": Leak(_order, '"kits": ['),
    "the size of a shipment": Leak(_size, '"kits": ['),
    "an absence": Leak(_absence, "GET /subjects: told"),
    "a status": Leak(_status, "422 UNPROCESSABLE"),
    "a header": Leak(_header, "X-Cache: miss"),
    "the number of statements": Leak(_count, "only there ['SELECT 1']"),
    "the order of statements": Leak(_statement_order, "only here [], only there []"),
    "chance": Leak(_chance, ": chance "),
    "the words of an SMS": Leak(_sms, "post sms"),
    "who gets an SMS": Leak(_recipient, "post sms"),
    "an e-mail": Leak(_mail, "post mail"),
    "a line in the log": Leak(_log, ": log "),
    "a file": Leak(_export, "accountability", lots_kept=True),
    "what is spoken": Leak(_spoken, "/ivr/voice"),
}
