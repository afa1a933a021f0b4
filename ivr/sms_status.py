"""What the provider reports of a message that was sent: twice, late and out of order."""

from __future__ import annotations

import re
from typing import Final

import structlog
from flask import Blueprint, Response, request

from core import outbox
from core.runtime import Core
from ivr.signature import is_genuine

ID_MAX: Final = 2**31 - 1  # what the database's integers hold
_SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")
_STATUS = re.compile(r"[a-z_]{1,20}")
_ERROR = re.compile(r"[0-9]{1,6}")
_log = structlog.get_logger("ivr.sms_status")


def blueprint(core: Core) -> Blueprint:
    """POST /ivr/sms/status/<id>, signed by the provider; `id` is the outbox row's."""
    pages = Blueprint("sms_status", __name__)

    @pages.post("/ivr/sms/status/<int:id_>")
    def status(id_: int) -> Response:
        pairs = list(request.form.items(multi=True))
        path = request.full_path.rstrip("?")
        if not is_genuine(core.settings, path, pairs, request.headers.get("X-Twilio-Signature")):
            return Response("wrong signature", 403, mimetype="text/plain")
        fields = dict(pairs)
        sid, word = fields.get("MessageSid", ""), fields.get("MessageStatus", "")
        given = fields.get("ErrorCode", "")
        error = given if _ERROR.fullmatch(given) else None
        if _SID.fullmatch(sid) and _STATUS.fullmatch(word) and id_ <= ID_MAX:
            with core.writing() as db:
                known = outbox.reported(db, id_, sid, word, core.now(), error)
            _log.info(
                "sms_status",
                outbox_id=id_,
                message_sid=sid,
                status=word,
                error=error,
                known=known,
            )
        return Response(status=204)

    return pages
