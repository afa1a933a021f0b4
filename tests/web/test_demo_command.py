"""`ixrs demo` as it is run: what it prints, whom it lets in, how it tries itself and stops."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.access.signin import sign_in
from core.runtime import Core
from core.settings import Settings
from ivr.simulator.rest import Result
from web.demo import running as running_module
from web.demo.check import CheckFailed, check
from web.demo.history import Demo
from web.demo.running import Running, choose_port, get, is_free, running

IXRS = [str(Path(sys.executable).with_name("ixrs"))]
SECONDS_MAX = 90


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("IXRS_")}
    process = subprocess.Popen(
        [*IXRS, "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment, "TMPDIR": str(folder)},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=SECONDS_MAX)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What `ixrs demo --json` printed; it serves until the last test here is over."""
    with demo(tmp_path_factory.mktemp("served"), "--json") as process:
        assert process.stdout is not None
        yield {"pid": process.pid, **json.loads(process.stdout.readline())}


def settings_of(ready: dict[str, Any]) -> Settings:
    return Settings.from_environment(ready["environment"], serving=True)


def test_one_line_tells_all_that_another_program_needs(ready: dict[str, Any]) -> None:
    assert set(ready) - {"pid"} == {
        *("url", "public_url", "twilio_account_sid", "twilio_auth_token", "database_url"),
        *("ledger_table", "environment", "studies"),
    }
    assert [study["code"] for study in ready["studies"]] == ["demo", "ist"]
    for study in ready["studies"]:
        assert study["telephone"].startswith("+")
        assert study["number"].isdigit()
        for user in study["users"]:
            assert {"user_id", "pin", "password", "role", "sites"} <= set(user)
        ids = [user["user_id"] for user in study["users"]]
        assert len(ids) == len(set(ids))
    settings = settings_of(ready)
    assert settings.database_url == ready["database_url"]
    assert settings.public_url == ready["public_url"] == ready["url"]
    assert settings.is_simulated
    file = ready["database_url"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(file)) as db:
        query = f"SELECT study, max(sequence) FROM {ready['ledger_table']} GROUP BY study"
        assert dict(db.execute(query).fetchall())["demo"] > 200


def test_whoever_is_listed_can_sign_in(ready: dict[str, Any]) -> None:
    core = Core.from_settings(settings_of(ready))
    first = ready["studies"][0]["users"][0]
    assert (first["role"], first["sites"]) == ("coordinator", ["101"])
    for secret in (first["pin"], first["password"]):
        assert sign_in(core, first["user_id"], secret, source="test").name == "Ada Brennan"
    core.engine.dispose()


def test_only_this_machine_is_served(ready: dict[str, Any]) -> None:
    port = int(ready["url"].rsplit(":", 1)[1])
    assert ready["url"] == f"http://127.0.0.1:{port}"
    with socket.socket() as elsewhere:
        # Another loopback address stands for any other of this machine's addresses.
        assert elsewhere.connect_ex(("127.0.0.2", port)) != 0


def test_training_is_shown(ready: dict[str, Any]) -> None:
    status, page = get(ready["url"], "/")
    assert status == 200
    assert "TRAINING" in page


def test_stops_cleanly_when_told_to(tmp_path: Path) -> None:
    with demo(tmp_path, "--json") as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=SECONDS_MAX)
        assert (process.returncode, told) == (0, "")
    assert get(url, "/healthz") == (0, "")


def test_a_port_that_is_taken_is_refused_at_once(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
        with demo(tmp_path, "--port", str(port)) as process:
            _, errors = process.communicate(timeout=SECONDS_MAX)
        assert process.returncode == 1
        assert f"Port {port} is taken" in errors


def test_another_port_is_found_where_the_usual_one_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(running_module, "PORT", taken.getsockname()[1])
        found = choose_port()
        assert found != taken.getsockname()[1]
        assert is_free(found)


@pytest.fixture
def served(
    demo_database: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Running]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with running(demo=demo_database) as started:
        yield started


def test_the_demo_tries_itself_by_page_call_and_message(served: Running) -> None:
    told: list[str] = []
    check(served, told.append)
    assert any(line.startswith("sms ") and "Confirmation number" in line for line in told)
    assert any("TRAINING, not a real result" in line for line in told)
    assert told[-1].startswith("record ")


def spoil_ledger(served: Running) -> None:
    with closing(
        sqlite3.connect(served.demo.settings.database_url.removeprefix("sqlite:///"))
    ) as db:
        triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        kept = triggers.fetchall()
        for name, _ in kept:
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE ledger SET actor = '1201' WHERE study = 'demo' AND sequence = 40")
        for _, sql in kept:
            db.execute(sql)
        db.commit()


def spoil_messages(served: Running) -> None:
    served.provider.results.extend([Result.WRONG_NUMBER] * 50)


@pytest.mark.parametrize(
    ("spoil", "words"), [(spoil_ledger, "does not verify"), (spoil_messages, "SMS did not come")]
)
def test_a_fault_is_found(
    served: Running, spoil: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.demo.check.SMS_SECONDS_MAX", 3)
    spoil(served)
    with pytest.raises(CheckFailed, match=words):
        check(served, lambda line: None)
