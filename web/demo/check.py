"""The demo tries itself: calls, messages and pages through a running server, as from outside."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from sqlalchemy import select

from core.db.models import kit, ledger, subject
from core.ledger.verify import verify
from core.runtime import Core
from ivr.simulator.phone import CallFailed, Phone
from ivr.simulator.rest import Message
from ivr.simulator.texting import Text, TextFailed, send
from ivr.simulator.webhook import Sender
from web.demo.cast import NEWCOMER, mobile_of, new_pin
from web.demo.history import Login
from web.demo.running import Running, get

STUDY: Final = "demo"
CALLER, INVESTIGATOR = "1101", "1103"
TRAINING: Final = "TRAINING"
SMS_SECONDS_MAX: Final = 15
Say = Callable[[str], None]


class CheckFailed(Exception):
    """What is wrong with the demo."""


def check(running: Running, say: Say) -> None:
    """Try pages, telephone and messages, then prove the record; `say` is told what was heard.

    Raises CheckFailed for the first thing that is wrong.
    """
    core = Core.from_settings(running.demo.settings)
    try:
        _Check(running, core, say).all()
    except CallFailed as failure:
        raise CheckFailed(f"the call broke: {failure}") from failure
    except TimeoutError as failure:
        raise CheckFailed(f"an SMS did not come: {failure}") from failure
    finally:
        core.engine.dispose()


def _expect(right: bool, what: str) -> None:
    if not right:
        raise CheckFailed(what)


def _digits(text: str) -> str:
    return re.sub(r"[\s,.;:-]", "", text)


class _Check:
    def __init__(self, running: Running, core: Core, say: Say) -> None:
        self.running, self.core, self.say = running, core, say
        self.ada: Login = running.demo.study(STUDY).login(CALLER)
        self.number = ""  # the subject that the call is about

    def all(self) -> None:
        self.pages()
        self.call()
        self.texts()
        self.forged()
        self.first_call()
        self.record()

    def pages(self) -> None:
        """The home page says that it is a training; the server says that it is well."""
        for path, words in (("/", TRAINING), ("/healthz", "ok"), ("/readyz", "true")):
            status, text = get(self.running.url, path)
            _expect(status == 200 and words in text, f"GET {path} answered {status}: {text[:200]}")
            self.say(f"web    GET {path}: {status}")

    def call(self) -> None:
        """Ada randomizes a subject, dispenses the first kit and confirms it, in one call."""
        with self.running.phone(STUDY, mobile_of(CALLER)) as phone:
            heard = self._told(phone, phone.dial())
            _expect(TRAINING in heard.upper(), "the welcome did not say that it is a training")
            self._keys(phone, "1", f"{CALLER}#", self.ada.pin)
            self._randomize(phone)
            self._dispense(phone)
            phone.hang_up()

    def _randomize(self, phone: Phone) -> None:
        self.number = self._screened()
        self._keys(phone, "2", f"{self.number}#", "1", "1", f"{INVESTIGATOR}#", "1", "2", "1")
        heard = self._keys(phone, self.ada.pin)
        given = self._randomization_number()
        _expect(given in _digits(heard), "the randomization number was not told")
        self._confirmed("randomize", heard)
        self._keys(phone, "2")

    def _dispense(self, phone: Phone) -> None:
        heard = self._keys(phone, "3", f"{self.number}#", "1", "1")
        cartons = self._cartons()
        _expect(len(cartons) == 1, f"{len(cartons)} kits were dispensed, not one")
        (carton,) = cartons
        _expect(carton in _digits(heard), "the kit number was not told")
        self._confirmed("dispense", heard)
        heard = self._keys(phone, "2", "6", "2", f"{self.number}#", carton[-4:], "1")
        self._confirmed("hand_over", heard)

    def texts(self) -> None:
        """Ada dispenses once more and texts two hand-overs: of a wrong carton, and of the right."""
        with self.running.phone(STUDY, mobile_of(CALLER)) as phone:
            phone.dial()
            self._keys(phone, "1", f"{CALLER}#", self.ada.pin, "6", "7", f"{self.number}#")
            heard = self._keys(phone, "1")
            phone.hang_up()
        cartons = self._cartons(waiting=True)
        _expect(len(cartons) == 1, f"{len(cartons)} kits were dispensed, not one")
        (carton,) = cartons
        _expect(carton in _digits(heard), "the kit number was not told")
        confirmation = self._confirmed("unscheduled", heard)
        wrong = f"{(int(carton[-4:]) + 1) % 10_000:04d}"
        self._text(f"GIVEN {confirmation} {wrong}", "do not give")
        _expect(self._cartons(waiting=True) == [carton], "a wrong carton was confirmed")
        self._text(f"GIVEN {confirmation} {carton[-4:]}", "hand-over confirmed")
        _expect(self._cartons(waiting=True) == [], "the hand-over was not confirmed")
        self._text(f"GIVEN {confirmation} {carton[-4:]}", "confirmed already")

    def _text(self, body: str, expected: str) -> None:
        """Ada texts the study's number; what is replied has these words, and the training mark."""
        settings = self.running.demo.settings
        to = self.running.demo.study(STUDY).telephone
        sender = Sender(self.running.url, settings.twilio_auth_token)
        try:
            text = Text(mobile_of(CALLER), to, body)
            reply = send(sender, settings.twilio_account_sid, text)
        except TextFailed as failed:
            raise CheckFailed(f"the SMS {body!r} failed: {failed}") from failed
        finally:
            sender.close()
        self.say(f"sms    from {text.from_}: {body}")
        self.say(f"sms    to {text.from_}: {reply}")
        right = expected in reply and reply.startswith(TRAINING)
        _expect(right, f"the SMS {body!r} was answered {reply!r}")

    def forged(self) -> None:
        """The same webhook with a signature that is not the provider's is turned away."""
        with self.running.phone(STUDY, mobile_of(CALLER)) as phone:
            phone.dial()
            _expect(phone.last is not None, "nothing was sent")
            if phone.last is not None:
                status = phone.sender.post(phone.last, signature="forged").status
                _expect(status == 403, f"a forged signature was answered {status}")
                self.say(f"phone  a forged signature: {status}")
            phone.hang_up()

    def first_call(self) -> None:
        """A newcomer gets an activation code by SMS and keys it in place of a user ID."""
        message = self._sms(NEWCOMER.user_id, r"(?<!\d)\d(?:[ -]?\d){11}(?!\d)")
        found = re.search(r"(?<!\d)\d(?:[ -]?\d){11}(?!\d)", message.body)
        code = re.sub(r"\D", "", found[0]) if found else ""
        pin = new_pin(self.core.entropy, NEWCOMER.user_id)
        with self.running.phone(STUDY, mobile_of(NEWCOMER.user_id)) as phone:
            self._told(phone, phone.dial())
            self._keys(phone, "1", f"{code}#", pin, pin)
            phone.hang_up()
        with self.running.phone(STUDY, mobile_of(NEWCOMER.user_id)) as phone:
            phone.dial()
            self._keys(phone, "1", f"{NEWCOMER.user_id}#", pin)
            _expect(phone.asking is not None, "the newcomer could not sign in with the new PIN")
            self._keys(phone, "6", "8")
            phone.hang_up()

    def record(self) -> None:
        """The whole record is proved."""
        report = verify(self.core)
        _expect(report.ok, f"the record does not verify: {'; '.join(report.problems)}")
        self.say(f"record {report.entries} entries verify")

    def _keys(self, phone: Phone, *entries: str) -> str:
        """Key the entries, one a question; what is said after the last one."""
        heard = ""
        for entry in entries:
            _expect(phone.asking is not None, f"the call ended before all keys: {phone.said}")
            heard = self._told(phone, phone.press(entry))
        return heard

    def _told(self, phone: Phone, heard: str) -> str:
        self.say(f"phone  {heard}")
        return heard

    def _confirmed(self, transaction: str, heard: str) -> str:
        """The confirmation number on record was told, and comes by SMS where one is due."""
        query = select(ledger.c.confirmation).where(
            ledger.c.study == STUDY,
            ledger.c.subject == self.number,
            ledger.c.transaction == transaction,
            ledger.c.outcome == "done",
        )
        with self.core.reading() as db:
            numbers = list(db.scalars(query))
        _expect(len(numbers) == 1, f"{transaction} is on record {len(numbers)} times")
        _expect(numbers[0] in _digits(heard), f"the confirmation of {transaction} was not told")
        if transaction != "hand_over":
            spaced = r"\D?".join(numbers[0])
            self._sms(CALLER, spaced)
        return str(numbers[0])

    def _sms(self, user_id: str, pattern: str) -> Message:
        """The message to this person that has the pattern in it. Raises TimeoutError."""
        number, count = mobile_of(user_id), 1
        while True:
            inbox = self.running.provider.wait_for(number, count, SMS_SECONDS_MAX)
            found = [message for message in inbox if re.search(pattern, message.body)]
            if found:
                self.say(f"sms    to {number}: {found[-1].body}")
                return found[-1]
            count = len(inbox) + 1

    def _screened(self) -> str:
        query = select(subject.c.number).where(
            subject.c.study == STUDY,
            subject.c.site == self.ada.sites[0],
            subject.c.status == "screened",
        )
        with self.core.reading() as db:
            return str(db.scalars(query.order_by(subject.c.id).limit(1)).one())

    def _randomization_number(self) -> str:
        query = select(subject.c.randomization_number).where(
            subject.c.study == STUDY, subject.c.number == self.number
        )
        with self.core.reading() as db:
            number = db.scalar(query)
        _expect(number is not None, "the subject was not randomized")
        return str(number)

    def _cartons(self, *, waiting: bool = False) -> list[str]:
        """The subject's kits; of those `waiting`, the hand-over is not confirmed."""
        query = (
            select(kit.c.number)
            .join(subject, subject.c.id == kit.c.subject_id)
            .where(subject.c.study == STUDY, subject.c.number == self.number)
        )
        if waiting:
            query = query.where(kit.c.confirmed_at.is_(None))
        with self.core.reading() as db:
            return list(db.scalars(query))
