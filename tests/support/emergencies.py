"""Calls to the emergency line of the study `combi`, and what its recordings say.

Dan investigates at 102 and works in no other study, so nobody asks him which.
"""

from __future__ import annotations

import datetime as dt
import io
import wave
from typing import Any, Final

from sqlalchemy import text

from core.study.schema import StudyConfig
from core.study.versions import latest_config
from core.unblinding.reveals import Told, treatments
from ivr.recording import render
from ivr.simulator.phone import Phone
from tests.support.telephone import telephone
from tests.support.world import PEOPLE, PIN, World

LINE: Final = "+12025550151"
MAIN: Final = "+12025550150"
OPERATOR: Final = "+12025550152"
WRONG_PIN: Final = "602214"
CARD: Final = "The sealed card is here: in the safe"
_DAN: Final = PEOPLE["Dan"]
HELPED: Final = "Putting you through to the emergency operator"


def ring(world: World, *, answers: dict[str, str] | None = None, **settings: Any) -> Phone:
    """A telephone that has dialled the emergency line."""
    phone = telephone(world, to=LINE, answers=answers, **settings)
    phone.dial("unblinding")
    return phone


def sign_on(phone: Phone, who: str = "Dan", pin: str = PIN) -> str:
    """Key ID and PIN; what is said then."""
    phone.press(f"{PEOPLE[who]}#")
    return phone.press(pin)


def break_code(phone: Phone, subject: str, who: str = "Dan") -> str:
    """From the greeting to the treatment; what is said with it."""
    sign_on(phone, who)
    for keys in (f"{subject}#", "1", "1"):
        said = phone.press(keys)
    return said


def config_of(world: World) -> StudyConfig:
    """The study file."""
    with world.core.reading() as db:
        return latest_config(db, world.core, world.study)


def heard_in(world: World, sound: bytes, language: str = "en") -> str:
    """The arm that a recording tells: the one whose own recording is the same."""
    config = config_of(world)
    every = treatments(config)
    told = {
        arm.code: render(Told(labels, None, every, False, language))
        for arm, labels in zip(config.arms, every, strict=True)
    }
    (code,) = (code for code, recording in told.items() if recording == sound)
    return code


def seconds_of(sound: bytes) -> float:
    """How long a recording takes."""
    with wave.open(io.BytesIO(sound)) as file:
        assert (file.getnchannels(), file.getframerate()) == (1, 8000)
        return float(file.getnframes() / file.getframerate())


def one_of_each_arm(world: World, who: str = "Dan") -> dict[str, str]:
    """Subjects of that investigator, one in each arm: arm to number."""
    found: dict[str, str] = {}
    wanted = {arm.code for arm in config_of(world).arms}
    while set(found) != wanted:
        number = world.randomized(who)
        found.setdefault(world.arm(number), number)
    return found


def events(world: World, since: int = 0) -> list[tuple[str, str | None]]:
    """What the study's chain says from there on: transaction, and why where it tells."""
    query = "SELECT sequence FROM ledger WHERE study = :study AND sequence > :n ORDER BY sequence"
    entries = [world.entry(row.sequence) for row in world.rows(query, n=since)]
    return [(entry["transaction"], entry["facts"].get("why")) for entry in entries]


def head(world: World) -> int:
    """The last sequence of the study's chain."""
    return int(world.one("SELECT max(sequence) FROM ledger WHERE study = :study"))


def night_in_madrid(demo: World) -> str:
    """Dan, who speaks Spanish, has randomized a subject at 102; there it is three at night."""
    with demo.core.writing() as db:
        db.execute(text("UPDATE person SET language = 'es' WHERE user_id = :dan"), {"dan": _DAN})
    screened: dict[str, Any] = {
        "consent_date": "2026-11-20",
        "year_of_birth": "1958",
        "rescreened": "no",
    }
    number = demo.do("screen", "Dan", "102", **screened).subject
    assert number is not None
    strata: dict[str, Any] = {
        "consent": "yes",
        "eligible": "yes",
        "sex": "female",
        "severity": "mild",
    }
    demo.do("randomize", "Dan", "102", subject=number, **strata)
    demo.set_time(dt.datetime(2026, 11, 21, 2, tzinfo=dt.UTC))
    return number
