"""Sends what waits in the outbox by e-mail, to depots and to people: claim, commit, then send.

A notice to people has the words of the SMS. Where an order goes is looked up in the study file at
that moment, and the order is written as it stands then; one that is no longer wanted is not sent.
An order that may have arrived is not sent again from here: until the depot has acknowledged it, it
is repeated anyway.
"""

from __future__ import annotations

import smtplib
import ssl
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import structlog
from sqlalchemy import Connection

from core import outbox
from core.access.contacts import find_recipient, list_holders
from core.errors import IxrsError
from core.messages import Digits, Message
from core.outbox import AGE_MAX, LEASE, MAIL, Claimed, Lost, NotSent, wait_before
from core.runtime import Core
from core.settings import LOOPBACK
from core.sms import marked
from core.study.versions import latest_config
from core.supply.ordering import tell_undelivered
from core.supply.orders import FORMATS, Order, file_of, load_order
from core.text import Catalogue, TextMissing
from locales import catalogue
from web.words import LANGUAGE_OTHERWISE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.study.schema import StudyConfig

SERVER_SECONDS_MAX: Final = 20
_UNWANTED: Final = "no_longer_wanted"
_WANTED: Final = frozenset({"requested"})
"""In which states of the order a depot is still asked for it."""
_ASKS: Final = frozenset({"mail.depot_order", "mail.depot_reminder"})
_log = structlog.get_logger("web.mail_out")


class MailServer:
    """The mail server of IXRS_SMTP_URL: smtps is TLS from the start, smtp begins it on asking."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._tls = parts.scheme == "smtps"

    def send(self, mail: EmailMessage) -> NotSent | Lost | None:
        """Send it, once. Never raises for what the network or the server does."""
        begun = False
        try:
            with self._open() as server:
                begun = True
                server.send_message(mail)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused) as refused:
            return _refused(refused)
        except smtplib.SMTPResponseException as answer:
            # Before the letter was shown, what is wrong is not with the letter (a password).
            again = not begun or answer.smtp_code < _PERMANENT
            return NotSent(str(answer.smtp_code), again=again)
        except (OSError, smtplib.SMTPException) as failure:
            name = type(failure).__name__
            return Lost(name) if begun else NotSent(name, again=True)
        return None

    @contextmanager
    def _open(self) -> Iterator[smtplib.SMTP]:
        context = ssl.create_default_context()
        if self._tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port or 465, timeout=SERVER_SECONDS_MAX, context=context
            )
        else:
            server = smtplib.SMTP(self._host, self._port or 587, timeout=SERVER_SECONDS_MAX)
        try:
            # A password, and the numbers of kits, leave this machine under TLS only.
            if not self._tls and self._host not in LOOPBACK:
                server.starttls(context=context)
            if self._user:
                server.login(self._user, self._password)
            yield server
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
        finally:
            server.close()


_PERMANENT: Final = 500


def _refused(refused: smtplib.SMTPRecipientsRefused | smtplib.SMTPSenderRefused) -> NotSent:
    if isinstance(refused, smtplib.SMTPSenderRefused):
        code = refused.smtp_code
    else:
        code = max(answer[0] for answer in refused.recipients.values())
    return NotSent(str(code), again=code < _PERMANENT)


class MailCourier:
    """Works through the e-mails of the outbox. Several may run at once."""

    def __init__(self, core: Core, texts: Catalogue | None = None) -> None:
        self._core = core
        self._server = MailServer(core.settings.smtp_url) if core.settings.smtp_url else None
        self._texts = texts or catalogue()

    def deliver_due(self) -> int:
        """Deal with the e-mails that are due now; returns how many were taken up. Without a mail
        server they wait."""
        if self._server is None:
            return 0
        with self._core.writing() as db:
            claimed = outbox.claim(db, self._core.now(), LEASE, by=MAIL)
        for row in claimed:
            if row.roles:
                self._spread(row)
            else:
                self._deliver(self._server, row)
        return len(claimed)

    def _spread(self, row: Claimed) -> None:
        now = self._core.now()
        with self._core.writing() as db:
            at = (row.study, row.site, now, row.depot)
            outbox.spread(db, row, list_holders(db, row.roles, *at, by_mail=True), now, by=MAIL)

    def _deliver(self, server: MailServer, row: Claimed) -> None:
        with self._core.writing() as db:
            written = self._write(db, row)
            if isinstance(written, NotSent):
                self._settle(db, row, written)
                return
            if not outbox.begin_sending(db, row):
                return
        answer = server.send(written)
        with self._core.writing() as db:
            self._settle(db, row, answer)

    def _write(self, db: Connection, row: Claimed) -> EmailMessage | NotSent:
        try:
            return self._order(db, row) if row.user_id is None else self._notice(db, row)
        except (TextMissing, IxrsError) as broken:
            _log.error("outbox_row_broken", outbox_id=row.id, error=type(broken).__name__)
            return NotSent(type(broken).__name__, again=False)

    def _notice(self, db: Connection, row: Claimed) -> EmailMessage | NotSent:
        """What one person is told, in the words and the language of the SMS."""
        recipient = find_recipient(db, row.user_id or "")
        if recipient is None or recipient.email is None:
            return NotSent("no_address", again=False)
        told = marked(db, row.message, row.study, row.user_id, self._core.now())
        words = Message("mail.notice", {"text": told, "url": self._core.settings.public_url})
        known = recipient.language in self._texts.languages
        language = recipient.language if known else LANGUAGE_OTHERWISE
        return self._mail(row, self._core.keys.open(recipient.email), words, language)

    def _order(self, db: Connection, row: Claimed) -> EmailMessage | NotSent:
        number = row.message.params.get("shipment")
        if row.study is None or not isinstance(number, Digits):
            return NotSent("malformed", again=False)
        config = latest_config(db, self._core, row.study)
        to = next((one.email for one in config.depots if one.code == row.depot), None)
        if to is None:
            return NotSent("no_address", again=False)
        found = load_order(self._core, db, row.study, number.value)
        if row.message.id in _ASKS and (found is None or found.status not in _WANTED):
            return NotSent(_UNWANTED, again=False)
        return self._letter(row, to, config, number.value, found)

    def _letter(
        self, row: Claimed, to: str, config: StudyConfig, number: str, found: Order | None
    ) -> EmailMessage:
        """The words, whose first line is the subject, and the order as files where it is asked
        for."""
        url = f"{self._core.settings.public_url}/shipments/{number}"
        words = Message(row.message.id, {**row.message.params, "url": url})
        mail = self._mail(row, to, words, config.languages[0])
        if found is not None and row.message.id in _ASKS:
            for form, media in FORMATS.items():
                kind, _, subtype = media.partition(";")[0].partition("/")
                mail.add_attachment(
                    file_of(found, form),
                    maintype=kind,
                    subtype=subtype,
                    filename=f"order-{number}.{form}",
                )
        return mail

    def _mail(self, row: Claimed, to: str, words: Message, language: str) -> EmailMessage:
        """A message whose subject is the first line of the words."""
        settings = self._core.settings
        text = self._texts.render(words, language, spoken=False)
        subject, _, body = text.partition("\n")
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = settings.mail_from, to, subject
        mail["Date"] = format_datetime(self._core.now())
        domain = settings.mail_from.rpartition("@")[2]
        mail["Message-ID"] = f"<ixrs-{row.id}-{row.attempts}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(body.strip() + "\n")
        return mail

    def _settle(self, db: Connection, row: Claimed, answer: NotSent | Lost | None) -> None:
        now = self._core.now()
        match answer:
            case None:
                outbox.mark_sent(db, row, "")
            case Lost(error):
                outbox.mark_unknown(db, row, error)
            case NotSent(error, again=True) if now - row.created_at < AGE_MAX:
                outbox.retry_later(db, row, now + wait_before(row.attempts), error)
            case NotSent(error):
                outbox.mark_failed(db, row, error)
                if error != _UNWANTED and row.user_id is None:
                    tell_undelivered(db, self._core, row)
        _log.info("outbox_mail", outbox_id=row.id, error=getattr(answer, "error", None))
