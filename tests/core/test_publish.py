"""Study files published, sites and people imported: signed, all or none, with their digests."""

from __future__ import annotations

import hashlib

import pytest

from core.study.seed import commitment, study_seed
from tests.support.studies import COMBI, SOLO, capped
from tests.support.world import PEOPLE, World

SITE = "number,name,country,timezone,language,phone,depot\n"
USER = "user_id,name,email,mobile,role,sites,language\n"


def test_a_version_is_published_signed_with_its_digest_and_what_changed(world: World) -> None:
    amended = capped(COMBI, "study = 200")
    world.refused("signature_missing", "publish", "Mia", signed=False, file=amended)
    receipt = world.do("publish", "Mia", file=amended)
    assert receipt.facts["version"] == 2
    assert receipt.facts["file_sha256"] == hashlib.sha256(amended.encode()).hexdigest()
    assert receipt.facts["changes"] == len(receipt.notes) == 1
    query = "SELECT source FROM study_version WHERE study = :study AND version = 2"
    assert world.one(query) == amended


def test_the_seed_was_committed_to_before_the_first_subject(quick_world: World) -> None:
    solo = quick_world.of("solo")
    with solo.core.reading() as db:
        seed = study_seed(solo.core, db, "solo")
    digest = hashlib.sha256(SOLO.encode()).hexdigest()
    (first,) = [solo.entry(n)["facts"] for n in (1, 2) if solo.entry(n)["transaction"] == "publish"]
    assert first["commitment"] == commitment(seed, digest)
    assert seed not in repr(solo.dump()).encode()


def test_the_same_file_is_not_published_twice(quick_world: World) -> None:
    wrong = quick_world.wrong("file", "publish", "Mia", file=COMBI)
    assert wrong.message.id == "error.same_version"


def test_a_file_of_another_study_is_not_published_here(quick_world: World) -> None:
    wrong = quick_world.wrong("file", "publish", "Mia", file=SOLO)
    assert wrong.message.id == "error.other_study"


@pytest.mark.parametrize("file", ["", "\x00", "[study", "x = 1", "\ufeff"])
def test_a_file_with_errors_publishes_nothing(world: World, file: str) -> None:
    world.wrong("file", "publish", "Mia", file=file)


@pytest.mark.parametrize(
    "line",
    [
        "101,Again,US,America/New_York,en,,900",
        "x,Bad,US,America/New_York,en,,900",
        "104,,US,America/New_York,en,,900",
        "104,Bad,usa,America/New_York,en,,900",
        "104,Bad,US,Mars/Olympus,en,,900",
        "104,Bad,US,America/New_York,fr,,900",
        "104,Bad,US,America/New_York,en,12,900",
        "104,Bad,US,America/New_York,en,,999",
        "104,Bad",
    ],
)
def test_sites_are_imported_all_or_none(quick_world: World, line: str) -> None:
    good = "105,Lyon,US,America/New_York,en,,900"
    quick_world.wrong("file", "import_sites", "Mia", file=f"{SITE}{good}\n{line}\n")
    quick_world.do("import_sites", "Mia", file=f"{SITE}{good}\n")
    assert quick_world.one("SELECT status FROM site WHERE number = '105'") == "pending"


@pytest.mark.parametrize(
    "line",
    [
        "x,Bad,b@x.org,+12025550160,coordinator,101,en",
        "99,,b@x.org,+12025550160,coordinator,101,en",
        "99,Bad,nowhere,+12025550160,coordinator,101,en",
        "99,Bad,b@x.org,12,coordinator,101,en",
        "99,Bad,b@x.org,+12025550160,wizard,101,en",
        "99,Bad,b@x.org,+12025550160,administrator,,en",
        "99,Bad,b@x.org,+12025550160,coordinator,999,en",
        "99,Bad,b@x.org,+12025550160,coordinator,101,xx",
        "11,Somebody Else,b@x.org,+12025550160,coordinator,101,en",
    ],
)
def test_people_are_imported_all_or_none_and_no_id_is_given_twice(
    quick_world: World, line: str
) -> None:
    good = "98,Fay,f@x.org,+12025550161,coordinator,101,en"
    quick_world.wrong("file", "import_users", "Admin", file=f"{USER}{good}\n{line}\n")


def test_a_new_person_is_sent_a_code_and_a_known_one_only_gets_the_role(world: World) -> None:
    before = len(world.messages())
    lines = (
        "98,Fay,f@x.org,+12025550161,coordinator,101 102,en\n"
        f"{PEOPLE['Di']},Di,di@example.org,+12025550115,pharmacist,101,en\n"
    )
    receipt = world.do("import_users", "Admin", file=USER + lines)
    assert receipt.facts["people"] == ["98"]
    assert world.messages()[before:] == [("sms.code", "98", None)]
    assert world.actor("Di").roles_at("combi", "101") == {"pharmacist"}
    stored = world.rows("SELECT mobile, email FROM person WHERE user_id = '98'")[0]
    assert b"2025550161" not in bytes(stored.mobile)
    assert b"f@x.org" not in bytes(stored.email)
