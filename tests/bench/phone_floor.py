"""The floor of the replay: the same server, the same client, as many webhooks a call, but each
does nothing except check the signature and answer a constant document; one in a call checks a PIN
(argon2id, 19 MiB, two passes). Run as a program by `replay_ist`."""

from __future__ import annotations

import sys

from argon2 import PasswordHasher
from flask import Flask, Response, request

from core.settings import Settings
from ivr.signature import is_genuine
from tests.bench.trial import ENCRYPTION, SECRET
from web.gunicorn_server import Server
from web.serving import gunicorn_options

PIN, PIN_TURN = "271828", 3
MENU = (
    '<?xml version="1.0" encoding="UTF-8"?><Response>'
    '<Gather action="/ivr/voice?turn={next}" method="POST" numDigits="1" timeout="10">'
    '<Say language="en-US">Press one.</Say></Gather></Response>'
)
END = (
    '<?xml version="1.0" encoding="UTF-8"?><Response>'
    '<Say language="en-US">Goodbye.</Say><Hangup/></Response>'
)


def create_app(url: str, token: str, turns: int) -> Flask:
    """The application; a call has `turns` turns after the first."""
    app = Flask("floor")
    settings = Settings(
        database_url="sqlite://",
        secret_key=SECRET,
        encryption_keys=(ENCRYPTION,),
        public_url=url,
        twilio_auth_token=token,
    )
    hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
    kept = hasher.hash(PIN)

    def genuine() -> bool:
        query = request.query_string.decode()
        path = f"{request.path}?{query}" if query else request.path
        pairs = list(request.form.items(multi=True))
        return is_genuine(settings, path, pairs, request.headers.get("X-Twilio-Signature"))

    @app.post("/ivr/voice")
    def voice() -> Response:
        if not genuine():
            return Response(status=403)
        turn = int(request.args.get("turn", "0"))
        if turn == PIN_TURN:
            hasher.verify(kept, PIN)
        body = MENU.format(next=turn + 1) if turn < turns else END
        return Response(body, content_type="text/xml; charset=utf-8")

    @app.post("/ivr/voice/status")
    def status() -> Response:
        return Response(status=204 if genuine() else 403)

    @app.get("/readyz")
    def ready() -> str:
        return "ready"

    return app


def main() -> None:
    """`phone_floor PORT WORKERS TURNS TOKEN`: serve until stopped."""
    port, workers, turns, token = sys.argv[1:]
    url = f"http://127.0.0.1:{port}"
    options = gunicorn_options("127.0.0.1", int(port), int(workers))
    Server(lambda: create_app(url, token, int(turns)), options).run()


if __name__ == "__main__":
    main()
