"""Every call sheet, keyed blindly, completes; and leaves what the command line would have left."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import text

from core.access.roles import load_actor
from core.access.signin import sign
from core.context import SeededEntropy, SetClock
from core.db.engine import make_engine
from core.errors import NoExample
from core.examples import find_answers
from core.perform import perform
from core.register import find, transactions
from core.runtime import Core
from core.sealed import Keys
from core.study.versions import latest_config
from core.transaction import Channel
from ivr.callsheet import call_sheet
from ivr.simulator.phone import Phone
from prompts import catalogue
from tests.support.telephone import ACCOUNT, PUBLIC_URL, TOKEN, AppSender, make_app
from tests.support.world_fixtures import copy_sqlite
from web.demo.history import Demo, DemoStudy, Login

SPOKEN: Final = tuple(one.name for one in transactions() if one.menu_key)
_NEW_SITE: Final = (
    "number,name,country,timezone,language,phone,depot\n104,Vigo,ES,Europe/Madrid,en,,900\n"
)
_NEW_LOT: Final = "lot,kit_type,expiry,countries\n9901,A,2029-06,US ES\n"
WHO: Final = {
    "move_subject": "study_manager",
    "activate_site": "study_manager",
    "pause_site": "study_manager",
    "close_site": "study_manager",
    "approve_version": "study_manager",
    "move_to_version": "study_manager",
    "release_lot": "supply_manager",
    "create_shipment": "supply_manager",
    "dispatch_shipment": "depot",
    "approve": "quality",
    "randomized_in_error": "investigator",
    "code_break": "investigator",
}


class Copies:
    """The demo's database, copied as often as wanted, each with the same clock and chance."""

    def __init__(self, demo: Demo, folder: Path) -> None:
        self.demo, self._folder, self._now = demo, folder, dt.datetime.now(dt.UTC)
        self._open: list[Core] = []

    def core(self, name: str) -> Core:
        """A core on a copy of its own."""
        file = self._folder / f"{name}.db"
        source = Path(self.demo.settings.database_url.removeprefix("sqlite:///"))
        copy_sqlite(source, file)
        entropy = SeededEntropy(b"sheets")
        settings = self.demo.settings
        keys = Keys(settings.secret_key.encode(), settings.encryption_keys, entropy)
        core = Core(
            make_engine(f"sqlite:///{file}"),
            keys,
            settings,
            clock=SetClock(self._now),
            entropy=entropy,
        )
        self._open.append(core)
        return core

    def close(self) -> None:
        """Let go of the files."""
        for core in self._open:
            core.engine.dispose()


@pytest.fixture
def copies(demo_built: Demo, tmp_path: Path) -> Iterator[Copies]:
    made = Copies(demo_built, tmp_path)
    yield made
    made.close()


def caller(study: DemoStudy, name: str) -> Login:
    """The first person of the role whose deed it is."""
    role = WHO.get(name, "coordinator")
    return next(one for one in study.users if one.role == role)


def key_blindly(core: Core, study: DemoStudy, login: Login, name: str) -> Phone:
    """Key the sheet's examples and the person's PIN, entry by entry, listening to nothing."""
    sheet = [
        one.to_json()
        for one in call_sheet(core, catalogue(), name, study=study.code, user_id=login.user_id)
    ]
    phone = Phone(PUBLIC_URL, ACCOUNT, TOKEN, "+12025550142", study.telephone)
    phone.sender = AppSender(make_app(core).test_client(), TOKEN)
    phone.dial()
    for entry in sheet:
        keys = login.pin if entry["example"] is None else entry["example"]
        assert len(keys) == entry["digits"] or not entry["fixed"]
        assert len(keys) <= entry["digits"]
        phone.press(keys if entry["fixed"] else f"{keys}#")
    return phone


def last_entry(core: Core, study: str) -> dict[str, Any]:
    """The last entry of the study's chain that is a deed: telling a treatment is entered too."""
    deeds = "study = :s AND \"transaction\" != 'treatment_read'"
    with core.reading() as db:
        body = db.scalar(
            text(f"SELECT body FROM ledger WHERE {deeds} ORDER BY sequence DESC LIMIT 1"),
            {"s": study},
        )
    entry: dict[str, Any] = json.loads(str(body))
    return entry


def arrange(core: Core, study: DemoStudy, name: str) -> None:
    """What has to be on record before, where the demo's history does not leave it."""
    if name == "activate_site":
        login = next(one for one in study.users if one.role == "study_manager")
        do(core, study, login, "import_sites", None, file=_NEW_SITE)
    if name in ("release_lot", "approve"):
        login = next(one for one in study.users if one.role == "supply_manager")
        do(core, study, login, "import_lots", None, file=_NEW_LOT)
    if name == "approve":
        login = next(one for one in study.users if one.role == "supply_manager")
        do(core, study, login, "release_lot", None)
    if name == "move_to_version":
        login = next(one for one in study.users if one.role == "study_manager")
        with core.reading() as db:
            source = db.scalar(text("SELECT source FROM study_version WHERE study = 'demo'"))
        amended = str(source).replace("rescreens_max = 1", "rescreens_max = 2")
        assert amended != source
        do(core, study, login, "publish", None, file=amended)
    if name == "approve_version":
        arrange(core, study, "move_to_version")


def _kinds(entry: dict[str, Any]) -> list[str]:
    return [name.rstrip("0123456789") for name in entry["secret"]]


def do(
    core: Core, study: DemoStudy, login: Login, name: str, site: str | None, **given: str
) -> None:
    """As `ixrs do` does it."""
    transaction = find(name)
    with core.reading() as db:
        actor = load_actor(db, login.user_id, core.now())
    answers = given or find_answers(core, transaction, actor, study.code, site)
    assert answers is not None
    perform(
        core,
        transaction,
        answers,
        actor=actor,
        study=study.code,
        site=site,
        channel=Channel.COMMAND,
        request_id=f"do {name}",
        signature=sign(core, actor, login.pin, meaning=name, source="x", channel="command line"),
    )


@pytest.mark.parametrize("name", SPOKEN)
def test_sheet_keyed_blindly_completes(name: str, copies: Copies) -> None:
    study = copies.demo.study("demo")
    core = copies.core("phone")
    arrange(core, study, name)
    before = last_entry(core, "demo")["sequence"]
    phone = key_blindly(core, study, caller(study, name), name)
    entry = last_entry(core, "demo")
    assert entry["sequence"] == before + 1
    assert entry["transaction"] == name
    assert entry["outcome"] in ("done", "proposed")
    spoken = "".join(char for char in phone.said if char.isdigit())
    told = entry["facts"]["repeated"] if name == "repeat" else entry["confirmation"]
    assert told in spoken


@pytest.mark.parametrize("name", SPOKEN)
def test_phone_and_command_line_leave_the_same_facts(name: str, copies: Copies) -> None:
    study = copies.demo.study("demo")
    login = caller(study, name)
    by_phone, by_command = copies.core("phone"), copies.core("command")
    for core in (by_phone, by_command):
        arrange(core, study, name)
    with by_command.reading() as db:
        actor = load_actor(db, login.user_id, by_command.now())
    transaction = find(name)
    site = login.sites[0] if transaction.site else None
    given = find_answers(by_command, transaction, actor, "demo", site)
    assert given is not None
    key_blindly(by_phone, study, login, name)
    phone = last_entry(by_phone, "demo")
    do(by_command, study, login, name, site, **(given or {}))
    command = last_entry(by_command, "demo")
    assert (phone["channel"], command["channel"]) == ("telephone", "command line")
    assert phone["facts"].keys() == command["facts"].keys()
    drawn_by_chance = {
        "randomization_number", "kits", "proposal", "shipment", "repeated", "screening_number",
    }  # fmt: skip
    for fact, value in phone["facts"].items():
        if fact not in drawn_by_chance:
            assert command["facts"][fact] == value, fact
    for column in ("subject", "site", "actor", "outcome", "study_version"):
        assert phone[column] == command[column], column
    # A kit's type is sealed under the kit's number, and which kit it is falls to chance.
    assert sorted(_kinds(phone)) == sorted(_kinds(command))
    assert [one["meaning"] for one in phone["signatures"]] in (
        [one["meaning"] for one in command["signatures"]],
        [],
    )


def test_sheet_is_refused_where_nothing_fits(copies: Copies) -> None:
    core, study = copies.core("phone"), copies.demo.study("demo")
    with core.writing() as db:
        db.execute(text("UPDATE kit SET disposition = 'lost' WHERE subject_id IS NOT NULL"))
    login = caller(study, "replace")
    with pytest.raises(NoExample):
        call_sheet(core, catalogue(), "replace", study="demo", user_id=login.user_id)


def test_open_label_randomization_tells_the_treatment_and_keeps_it_nowhere(
    copies: Copies,
) -> None:
    core, study = copies.core("phone"), copies.demo.study("ist")
    login = next(one for one in study.users if one.role == "investigator")
    phone = key_blindly(core, study, login, "randomize")
    with core.reading() as db:
        config = latest_config(db, core, "ist")
        names = {arm.labels.text("en") for arm in config.arms}
        stored = "".join(
            str(row)
            for table in ("call_turn", "receipt", "ledger", "outbox")
            for row in db.execute(text(f"SELECT * FROM {table} ORDER BY 1 DESC LIMIT 40"))
        )
    told = [name for name in names if f"The treatment is {name}" in phone.said]
    assert len(told) == 1
    assert not [name for name in names if name in stored]
    phone.press("1")  # to repeat
    assert told[0] in phone.said


def test_blinded_randomization_tells_no_treatment(copies: Copies) -> None:
    core, study = copies.core("phone"), copies.demo.study("demo")
    phone = key_blindly(core, study, caller(study, "randomize"), "randomize")
    assert "The treatment" not in phone.said
