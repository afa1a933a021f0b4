"""The webhook of inbound SMS: POST /ivr/sms. The reply goes out with the answer, as TwiML.

403 is for what the provider did not send like this; whatever is wrong with the text is told, or
passed over, in a 200.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

import structlog
from flask import Blueprint, Response, request
from prometheus_client import Counter
from sqlalchemy.exc import SQLAlchemyError

from core.errors import Unavailable
from core.inbound import UNAVAILABLE, Received, Reply, answer
from ivr.fields import Malformed, named_fields
from ivr.signature import Pairs, is_genuine
from ivr.sms_out import known_language
from ivr.sms_text import read_text, words_of
from locales import catalogue

if TYPE_CHECKING:
    from core.runtime import Core

PATH: Final = "/ivr/sms"
_NAME: Final = re.compile(r"[A-Za-z]+(?:_?[A-Za-z0-9_.-]*)?")
_SID: Final = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")
# A number, short codes too, or the name that a business sends under.
_ADDRESS: Final = re.compile(r"[+]?[0-9]{1,20}|[A-Za-z0-9][A-Za-z0-9 .&_-]{0,10}")
_REQUIRED: Final = ("MessageSid", "AccountSid", "From", "To", "Body")
_SAME_SID: Final = ("SmsSid", "SmsMessageSid")
# The text is anybody's: a piece of it must not stand for one of these, nor hide the real one.
_HIDDEN: Final = re.compile(r"MessageSid|AccountSid|From[+]?[0-9]")
log = structlog.get_logger("ivr.sms_in")
webhooks = Counter("ixrs_sms_webhooks", "Inbound SMS by command and outcome", ["word", "outcome"])


def blueprint(core: Core) -> Blueprint:
    """POST /ivr/sms, signed by the provider."""
    pages = Blueprint("sms_in", __name__)

    @pages.post(PATH)
    def inbound() -> Response:
        pairs = list(request.form.items(multi=True))
        path = request.full_path.rstrip("?")
        try:
            if not is_genuine(
                core.settings, path, pairs, request.headers.get("X-Twilio-Signature")
            ):
                raise Malformed("the signature")
            fields = read_fields(pairs, core.settings.twilio_account_sid)
        except Malformed as what:
            log.warning("webhook refused", why=str(what))
            webhooks.labels("", "forbidden").inc()
            return Response("not from the provider", 403, mimetype="text/plain")
        return _xml(_reply(core, fields))

    return pages


def read_fields(pairs: Pairs, account_sid: str) -> Mapping[str, str]:
    """The fields of a webhook whose signature is genuine. Raises Malformed."""
    fields = named_fields(pairs, _NAME, _REQUIRED, account_sid)
    sid = fields["MessageSid"]
    if not _SID.fullmatch(sid) or any(fields.get(name, sid) != sid for name in _SAME_SID):
        raise Malformed("MessageSid")
    for name in ("From", "To"):
        if not _ADDRESS.fullmatch(fields[name]):
            raise Malformed(name)
    for name, value in fields.items():
        if name not in (*_REQUIRED, *_SAME_SID) and _HIDDEN.search(name + value):
            raise Malformed(name)
    return fields


def _reply(core: Core, fields: Mapping[str, str]) -> str:
    """TwiML: a message, or nothing."""
    texts = catalogue()
    command = read_text(fields["Body"], words_of(texts))
    received = Received(fields["MessageSid"], fields["From"], fields["To"], command)
    outcome = "told"
    try:
        told = answer(core, received)
    except (Unavailable, SQLAlchemyError):
        log.exception("webhook failed", message=received.sid)
        told, outcome = Reply(UNAVAILABLE, ""), "unavailable"
    except Exception:
        log.exception("webhook failed", message=received.sid)
        told, outcome = Reply(UNAVAILABLE, ""), "error"
    if told.message is None:
        outcome = "silent"
    webhooks.labels(command.word, outcome).inc()
    log.info("sms", message=received.sid, word=command.word, outcome=outcome)
    if told.message is None:
        return _twiml("")
    language = known_language(texts, told.language)
    return _twiml(texts.render(told.message, language, spoken=False))


def _twiml(text: str) -> str:
    inside = f"<Message>{escape(text)}</Message>" if text else ""
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{inside}</Response>'


def _xml(body: str) -> Response:
    response = Response(body, content_type="text/xml; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response
