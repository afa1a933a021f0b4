"""The site under attack: sessions, forms, paths, headers, bodies. Nothing moves or is told."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from core.sight import PAGE
from tests.support.api import Api
from tests.support.pages import HTML, Browser, Page, browser
from tests.support.telephone import PUBLIC_URL, TOKEN, telephone_settings
from tests.support.world import PEOPLE, PIN, World
from web.app import REQUEST_BYTES_MAX, create_app

SESSION: Final = "__Host-ixrs-session"
EVIL: Final = "evil.example.com"
PROGRAMS: Final = ("voice", "sms_in", "sms_status", "health", "api")
_PARTS: Final = {"name": "screen", "id_": "0" * 32, "question": "subject", "code": "es"}
PATHS: Final = (
    "/../../etc/passwd",
    "/static/../../pyproject.toml",
    "/static/..%2f..%2fpyproject.toml",
    "/static/%2e%2e/%2e%2e/pyproject.toml",
    "/assets/....//....//pyproject.toml",
    "/ivr/recording/../../voice",
    "/ivr/recording/%00",
    "/subjects/%00",
    "/subjects/1%0d%0aSet-Cookie:%20owned=1",
    "/subjects/' OR '1'='1",
    "/subjects/101001;DROP TABLE ledger",
    "/subjects/%F0%9F%92%A9",
    "/subjects/" + "9" * 5000,
    "/kits/-1",
    "/shipments/1e9",
    "/people/%2e%2e%2f%2e%2e",
    "/receipt/%27%3b--",
    "/copies/record.%2e%2e",
    "/accountability.../csv",
    "/do/../../sign-out",
    "/do/__class__",
    "/ledger?since=0000-00-00&until=99999-01-01",
    "/ledger?after=-1",
    "/ledger?subject=%00&kit=%27&person=%22",
    "/subjects?after=101-%00",
    "/subjects?status=%3Cscript%3E",
    "/stock?site=101%20OR%201%3D1",
    "/sign-in?next=//evil.example.com",
    "/sign-in?next=https:evil.example.com",
    "/sign-in?next=/%5Cevil.example.com",
    "/api/v1/studies/combi/ledger?cursor=-1",
    "/api/v1/studies/%2e%2e/subjects",
    "/api/v1//studies",
)


def address(rule: Rule) -> str:
    built = rule.build({name: _PARTS.get(name, "1") for name in rule.arguments})
    assert built is not None
    return built[1]


def app_of(world: World) -> Flask:
    telephone_settings(world.core)
    return create_app(world.core)


def posts(app: Flask, *, programs: bool) -> Iterator[Rule]:
    """The addresses that take a form: those for people, or those that programs post to."""
    for rule in app.url_map.iter_rules():
        mine = rule.endpoint.partition(".")[0] in PROGRAMS
        if rule.methods and "POST" in rule.methods and mine == programs:
            yield rule


def told(answer: TestResponse) -> str:
    """All that an answer says: headers and body."""
    if answer.headers.get("Content-Encoding") == "gzip":
        return f"{answer.headers}\n{gzip.decompress(answer.data).decode()}"
    return f"{answer.headers}\n{answer.get_data(as_text=True)}"


# -- sessions


@pytest.mark.req("R19")
def test_a_session_that_somebody_planted_is_not_the_one_that_signs_in(quick_world: World) -> None:
    here = browser(quick_world)
    here.client.set_cookie(SESSION, "planted-by-somebody-else", path="/", secure=True)
    page = here.get("/sign-in")
    form_before = here.client.get_cookie("__Host-ixrs-form", path="/")
    here.send(page, user_id=PEOPLE["Ada"], secret=PIN)
    mine = here.client.get_cookie(SESSION, path="/")
    assert mine is not None
    assert mine.value != "planted-by-somebody-else"
    other = Browser(create_app(quick_world.core).test_client())
    other.client.set_cookie(SESSION, "planted-by-somebody-else", path="/", secure=True)
    assert other.get("/subjects").path == "/sign-in"
    form_after = here.client.get_cookie("__Host-ixrs-form", path="/")
    assert form_before is not None
    assert form_after is None or form_after.value != form_before.value


@pytest.mark.req("R19")
def test_signing_in_again_gives_another_session_and_out_means_out(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    first = here.client.get_cookie(SESSION, path="/")
    here.client.delete_cookie(SESSION, path="/")
    here.sign_in(PEOPLE["Ada"])
    second = here.client.get_cookie(SESSION, path="/")
    assert first is not None
    assert second is not None
    assert first.value != second.value
    here.send(here.get("/"), next(f for f in here.get("/").forms if f.action == "/sign-out"))
    here.client.set_cookie(SESSION, second.value, path="/", secure=True)
    assert here.get("/subjects").path == "/sign-in"


@pytest.mark.parametrize("value", ["", "0", "x" * 4000, "../../etc", "\u00e9", "'; --", "null"])
def test_a_made_up_session_is_nobody(quick_world: World, value: str) -> None:
    here = browser(quick_world)
    here.client.set_cookie(SESSION, value, path="/", secure=True)
    assert here.get("/subjects").path == "/sign-in"


# -- forms of another site


@pytest.mark.req("R13")
def test_no_form_of_another_site_does_anything_for_whoever_is_signed_in(
    quick_world: World,
) -> None:
    here = browser(quick_world, "Ada")
    app = here.client.application
    before = quick_world.dump()
    from_there = {**HTML, "Origin": f"https://{EVIL}", "Referer": f"https://{EVIL}/"}
    ways: tuple[dict[str, Any], ...] = (
        {"data": {"confirm": "yes"}},
        {"data": {"csrf_token": "guessed"}},
        {"data": '{"a": 1}', "content_type": "text/plain"},
        {"data": '{"csrf_token": "x"}', "content_type": "application/json"},
        {"data": {"file": (io.BytesIO(b"x"), "x")}, "content_type": "multipart/form-data"},
    )
    for rule in posts(app, programs=False):
        for way in ways:
            answer = here.client.post(address(rule), headers=from_there, **_again(way))
            # The form for signing in is shown anew, to be filled in by a person.
            refused = (303,) if str(rule) == "/sign-in" else (400, 404, 415)
            assert answer.status_code in refused, (rule, way, answer.status_code)
    assert quick_world.dump() == before


def _again(way: dict[str, Any]) -> dict[str, Any]:
    """The same request once more: what was read of a file is gone."""
    data = way["data"]
    if isinstance(data, dict) and "file" in data:
        return {**way, "data": {"file": (io.BytesIO(b"x"), "x")}}
    return way


@pytest.mark.parametrize(
    "headers",
    [{"X-HTTP-Method-Override": "POST"}, {"X-Method-Override": "DELETE"}, {"X-HTTP-Method": "PUT"}],
)
def test_a_page_that_is_read_does_nothing_whatever_a_header_says(
    quick_world: World, headers: dict[str, str]
) -> None:
    here = browser(quick_world, "Ada")
    before = quick_world.one("SELECT count(*) FROM ledger")
    for path in ("/sign-out", "/do/screen?_method=POST", "/place"):
        here.client.get(path, headers={**HTML, **headers})
    assert quick_world.one("SELECT count(*) FROM ledger") == before
    assert here.get("/subjects").path == "/subjects"


# -- paths and headers


@pytest.mark.parametrize("who", [None, "Ada", "Mia"])
def test_no_path_leads_out_of_the_pages_or_breaks_them(quick_world: World, who: str | None) -> None:
    here = browser(quick_world, who, "101" if who == "Ada" else None)
    for path in PATHS:
        answer = here.client.get(path, headers=HTML)
        assert answer.status_code < 500, path
        words = told(answer)
        assert "root:" not in words, path
        assert "build-system" not in words, path
        assert "Traceback" not in words, path
        assert "owned=1" not in str(answer.headers), path
        place = answer.headers.get("Location", "/")
        assert place.startswith(("/", PUBLIC_URL)), (path, place)
        assert not place.startswith("//"), (path, place)


ORDERS: Final = (
    "_scheme=javascript&_external=1",
    f"_external=1&SERVER_NAME={EVIL}",
    "endpoint=home.home",
    "_method=POST",
    "_anchor=%22%3E%3Cscript%3E",
    "self=1&values=2&cls=3",
)


def test_no_filter_of_a_list_is_an_order_to_whatever_makes_its_links(quick_world: World) -> None:
    here = browser(quick_world, "Mia", None)
    entries = quick_world.one("SELECT count(*) FROM ledger WHERE study = :study")
    for _ in range(entries, PAGE + 10):
        quick_world.screen()
    assert any("after=" in one for one in here.get("/ledger").links)
    for path in ("/ledger?", f"/ledger?after={PAGE}&", "/people?", "/subjects?", "/ledger.pdf?"):
        for query in ORDERS:
            answer = here.client.get(f"{path}{query}", headers=HTML)
            assert answer.status_code == 200, (path, query)
            links = () if "pdf" in path else Page(answer).links
            assert all(one.startswith(("/", "#")) and "<" not in one for one in links), links


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": EVIL},
        {"X-Forwarded-Host": EVIL},
        {"X-Forwarded-Proto": "http", "X-Forwarded-Port": "1"},
        {"Forwarded": f"host={EVIL}"},
        {"X-Original-URL": "/people", "X-Rewrite-URL": "/people"},
        {"Accept-Language": f"<script>{EVIL}</script>;q=1," * 50},
        {"Cookie": "=;=;;; a==b; \x7f"},
        {"Range": "bytes=0-0,-1,9999999999-"},
        {"If-None-Match": "*"},
        {"Accept-Encoding": "gzip;q=nan, *;q=1e9"},
        {"User-Agent": "() { :; }; echo owned"},
    ],
)
def test_no_header_changes_where_pages_lead_or_who_reads_them(
    quick_world: World, headers: dict[str, str]
) -> None:
    stranger = browser(quick_world)
    for path in ("/", "/people", "/sign-in", "/subjects"):
        answer = stranger.client.get(path, headers={**HTML, **headers})
        assert answer.status_code < 500, path
        assert EVIL not in told(answer), path
        assert "Ada" not in told(answer), path


@pytest.mark.req("R14")
@pytest.mark.parametrize("told_address", ["127.0.0.1", "10.0.0.1, 192.0.2.9", "x" * 300, "::1"])
def test_an_address_that_is_only_claimed_does_not_start_the_count_anew(
    quick_world: World, told_address: str
) -> None:
    here = browser(quick_world)
    for place in range(7):
        here.client.environ_base["REMOTE_ADDR"] = "198.51.100.7"
        here.headers["X-Forwarded-For"] = f"{told_address}, {place}"
        here.sign_in(str(700 + place), "271801")
    waits = quick_world.rows("""SELECT 1 FROM ledger WHERE "transaction" = 'source_waits'""")
    assert len(waits) == 1


# -- what programs post


@pytest.mark.req("R14")
def test_no_webhook_is_heard_that_the_provider_did_not_sign(quick_world: World) -> None:
    app = app_of(quick_world)
    client, before = app.test_client(), quick_world.dump()
    fields = {"CallSid": "CA" + "0" * 32, "From": "+12025550142", "To": "+12025550150",
              "AccountSid": "AC" + "0" * 32, "Digits": "1", "Body": "GIVEN 1 1"}  # fmt: skip
    forged: tuple[dict[str, str], ...] = (
        {},
        {"X-Twilio-Signature": ""},
        {"X-Twilio-Signature": "A" * 28},
        {"X-Twilio-Signature": TOKEN},
        {"X-Twilio-Signature": "A" * 28, "X-Forwarded-Host": EVIL},
        {"Authorization": f"Bearer {TOKEN}"},
    )
    hooks = [one for one in posts(app, programs=True) if str(one).startswith("/ivr")]
    assert len(hooks) >= 5
    for rule in hooks:
        for headers in forged:
            answer = client.post(address(rule), data=fields, headers=headers)
            assert answer.status_code in (403, 404), (rule, headers)
    assert quick_world.dump() == before
    assert 'outcome="forbidden"' in client.get("/metrics").get_data(as_text=True)


# -- bodies


def test_a_body_that_is_too_large_is_refused_everywhere_and_leaves_nothing(
    quick_world: World,
) -> None:
    here = browser(quick_world, "Ada")
    app, before = here.client.application, quick_world.dump()
    large = b"a=" + b"x" * (REQUEST_BYTES_MAX + 1)
    for programs in (False, True):
        for rule in posts(app, programs=programs):
            form = "application/x-www-form-urlencoded"
            answer = here.client.post(address(rule), data=large, content_type=form, headers=HTML)
            assert 400 <= answer.status_code < 500, rule
    assert quick_world.dump() == before


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        '{"a":' * 50_000 + "1" + "}" * 50_000,
        '{"answers": {"consent_date": ' + "9" * 100_000 + "}}",
        '{"answers": {"consent_date": 1e999999}}',
        '{"answers": {"year_of_birth": NaN}}',
        '{"answers": {"a": 1, "a": 2}}',
        '{"answers": {"__proto__": {"x": 1}}}',
        json.dumps({"answers": {f"a{n}": "1" for n in range(5000)}}),
        "\ufeff{}",
        "\x00",
    ],
)
def test_no_json_breaks_the_api(quick_world: World, body: str) -> None:
    api, before = Api(quick_world), quick_world.one("SELECT count(*) FROM ledger")
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    api.token("Ada")
    before = quick_world.one("SELECT count(*) FROM ledger")
    path = "/studies/combi/transactions/screen"
    answer = api.ask("Ada", path, method="POST", data=body.encode(), headers=headers)
    assert 400 <= answer.status_code < 500
    assert quick_world.one("SELECT count(*) FROM ledger") == before


def test_a_form_of_thousands_of_fields_is_refused(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    many = "&".join(f"a{n}=1" for n in range(20_000))
    form = "application/x-www-form-urlencoded"
    answer = here.client.post("/place", data=many, content_type=form, headers=HTML)
    assert 400 <= answer.status_code < 500
