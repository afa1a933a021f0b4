"""The API of a world, asked in process as one of the cast."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from core.access import tokens
from core.transaction import Channel
from tests.support.world import HOMES, PIN, World
from web.api import PREFIX, blueprint
from web.api.limits import Limits

BYTES_MAX = 256 * 1024
PLENTY = 1_000_000


def api_app(world: World, limits: Limits | None = None) -> Flask:
    """An application with the API alone, without bounds that a test would meet."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BYTES_MAX
    app.register_blueprint(blueprint(world.core, limits or Limits.of(PLENTY, PLENTY)))
    return app


class Api:
    """Hands to ask the API, each person by a token of one's own."""

    def __init__(self, world: World, limits: Limits | None = None) -> None:
        self.world = world
        self.app = api_app(world, limits)
        self._tokens: dict[str, str] = {}
        self._keys = itertools.count(1)

    @property
    def client(self) -> FlaskClient:
        """A client without cookies."""
        return self.app.test_client(use_cookies=False)

    def token(self, who: str) -> str:
        """This person's token."""
        if who not in self._tokens:
            core, actor = self.world.core, self.world.actor(who)
            made = tokens.make(core, actor, "test", tokens.DAYS_MAX, channel=Channel.COMMAND)
            self._tokens[who] = made[1]
        return self._tokens[who]

    def ask(self, who: str | None, path: str, *, method: str = "GET", **more: Any) -> TestResponse:
        """A request; `path` begins behind /api/v1."""
        headers = dict(more.pop("headers", {}))
        if who is not None:
            headers.setdefault("Authorization", f"Bearer {self.token(who)}")
        return self.client.open(f"{PREFIX}{path}", method=method, headers=headers, **more)

    def get(self, who: str | None, path: str, **query: str) -> TestResponse:
        """Something of the study of this world."""
        return self.ask(who, f"/studies/{self.world.study}{path}", query_string=query)

    def do(
        self,
        name: str,
        who: str,
        site: str | None = "home",
        *,
        key: str | None = None,
        signed: str | None = PIN,
        study: str | None = None,
        headers: dict[str, str] | None = None,
        **answers: Any,
    ) -> TestResponse:
        """Do a transaction, at the person's own site if it is one of a site."""
        body: dict[str, Any] = {"answers": answers}
        from core.register import find

        if find(name).site:
            body["site"] = HOMES.get(who, "101") if site == "home" else site
        if signed is not None:
            body["signature"] = {"secret": signed}
        return self.ask(
            who,
            f"/studies/{study or self.world.study}/transactions/{name}",
            method="POST",
            json=body,
            headers={"Idempotency-Key": key or f"k{next(self._keys)}", **(headers or {})},
        )


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The application over real HTTP; gives its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
