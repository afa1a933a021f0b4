"""What holds for every page: who may open it, what its forms carry, its headers, its weight."""

from __future__ import annotations

import gzip
from typing import Final

import pytest
from flask import Flask
from sqlalchemy import text
from werkzeug.routing import Rule

from tests.support.pages import HTML, Browser, browser
from tests.support.telephone import telephone_settings
from tests.support.world import World
from web.app import HEADERS, create_app
from web.assets import FOLDER
from web.db import connection, db

PAGE_BYTES_MAX: Final = 50 * 1024
SHEET_BYTES_MAX: Final = 8 * 1024
_FILLED: Final = {"name": "screen", "id_": "0" * 32, "question": "subject", "code": "es"}


def _app(world: World) -> Flask:
    telephone_settings(world.core)
    return create_app(world.core)


def _for_programs(app: Flask) -> set[str]:
    """The blueprints whose forms need no token."""
    return {one.name for one in app.extensions["csrf"]._exempt_blueprints}


def _rules(app: Flask) -> list[Rule]:
    """The addresses for people: programs prove in their own ways who asks."""
    exempt = _for_programs(app)
    return [
        rule for rule in app.url_map.iter_rules() if rule.endpoint.partition(".")[0] not in exempt
    ]


def _address(rule: Rule) -> str:
    """An address of that rule, with something in the place of each part that varies."""
    built = rule.build({name: _FILLED.get(name, "1") for name in rule.arguments})
    assert built is not None
    return built[1]


def test_only_what_programs_call_takes_posts_without_a_token(quick_world: World) -> None:
    exempt = _for_programs(_app(quick_world))
    assert exempt == {"voice", "sms_in", "sms_status", "health", "api"}


@pytest.mark.req("R13")
def test_every_page_asks_who_reads_it_or_says_that_anyone_may(quick_world: World) -> None:
    app = _app(quick_world)
    marked: dict[str, list[str]] = {"open": [], "closed": [], "neither": []}
    for rule in _rules(app):
        view = app.view_functions[rule.endpoint]
        kind = "open" if hasattr(view, "open_to_all") else "neither"
        marked["closed" if hasattr(view, "signed_in") else kind].append(rule.endpoint)
    assert marked["neither"] == []
    assert sorted(set(marked["open"])) == [
        "assets.file", "home.home",
        "second.code", "second.passkey", "second.renew", "second.step",
        "sign_in.code", "sign_in.enter", "sign_in.form",
        "sign_in.language", "sign_in.leave", "sign_in.use_code",
    ]  # fmt: skip
    assert len(marked["closed"]) > 10


@pytest.mark.req("R13")
def test_whoever_is_not_signed_in_is_led_to_the_sign_in(quick_world: World) -> None:
    app = _app(quick_world)
    app.config["WTF_CSRF_ENABLED"] = False  # the guard of its own, further down
    client = app.test_client()
    closed = [r for r in _rules(app) if hasattr(app.view_functions[r.endpoint], "signed_in")]
    for rule in closed:
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            answer = client.open(_address(rule), method=method)
            assert answer.status_code == 303, rule
            assert answer.headers["Location"].startswith("/sign-in"), rule


def test_every_form_needs_its_token(quick_world: World) -> None:
    app = _app(quick_world)
    here = browser(quick_world, "Ada")
    posted = [rule for rule in _rules(app) if "POST" in (rule.methods or set())]
    assert len(posted) >= 9
    before = quick_world.dump()
    for rule in posted:
        for data in ({}, {"csrf_token": "forged"}):
            answer = here.client.post(_address(rule), data=data)
            assert answer.status_code == 400, rule
    assert quick_world.dump() == before


def test_a_token_of_another_browser_is_no_token(quick_world: World) -> None:
    hers, his = browser(quick_world, "Ada"), browser(quick_world, "Di", "102")
    token = next(o.value for o in his.get("/place").form.controls if o.name == "csrf_token")
    answer = hers.client.post("/place", data={"csrf_token": token, "place": "solo 101"})
    assert answer.status_code == 400


def test_a_form_left_open_says_so_to_a_person(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    page = here.get("/place")
    here.client.delete_cookie("__Host-ixrs-form", path="/")
    answer = here.send(page, place="combi 101")
    assert answer.status == 400
    assert "open for too long" in answer.text


def test_every_answer_carries_the_secure_headers(quick_world: World) -> None:
    app, here = _app(quick_world), browser(quick_world, "Ada")
    for rule in app.url_map.iter_rules():
        answer = here.client.get(_address(rule), headers=HTML)
        for name in HEADERS:
            assert name in answer.headers, rule
        policy = answer.headers["Content-Security-Policy"]
        assert "'unsafe" not in policy, rule
        assert "default-src 'none'" in policy, rule
        assert "max-age" in answer.headers["Strict-Transport-Security"], rule
        assert answer.headers["Cache-Control"] == "no-store", rule


def test_nothing_of_a_page_stands_in_its_own_script_or_style(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    for path in ("/", "/place", "/do/screen", "/nothing"):
        html = here.get(path).html
        assert "<script" not in html
        assert "style=" not in html
        assert " onclick" not in html


def _loaded(here: Browser, path: str) -> int:
    """The bytes that a first visit to this page takes."""
    headers = {**HTML, "Accept-Encoding": "gzip"}
    page = here.client.get(path, headers=headers, follow_redirects=True)
    html = gzip.decompress(page.data).decode()
    total = len(page.data)
    for mark in ('rel="stylesheet" href="', 'rel="icon" href="'):
        address = html.split(mark)[1].split('"')[0]
        total += len(here.client.get(address, headers=headers).data)
    return total


def test_a_page_is_light_with_all_that_it_loads(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    for _ in range(40):
        quick_world.do("screen", "Ada", consent_date="2026-11-20", year_of_birth="1961",
                       rescreened="no")  # fmt: skip
    for path in ("/", "/place", "/do/screen", "/do/receive", "/nothing"):
        assert _loaded(here, path) < PAGE_BYTES_MAX / 4


def test_the_sheet_is_small_and_kept_for_ever(quick_world: World) -> None:
    assert len((FOLDER / "ixrs.css").read_bytes()) <= SHEET_BYTES_MAX
    here = browser(quick_world)
    address = here.get("/").html.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = here.client.get(address)
    assert answer.mimetype == "text/css"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert here.client.get("/static/ixrs.css").status_code == 404


def test_pages_are_squeezed_for_those_who_take_it(quick_world: World) -> None:
    here = browser(quick_world)
    plain = here.client.get("/", headers=HTML)
    assert "Content-Encoding" not in plain.headers
    squeezed = here.client.get("/", headers={**HTML, "Accept-Encoding": "br, gzip"})
    assert squeezed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in squeezed.headers["Vary"]
    assert int(squeezed.headers["Content-Length"]) == len(squeezed.data)
    assert gzip.decompress(squeezed.data).startswith(b"<!doctype html>")


def test_the_reading_session_has_the_cores_engine_and_writes_nothing(quick_world: World) -> None:
    app = _app(quick_world)
    with app.app_context():
        assert db.engine is quick_world.core.engine
        assert connection().execute(text("PRAGMA foreign_keys")).scalar() == 1
        connection().execute(text("UPDATE person SET name = 'X'"))
    assert quick_world.one("SELECT count(*) FROM person WHERE name = 'X'") == 0
