"""What the tests of access begin with: secrets that are old, factors, a story for the tables."""

from __future__ import annotations

import base64
import datetime as dt

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from core.access import factors
from core.access.factors import CODE_DIGITS, STEP_SECONDS
from core.access.roles import Actor
from tests.support.world import PEOPLE, World

MOBILE = "+12025550188"
PASSWORD = "correct horse battery"
SECRET_DAYS = 365


def lived_in(world: World) -> None:
    """Every deed of this part once, for the tables of docs/TRANSACTIONS.md."""
    world.do("change_password", "Di", new_password=PASSWORD)
    world.do("change_mobile", "Di", new_mobile=MOBILE)
    proposed = world.do(
        "change_mobile_for",
        "Hal",
        user_id=PEOPLE["Dan"],
        new_mobile="+12025550189",
        identity="site_phone",
    )
    world.do("approve", "Mia", proposal=str(proposed.facts["proposal"]))
    in_app(world, "Dan")
    world.do("reset_factors", "Hal", user_id=PEOPLE["Dan"])
    world.do("lock_person", "Hal", user_id=PEOPLE["Dan"], reason="lost")
    world.do("review_access", "Mia", access_verdict="changed", findings="One has left")


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
