"""The steps after a right PIN on the web: second factor, new secret; and where they are set up."""

from __future__ import annotations

import base64
import datetime as dt
import re

import pytest

from core.access import halfway
from tests.support.access import in_app, next_code, years_later
from tests.support.pages import Browser, Page, browser
from tests.support.world import OTHER_PIN, PEOPLE, PIN, Given, World
from web.csp import HEADER

ADA = PEOPLE["Ada"]
PASSWORD = "a few words together"


def _csp(page: Page) -> str:
    return page.headers[HEADER]


def _step(world: World, secret: str = PIN) -> tuple[Browser, Page]:
    here = browser(world)
    return here, here.sign_in(ADA, secret)


@pytest.mark.req("R21")
def test_nothing_opens_before_the_second_factor(quick_world: World) -> None:
    key = in_app(quick_world, "Ada")
    here, page = _step(quick_world)
    assert page.path == "/sign-in/step"
    assert here.get("/subjects").path == "/sign-in"
    page = here.send(here.get("/sign-in/step"), code="000000")
    assert (page.status, page.path) == (403, "/sign-in/code")
    page = here.send(page, code=next_code(quick_world, key))
    assert page.path in ("/", "/place")
    assert here.client.get_cookie("__Host-ixrs-half", path="/") is None
    assert here.get("/account").status == 200


def test_after_too_many_wrong_codes_the_sign_in_begins_anew(quick_world: World) -> None:
    key = in_app(quick_world, "Ada")
    here, page = _step(quick_world)
    for _ in range(4):
        page = here.send(page, code="000000")
        assert page.status == 403
    assert here.send(page, code="000000").status == 429
    page = here.get("/sign-in/step")
    assert page.path == "/sign-in"
    here, page = _step(quick_world)
    assert here.send(page, code=next_code(quick_world, key)).status == 429


def test_half_a_sign_in_that_took_too_long_says_so(quick_world: World) -> None:
    in_app(quick_world, "Ada")
    here, page = _step(quick_world)
    quick_world.set_time(quick_world.core.now() + halfway.LIFETIME)
    page = here.send(page, code="000000")
    assert page.path == "/sign-in"
    assert "took too long" in page.text


def test_a_secret_too_old_is_replaced_before_anything_opens(quick_world: World) -> None:
    years_later(quick_world)
    here, page = _step(quick_world)
    assert page.path == "/sign-in/step"
    assert "too old" in page.text
    assert here.get("/account").path == "/sign-in"
    page = here.send(page, new_secret=OTHER_PIN, again="314158")
    assert page.status == 422
    page = here.send(page, new_secret=PIN, again=PIN)
    assert page.status == 422
    assert "the one that you had" in page.text
    page = here.send(page, new_secret=OTHER_PIN, again=OTHER_PIN)
    assert here.get("/account").status == 200
    assert browser(quick_world).sign_in(ADA, PIN).status == 403


def test_the_second_factor_comes_before_the_new_secret(quick_world: World) -> None:
    key = in_app(quick_world, "Ada")
    years_later(quick_world)
    here, page = _step(quick_world)
    assert "too old" not in page.text
    forged = here.client.post(
        "/sign-in/renew",
        data={**page.form.data(), "new_secret": OTHER_PIN, "again": OTHER_PIN},
    )
    assert forged.status_code == 303
    here, page = _step(quick_world)
    page = here.send(page, code=next_code(quick_world, key))
    assert "too old" in page.text
    here.send(page, new_secret=OTHER_PIN, again=OTHER_PIN)
    assert here.get("/account").status == 200


def test_a_code_to_the_mobile_does_not_go_round_the_second_factor(quick_world: World) -> None:
    from core.access.activation import issue_code

    in_app(quick_world, "Ada")
    with quick_world.core.writing() as db:
        code = issue_code(db, quick_world.core, ADA)
    here = browser(quick_world)
    secrets: Given = {"pin": OTHER_PIN, "pin_again": OTHER_PIN}
    page = here.send(
        here.get("/activate"), code=code, **secrets, password=PASSWORD, password_again=PASSWORD
    )
    assert page.path == "/sign-in/step"
    assert here.get("/account").path == "/sign-in"


def test_an_app_is_set_up_with_the_pin_and_a_first_code(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    page = here.get("/account/factors")
    form = next(one for one in page.forms if one.action.endswith("/app"))
    assert here.send(page, form, secret="000001").status == 403
    page = here.send(page, form, secret=PIN)
    assert page.path == "/account/factors/app/key"
    (shown,) = re.findall('<code class="long">([^<]*)</code>', page.html)
    key = base64.b32decode(shown.replace(" ", ""))
    assert "<svg" in page.html
    assert "script-src" not in _csp(page)
    assert here.send(page, code="000000").status == 422
    page = here.send(page, code=next_code(quick_world, key))
    assert "In use since" in page.text
    form = next(one for one in page.forms if one.action.endswith("/app/remove"))
    page = here.send(page, form, secret=PIN)
    assert "Not in use" in page.text


def test_nothing_is_set_up_in_a_browser_left_alone(quick_world: World) -> None:
    here = browser(quick_world, "Ada", public_url="https://ixrs.example.org")
    for page in ("app/key", "passkey/make"):
        assert here.get(f"/account/factors/{page}").status == 404
    form = here.get("/account/factors").forms[0]
    token = {"csrf_token": form.data()["csrf_token"]}
    for page in ("app/key", "passkey/make"):
        answer = here.client.post(f"/account/factors/{page}", data={**token, "code": "123456"})
        assert answer.status_code == 404
    assert quick_world.one("SELECT count(*) FROM totp") == 0


def test_guessing_at_a_browser_left_alone_ends_the_session(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    page = here.get("/account/factors")
    form = next(one for one in page.forms if one.action.endswith("/app"))
    assert [here.send(page, form, secret="000001").status for _ in range(5)] == [403] * 5
    quick_world.set_time(quick_world.core.now() + dt.timedelta(minutes=2))
    assert here.send(page, form, secret=PIN).status == 429
    assert here.get("/account").path == "/sign-in"


def test_a_second_sign_in_ends_the_session_that_the_browser_had(quick_world: World) -> None:
    here = browser(quick_world)
    page = here.get("/sign-in")
    here.send(page, user_id=ADA, secret=PIN)
    first = here.client.get_cookie("__Host-ixrs-session", path="/")
    assert first is not None
    form = here.get("/account").forms[0]
    data = {"user_id": ADA, "secret": PIN, "csrf_token": form.data()["csrf_token"]}
    here.client.post("/sign-in", data=data)
    second = here.client.get_cookie("__Host-ixrs-session", path="/")
    assert second is not None
    assert second.value != first.value
    open_ = "SELECT count(*) FROM web_session WHERE user_id = '11' AND ended_at IS NULL"
    assert quick_world.one(open_) == 1


def test_scripts_run_on_the_page_of_passkeys_alone(quick_world: World) -> None:
    here = browser(quick_world, "Ada", public_url="https://ixrs.example.org")
    page = here.get("/account/factors")
    assert "script" not in page.html
    form = next(one for one in page.forms if one.action.endswith("/passkey"))
    page = here.send(page, form, secret=PIN)
    assert page.path == "/account/factors/passkey/make"
    assert _csp(page).endswith("script-src 'self'")
    assert page.html.count("<script") == 1
    for answer in (
        "",
        "{}",
        '{"id": "x"}',
        "not json",
        '{"id":"AA","rawId":"AA","type":"public-key","response":{}}',
    ):
        again = here.send(page, name="Key", passkey=answer)
        assert again.status == 422


def test_a_person_s_page_shows_delegations_factors_and_what_can_be_done(
    quick_world: World,
) -> None:
    in_app(quick_world, "Ada")
    quick_world.do("grant_role", "Mia", user_id=ADA, role="monitor", starts_on="2026-12-01")
    listed = browser(quick_world, "Mia", None).get("/people")
    assert "November 20, 2026" in listed.text
    assert "never" in listed.text
    page = browser(quick_world, "Mia", None).get(f"/people/{ADA}")
    assert "not yet begun" in page.text
    assert page.row("Second factors") == "app"
    assert f"/do/lock_person?user_id={ADA}" in page.links
    assert f"/do/reset_factors?user_id={ADA}" not in page.links
    page = browser(quick_world, "Hal", None).get(f"/people/{ADA}")
    assert f"/do/reset_factors?user_id={ADA}" in page.links


def test_a_password_is_changed_on_its_page_and_shown_nowhere(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    page = here.do("change_password", {"new_password": PASSWORD})
    assert page.status == 200
    assert PASSWORD not in page.html
    assert browser(quick_world).sign_in(ADA, PASSWORD).path != "/sign-in"
