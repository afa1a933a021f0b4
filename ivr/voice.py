"""The webhooks of the telephone: POST /ivr/voice, /ivr/unblinding, /ivr/voice/status; and the
recordings that their replies play: GET /ivr/recording/<token>.

Business errors are 200 with words; 403 is for what the provider did not send like this. Nothing
commits when the call is over.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog
from flask import Blueprint, Response, request
from prometheus_client import Counter, Histogram
from sqlalchemy.exc import SQLAlchemyError

from core import calls
from core.errors import NotFound, Unavailable
from core.messages import Message
from core.unblinding import reveals
from ivr import emergency, recording, twiml
from ivr.dialogue.effects import Dialled, HangUp, Keyed, Say
from ivr.dialogue.present import present
from ivr.dialogue.state import Stage, State
from ivr.fallback import Fallback
from ivr.fields import Malformed, VoiceFields, read_fields, read_turn
from ivr.requests import Line
from ivr.signature import is_genuine
from ivr.treatments import with_treatment
from ivr.turns import CallLost, TurnWork
from prompts import catalogue

if TYPE_CHECKING:
    from core.runtime import Core

SECONDS_A_WORD: Final = 0.4
PATHS: Final = {"main": "/ivr/voice", "unblinding": "/ivr/unblinding"}
log = structlog.get_logger("ivr")
webhooks = Counter("ixrs_voice_webhooks", "Voice webhooks by outcome", ["line", "outcome"])
seconds = Histogram("ixrs_voice_webhook_seconds", "Time from webhook to reply", ["line"])


def create_voice(core: Core) -> Blueprint:
    """The blueprint of the telephone, on this core."""
    voice = Blueprint("voice", __name__)
    fallback = Fallback(core)

    @voice.post(PATHS["main"])
    def main() -> Response:
        return _answer(core, fallback, "main")

    @voice.post(PATHS["unblinding"])
    def unblinding() -> Response:
        return _answer(core, fallback, "unblinding")

    @voice.get(f"{emergency.RECORDINGS}<token>")
    def told(token: str) -> Response:
        return _recording(core, token)

    @voice.post("/ivr/voice/status")
    def status() -> Response:
        return _status(core)

    return voice


def _answer(core: Core, fallback: Fallback, line: str) -> Response:
    began = time.perf_counter()
    try:
        fields = _genuine_fields(core)
        turn = read_turn(request.query_string.decode("latin-1"))
    except Malformed as what:
        log.warning("webhook refused", line=line, why=str(what))
        webhooks.labels(line, "forbidden").inc()
        return Response(status=403)
    if not fields.is_live:
        _end(core, fields)
        webhooks.labels(line, "over").inc()
        return _xml(twiml.NOTHING)
    called = Line(fields.sid, fields.caller, fields.called, line)
    body, outcome = _reply(core, fallback, called, turn, fields)
    webhooks.labels(line, outcome).inc()
    seconds.labels(line).observe(time.perf_counter() - began)
    return _xml(body)


def _genuine_fields(core: Core) -> VoiceFields:
    """The webhook's fields. Raises Malformed for a wrong signature and for a suspicious field."""
    pairs = list(request.form.items(multi=True))
    query = request.query_string.decode("latin-1")
    path = f"{request.path}?{query}" if query else request.path
    if not is_genuine(core.settings, path, pairs, request.headers.get("X-Twilio-Signature")):
        raise Malformed("the signature")
    return read_fields(pairs, core.settings.twilio_account_sid)


def _reply(
    core: Core, fallback: Fallback, line: Line, turn: int, fields: VoiceFields
) -> tuple[str, str]:
    """TwiML and outcome; whatever goes wrong on our side is said, and ends the call, or in an
    emergency calls the operators."""
    keys = fields.keys if fields.keys == "#" else fields.keys.removesuffix("#")
    heard = Dialled(fields.dialled) if fields.dialled else Keyed(keys)
    texts = catalogue()
    work = TurnWork(core, line, turn, frozenset(texts.languages))
    action = f"{PATHS[line.name]}?turn={turn + 1}"
    try:
        state = work.take(heard)
        told = with_treatment(core, state)
        telling = emergency.telling_of(core, line.sid, turn, state)
        body = twiml.render(present(told), action, texts, telling)
        fallback.note(line, state)
        if turn == 0:
            fallback.remember(line, state.language)
    except CallLost:
        fallback.learn(line)
        return _sorry(work, fallback, heard, action, "goodbye.lost"), "lost"
    except (Unavailable, SQLAlchemyError):
        log.exception("webhook failed", call=line.sid, turn=turn)
        return _sorry(work, fallback, heard, action, "error.unavailable"), "unavailable"
    except Exception:
        log.exception("webhook failed", call=line.sid, turn=turn)
        fallback.learn(line)
        return _sorry(work, fallback, heard, action, "error.unavailable"), "error"
    log.info("turn", call=line.sid, turn=turn, line=line.name, caller=_tail(line.caller),
             stage=state.stage.value, user=state.user_id if state.name else None,
             transaction=state.transaction or None)  # fmt: skip
    return body, "told"


def _sorry(
    work: TurnWork, fallback: Fallback, heard: Keyed | Dialled, action: str, id_: str
) -> str:
    if work.before is not None:  # another process, or this one before a restart, has heard it all
        fallback.note(work.line, work.before)
    if fallback.is_needed(work.line):
        return twiml.render(fallback.reply(work.line, heard), action, catalogue())
    language = work.before.language if work.before else "en"
    return twiml.render(HangUp((Say(language, (Message(id_),)),)), "", catalogue())


def _recording(core: Core, token: str) -> Response:
    """The recording at this address, once. Nothing of it is logged, the address included."""
    if request.method != "GET":  # asking for the headers alone would use it up
        return Response(status=405)
    try:
        sound = recording.render(reveals.fetch(core, token))
    except NotFound:
        return Response(status=404)
    except Exception as failure:  # without its text and its place: they might tell
        log.error("recording failed", why=type(failure).__name__)
        return Response(status=503)
    response = Response(sound, content_type=recording.MIMETYPE)
    response.headers["Cache-Control"] = "no-store"
    return response


def _tail(number: str) -> str:
    """What may be logged of a telephone number."""
    return f"…{number[-3:]}" if len(number) > 6 else "…"


def _xml(body: str) -> Response:
    response = Response(body, content_type="text/xml; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def _status(core: Core) -> Response:
    """A call has changed its status. Only its end is of interest, and it commits nothing else."""
    try:
        fields = _genuine_fields(core)
    except Malformed as what:
        log.warning("status refused", why=str(what))
        webhooks.labels("status", "forbidden").inc()
        return Response(status=403)
    if not fields.is_live:
        _end(core, fields)
    webhooks.labels("status", "told").inc()
    return Response(status=204)


def _end(core: Core, fields: VoiceFields) -> None:
    try:
        with core.writing() as db:
            last = calls.last_turn(db, fields.sid)
            if calls.end(db, core, fields.sid, fields.status) and last is not None:
                state = State.load(calls.open_state(core, fields.sid, last))
                emergency.record_end(db, core, fields.sid, state)
                listened = (core.now() - last.at).total_seconds()
                if state.stage is Stage.RESULT and listened >= _speaking_seconds(state):
                    calls.mark_told(db, state.telling, core.now())
    except (Unavailable, SQLAlchemyError):
        # The sweep will find the call without an end.
        log.exception("call not ended", call=fields.sid)


def _speaking_seconds(state: State) -> float:
    """How long the result takes to say: who hung up later than that has heard it."""
    texts = catalogue()
    said = " ".join(texts.render(one, state.language, spoken=True) for one in state.result)
    return SECONDS_A_WORD * len(said.split())
