"""Who has access is looked over and signed; secrets belong to one person; one account for all."""

from __future__ import annotations

import datetime as dt

import pytest

from core.access.listing import PeopleListing
from core.access.openings import open_studies
from core.access.signin import sign_in
from core.errors import NotAuthenticated
from core.ledger.verify import verify
from core.records.reviews import Overdue, overdue_for, remind_due
from tests.support.access import in_app, lived_in
from tests.support.pages import browser
from tests.support.studies import COMBI
from tests.support.world import OTHER_PIN, PEOPLE, PIN, World, users

ADA, DI = PEOPLE["Ada"], PEOPLE["Di"]


@pytest.mark.req("R10")
def test_the_review_says_what_it_was_about(quick_world: World) -> None:
    sign_in(quick_world.core, ADA, PIN, source="s")
    receipt = quick_world.do("review_access", "Mia", access_verdict="right")
    facts = dict(receipt.facts)
    assert facts["people"] == 12
    assert facts["idle"] == 11
    assert len(str(facts["list_sha256"])) == 64
    row = quick_world.rows("SELECT * FROM review WHERE study = :study AND kind = 'access'")[0]
    assert (row.by, row.sequence, row.upto) == ("2", receipt.sequence, receipt.sequence - 1)
    again = quick_world.do("review_access", "Mia", access_verdict="right")
    assert again.facts["list_sha256"] == facts["list_sha256"]
    quick_world.do("grant_role", "Mia", user_id=DI, role="pharmacist", to_site="101")
    other = quick_world.do("review_access", "Mia", access_verdict="changed", findings="One more")
    assert other.facts["list_sha256"] != facts["list_sha256"]


def test_who_reviews_and_that_it_is_signed(quick_world: World) -> None:
    given = {"access_verdict": "right"}
    quick_world.refused("signature_missing", "review_access", "Mia", signed=False, **given)
    for who in ("Ada", "Cy", "Hal"):
        quick_world.refused("not_allowed", "review_access", who, **given)
    quick_world.wrong("findings", "review_access", "Mia", access_verdict="to_change")


def test_the_list_of_people_tells_last_sign_in_and_factors_and_no_secret(
    quick_world: World,
) -> None:
    in_app(quick_world, "Ada")
    sign_in(quick_world.core, ADA, PIN, source="s")
    with quick_world.core.reading() as db:
        listing = PeopleListing(quick_world.core, db, quick_world.actor("Mia"), "combi")
        found = {one.user_id: one for one in listing.list_people().rows}
    assert found[ADA].signed_in_at == quick_world.core.now()
    assert (found[ADA].factors, found[DI].factors) == (("totp",), ())
    assert "hash" not in repr(found)


@pytest.mark.req("R17")
def test_a_hash_copied_to_another_row_opens_nothing(quick_world: World) -> None:
    quick_world.do("change_pin", "Di", new_pin=OTHER_PIN)
    with quick_world.core.writing() as db:
        db.exec_driver_sql(
            "UPDATE person SET pin_hash = (SELECT pin_hash FROM person AS p WHERE p.user_id = "
            f"'{DI}') WHERE user_id = '{ADA}'"
        )
    with pytest.raises(NotAuthenticated):
        sign_in(quick_world.core, ADA, OTHER_PIN, source="s")
    assert sign_in(quick_world.core, DI, OTHER_PIN, source="s").user_id == DI


@pytest.mark.req("R18")
def test_one_account_serves_a_person_in_every_study(quick_world: World) -> None:
    actor = sign_in(quick_world.core, ADA, PIN, source="s")
    with quick_world.core.reading() as db:
        codes = {one.code for one in open_studies(db, quick_world.core, actor)}
    assert codes == {"combi", "solo", "mini", "drug"}
    assert quick_world.one("SELECT count(*) FROM person WHERE name = 'Ada'") == 1
    quick_world.do("change_pin", "Ada", new_pin=OTHER_PIN)
    for study in codes:
        here = quick_world.of(study)
        assert here.actor("Ada").roles_at(study, "101") == {"coordinator"}
    assert sign_in(quick_world.core, ADA, OTHER_PIN, source="s").user_id == ADA


@pytest.mark.req("R18")
def test_whoever_adds_people_states_that_they_were_identified(quick_world: World) -> None:
    from core.interview import Complete, advance
    from core.register import find

    file = users([("Dee", "pharmacist", "101")])
    with quick_world.core.reading() as db:
        found = advance(
            *(quick_world.core, db, find("import_users"), quick_world.actor("Admin")),
            *("combi", None, {"file": file}),
        )
    assert isinstance(found, Complete)
    assert [one.id for one in found.warnings] == ["warn.identity"]
    receipt = quick_world.do("import_users", "Admin", file=file)
    assert receipt.facts["identity_checked"] is True


def test_a_late_review_of_access_waits_for_those_who_give_roles_and_they_are_told(
    quick_world: World,
) -> None:
    world = quick_world
    world.do("publish", "Mia", file=COMBI + "\n[access_review]\nevery_days = 90\n")
    world.days_later(90)
    assert _late_for(world, "Mia") == ()
    world.days_later(1)
    late = (Overdue("access", dt.date(2027, 2, 18)),)
    assert _late_for(world, "Mia") == _late_for(world, "Admin") == late
    assert late[0].message.id == "warn.access_overdue"
    for who in ("Cy", "Ada", "Hal"):
        assert _late_for(world, who) == ()
    assert remind_due(world.core) == 1
    assert world.messages()[-1] == ("sms.access_overdue", None, "study_manager")
    page = browser(world, "Mia", None).get("/")
    assert "The review of who has access has been due" in page.text
    world.do("review_access", "Mia", access_verdict="right")
    assert _late_for(world, "Mia") == ()


def _late_for(world: World, who: str) -> tuple[Overdue, ...]:
    actor = world.actor(who)
    with world.core.reading() as db:
        return overdue_for(world.core, db, actor, world.study)


@pytest.mark.req("R10")
def test_all_that_was_done_about_accounts_verifies(quick_world: World) -> None:
    lived_in(quick_world)
    found = verify(quick_world.core)
    assert found.ok, found.problems
