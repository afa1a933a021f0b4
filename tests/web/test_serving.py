"""The real server in a process of its own: a call reaches it, the outbox empties, it ends well."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from core.access.activation import issue_code
from ivr.simulator.rest import Provider
from tests.support.telephone import ACCOUNT, TOKEN
from tests.support.world import PEOPLE, PIN, World
from tests.web.test_cli import IXRS, environment
from web.cli import main

START_SECONDS_MAX = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@contextlib.contextmanager
def started(
    arguments: list[str], env: dict[str, str], port: int
) -> Iterator[subprocess.Popen[str]]:
    server = subprocess.Popen(
        [IXRS, *arguments], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            with contextlib.suppress(OSError):
                if get(port, "/readyz") == 200:
                    break
            if server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(server.communicate(timeout=5))
            time.sleep(0.05)
        yield server
    finally:
        if server.poll() is None:
            server.kill()
        server.communicate()


def test_a_call_reaches_the_served_telephone_and_the_outbox_empties(world: World) -> None:
    url = world.core.engine.url.render_as_string(hide_password=False)
    port = free_port()
    with Provider(ACCOUNT, TOKEN) as provider:
        env = {
            **environment(url),
            "IXRS_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "IXRS_TWILIO_API_URL": provider.url,
            "IXRS_SMS_NUMBER": "+12025550100",
        }
        with started(["serve", "--port", str(port)], env, port) as server:
            with world.core.writing() as db:
                code = issue_code(db, world.core, PEOPLE["Ada"])
            number = f"+120255501{PEOPLE['Ada']}"
            deadline = time.monotonic() + START_SECONDS_MAX
            while not any(code in text.body for text in provider.inbox(number)):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            keys = f"1 {PEOPLE['Ada']}#{PIN}"
            called = CliRunner().invoke(main, ["call", "--keys", keys, "--json"], env=env)
            assert called.exit_code == 0, called.output
            said = json.loads(called.stdout)["said"]
            assert any(PEOPLE["Ada"] not in words and words for words in said)
            server.send_signal(signal.SIGTERM)
            out, err = server.communicate(timeout=30)
        assert server.returncode == 0
        assert out == ""
        events = [json.loads(line) for line in err.splitlines()]
        assert any(event["event"] == "turn" for event in events)
        assert PIN not in err
        assert code not in err
        assert number not in err
        assert provider.failed_callbacks == []
    ended = world.rows("SELECT ended_at FROM call")
    assert ended
    assert all(row.ended_at is not None for row in ended)


def test_refuses_to_serve_a_database_that_is_not_ready(tmp_path: Path) -> None:
    env = environment(f"sqlite:///{tmp_path}/empty.db")
    done = subprocess.run([IXRS, "serve"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ixrs db upgrade" in done.stderr
    assert "Traceback" not in done.stderr


def test_refuses_a_port_that_is_taken_and_two_processes_on_sqlite(quick_world: World) -> None:
    env = environment(str(quick_world.core.engine.url))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(main, ["serve", "--port", port], env=env)
    assert done.exit_code == 1
    assert port in done.stderr
    assert CliRunner().invoke(main, ["serve", "--workers", "2"], env=env).exit_code == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_worker_sends_and_ends_when_told(quick_world: World) -> None:
    with Provider(ACCOUNT, TOKEN, statuses=()) as provider:
        env = {
            **environment(str(quick_world.core.engine.url)),
            "IXRS_TWILIO_API_URL": provider.url,
            "IXRS_SMS_NUMBER": "+12025550100",
        }
        with quick_world.core.writing() as db:
            code = issue_code(db, quick_world.core, PEOPLE["Ada"])
        worker = subprocess.Popen([IXRS, "worker"], env=env, stderr=subprocess.PIPE, text=True)
        try:
            deadline = time.monotonic() + START_SECONDS_MAX
            while not any(code in message.body for message in provider.messages):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            worker.send_signal(signal.SIGTERM)
            worker.communicate(timeout=10)
        finally:
            worker.kill()
        assert worker.returncode == 0
