"""The telephones of those who play with the demo: one a browser, several in a call at once.

They live in the memory of the server's process. Everything done with one ends in a new `View`,
which pages read without waiting for a call that is being answered.
"""

from __future__ import annotations

import http.client
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from babel import Locale, UnknownLocaleError

from core.messages import Message
from core.settings import Settings
from ivr.simulator.document import RECORDING, Gather, Heard
from ivr.simulator.phone import CallFailed, Phone
from web.simulator.directory import Line, Person

IDLE_SECONDS_MAX: Final = 600.0
HANDSETS_MAX: Final = 200
KEYS_MAX: Final = 64
SENT_KEPT: Final = 10
_NO_ANSWER: Final = (CallFailed, OSError, http.client.HTTPException)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the transcript: `kind` is said, keyed, told (then it is a message) or played
    (then `text` is the place of the recording among those of the call, from 0)."""

    kind: str
    text: str = ""
    language: str = ""
    direction: str = "ltr"
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A telephone as a page shows it. `typed` are the keys that wait for the entry to end."""

    call: int = 0
    person: Person | None = None
    line: Line | None = None
    calling: bool = False
    asking: Gather | None = None
    typed: str = ""
    entries: tuple[Entry, ...] = ()
    webhook: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """An SMS that was sent from here as this person, and what became of it."""

    user_id: str
    text: str
    outcome: Message


class Handset:
    """One telephone; what is done with it is done one at a time."""

    def __init__(self, settings: Settings, count_records: Callable[[], int]) -> None:
        self.view = View()
        self.sent: tuple[Sent, ...] = ()
        self.used = time.monotonic()
        self._settings = settings
        self._count_records = count_records
        self._lock = threading.Lock()
        self._phone: Phone | None = None

    def dial(self, person: Person, line: Line) -> None:
        """Call that line as this person; a call that is going on is hung up first."""
        with self._lock:
            self._touch()
            self._end_call()
            settings = self._settings
            phone = self._phone = Phone(
                settings.public_url,
                settings.twilio_account_sid,
                settings.twilio_auth_token,
                person.mobile,
                line.telephone,
            )
            self.view = View(self.view.call + 1, person, line, calling=True)
            self._run(lambda: phone.dial(line.name))

    def press(self, keys: str) -> None:
        """Press keys one by one; an entry that they don't end waits for more of them."""
        with self._lock:
            self._touch()
            for key in keys[:KEYS_MAX]:
                if not self._press_one(key):
                    return

    def silence(self) -> None:
        """Let the time-out come: what was typed is sent, or nothing."""
        with self._lock:
            self._touch()
            phone, typed = self._phone, self.view.typed
            if phone is None or self.view.asking is None:
                self._nobody_asks()
                return
            kept = Entry("keyed", typed) if typed else _told(Message("simulator.silent"))
            self._enter(phone, typed, kept)

    def hang_up(self) -> None:
        """End the call, if there is one."""
        with self._lock:
            self._touch()
            self._end_call()

    def resend(self) -> None:
        """Send the last webhook again and tell what came of it."""
        with self._lock:
            self._touch()
            phone = self._phone
            if phone is None or phone.last is None or phone.last_reply is None:
                self._add(_told(Message("simulator.nothing_sent")))
                return
            before, first = self._count_records(), phone.last_reply
            try:
                reply = phone.resend_last()
            except _NO_ANSWER as failure:
                self._fail(failure)
                return
            after = self._count_records()
            same = reply.body == first.body and before == after
            params = {"status": reply.status, "before": before, "after": after}
            id_ = "simulator.sent_again" if same else "simulator.sent_again_differs"
            self._add(_told(Message(id_, params)))

    def keep_sent(self, sent: Sent) -> None:
        """Remember an SMS, among the last ones."""
        with self._lock:
            self._touch()
            self.sent = (*self.sent, sent)[-SENT_KEPT:]

    def recording(self, call: int, place: int) -> bytes | None:
        """What was played in this call, if it is the present one."""
        phone = self._phone
        if phone is None or call != self.view.call or place >= len(phone.recordings):
            return None
        return phone.recordings[place]

    def end_if_idle(self, now: float) -> bool:
        """Hang up if nobody has touched it for ten minutes; whether it can be forgotten.

        A call that ended so is kept for another ten minutes, to be read.
        """
        with self._lock:
            if now - self.used < IDLE_SECONDS_MAX:
                return False
            if not self.view.calling:
                return True
            self._add(_told(Message("simulator.idle")))
            self._end_call()
            self.used = now
            return False

    def _touch(self) -> None:
        self.used = time.monotonic()

    def _press_one(self, key: str) -> bool:
        """Whether the next key may follow."""
        phone, asking = self._phone, self.view.asking
        if phone is None or asking is None:
            self._nobody_asks()
            return False
        typed = self.view.typed + key
        if asking.is_ended_by(typed):
            self._enter(phone, typed, Entry("keyed", typed))
        elif asking.take(typed)[0]:  # a finishing key before the first digit does nothing
            self.view = replace(self.view, typed=typed)
        return True

    def _enter(self, phone: Phone, keys: str, kept: Entry) -> None:
        self._add(kept)
        self.view = replace(self.view, typed="")
        self._run(lambda: phone.enter(keys))

    def _run(self, act: Callable[[], object]) -> None:
        """Do something with the telephone and take into the transcript what is heard then."""
        phone = self._phone
        if phone is None:
            return
        phone.heard = ()
        try:
            act()
        except _NO_ANSWER as failure:
            self._take_heard(phone)
            self._fail(failure)
            return
        self._take_heard(phone)
        if phone.ended:
            self._over(Message("simulator.ended"))
        else:
            self.view = replace(self.view, asking=phone.asking)

    def _take_heard(self, phone: Phone) -> None:
        place = len(phone.recordings) - sum(map(_is_recording, phone.heard))
        for each in phone.heard:
            self._add(_heard(each, place))
            place += _is_recording(each)
        for number in phone.put_through:
            self._add(_told(Message("simulator.put_through", {"number": number})))
        phone.put_through.clear()
        if phone.last is not None and phone.last_reply is not None:
            self.view = replace(
                self.view,
                webhook=f"POST {phone.last.path}",
                document=phone.last_reply.body.decode(errors="replace"),
            )

    def _end_call(self) -> None:
        phone = self._phone
        if phone is None:
            return
        if not phone.ended:
            try:
                phone.hang_up()
            except _NO_ANSWER as failure:
                self._fail(failure)
            else:
                self._over(Message("simulator.hung_up"))
        phone.sender.close()

    def _fail(self, failure: Exception) -> None:
        self._over(Message("simulator.failed", {"why": str(failure)}))

    def _over(self, message: Message) -> None:
        over = self._phone is None or self._phone.ended
        self.view = replace(
            self.view,
            calling=not over,
            asking=None if over else self.view.asking,
            typed="" if over else self.view.typed,
        )
        self._add(_told(message))

    def _nobody_asks(self) -> None:
        self._add(_told(Message("simulator.nobody_asks")))

    def _add(self, *entries: Entry) -> None:
        self.view = replace(self.view, entries=(*self.view.entries, *entries))


class Handsets:
    """The telephone of each browser, by the secret in its cookie."""

    def __init__(self, settings: Settings, count_records: Callable[[], int]) -> None:
        self._settings = settings
        self._count_records = count_records
        self._lock = threading.Lock()
        self._all: dict[str, Handset] = {}

    def find(self, token: str) -> Handset | None:
        """The telephone of that browser."""
        with self._lock:
            return self._all.get(token)

    def make(self) -> tuple[str, Handset | None]:
        """A new telephone and its token; None where there are too many."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            if len(self._all) >= HANDSETS_MAX:
                return "", None
            made = self._all[token] = Handset(self._settings, self._count_records)
            return token, made

    def sweep(self, now: float | None = None) -> None:
        """Hang up what nobody has touched for ten minutes, then forget it (`now`: monotonic)."""
        at = time.monotonic() if now is None else now
        with self._lock:
            known = dict(self._all)
        for token, handset in known.items():
            if handset.end_if_idle(at):
                with self._lock:
                    self._all.pop(token, None)


def _is_recording(heard: Heard) -> bool:
    """Whether something was played, and could be."""
    return heard.played and heard.text == RECORDING


def _heard(heard: Heard, place: int) -> Entry:
    if _is_recording(heard):
        return Entry("played", str(place))
    if heard.played:
        return _told(Message("simulator.unplayed"))
    return Entry("said", heard.text, heard.language, direction_of(heard.language))


def direction_of(language: str) -> str:
    """The direction (`ltr` or `rtl`) in which a language as `es-ES` is written."""
    try:
        return Locale.parse(language, sep="-").text_direction
    except (UnknownLocaleError, ValueError, TypeError):
        return "ltr"


def _told(message: Message) -> Entry:
    return Entry("told", message=message)
