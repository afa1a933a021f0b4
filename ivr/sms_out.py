"""Sends what waits in the outbox over the provider's REST API: claim, commit, then send.

The API has no idempotency for sending, so a message that may have reached the provider is never
sent again; one that certainly didn't is tried later.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from core import outbox
from core.access.contacts import Recipient, find_recipient, find_sender, list_holders
from core.errors import IntegrityBreach
from core.messages import Message
from core.outbox import AGE_MAX, LEASE, Claimed, Lost, NotSent, Status, wait_before
from core.runtime import Core
from core.settings import LOOPBACK
from core.sms import marked
from core.text import Catalogue, TextMissing
from locales import catalogue

PROVIDER_SECONDS_MAX: Final = 10
VALIDITY_SECONDS: Final = 3600
IDLE_SECONDS: Final = 1.0
UNSUBSCRIBED: Final = 21610
STATUS_PATH: Final = "/ivr/sms/status/"
LANGUAGE_OTHERWISE: Final = "en"

_log = structlog.get_logger("ivr.sms_out")


@dataclass(frozen=True, slots=True)
class Text:
    """One SMS, ready to go."""

    id: int
    to: str
    from_: str
    body: str


@dataclass(frozen=True, slots=True)
class Taken:
    """The provider has accepted the message."""

    sid: str


class Provider:
    """The provider's Messages resource."""

    def __init__(self, core: Core) -> None:
        self._settings = core.settings

    def send(self, text: Text) -> Taken | NotSent | Lost:
        """Send it, once. Never raises for what the network or the provider does."""
        from requests import RequestException
        from twilio.base.exceptions import (  # type: ignore[import-untyped]
            TwilioException,
            TwilioRestException,
        )

        try:
            sent = self._client.messages.create(
                to=text.to,
                from_=text.from_,
                body=text.body,
                validity_period=VALIDITY_SECONDS,
                status_callback=f"{self._settings.public_url}{STATUS_PATH}{text.id}",
            )
            return Taken(str(sent.sid))
        except TwilioRestException as refused:
            return _refusal(refused.status, refused.code)
        except RequestException as failure:
            name = type(failure).__name__
            return NotSent(name, again=True) if _never_arrived(failure) else Lost(name)
        except (TwilioException, ValueError) as unreadable:
            return Lost(type(unreadable).__name__)

    @cached_property
    def _client(self) -> Any:
        # Imported here: it takes longer than everything else the command line needs.
        from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
        from twilio.rest import Client  # type: ignore[import-untyped]

        settings = self._settings
        proxy = {"no_proxy": ",".join(LOOPBACK)} if settings.is_simulated else None
        # A kept connection that the other side has closed can't be told from a lost answer.
        http = TwilioHttpClient(
            pool_connections=False, timeout=PROVIDER_SECONDS_MAX, max_retries=0, proxy=proxy
        )
        client = Client(settings.twilio_account_sid, settings.twilio_auth_token, http_client=http)
        client.api.base_url = settings.twilio_api_url
        return client


def _refusal(status: int, code: int | None) -> NotSent | Lost:
    error = str(code or status)
    if status == 429:
        return NotSent(error, again=True)
    if 400 <= status < 500:
        return NotSent(error, again=False, suppressed=code == UNSUBSCRIBED)
    return Lost(error)


def _never_arrived(failure: Exception) -> bool:
    """Whether the connection was never made, so that the message can't have been taken."""
    from requests import ConnectionError, ConnectTimeout
    from requests.exceptions import ProxyError, SSLError
    from urllib3.exceptions import NewConnectionError

    if isinstance(failure, ConnectTimeout | ProxyError | SSLError):
        return True
    if not isinstance(failure, ConnectionError) or not failure.args:
        return False
    return isinstance(getattr(failure.args[0], "reason", None), NewConnectionError)


class Courier:
    """Works through the outbox. Several may run at once, in any number of processes."""

    def __init__(self, core: Core, texts: Catalogue | None = None) -> None:
        self._core = core
        self._provider = Provider(core)
        self._texts = texts or catalogue()

    def deliver_due(self) -> int:
        """Deal with the rows that are due now. Returns how many were taken up."""
        with self._core.writing() as db:
            claimed = outbox.claim(db, self._core.now(), LEASE)
        for row in claimed:
            if row.roles:
                self._spread(row)
            else:
                self._deliver(row)
        return len(claimed)

    def _spread(self, row: Claimed) -> None:
        now = self._core.now()
        with self._core.writing() as db:
            people = list_holders(db, row.roles, row.study, row.site, now, row.depot)
            outbox.spread(db, row, people, now)

    def _deliver(self, row: Claimed) -> None:
        with self._core.writing() as db:
            recipient = find_recipient(db, row.user_id or "")
            sender = find_sender(db, row.study, self._core.settings.sms_number)
            written = self._write(db, row, recipient, sender)
            if isinstance(written, NotSent):
                self._settle(db, row, written)
                return
            if not outbox.begin_sending(db, row):
                return
        answer = self._provider.send(written)
        with self._core.writing() as db:
            self._settle(db, row, answer)

    def _write(
        self, db: Connection, row: Claimed, recipient: Recipient | None, sender: str | None
    ) -> Text | NotSent:
        number = row.to or (recipient.mobile if recipient else None)
        if recipient is None or number is None:
            return NotSent("no_mobile", again=False)
        if sender is None:
            return NotSent("no_sender", again=True)
        language = known_language(self._texts, recipient.language)
        try:
            message = row.message
            if row.secret is not None:
                code = self._core.keys.open(row.secret)
                message = Message(message.id, {**message.params, "code": code})
            message = marked(db, message, row.study, row.user_id, self._core.now())
            body = self._texts.render(message, language, spoken=False)
            return Text(row.id, self._core.keys.open(number), sender, body)
        except (TextMissing, IntegrityBreach) as broken:
            _log.error("outbox_row_broken", outbox_id=row.id, error=type(broken).__name__)
            return NotSent(type(broken).__name__, again=False)

    def _settle(self, db: Connection, row: Claimed, answer: Taken | NotSent | Lost) -> None:
        now = self._core.now()
        match answer:
            case Taken(sid):
                outbox.mark_sent(db, row, sid)
            case Lost(error):
                outbox.mark_unknown(db, row, error)
            case NotSent(error, again=True) if now - row.created_at < AGE_MAX:
                outbox.retry_later(db, row, now + wait_before(row.attempts), error)
            case NotSent(error, suppressed=suppressed):
                status = Status.SUPPRESSED if suppressed else Status.FAILED
                outbox.mark_failed(db, row, error, status)
                if suppressed:
                    outbox.alert_suppressed(db, self._core, row)
        _log.info("outbox_row", outbox_id=row.id, answer=type(answer).__name__,
                  error=getattr(answer, "error", None))  # fmt: skip


def known_language(texts: Catalogue, language: str) -> str:
    """The language, or the one that stands in where there are no texts in it."""
    return language if language in texts.languages else LANGUAGE_OTHERWISE
