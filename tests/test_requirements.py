"""What an inspector asks for (docs/REQUIREMENTS.md), each shown once through the core.

The rules have their own tests beside the code; here each requirement met so far has one that
carries its id, and the page is held against these ids.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from core import calls
from core.access.signin import sign, sign_in
from core.errors import LockedOut, NotAuthenticated, NotFound
from core.interview import Complete, advance
from core.ledger import triggers
from core.ledger.verify import verify
from core.register import find
from core.settings import Settings
from core.study.read import review
from core.transaction import Channel
from ivr.signature import is_genuine
from ivr.signature import sign as sign_webhook
from prompts import catalogue
from tests import traceability
from tests.support.demo_study import publish_demo
from tests.support.studies import COMBI
from tests.support.telephone import telephone
from tests.support.world import OTHER_PIN, PIN, TODAY

if TYPE_CHECKING:
    from tests.support.world import World

ROOT = Path(__file__).resolve().parent.parent
_RESULTS = """SELECT result FROM receipt WHERE "transaction" IN ('randomize', 'dispense')"""
SILENCES_MAX = 3
IDS = [f"R{number}" for number in range(1, 26)]
LATER = {"R5", "R24"}
"""Sealed cards on paper, and the service on another machine, are to come."""


@pytest.mark.req("R1")
def test_no_study_file_can_make_a_code_break_wait_for_an_approval() -> None:
    reviewed = review(f'code_break = {{ approval = "study_manager" }}\n{COMBI}')
    assert reviewed.config is None
    assert "study.code_break_approval" in {problem.message.id for problem in reviewed.problems}


@pytest.mark.req("R1")
@pytest.mark.req("R5")
def test_who_keys_nothing_on_the_emergency_line_reaches_the_operator(quick_world: World) -> None:
    publish_demo(quick_world)
    phone = telephone(quick_world, to="+12025550111")
    assert "permission" in phone.dial("unblinding")
    for _ in range(SILENCES_MAX):
        if not phone.put_through:
            phone.silence()
    assert phone.put_through == ["+12025550112"]


@pytest.mark.req("R6")
def test_nothing_that_a_blinded_person_gets_names_arm_or_kit_type(world: World) -> None:
    given = world.randomize()
    kits = world.dispense(str(given.subject))
    readable = json.dumps(
        [
            given.facts,
            given.said.params,
            world.last_entry(),
            world.entry(given.sequence),
            [list(row) for row in world.rows("SELECT message, roles FROM outbox")],
            [list(row) for row in world.rows(_RESULTS)],
        ],
        default=str,
    )
    assert world.arm(given.subject) in ("active", "placebo")
    assert world.kit_type(kits[0]) in ("A", "B")
    assert not re.search(r'active\b|placebo|"A"|"B"', readable)


@pytest.mark.req("R7")
def test_a_change_says_who_when_how_and_what_was_before(world: World) -> None:
    subject = world.randomized()
    done = world.do("end", "Ada", subject=subject, what_ended="withdrawn", end_date=TODAY)
    entry = world.entry(done.sequence)
    assert (entry["actor"], entry["channel"], entry["subject"]) == ("11", "command line", subject)
    assert entry["at"] == "2026-11-20T15:00:00.000000Z"
    assert (entry["facts"]["before"], entry["facts"]["after"]) == ("randomized", "withdrawn")


@pytest.mark.req("R8")
def test_the_ledger_refuses_changes_and_shows_them(world: World) -> None:
    world.screen()
    for attempt in ("UPDATE ledger SET actor = '12'", "DELETE FROM ledger"):
        with pytest.raises(DatabaseError, match="written once"):
            _by_hand(world, attempt)
    assert verify(world.core).ok
    _without_triggers(world)
    assert len(verify(world.core).problems) == len(triggers.NAMES)
    _by_hand(world, "DELETE FROM ledger WHERE study = 'combi' AND sequence = 3")
    found = verify(world.core).first_wrong
    assert found is not None
    assert (found.study, found.sequence) == ("combi", 3)


@pytest.mark.req("R9")
def test_times_are_utc_and_told_in_the_time_of_the_site(world: World) -> None:
    world.set_time(dt.datetime(2026, 11, 20, 23, 30, tzinfo=dt.UTC))  # the 21st in Madrid
    receipt = world.randomize(who="Dan")
    assert receipt.at.utcoffset() == dt.timedelta(0)
    assert receipt.zone == "Europe/Madrid"
    entry = world.entry(receipt.sequence)
    assert entry["at"] == "2026-11-20T23:30:00.000000Z"
    assert entry["facts"]["randomized_on"] == "2026-11-21"


@pytest.mark.req("R10")
def test_accounts_roles_failed_access_and_turns_of_calls_are_on_record(world: World) -> None:
    people = [one for one in _entries(world, "combi") if one["transaction"] == "import_users"]
    assert ["11", "coordinator", "101"] in people[1]["facts"]["roles"]
    with pytest.raises(NotAuthenticated):
        sign_in(world.core, "11", OTHER_PIN, source="here")
    with world.core.writing() as db:
        calls.begin(db, world.core, "CA1", "main", "combi", "+12025550142")
        calls.write_turn(db, "CA1", 0, "heard", "{}", world.core.now())
        calls.end(db, world.core, "CA1", "completed")
    alone = [one["transaction"] for one in _entries(world, "installation")]
    assert alone[-1] == "sign_in_failed"
    ended = world.last_entry()
    assert (ended["transaction"], ended["facts"]["turns"]) == ("call_ended", 1)


@pytest.mark.req("R12")
def test_nothing_is_dispensed_before_randomization_or_before_receipt(world: World) -> None:
    world.refused("not_randomized", "dispense", "Ada", subject=world.screen(), visit="V1")
    subject = world.randomized()
    shipment = world.ship(2, receive=None)
    arm = world.arm(subject)
    for _ in range(8):
        world.do("unscheduled", "Ada", subject=subject)
    world.refused("no_kit_available", "unscheduled", "Ada", subject=subject)
    world.receive(shipment)
    (kit,) = world.do("unscheduled", "Ada", subject=subject).facts["kits"]
    assert world.kit_type(kit) == {"active": "A", "placebo": "B"}[arm]


@pytest.mark.req("R13")
@pytest.mark.parametrize("channel", [Channel.PHONE, Channel.WEB, Channel.API, Channel.COMMAND])
def test_authority_is_checked_on_every_channel(world: World, channel: Channel) -> None:
    world.refused(
        "not_allowed", "screen", "Cy", channel=channel, consent_date=TODAY, year_of_birth="1961"
    )
    with pytest.raises(NotFound):
        world.do("screen", "Di", "101", channel=channel, consent_date=TODAY)


@pytest.mark.req("R14")
def test_only_what_the_provider_signed_is_heard() -> None:
    settings = Settings(
        "sqlite://",
        "k" * 40,
        (b"e" * 32,),
        public_url="https://ixrs.example.org",
        twilio_auth_token="t" * 32,
    )
    pairs = [("CallSid", "CA1"), ("From", "+12025550142")]
    header = sign_webhook("t" * 32, "https://ixrs.example.org/ivr/voice", pairs)
    assert is_genuine(settings, "/ivr/voice", pairs, header)
    assert not is_genuine(settings, "/ivr/voice", pairs, None)
    assert not is_genuine(settings, "/ivr/voice", [*pairs, ("Digits", "1")], header)
    assert not is_genuine(settings, "/ivr/unblinding", pairs, header)


@pytest.mark.req("R16")
def test_a_signature_has_name_time_and_meaning_and_is_spoken_before(world: World) -> None:
    done = world.do("pause_site", "Mia", to_site="101", approval_date=TODAY)
    (signature,) = world.entry(done.sequence)["signatures"]
    assert signature["name"] == "Mia"
    assert signature["meaning"] == "pause_site"
    assert signature["at"] == "2026-11-20T15:00:00.000000Z"
    for language in catalogue().languages:
        prompts = (ROOT / "prompts" / f"{language}.po").read_text("utf-8")
        spoken = prompts.partition('msgid "sign.statement"')[2].partition("msgid")[0]
        assert all(f"{{{name}}}" in spoken for name in ("name", "date", "meaning"))


@pytest.mark.req("R17")
def test_a_signature_altered_in_the_database_is_found(world: World) -> None:
    done = world.do("pause_site", "Mia", to_site="101", approval_date=TODAY)
    _without_triggers(world)
    _by_hand(
        world,
        """UPDATE ledger SET body = replace(body, '"name":"Mia"', '"name":"Ada"') """
        f"WHERE study = 'combi' AND sequence = {done.sequence}",
    )
    found = verify(world.core).first_wrong
    assert found is not None
    assert found.sequence == done.sequence


@pytest.mark.req("R18")
def test_a_user_id_is_never_given_to_another_person(world: World) -> None:
    header = "user_id,name,email,mobile,role,sites,language"
    other = "11,Adele,adele@example.org,+12025550199,coordinator,101,en"
    world.wrong("file", "import_users", "Admin", file=f"{header}\n{other}")


@pytest.mark.req("R18")
def test_whoever_imports_people_states_that_they_were_identified(quick_world: World) -> None:
    header = "user_id,name,email,mobile,role,sites,language"
    line = "77,Nora,nora@example.org,+12025550177,coordinator,101,en"
    file, admin = f"{header}\n{line}", quick_world.actor("Admin")
    with quick_world.core.reading() as db:
        given = {"file": file}
        found = advance(quick_world.core, db, find("import_users"), admin, "combi", None, given)
    assert isinstance(found, Complete)
    assert [one.id for one in found.warnings] == ["warn.identity"]
    done = quick_world.do("import_users", "Admin", file=file)
    assert quick_world.entry(done.sequence)["facts"]["identity_checked"] is True


@pytest.mark.req("R19")
def test_each_signing_takes_the_secret_again(world: World) -> None:
    given = {"to_site": "101", "approval_date": TODAY}
    world.refused("signature_missing", "pause_site", "Mia", signed=False, **given)
    mia = world.actor("Mia")
    where: dict[str, Any] = {"meaning": "pause_site", "source": "here", "channel": "telephone"}
    with pytest.raises(NotAuthenticated):
        sign(world.core, mia, OTHER_PIN, **where)
    assert sign(world.core, mia, PIN, **where).name == "Mia"


@pytest.mark.req("R20")
def test_who_resets_a_pin_never_has_a_secret_and_two_people_release(world: World) -> None:
    before = world.one("SELECT pin_hash FROM person WHERE user_id = '11'")
    told = world.do("send_code", "Hal", user_id="11")
    assert world.one("SELECT pin_hash FROM person WHERE user_id = '11'") == before
    readable = json.dumps([told.facts, told.said.params, world.last_entry()], default=str)
    row = world.rows("SELECT message, secret FROM outbox ORDER BY id DESC")[0]
    assert not re.search(r"\b[0-9]{12}\b", readable + row.message)
    assert row.secret is not None
    world.do("import_lots", "Sam", file="lot,kit_type,expiry,countries\n7001,A,2028-06,US")
    proposed = world.do("release_lot", "Sam", lot="7001", certificate="77")
    number = str(proposed.facts["proposal"])
    world.refused("same_signer", "approve", "Sam", proposal=number)


@pytest.mark.req("R21")
def test_guessing_locks_and_alerts_at_once(world: World) -> None:
    for place in range(5):
        with pytest.raises(NotAuthenticated):
            sign_in(world.core, "11", OTHER_PIN, source=f"caller {place}")
    with pytest.raises(LockedOut):
        sign_in(world.core, "11", PIN, source="caller 6")
    assert ("sms.person_locked", None, "administrator helpdesk") in world.messages()


@pytest.mark.req("R22")
def test_an_expired_kit_is_dispensed_on_no_channel(world: World) -> None:
    subject = world.randomized()
    world.set_time(dt.datetime(2028, 7, 1, 15, tzinfo=dt.UTC))
    for channel in (Channel.PHONE, Channel.WEB, Channel.API, Channel.COMMAND):
        world.refused("no_kit_available", "unscheduled", "Ada", subject=subject, channel=channel)


def test_each_requirement_that_is_met_has_a_test_and_no_test_names_another() -> None:
    rows = traceability.requirements()
    assert [row.id for row in rows] == IDS
    carried = {one.id for one in traceability.marked()}
    assert carried <= set(IDS)
    assert {row.id for row in rows if row.status != "later"} - carried == set()


def test_only_what_comes_in_a_later_issue_is_not_met() -> None:
    assert {row.id for row in traceability.requirements() if row.status != "met"} <= LATER


def test_the_table_is_the_one_that_rows_and_marks_give() -> None:
    made = traceability.written(traceability.requirements(), traceability.marked())
    told = "run `python -m tests.traceability`"
    assert traceability.PAGE.read_text(encoding="utf-8") == made, told


def test_a_row_without_a_test_and_a_mark_without_a_row_show(tmp_path: Path) -> None:
    file = tmp_path / "tests" / "test_one.py"
    file.parent.mkdir()
    file.write_text(
        'pytestmark = [pytest.mark.req("R6")]\n'
        '@pytest.mark.req("R99")\ndef test_a_thing(): pass\n'
        "class TestOthers:\n    def test_another(self): pass\n",
        encoding="utf-8",
    )
    found = traceability.marked(file.parent)
    assert {(one.id, one.test) for one in found} == {
        ("R99", "test_a_thing"),
        ("R6", "test_a_thing"),
        ("R6", "TestOthers::test_another"),
    }
    (row,) = traceability.requirements("| R7 | A trail | 21 CFR 11 | met | The ledger |")
    assert "| [R7](#r7) | A trail | met | 0 |" in traceability.written([row], found)
    with pytest.raises(ValueError, match="no row of requirements"):
        traceability.requirements("| R7 | A trail | nearly |")


def _entries(world: World, study: str) -> list[dict[str, Any]]:
    rows = world.of(study).rows("SELECT body FROM ledger WHERE study = :study ORDER BY sequence")
    return [json.loads(row.body) for row in rows]


def _by_hand(world: World, statement: str) -> None:
    with world.core.writing() as db:
        db.execute(text(statement))


def _without_triggers(world: World) -> None:
    on = "" if world.core.settings.is_sqlite else " ON ledger"
    for name in triggers.NAMES:
        _by_hand(world, f"DROP TRIGGER {name}{on}")
