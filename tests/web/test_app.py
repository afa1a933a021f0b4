"""The application as a whole: health, errors as short texts, secure headers, the home page."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from core.runtime import Core
from tests.support.telephone import telephone_settings
from tests.support.world import World, make_core
from web.app import create_app


def client_of(core: Core, **settings: str) -> FlaskClient:
    telephone_settings(core, **settings)
    return create_app(core).test_client()


@pytest.fixture
def client(quick_world: World) -> FlaskClient:
    return client_of(quick_world.core)


def test_is_ready_with_its_database(client: FlaskClient) -> None:
    assert client.get("/healthz").text == "ok\n"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"ready": True, "problems": []})


def test_is_not_ready_without_the_triggers_of_the_ledger(sqlite_url: str) -> None:
    core = make_core(sqlite_url)
    with core.writing() as db:
        db.execute(text("DROP TRIGGER ledger_no_update"))
    answer = client_of(core).get("/readyz")
    assert answer.status_code == 503
    assert "ledger_no_update" in answer.text
    core.engine.dispose()


def test_is_alive_but_not_ready_on_an_empty_database(tmp_path: object) -> None:
    core = make_core(f"sqlite:///{tmp_path}/empty.db")
    client = client_of(core)
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "ixrs db upgrade" in answer.text
    core.engine.dispose()


def test_is_not_ready_when_the_database_is_away() -> None:
    core = make_core("postgresql://ixrs@127.0.0.1:1/none")
    answer = client_of(core).get("/readyz")
    assert answer.status_code == 503
    assert "cannot be reached" in answer.text
    core.engine.dispose()


def test_counts_webhooks_for_prometheus(client: FlaskClient) -> None:
    client.post("/ivr/voice")
    answer = client.get("/metrics")
    assert answer.content_type.startswith("text/plain")
    assert 'ixrs_voice_webhooks_total{line="main",outcome="forbidden"}' in answer.text


def test_the_home_page_names_the_numbers_to_call(quick_world: World) -> None:
    page = client_of(quick_world.core).get("/").text
    numbers = quick_world.rows(
        "SELECT t.number, s.training FROM telephone t JOIN study s ON s.code = t.study"
    )
    assert numbers
    for row in numbers:
        assert row.number in page
    assert ("TRAINING" in page) == any(row.training for row in numbers)


def test_a_training_is_said_on_the_home_page(quick_world: World) -> None:
    client = client_of(quick_world.core)
    with quick_world.core.writing() as db:
        db.execute(text("UPDATE study SET training = :yes"), {"yes": True})
    assert "TRAINING" in client.get("/").text
    with quick_world.core.writing() as db:
        db.execute(text("UPDATE study SET training = :no"), {"no": False})
    assert "TRAINING" not in client.get("/").text


@pytest.mark.parametrize("path", ["/", "/healthz", "/nothing", "/home.css"])
def test_every_answer_carries_the_secure_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "max-age" in headers["Strict-Transport-Security"]


def test_http_on_this_machine_is_not_told_to_be_https(quick_world: World) -> None:
    client = client_of(quick_world.core, public_url="http://127.0.0.1:8000")
    assert "Strict-Transport-Security" not in client.get("/").headers


def test_errors_are_short_texts(client: FlaskClient) -> None:
    assert client.get("/nothing").text == "404 Not Found\n"
    wrong = client.get("/ivr/voice")
    assert (wrong.status_code, wrong.text) == (405, "405 Method Not Allowed\n")
    assert "POST" in wrong.headers["Allow"]
    large = client.post("/ivr/voice", data={"To": "1" * 300_000})
    assert large.status_code in (403, 413)


def test_a_database_that_is_away_is_503_without_a_traceback() -> None:
    core = make_core("postgresql://ixrs@127.0.0.1:1/none")
    answer = client_of(core).get("/")
    assert (answer.status_code, answer.mimetype) == (503, "text/plain")
    assert "Traceback" not in answer.text
    core.engine.dispose()


def test_what_goes_wrong_inside_says_nothing_of_itself(quick_world: World) -> None:
    client = client_of(quick_world.core)
    with quick_world.core.writing() as db:
        db.execute(text("UPDATE study_version SET source = 'broken ['"))
    answer = client.get("/")
    assert answer.status_code == 500
    assert "broken" not in answer.text


def test_the_telephone_answers_at_its_addresses(quick_world: World) -> None:
    client = client_of(quick_world.core)
    for path in ("/ivr/voice", "/ivr/unblinding", "/ivr/voice/status", "/ivr/sms/status/1"):
        assert client.post(path).status_code == 403
