"""Guessing PINs and user IDs: over many calls, numbers and channels, and by what is measured."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pytest

from ivr.simulator.phone import Phone
from tests.attacks.watching import alerts, events, statements
from tests.support.api import Api
from tests.support.pages import browser
from tests.support.telephone import telephone
from tests.support.world import OTHER_PIN, PEOPLE, PIN, World

ADA: Final = PEOPLE["Ada"]
NOBODY: Final = "99"
GUESSES: Final = 12
FREE: Final = 5
"""Wrong secrets of one person that are looked at, over all calls, numbers and channels."""


def call_from(world: World, place: int, line: str = "main") -> Phone:
    """A telephone of its own number each time."""
    to = "+12025550150" if line == "main" else "+12025550151"
    phone = telephone(world, to=to, from_=f"+1202555{3000 + place:04d}")
    phone.dial("unblinding" if line == "unblinding" else "main")
    return phone


def told(phone: Phone, user_id: str, pin: str) -> str:
    """What a caller hears who keys this."""
    return phone.key(f"1 {user_id}#{pin}")


@pytest.mark.req("R21")
def test_a_guesser_with_a_new_number_for_each_call_has_five_tries(quick_world: World) -> None:
    heard = [told(call_from(quick_world, n), ADA, f"{281000 + n:06d}") for n in range(GUESSES)]
    assert events(quick_world).count("sign_in_failed") == FREE
    assert alerts(quick_world).count("sms.person_locked") == 1
    assert "Welcome" not in " ".join(heard)
    # The right PIN opens nothing while the lock runs, from no number and on no page.
    assert told(call_from(quick_world, 99), ADA, PIN) == heard[-1]
    assert browser(quick_world).sign_in(ADA, PIN).path == "/sign-in"
    assert events(quick_world).count("sign_in_failed") == FREE


@pytest.mark.req("R21")
def test_one_caller_who_tries_many_people_waits_and_is_told_of(quick_world: World) -> None:
    people = [*(PEOPLE[who] for who in ("Ada", "Ivy", "Bo", "Cy", "Pat", "Di")), NOBODY, "98"]
    for user_id in people:
        phone = telephone(quick_world, from_="+12025553000")
        phone.dial()
        told(phone, user_id, OTHER_PIN)
    assert events(quick_world).count("sign_in_failed") == FREE
    assert events(quick_world).count("source_waits") == 1
    assert "sms.source_waits" in alerts(quick_world)


@pytest.mark.req("R21")
def test_locking_one_person_after_the_other_raises_an_alert(quick_world: World) -> None:
    count = 0
    for who in ("Ada", "Ivy", "Bo", "Cy", "Pat"):
        for _ in range(FREE):
            count += 1
            told(call_from(quick_world, count), PEOPLE[who], OTHER_PIN)
    assert alerts(quick_world).count("sms.person_locked") == FREE
    assert alerts(quick_world).count("sms.many_locks") == 1


@pytest.mark.req("R21")
def test_the_five_are_the_same_five_on_telephone_page_signature_and_emergency_line(
    quick_world: World,
) -> None:
    told(call_from(quick_world, 1), ADA, OTHER_PIN)
    browser(quick_world).sign_in(ADA, OTHER_PIN)
    call_from(quick_world, 2, "unblinding").key(f"{ADA}#{OTHER_PIN}")
    answer = Api(quick_world).do("change_pin", "Ada", signed=OTHER_PIN, new_pin="602214")
    assert answer.status_code == 401
    told(call_from(quick_world, 3), ADA, OTHER_PIN)
    assert alerts(quick_world).count("sms.person_locked") == 1
    assert browser(quick_world).sign_in(ADA, PIN).path == "/sign-in"


def by_phone(world: World, user_id: str, place: int) -> tuple[str, int]:
    phone = call_from(world, place)
    heard = told(phone, user_id, OTHER_PIN)
    return heard, len(phone.transcript)


def by_emergency(world: World, user_id: str, place: int) -> tuple[str, int]:
    phone = call_from(world, place, "unblinding")
    heard = phone.key(f"{user_id}#{OTHER_PIN}")
    return heard, len(phone.transcript)


def by_page(world: World, user_id: str, place: int) -> tuple[str, int]:
    here = browser(world)
    here.headers["X-Forwarded-For"] = f"192.0.2.{place}"
    page = here.sign_in(user_id, OTHER_PIN)
    html = re.sub(r'name="csrf_token"[^>]*', "", page.html)
    return html.replace(f'value="{user_id}"', ""), page.status


WAYS: Final[dict[str, Callable[[World, str, int], tuple[str, int]]]] = {
    "phone": by_phone,
    "emergency": by_emergency,
    "page": by_page,
}


@pytest.mark.parametrize("way", WAYS)
def test_nobody_learns_which_ids_exist_by_words_steps_or_statements(
    quick_world: World, way: str
) -> None:
    """Known, unknown and never activated: the same at each try, up to the lock and beyond it."""
    by_phone(quick_world, "97", 990)  # what is read once in a process is read now
    by_emergency(quick_world, "97", 991)
    seen = []
    for whose, user_id in enumerate((ADA, NOBODY, PEOPLE["Tess"])):
        mine = []
        for place in range(FREE + 1):
            with statements(quick_world.core) as sent:
                answer = WAYS[way](quick_world, user_id, 10 * whose + place)
            mine.append((answer, tuple(sent)))
        seen.append(mine)
    for other in seen[1:]:
        for place, (ours, theirs) in enumerate(zip(seen[0], other, strict=True)):
            assert theirs[0] == ours[0], place
            assert theirs[1] == ours[1], place


@pytest.mark.req("R21")
@pytest.mark.parametrize("code", ["000000000000", "123456789012"])
def test_guessing_activation_codes_is_on_record_and_makes_the_caller_wait(
    quick_world: World, code: str
) -> None:
    wrong = told(call_from(quick_world, 50), NOBODY, OTHER_PIN).partition("Not rec")[2]
    before = events(quick_world).count("sign_in_failed")
    for place in range(FREE):
        phone = telephone(quick_world, from_="+12025554000")
        phone.dial()
        heard = phone.key(f"1 {code}# 602214 602214")
        assert heard.partition("Not rec")[2] == wrong, place
    assert events(quick_world).count("sign_in_failed") == before + FREE
    assert alerts(quick_world).count("sms.source_waits") == 1


def test_what_a_guesser_keyed_is_nowhere(quick_world: World) -> None:
    told(call_from(quick_world, 1), "314159265", "271801")
    told(call_from(quick_world, 2), "271801", "314159")
    readable = repr(quick_world.dump())
    assert "271801" not in readable
    assert "314159265" not in readable


def test_a_guessed_token_of_the_api_makes_its_address_wait(quick_world: World) -> None:
    client = browser(quick_world).client
    statuses = []
    for place in range(60):
        headers = {"Authorization": f"Bearer ixrs_{place:043d}"}
        statuses.append(client.get("/api/v1/studies", headers=headers).status_code)
    assert set(statuses) == {401, 429}
    assert statuses[0] == 401
    assert statuses[-1] == 429
