"""The demo's database: some twenty weeks of two studies, made by real transactions.

`build` migrates an empty database and plays the history under a clock that is set, up to the
present day, so that a visit is due today whenever the demo is started.
"""

from __future__ import annotations

import base64
import datetime as dt
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from sqlalchemy import event

from core.access.activation import activate
from core.access.administer import set_up
from core.context import Entropy, SetClock, SystemEntropy
from core.db.engine import make_engine
from core.db.migrate import upgrade_engine
from core.runtime import Core
from core.sealed import Keys
from core.settings import Settings
from core.study.versions import latest_config
from web.demo import blind, ist, stock, stories
from web.demo.cast import (
    ADMINISTRATOR,
    IST_OFFICE,
    IST_SITES,
    IST_STAFF,
    LOCUM,
    MANAGER,
    NEWCOMER,
    OFFICE,
    SITES,
    STAFF,
    Hospital,
    Member,
    new_password,
    new_pin,
    people_csv,
    sites_csv,
)
from web.demo.stage import DAYS, Place, Play, Secrets, Stage

ACTIVATED_DAYS: Final = 135
_STUDIES: Final = {
    "demo": (OFFICE, STAFF, SITES),
    "ist": (IST_OFFICE, IST_STAFF, IST_SITES),
}
Tell = Callable[[int, int], None]
"""Told how many steps are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Login:
    """A person who can sign in."""

    user_id: str
    name: str
    role: str
    sites: tuple[str, ...]
    pin: str
    password: str


@dataclass(frozen=True, slots=True)
class DemoStudy:
    """A study of the demo: the number keyed, the number dialled, and who works in it."""

    code: str
    number: str
    telephone: str
    emergency_telephone: str
    title: str
    users: tuple[Login, ...]

    def login(self, user_id: str) -> Login:
        """The person of that ID. Raises KeyError."""
        return {user.user_id: user for user in self.users}[user_id]


@dataclass(frozen=True, slots=True)
class Demo:
    """A database with its history, and the keys and secrets that go with it."""

    settings: Settings
    studies: tuple[DemoStudy, ...]

    def study(self, code: str) -> DemoStudy:
        """The study of that code. Raises KeyError."""
        return {study.code: study for study in self.studies}[code]


def new_settings(database_url: str) -> Settings:
    """Settings with fresh random secrets; addresses are added when the demo is served."""
    return Settings(
        database_url=database_url,
        secret_key=secrets.token_hex(32),
        encryption_keys=(secrets.token_bytes(32),),
        twilio_account_sid=f"AC{secrets.token_hex(16)}",
        twilio_auth_token=secrets.token_hex(16),
        helpdesk_number="+12025550114",
    )


def build(
    settings: Settings,
    *,
    now: dt.datetime | None = None,
    entropy: Entropy | None = None,
    tell: Tell | None = None,
) -> Demo:
    """Make the database at `settings.database_url` (empty, not migrated) and play the history.

    Raises HistoryWrong where the history does not go as it was written.
    """
    now = now or dt.datetime.now(dt.UTC)
    clock = SetClock(now - dt.timedelta(days=DAYS))
    chance = entropy or SystemEntropy()
    engine = make_engine(settings.database_url)
    if settings.is_sqlite:
        event.listen(engine, "connect", _do_not_wait_for_the_disk)
    try:
        upgrade_engine(engine)
        keys = Keys(settings.secret_key.encode(), settings.encryption_keys, entropy)
        core = Core(engine, keys, settings, clock=clock, entropy=chance, simulated=True)
        stage = Stage(core, clock, now)
        _play(stage, _Steps(tell or (lambda done, total: None)))
        return Demo(settings, _studies(stage))
    finally:
        engine.dispose()


def _do_not_wait_for_the_disk(connection: Any, record: object) -> None:
    # A history that a power cut interrupts is made anew; the served demo waits as ever.
    connection.execute("PRAGMA synchronous=OFF")


class _Steps:
    """Progress: people activated and days gone by."""

    def __init__(self, tell: Tell) -> None:
        people = {m.user_id for office, staff, _ in _STUDIES.values() for m in (*office, *staff)}
        self._tell, self._done, self._total = tell, 0, len(people | {LOCUM.user_id}) + DAYS

    def tick(self, count: int = 1) -> None:
        self._done += count
        self._tell(min(self._done, self._total - 1), self._total)

    def finish(self) -> None:
        self._tell(self._total, self._total)


def _play(stage: Stage, steps: _Steps) -> None:
    _appoint_administrator(stage)
    for code, (office, staff, hospitals) in _STUDIES.items():
        _appoint(stage, code, office, steps)
        text = files("web.demo").joinpath("studies", f"{code}.toml").read_text(encoding="utf-8")
        stage.do(MANAGER, "publish", code, file=text)
        stage.do(MANAGER, "import_sites", code, file=sites_csv(hospitals))
        _appoint(stage, code, staff, steps)
    _appoint(stage, "demo", (LOCUM,), steps)
    stage.play(_stories(stage), steps.tick)
    stage.clock.at = stage.now
    stage.drop_messages()
    newcomer = people_csv((NEWCOMER,))
    stage.do(ADMINISTRATOR, "import_users", "demo", file=newcomer)
    steps.finish()


def _appoint_administrator(stage: Stage) -> None:
    entropy = stage.core.entropy
    user_id, code = set_up(stage.core)
    mine = stage.secrets[user_id] = Secrets(new_pin(entropy, user_id), new_password(entropy))
    activate(stage.core, code, mine.pin, password=mine.password, source="command line")


def _appoint(stage: Stage, code: str, members: tuple[Member, ...], steps: _Steps) -> None:
    stage.do(ADMINISTRATOR, "import_users", code, file=people_csv(members))
    new = [member for member in members if member.user_id not in stage.secrets]
    stage.activate_all(stage.codes(new), steps.tick)


def _stories(stage: Stage) -> Iterator[Play[None]]:
    new_york = Place.of(stage, "demo", SITES[0], "1101", "1103")
    madrid = Place.of(stage, "demo", SITES[1], "1201", "1202")
    manila = Place.of(stage, "demo", SITES[2], "1301", "1302")
    yield from _opened(stage, "demo", SITES)
    yield stock.released(stage, ACTIVATED_DAYS + 4)
    yield stock.near_expiry(stage, 12)
    yield from stock.to_sites(new_york, madrid, manila)
    yield stock.nights(stage, 2)
    yield from stories.at_new_york(new_york)
    yield from stories.at_madrid(madrid)
    yield from stories.at_manila(manila)
    yield from blind.everywhere(new_york, madrid, manila)
    yield from _opened(stage, "ist", IST_SITES)
    yield from ist.enrolments(stage)


def _opened(stage: Stage, study: str, hospitals: tuple[Hospital, ...]) -> Iterator[Play[None]]:
    for place, hospital in enumerate(hospitals):
        yield _activated(stage, study, hospital.number, ACTIVATED_DAYS - place)


def _activated(stage: Stage, study: str, site: str, days: int) -> Play[None]:
    """The site opens, with the approval of the day before."""
    yield stage.now - dt.timedelta(days=days)
    approved = (stage.clock.at - dt.timedelta(days=1)).date().isoformat()
    stage.do(MANAGER, "activate_site", study, to_site=site, approval_date=approved)


def _studies(stage: Stage) -> tuple[DemoStudy, ...]:
    return tuple(_study(stage, code) for code in _STUDIES)


def _study(stage: Stage, code: str) -> DemoStudy:
    office, staff, _ = _STUDIES[code]
    administrator = Member(ADMINISTRATOR, "Administrator", "administrator")
    with stage.core.reading() as db:
        study = latest_config(db, stage.core, code).study
    users = tuple(
        Login(m.user_id, m.name, m.role, m.sites, mine.pin, mine.password)
        for m in (*staff, *office, administrator)
        for mine in [stage.secrets[m.user_id]]
    )
    return DemoStudy(
        code,
        study.number,
        study.telephones[0],
        study.emergency_telephones[0],
        study.labels.by_language[0][1],
        users,
    )


def environment(settings: Settings) -> dict[str, str]:
    """The IXRS_… variables that make `ixrs` work on this database and server."""
    key = base64.b64encode(settings.encryption_key).decode()
    named = {
        "IXRS_DATABASE_URL": settings.database_url,
        "IXRS_SECRET_KEY": settings.secret_key,
        "IXRS_ENCRYPTION_KEY": key,
        "IXRS_PUBLIC_URL": settings.public_url,
        "IXRS_TWILIO_ACCOUNT_SID": settings.twilio_account_sid,
        "IXRS_TWILIO_AUTH_TOKEN": settings.twilio_auth_token,
        "IXRS_TWILIO_API_URL": settings.twilio_api_url,
        "IXRS_HELPDESK_NUMBER": settings.helpdesk_number,
    }
    return {name: value for name, value in named.items() if value}
