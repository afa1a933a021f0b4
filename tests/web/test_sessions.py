"""Signing in on pages: two components, one set of words, a session that ends when it should."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import text

from core.access import sessions
from core.access.activation import issue_code
from tests.support.pages import Browser, Page, browser
from tests.support.world import OTHER_PIN, PEOPLE, PIN, World

PASSWORD = "seven quiet herons"
COOKIE = "__Host-ixrs-session"


def _is_in(here: Browser) -> bool:
    return here.get("/place").path == "/place"


def _token(here: Browser, name: str = COOKIE) -> str:
    found = here.client.get_cookie(name)
    assert found is not None
    return found.value


def _code(world: World, who: str) -> str:
    with world.core.writing() as db:
        return issue_code(db, world.core, PEOPLE[who], send=False)


def _activate(here: Browser, code: str, **values: str) -> Page:
    typed = {"pin": OTHER_PIN, "pin_again": OTHER_PIN, "password": PASSWORD,
             "password_again": PASSWORD, **values}  # fmt: skip
    return here.send(here.get("/activate"), None, code=code, **typed)


def test_signs_in_with_id_and_pin_and_greets_by_name(quick_world: World) -> None:
    here = browser(quick_world)
    page = here.sign_in(PEOPLE["Ada"])
    assert (page.status, page.path) == (200, "/place")
    assert "Ada" in page.text
    assert [row.user_id for row in quick_world.rows("SELECT user_id FROM web_session")] == ["11"]


@pytest.mark.req("R10")
def test_sign_in_and_sign_out_are_on_record(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    here.send(here.get("/"), here.get("/").forms[0])
    events = quick_world.rows(
        "SELECT \"transaction\", actor, channel FROM ledger WHERE study = 'installation'"
        " AND channel = 'web' ORDER BY sequence"
    )
    assert [tuple(row) for row in events] == [
        ("signed_in", "11", "web"),
        ("signed_out", "11", "web"),
    ]


@pytest.mark.parametrize(("user_id", "secret"), [("11", "000001"), ("77", PIN), ("x", PIN)])
def test_unknown_and_wrong_read_the_same(quick_world: World, user_id: str, secret: str) -> None:
    page = browser(quick_world).sign_in(user_id, secret)
    assert page.status == 403
    assert "Not recognized. Check the user ID and the PIN or password." in page.in_class("errors")
    assert COOKIE not in page.headers.get("Set-Cookie", "")
    assert secret not in page.html


@pytest.mark.req("R21")
def test_five_wrong_secrets_lock_the_person_on_pages_too(quick_world: World) -> None:
    here = browser(quick_world)
    for tries in range(5):
        here.headers["X-Forwarded-For"] = f"192.0.2.{tries}"  # a proxy on this machine says whose
        assert here.sign_in("11", "000001").status == 403
    here.headers["X-Forwarded-For"] = "192.0.2.99"
    page = here.sign_in("11")
    assert page.status == 429
    assert "Too many wrong tries" in page.in_class("errors")
    assert not _is_in(here)


def test_an_address_that_fails_too_often_waits(quick_world: World) -> None:
    here = browser(quick_world)
    for user_id in ("71", "72", "73", "74", "75"):
        here.sign_in(user_id, "000001")
    assert here.sign_in("11").status == 429
    here.headers["X-Forwarded-For"] = "192.0.2.1"
    assert here.sign_in("11").status == 200


def test_what_a_stranger_says_of_his_address_is_not_believed(quick_world: World) -> None:
    here = browser(quick_world)
    here.client.environ_base["REMOTE_ADDR"] = "198.51.100.7"
    for tries in range(5):
        here.headers["X-Forwarded-For"] = f"192.0.2.{tries}"
        here.sign_in(f"7{tries}", "000001")
    here.headers["X-Forwarded-For"] = "192.0.2.99"
    assert here.sign_in("11").status == 429


def test_the_cookie_is_for_this_host_only_and_out_of_reach(quick_world: World) -> None:
    here = browser(quick_world)
    form = here.get("/sign-in").form
    answer = here.client.post("/sign-in", data=form.data(user_id="11", secret=PIN))
    (cookie,) = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith(COOKIE)]
    for flag in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"):
        assert flag in cookie
    assert "Domain" not in cookie


def test_on_this_machine_without_https_the_cookie_works_too(quick_world: World) -> None:
    here = browser(quick_world, "Ada", public_url="http://127.0.0.1:8000")
    assert _is_in(here)
    assert _token(here, "ixrs-session")


def test_a_copy_of_the_table_opens_nothing(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    kept = quick_world.one("SELECT token FROM web_session")
    assert kept != _token(here)
    assert kept == sessions.token_digest(quick_world.core, _token(here))
    here.client.set_cookie(COOKIE, kept, path="/")
    assert not _is_in(here)


def test_signing_out_ends_it_on_the_server(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    token = _token(here)
    page = here.get("/")
    out = here.send(page, next(one for one in page.forms if one.action == "/sign-out"))
    assert (out.path, "Sign in" in out.text) == ("/", True)
    here.client.set_cookie(COOKIE, token, path="/")
    assert not _is_in(here)


def test_half_an_hour_without_a_page_ends_it(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    quick_world.days_later(29 / 1440)
    assert _is_in(here)
    quick_world.days_later(29 / 1440)
    assert _is_in(here)
    quick_world.days_later(31 / 1440)
    assert not _is_in(here)


def test_twelve_hours_end_it_however_busy(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    for _ in range(28):
        quick_world.days_later(25 / 1440)
        assert _is_in(here)
    quick_world.days_later(25 / 1440)
    assert not _is_in(here)


def test_use_is_written_down_once_a_minute_at_most(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    query = "SELECT seen_at FROM web_session"
    first = quick_world.one(query)
    quick_world.set_time(quick_world.core.now() + dt.timedelta(seconds=59))
    here.get("/")
    assert quick_world.one(query) == first
    quick_world.set_time(quick_world.core.now() + dt.timedelta(seconds=1))
    here.get("/")
    assert quick_world.one(query) != first


def test_a_reset_with_a_code_ends_the_sessions_of_before(quick_world: World) -> None:
    before, other = browser(quick_world, "Ada"), browser(quick_world, "Ivy")
    now = browser(quick_world)
    assert _activate(now, _code(quick_world, "Ada")).status == 200
    assert not _is_in(before)
    assert _is_in(other)
    assert _is_in(now)


def test_a_new_pin_ends_the_other_sessions_and_keeps_this_one(quick_world: World) -> None:
    elsewhere, here = browser(quick_world, "Ada"), browser(quick_world, "Ada")
    page = here.do("change_pin", {"new_pin": OTHER_PIN})
    assert page.path.startswith("/receipt/"), page.text
    assert not _is_in(elsewhere)
    assert _is_in(here)
    assert elsewhere.sign_in("11", PIN).status == 403
    assert elsewhere.sign_in("11", OTHER_PIN).status == 200


def test_a_disabled_person_is_out_at_once(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    with quick_world.core.writing() as db:
        db.execute(text("UPDATE person SET status = 'disabled' WHERE user_id = '11'"))
    assert not _is_in(here)


def test_a_code_sets_pin_and_password_and_signs_in(quick_world: World) -> None:
    code = _code(quick_world, "Ada")
    here = browser(quick_world)
    page = _activate(here, f"{code[:4]} {code[4:8]} {code[8:]}")
    assert (page.status, page.path) == (200, "/place")
    again = browser(quick_world)
    assert again.sign_in("11", PASSWORD).status == 200
    assert browser(quick_world).sign_in("11", OTHER_PIN).status == 200
    assert _activate(browser(quick_world), code).status == 403  # it works once


@pytest.mark.parametrize(
    ("values", "status", "words"),
    [
        ({"pin": "123456", "pin_again": "123456"}, 422, "too easy"),
        ({"pin_again": "314158"}, 422, "not the same"),
        ({"password": "short", "password_again": "short"}, 422, "12 characters"),
        ({"password_again": "seven quiet heron"}, 422, "not the same"),
        ({"code": "000000000000"}, 403, "The code is not right"),
    ],
)
def test_a_code_is_not_spent_on_what_will_not_do(
    quick_world: World, values: dict[str, str], status: int, words: str
) -> None:
    code = _code(quick_world, "Ada")
    page = _activate(browser(quick_world), **{"code": code, **values})
    assert page.status == status
    assert words in page.in_class("errors")
    assert OTHER_PIN not in page.html
    assert _activate(browser(quick_world), code).status == 200


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example", "//evil.example/place", "/\\evil.example", "/nothing", "javascript:1"],
)
def test_nothing_leads_away_after_signing_in(quick_world: World, wanted: str) -> None:
    here = browser(quick_world)
    form = here.get("/sign-in").form
    data = {**form.data(user_id="11", secret=PIN), "next": wanted}
    answer = here.client.post("/sign-in", data=data)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_comes_back_to_the_page_that_was_asked_for(quick_world: World) -> None:
    here = browser(quick_world)
    page = here.get("/do/screen?consent_date=2026-11-20")
    assert page.path == "/sign-in"
    page = here.send(page, user_id="15", secret=PIN)
    page = here.send(page, place="combi 102") if page.path == "/place" else page
    assert page.path.endswith("/ask/year_of_birth")


def test_old_sessions_and_drafts_are_forgotten_after_a_month(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    here.get("/do/screen")
    quick_world.days_later(29)
    sessions.sweep(quick_world.core)
    assert quick_world.one("SELECT count(*) FROM web_draft") == 1
    quick_world.days_later(2)
    sessions.sweep(quick_world.core)
    assert quick_world.one("SELECT count(*) FROM web_draft") == 0
    assert quick_world.one("SELECT count(*) FROM web_session") == 0
