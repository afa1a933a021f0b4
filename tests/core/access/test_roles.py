"""Roles: what may be done where, and what answers as if it did not exist."""

from __future__ import annotations

import pytest

from core.access.openings import offered, open_studies
from core.errors import NotFound
from core.register import transactions
from core.study.versions import latest_config
from core.transaction import Channel
from tests.support.world import PEOPLE, TODAY, Given, World

SITE_DEEDS = {
    *("screen", "randomize", "dispense", "replace", "receive", "screen_failure", "hand_over"),
    *("report_stock", "end", "unscheduled", "missed_visit", "visit_without_drug"),
    *("correct_levels", "quarantine_kits", "return_kit", "dispatch_transfer", "relabel_kits"),
    *("hold_dose", "resume_dose", "never_got_it", "wrong_kit"),
    *("correct_subject", "correct_supply", "destroy_kits"),
}
SUBJECTS_ALONE = {"randomize", "end", "correct_levels", "randomized_in_error", "approve"}
SPOKEN = {"repeat", "change_pin"}
PERSONAL = SPOKEN | {"change_password", "change_mobile"}
OFFERED = {
    "Ada": SITE_DEEDS | PERSONAL,
    "Ivy": SITE_DEEDS | {"approve", "randomized_in_error", "code_break", "unblind_kit"} | PERSONAL,
    "Pat": SITE_DEEDS | {"approve"} | PERSONAL,
    "Bo": {
        *("dispense", "replace", "receive", "hand_over", "report_stock", "unscheduled"),
        *("quarantine_kits", "return_kit", "dispatch_transfer", "relabel_kits", "approve"),
        *("never_got_it", "wrong_kit", "correct_supply", "destroy_kits"),
    }
    | PERSONAL,
    "Cy": {"verify_kits", "approve", "assess_break", "review_audit", "close_out_site"} | PERSONAL,
    "Mia": {
        *("activate_site", "pause_site", "close_site", "approve_version", "move_subject"),
        *("move_to_version", "publish", "import_sites", "import_users"),
        *("grant_role", "end_role", "place_hold", "lift_hold", "approve", "take_seed_share"),
        *("unblind_study", "assess_break", "review_audit", "lock_person", "review_access"),
    }
    | PERSONAL,
    "Sam": {
        *("release_lot", "create_shipment", "dispatch_shipment", "approve"),
        *("import_lots", "import_kits", "cancel_shipment", "shipment_lost", "quarantine_stock"),
        *("kit_found", "resupply", "approve_shipment", "acknowledge_shipment", "pack_shipment"),
        *("ship_to_depot", "receive_at_depot", "transfer_kits", "relabel_stock"),
        *("generate_kits", "extend_lot", "authorise_destruction", "destroy_stock"),
    }
    | PERSONAL,
    "Quinn": {
        *("approve", "release_kits", "judge_excursion", "reject_kits", "quarantine_stock"),
        *("recall_lot",),
    }
    | PERSONAL,
    "Hal": {"send_code", "lock_person", "change_mobile_for", "reset_factors"} | PERSONAL,
    "Admin": {
        *("import_users", "grant_role", "end_role", "lock_person", "review_access"),
    }
    | PERSONAL,
}


@pytest.mark.parametrize("who", sorted(OFFERED))
def test_each_role_is_offered_what_it_may_do(quick_world: World, who: str) -> None:
    actor = quick_world.actor(who)
    with quick_world.core.reading() as db:
        found = offered(quick_world.core, db, actor, "combi", "101", Channel.COMMAND)
    assert {transaction.name for transaction in found} == OFFERED[who]


@pytest.mark.parametrize("who", sorted(OFFERED))
def test_what_is_not_offered_is_not_allowed_and_the_refusal_is_recorded(
    quick_world: World, who: str
) -> None:
    with quick_world.core.reading() as db:
        config = latest_config(db, quick_world.core, "combi")
    for transaction in transactions():
        if transaction.name in OFFERED[who] or not transaction.is_used(config):
            continue
        at = "101" if transaction.site else None
        quick_world.refused("not_allowed", transaction.name, who, at)
        entry = quick_world.last_entry()
        assert (entry["outcome"], entry["actor"]) == ("refused", PEOPLE[who])
        assert entry["facts"]["refused"] == "not_allowed"


GIVEN: Given = {"consent_date": TODAY, "year_of_birth": "1961", "rescreened": "no"}


def _not_found(world: World, name: str, who: str, site: str | None, **given: str) -> None:
    before = world.dump()
    transaction_given: Given = given
    with pytest.raises(NotFound):
        world.do(name, who, site, **transaction_given)
    assert world.dump() == before


@pytest.mark.parametrize("site", ["102", "103", "999", "", "x", "1" * 30, "10\x001"])
def test_another_site_answers_as_if_it_did_not_exist(world: World, site: str) -> None:
    _not_found(world, "screen", "Ada", site, **GIVEN)


@pytest.mark.parametrize("site", ["999", "x", "10\x001"])
def test_a_site_that_does_not_exist_answers_the_same_to_those_who_see_all(
    world: World, site: str
) -> None:
    _not_found(world, "pause_site", "Mia", site, to_site="101", approval_date=TODAY)


@pytest.mark.parametrize("study", ["mini", "solo", "none", "x" * 60, "a\x00b", "installation"])
def test_another_study_answers_as_if_it_did_not_exist(world: World, study: str) -> None:
    _not_found(world.of(study), "screen", "Di", "102", **GIVEN)


@pytest.mark.parametrize("study", ["none", "x" * 60, "a\x00b", "installation", ""])
def test_a_study_that_does_not_exist_is_not_found_by_the_administrator(
    world: World, study: str
) -> None:
    _not_found(world.of(study), "send_code", "Admin", None, user_id="11")


def test_a_monitor_sees_the_site_and_may_not_act_there(world: World) -> None:
    world.refused("not_allowed", "screen", "Cy", **GIVEN)
    _not_found(world, "screen", "Cy", "103", **GIVEN)


def test_a_site_deed_needs_a_site(quick_world: World) -> None:
    quick_world.wrong("site", "screen", "Ada", None, **GIVEN)


def test_a_role_that_has_ended_gives_nothing(world: World) -> None:
    actor_before = world.actor("Di")
    assert actor_before.sees_study("combi")
    with world.core.writing() as db:
        db.exec_driver_sql("UPDATE grant_role SET ends_at = starts_at WHERE user_id = '15'")
    _not_found(world, "screen", "Di", "102", **GIVEN)


def test_someone_disabled_while_signed_in_does_nothing_more(world: World) -> None:
    with world.core.writing() as db:
        db.exec_driver_sql("UPDATE person SET status = 'disabled' WHERE user_id = '11'")
    before = world.one("SELECT count(*) FROM ledger")
    with pytest.raises(NotFound):
        world.do("screen", "Ada", **GIVEN)
    assert world.one("SELECT count(*) FROM ledger") == before


def test_only_the_studies_and_sites_one_works_for_are_open(quick_world: World) -> None:
    with quick_world.core.reading() as db:
        opened = {
            who: [
                (study.code, [site.number for site in study.sites], study.whole)
                for study in open_studies(db, quick_world.core, quick_world.actor(who))
            ]
            for who in ("Di", "Ada", "Mia", "Cy")
        }
    assert opened["Di"] == [("combi", ["102"], False)]
    studies = ["combi", "solo", "mini", "drug"]
    assert opened["Ada"] == [(code, ["101"], False) for code in studies]
    assert opened["Mia"] == [(code, [], True) for code in studies]
    assert opened["Cy"] == [(code, [], True) for code in studies]


def test_a_study_offers_only_what_it_has_use_for(quick_world: World) -> None:
    ivy = quick_world.actor("Ivy")
    with quick_world.core.reading() as db:
        names = {
            study: {t.name for t in offered(quick_world.core, db, ivy, study, "101", Channel.PHONE)}
            for study in ("solo", "mini", "drug")
        }
    assert names["solo"] == names["mini"] == SUBJECTS_ALONE | {"code_break"} | SPOKEN
    assert "randomize" not in names["drug"]
    assert {"screen", "dispense", "replace", "receive"} <= names["drug"]
