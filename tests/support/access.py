"""What the tests of access begin with: secrets that are old, factors, a story for the tables."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from core.access import factors
from core.access.factors import CODE_DIGITS, STEP_SECONDS
from core.access.roles import Actor
from tests.support.world import PEOPLE, World

Do = Callable[..., Mapping[str, object]]
MOBILE = "+12025550188"
PASSWORD = "correct horse battery"
SECRET_DAYS = 365


def lived_in(world: World) -> None:
    """Every deed of this part once, by the command line."""
    live(world, lambda name, who, **given: world.do(name, who, **given).facts)


def live(world: World, do: Do) -> None:
    """The same through one channel, with what is refused there."""
    _later(world)
    do("change_password", "Di", new_password=PASSWORD)
    do("change_mobile", "Di", new_mobile=MOBILE)
    given = {"user_id": PEOPLE["Dan"], "new_mobile": "+12025550189", "identity": "site_phone"}
    made = do("change_mobile_for", "Hal", **given)
    do("approve", "Mia", proposal=str(made["proposal"]))
    in_app(world, "Dan")
    _later(world)
    do("reset_factors", "Hal", user_id=PEOPLE["Dan"])
    do("lock_person", "Hal", user_id=PEOPLE["Dan"], reason="lost")
    do("review_access", "Mia", access_verdict="changed", findings="One has left")


def _later(world: World) -> None:
    """Of two deeds at one moment, in two chains, nobody could say which came first."""
    world.set_time(world.core.now() + dt.timedelta(minutes=1))


def live_refused(world: World, do: Do) -> None:
    """What is refused, in one channel as in every other."""
    do("change_password", "Di", new_password="short")
    do("change_mobile", "Di", new_mobile="0188")
    do("lock_person", "Ada", user_id=PEOPLE["Dan"], reason="lost")
    do("send_code", "Hal", user_id=PEOPLE["Di"])
    do("reset_factors", "Hal", user_id=PEOPLE["Di"])
    do("lock_person", "Hal", user_id=PEOPLE["Dan"], reason="lost")


def years_later(world: World) -> None:
    """Every PIN and password is too old."""
    world.days_later(SECRET_DAYS)


def in_app(world: World, who: str) -> bytes:
    """The person has an app in use; its key."""
    actor = world.actor(who)
    key = _key(world, actor)
    factors.confirm_app(world.core, actor, code_of(world, key))
    return key


def code_of(world: World, key: bytes, *, steps: int = 0) -> str:
    """What the app shows now, or so many steps from now."""
    at = world.core.now() + dt.timedelta(seconds=STEP_SECONDS * steps)
    app = TOTP(key, CODE_DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303
    return app.generate(int(at.timestamp())).decode()


def next_code(world: World, key: bytes) -> str:
    """The next code that the app shows, half a minute later."""
    world.set_time(world.core.now() + dt.timedelta(seconds=STEP_SECONDS))
    return code_of(world, key)


def _key(world: World, actor: Actor) -> bytes:
    return base64.b32decode(factors.begin_app(world.core, actor).text)


def last_event(world: World) -> dict[str, object]:
    """The newest entry of the installation's chain."""
    return World(world.core, "installation").last_entry()
