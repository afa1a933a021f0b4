"""`ixrs sms`: a text from the terminal through the running server's webhook."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from werkzeug.serving import make_server

from tests.support.telephone import make_app
from tests.support.texting import STRANGER, mobile
from tests.support.world import World
from tests.web.test_cli import Shell


@pytest.fixture
def shell(quick_world: World) -> Iterator[Shell]:
    """Commands that know where the server is."""
    app = make_app(quick_world.core)
    running = make_server("127.0.0.1", 0, app, threaded=True)
    url = f"http://127.0.0.1:{running.server_port}"
    make_app(quick_world.core, public_url=url)  # the same core: it now knows its address
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    made = Shell(str(quick_world.core.engine.url))
    made.environment["IXRS_PUBLIC_URL"] = url
    with capture_logs():  # the server's, which runs in this process and shares its output
        yield made
    running.shutdown()
    thread.join()
    running.server_close()


def test_a_text_is_answered_as_on_a_mobile(shell: Shell, quick_world: World) -> None:
    number = quick_world.randomized()
    receipt = quick_world.do("dispense", "Ada", subject=number, visit="V1")
    (kit,) = receipt.facts["kits"]
    given = ("GIVEN", receipt.confirmation, kit[-4:])
    told = shell.json("sms", "--from", mobile("Ada"), *given)
    assert "hand-over confirmed" in told["reply"]
    assert told["message_sid"].startswith("SM")
    assert quick_world.kit(kit).confirmed_at is not None
    assert "confirmed already" in shell("sms", "--from", mobile("Ada"), " ".join(given)).stdout


def test_where_nothing_is_said_there_is_no_reply(shell: Shell) -> None:
    assert "GIVEN" in shell.json("sms", "--from", STRANGER, "hello")["reply"]
    assert shell.json("sms", "--from", STRANGER, "hello")["reply"] is None
    assert "nothing is replied" in shell("sms", "--from", STRANGER, "hello").stdout


def test_a_server_that_is_not_there_is_a_failure(shell: Shell) -> None:
    shell.environment["IXRS_PUBLIC_URL"] = "http://127.0.0.1:1"
    failed = shell.json("sms", "--from", STRANGER, "hello", code=1)
    assert failed["error"]["code"] == "sms_failed"


def test_a_server_with_another_token_takes_no_text(shell: Shell) -> None:
    shell.environment["IXRS_TWILIO_AUTH_TOKEN"] = "c" * 32
    failed = shell.json("sms", "--from", STRANGER, "hello", code=1)
    assert "403" in failed["error"]["message"]
