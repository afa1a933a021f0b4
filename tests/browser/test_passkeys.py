"""A passkey in a real browser, with an authenticator that only its tests have: made, used, refused
elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.serving import make_server

from tests.support.access import in_app, next_code
from tests.support.world import PEOPLE, PIN, World
from web.app import create_app

ADA = PEOPLE["Ada"]
MAIN = "main#main"


@contextmanager
def _served(world: World) -> Iterator[str]:
    """The pages under a name: no browser makes a passkey for a bare address."""
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    url = f"http://localhost:{server.port}"
    world.core.settings = replace(world.core.settings, public_url=url)
    server.app = create_app(world.core)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield url
    finally:
        server.shutdown()
        thread.join()


@pytest.fixture
def here(browser: Browser, quick_world: World) -> Iterator[tuple[World, BrowserContext]]:
    """A world that is served, and a browser at its front page."""
    with _served(quick_world) as url:
        context = browser.new_context(base_url=url, viewport={"width": 360, "height": 740})
        context.set_default_timeout(15_000)
        yield quick_world, context
        context.close()


def _authenticator(page: Page) -> str:
    """Give the page's browser an authenticator; its id."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    kind = {"protocol": "ctap2", "transport": "internal", "automaticPresenceSimulation": True}
    user = {"hasResidentKey": False, "hasUserVerification": True, "isUserVerified": True}
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": {**kind, **user}})
    return str(made["authenticatorId"])


def _first_factor(page: Page) -> None:
    page.goto("/sign-in")
    page.fill("#user_id", ADA)
    page.fill("#secret", PIN)
    page.click(f"{MAIN} form button")
    page.wait_for_load_state()


def _add(page: Page) -> None:
    page.goto("/account/factors")
    page.fill("#new-secret", PIN)
    page.click("form[action$='/passkey'] button")
    page.fill("#name", "Telephone")
    with page.expect_navigation(url="**/account/factors"):
        page.click(f"{MAIN} form button")


@pytest.mark.req("R21")
def test_a_passkey_is_made_and_then_asked_for(here: tuple[World, BrowserContext]) -> None:
    world, context = here
    page = context.new_page()
    _authenticator(page)
    _first_factor(page)
    _add(page)
    expect(page.locator(MAIN)).to_contain_text("Telephone")
    context.clear_cookies()
    _first_factor(page)
    assert "/sign-in/step" in page.url
    with page.expect_navigation(url=lambda url: "/sign-in" not in url):
        page.click("form[data-passkey] button")
    page.goto("/account")
    expect(page.locator("h1")).to_contain_text("account", ignore_case=True)
    assert world.one("SELECT used_at FROM passkey WHERE user_id = '11'") is not None


def test_another_authenticator_gets_nobody_in(here: tuple[World, BrowserContext]) -> None:
    world, context = here
    page = context.new_page()
    _authenticator(page)
    _first_factor(page)
    _add(page)
    stranger = context.browser.new_context(base_url=world.core.settings.public_url)  # type: ignore[union-attr]
    other = stranger.new_page()
    _authenticator(other)
    _first_factor(other)
    other.click("form[data-passkey] button")
    expect(other.locator("[data-failed]")).to_be_visible()
    # What the browser itself refuses to sign is refused by us too, when it is made up.
    other.evaluate(
        "document.querySelector('[name=passkey]').value = "
        "JSON.stringify({id: 'AA', rawId: 'AA', type: 'public-key', response: {}})"
    )
    other.click("form[data-passkey] button")
    expect(other.locator(MAIN)).to_contain_text("did not work")
    assert world.one("SELECT count(*) FROM web_session WHERE user_id = '11'") == 1
    stranger.close()


def test_without_a_script_the_app_still_lets_in(
    here: tuple[World, BrowserContext],
) -> None:
    world, context = here
    page = context.new_page()
    _authenticator(page)
    _first_factor(page)
    _add(page)
    key = in_app(world, "Ada")
    plain = context.browser.new_context(  # type: ignore[union-attr]
        base_url=world.core.settings.public_url, java_script_enabled=False
    )
    page = plain.new_page()
    _first_factor(page)
    expect(page.locator("[data-cannot]")).to_be_visible()
    expect(page.locator("form[data-passkey] button")).to_be_hidden()
    page.fill("#code", next_code(world, key))
    page.click("form[action='/sign-in/code'] button")
    page.wait_for_load_state()
    assert "/sign-in" not in page.url
    plain.close()
