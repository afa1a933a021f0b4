"""A PIN or password that is too old: right, and replaced before anything else."""

from __future__ import annotations

import datetime as dt

import pytest

from core.access.renewal import new_pin_problem, renew
from core.access.secrets import keep_pin
from core.access.signin import SecretAged, sign, sign_in
from core.errors import InvalidInput, LockedOut, NotAuthenticated
from core.settings import Settings, SettingsError
from core.transaction import Channel
from tests.support.access import PASSWORD, SECRET_DAYS, last_event, years_later
from tests.support.world import ENCRYPTION, OTHER_PIN, PEOPLE, PIN, SECRET, World

ADA = PEOPLE["Ada"]


@pytest.mark.req("R21")
def test_a_pin_is_good_for_a_year_and_then_has_to_be_another(quick_world: World) -> None:
    start = quick_world.core.now()
    quick_world.set_time(start + dt.timedelta(days=SECRET_DAYS) - dt.timedelta(seconds=1))
    assert sign_in(quick_world.core, ADA, PIN, source="s").user_id == ADA
    years_later(quick_world)
    with pytest.raises(SecretAged) as aged:
        sign_in(quick_world.core, ADA, PIN, source="s")
    assert aged.value.actor.user_id == ADA
    assert renew(quick_world.core, ADA, OTHER_PIN).user_id == ADA
    assert sign_in(quick_world.core, ADA, OTHER_PIN, source="s").user_id == ADA
    with pytest.raises(NotAuthenticated):
        sign_in(quick_world.core, ADA, PIN, source="s")


def test_an_aged_secret_is_no_failure_and_a_wrong_one_still_is(quick_world: World) -> None:
    years_later(quick_world)
    for n in range(6):
        with pytest.raises(SecretAged):
            sign_in(quick_world.core, ADA, PIN, source=f"s{n}")
    for n in range(5):
        with pytest.raises(NotAuthenticated):
            sign_in(quick_world.core, ADA, "000001", source=f"t{n}")
    with pytest.raises(LockedOut):
        sign_in(quick_world.core, ADA, PIN, source="u")


def test_the_new_one_is_neither_easy_nor_the_old_one(quick_world: World) -> None:
    years_later(quick_world)
    core = quick_world.core
    for pin, words in (("123456", "error.pin_easy"), (PIN, "error.secret_same")):
        problem = new_pin_problem(core, ADA, pin)
        assert problem is not None
        assert problem.id == words
        with pytest.raises(InvalidInput) as caught:
            renew(core, ADA, pin)
        assert caught.value.message.id == words
    assert new_pin_problem(core, ADA, OTHER_PIN) is None


@pytest.mark.req("R20")
def test_nobody_renews_what_is_not_too_old(quick_world: World) -> None:
    with pytest.raises(NotAuthenticated):
        renew(quick_world.core, ADA, OTHER_PIN)
    years_later(quick_world)
    renew(quick_world.core, ADA, OTHER_PIN)
    with pytest.raises(NotAuthenticated):
        renew(quick_world.core, ADA, PIN)


def test_renewing_is_on_record_and_the_person_told(quick_world: World) -> None:
    years_later(quick_world)
    renew(quick_world.core, ADA, OTHER_PIN)
    entry = last_event(quick_world)
    assert (entry["transaction"], entry["actor"]) == ("secret_renewed", ADA)
    assert entry["facts"] == {"user_id": ADA, "of": "pin"}
    assert quick_world.messages()[-1] == ("sms.secret_renewed", ADA, None)
    assert OTHER_PIN not in repr(quick_world.dump())


def test_a_password_ages_by_itself(quick_world: World) -> None:
    quick_world.days_later(200)
    quick_world.do("change_password", "Ada", new_password=PASSWORD)
    quick_world.days_later(200)
    with pytest.raises(SecretAged):
        sign_in(quick_world.core, ADA, PIN, source="s")
    sign_in(quick_world.core, ADA, PASSWORD, source="s", channel=Channel.WEB)
    quick_world.days_later(200)
    with pytest.raises(SecretAged):
        sign_in(quick_world.core, ADA, PASSWORD, source="s", channel=Channel.WEB)


def test_what_ages_during_a_session_still_signs_in_it(quick_world: World) -> None:
    actor = quick_world.actor("Ada")
    years_later(quick_world)
    signed = sign(quick_world.core, actor, PIN, meaning="screen", source="s", channel=Channel.PHONE)
    assert signed.user_id == ADA


@pytest.mark.parametrize(("text", "days"), [("", 365), ("30", 30), ("730", 730)])
def test_the_age_is_a_setting(text: str, days: int) -> None:
    environ = {"IXRS_SECRET_KEY": SECRET, "IXRS_ENCRYPTION_KEY": ENCRYPTION.hex()}
    found = Settings.from_environment({**environ, "IXRS_SECRET_DAYS": text})
    assert found.secret_days == days


@pytest.mark.parametrize("text", ["29", "731", "never", "-365"])
def test_no_age_is_out_of_reason(text: str) -> None:
    environ = {"IXRS_SECRET_KEY": SECRET, "IXRS_ENCRYPTION_KEY": ENCRYPTION.hex()}
    with pytest.raises(SettingsError):
        Settings.from_environment({**environ, "IXRS_SECRET_DAYS": text})


@pytest.mark.parametrize("channel", [Channel.COMMAND, Channel.WEB])
def test_a_change_to_the_same_one_is_none(quick_world: World, channel: Channel) -> None:
    core = quick_world.core
    same = PIN if channel is Channel.COMMAND else keep_pin(core.keys, ADA, PIN)
    wrong = quick_world.wrong("new_pin", "change_pin", "Ada", channel=channel, new_pin=same)
    assert wrong.message.id == "error.secret_same"
    other = OTHER_PIN if channel is Channel.COMMAND else keep_pin(core.keys, ADA, OTHER_PIN)
    quick_world.do("change_pin", "Ada", channel=channel, new_pin=other)
    assert sign_in(core, ADA, OTHER_PIN, source="s").user_id == ADA
