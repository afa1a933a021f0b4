"""What the demo promises of its history, whatever the day on which it is started."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from core.access.openings import offered
from core.access.roles import ROLES, load_actor
from core.access.signin import sign_in
from core.context import SeededEntropy
from core.db.models import kit, ledger, lot, outbox, receipt, shipment, site, subject, visit
from core.errors import IxrsError
from core.examples import find_answers
from core.facts import Facts
from core.ledger.verify import verify
from core.register import transactions
from core.runtime import Core
from core.study.versions import latest_config
from core.subjects.schedule import planned
from core.supply.kits import type_of
from core.supply.warnings import warnings_for
from core.transaction import Channel
from web.demo.cast import STAFF
from web.demo.history import Demo, build, new_settings

ADA = "1101"
STATUSES = {
    *("screened", "screen_failed", "randomized", "discontinued", "withdrawn", "lost", "completed"),
}


def test_subjects_are_in_every_status_that_there_is(demo_record: Core) -> None:
    with demo_record.reading() as db:
        found = set(db.scalars(select(subject.c.status).where(subject.c.study == "demo")))
    assert found == STATUSES


def test_three_sites_in_three_time_zones_one_with_a_telephone_only(demo_record: Core) -> None:
    with demo_record.reading() as db:
        rows = db.execute(select(site).where(site.c.study == "demo")).all()
    assert len({row.timezone for row in rows}) == len(rows) == 3
    assert {row.status for row in rows} == {"active"}
    assert sum("phone only" in row.name for row in rows) == 1


def test_visits_of_each_stage_are_due_today_at_the_first_site(demo_record: Core) -> None:
    with demo_record.reading() as db:
        actor = load_actor(db, ADA, demo_record.now())
        facts = Facts(db, demo_record, actor=actor, study="demo", site="101", now=demo_record.now())
        query = select(subject).where(subject.c.site == "101", subject.c.status == "randomized")
        coming = [planned(facts.config, facts, found) for found in db.execute(query).all()]
    due = {plan[0].visit.code for plan in coming if plan and plan[0].due == facts.today}
    assert {"V2", "V3", "V4", "V5", "V6"} <= due


def test_dispensed_kits_wait_for_their_hand_over(demo_record: Core) -> None:
    query = select(kit.c.site).where(
        kit.c.study == "demo", kit.c.disposition == "dispensed", kit.c.confirmed_at.is_(None)
    )
    with demo_record.reading() as db:
        sites = list(db.scalars(query))
    assert sites.count("101") == 4
    assert "102" in sites


def test_refusals_are_on_record(demo_record: Core) -> None:
    query = select(ledger.c.body).where(
        ledger.c.study == "demo",
        ledger.c.transaction == "randomize",
        ledger.c.outcome == "refused",
    )
    with demo_record.reading() as db:
        codes = [json.loads(body)["facts"]["refused"] for body in db.scalars(query)]
    assert sorted(codes) == ["already_randomized", "no_kit_available"]


def test_every_entry_is_marked_as_simulated_and_verifies(demo_record: Core) -> None:
    with demo_record.reading() as db:
        bodies = [json.loads(body) for body in db.scalars(select(ledger.c.body))]
    assert len(bodies) > 250
    assert all(body["simulated"] is True for body in bodies)
    assert verify(demo_record).problems == []


def test_the_record_runs_from_twenty_weeks_ago_to_today_and_never_back(demo_record: Core) -> None:
    for study in ("demo", "ist"):
        query = select(ledger.c.at).where(ledger.c.study == study).order_by(ledger.c.sequence)
        with demo_record.reading() as db:
            times = list(db.scalars(query))
        assert times == sorted(times)
        assert (demo_record.now() - times[0]).days == 140
        assert times[-1] <= demo_record.now()


def test_every_kind_of_deed_at_a_site_has_been_done(demo_record: Core) -> None:
    with demo_record.reading() as db:
        done = set(db.scalars(select(ledger.c.transaction).where(ledger.c.outcome == "done")))
        kept = set(db.scalars(select(visit.c.status)))
    assert {"screen", "screen_failure", "randomize", "dispense", "hand_over"} <= done
    assert {"replace", "receive", "end", "unscheduled", "missed_visit", "approve"} <= done
    assert kept == {"dispensed", "unscheduled", "without_drug", "missed"}


def test_the_first_site_has_stock_on_the_shelf_under_way_and_asked_for(demo_record: Core) -> None:
    with demo_record.reading() as db:
        shipments = db.execute(
            select(shipment.c.status, func.count())
            .where(shipment.c.site == "101")
            .group_by(shipment.c.status)
        ).all()
        actor = load_actor(db, ADA, demo_record.now())
        shelf = db.execute(
            select(kit).where(
                kit.c.site == "101", kit.c.disposition == "available", kit.c.custody == "at_rest"
            )
        ).all()
    assert actor.sees_site("demo", "101")
    types = [type_of(demo_record.keys, row) for row in shelf]
    assert min(types.count("A"), types.count("B")) >= 20
    assert dict(tuple(row) for row in shipments) == {
        "received": 3,
        "in_transit": 3,
        "requested": 1,
    }


def test_the_first_coordinator_is_ada_and_works_at_one_site(demo_built: Demo) -> None:
    coordinators = [u for u in demo_built.study("demo").users if u.role == "coordinator"]
    assert (coordinators[0].name, coordinators[0].sites) == ("Ada Brennan", ("101",))
    assert any(len(user.sites) == 2 for user in coordinators)


def test_all_roles_are_cast(demo_built: Demo) -> None:
    assert {user.role for user in demo_built.study("demo").users} == set(ROLES)


def test_everybody_listed_can_sign_in_with_pin_and_with_password(
    demo_built: Demo, demo_core: Core
) -> None:
    users = {u.user_id: u for study in demo_built.studies for u in study.users}
    assert len(users) > 20
    for user in users.values():
        for secret in (user.pin, user.password):
            actor = sign_in(demo_core, user.user_id, secret, source=f"test {user.user_id}")
            assert actor.name == user.name


def test_everything_on_adas_menu_can_be_done(demo_core: Core) -> None:
    with demo_core.reading() as db:
        ada = load_actor(db, ADA, demo_core.now())
        menu = offered(demo_core, db, ada, "demo", "101", Channel.PHONE)
    assert {transaction.name for transaction in menu} > {"screen", "randomize", "end", "repeat"}
    for transaction in menu:
        site = "101" if transaction.site else None
        answers = find_answers(demo_core, transaction, ada, "demo", site)
        assert answers is not None, transaction.name


def test_nothing_of_the_past_is_sent_but_a_newcomers_code(demo_record: Core) -> None:
    with demo_record.reading() as db:
        waiting = db.execute(select(outbox).where(outbox.c.status == "queued")).all()
    assert [row.user_id for row in waiting] == ["1105"]
    assert "1105" not in {member.user_id for member in STAFF}


def test_nobody_is_told_of_the_past_as_of_a_call_that_was_cut(demo_record: Core) -> None:
    with demo_record.reading() as db:
        untold = db.scalar(
            select(func.count()).where(
                receipt.c.told_at.is_(None), receipt.c.channel == Channel.PHONE.value
            )
        )
        refused = db.scalar(select(func.count()).where(receipt.c.outcome == "refused"))
    assert (untold, refused) == (0, 4)


def test_ist_is_open_and_its_investigators_call(demo_record: Core, demo_built: Demo) -> None:
    with demo_record.reading() as db:
        config = latest_config(db, demo_record, "ist")
        rows = db.execute(
            select(site.c.country, func.count())
            .join(subject, (subject.c.study == site.c.study) & (subject.c.site == site.c.number))
            .where(subject.c.study == "ist", subject.c.status == "randomized")
            .group_by(site.c.country)
        ).all()
    assert not config.is_blinded
    assert config.screening is None
    assert len(rows) == 4
    assert sum(row[1] for row in rows) == 13
    assert demo_built.study("ist").users[0].role == "investigator"


@pytest.mark.parametrize("hour", [4, 23])
def test_the_history_goes_the_same_way_at_any_time_of_day(tmp_path: Path, hour: int) -> None:
    now = dt.datetime(2024, 2, 29, hour, 7, tzinfo=dt.UTC)
    settings = new_settings(f"sqlite:///{tmp_path / 'demo.db'}")
    build(settings, now=now, entropy=SeededEntropy(b"at any time of day"))
    core = Core.from_settings(settings)
    with core.reading() as db:
        newest = db.scalar(select(func.max(ledger.c.at)))
        zone = ZoneInfo("America/New_York")
        today = now.astimezone(zone).date()
        days = set(db.scalars(select(subject.c.randomized_on).where(subject.c.site == "101")))
    core.engine.dispose()
    assert newest == now
    assert today - dt.timedelta(days=14) in days


def test_a_history_that_goes_wrong_is_no_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.demo.stock.COUNTRIES", "US")  # Madrid's depot may send nothing
    with pytest.raises(IxrsError):
        build(new_settings(f"sqlite:///{tmp_path / 'demo.db'}"))


def test_the_register_holds_nothing_that_the_demo_leaves_out_of_reach(demo_core: Core) -> None:
    with demo_core.reading() as db:
        config = latest_config(db, demo_core, "demo")
        names = {transaction.name for transaction in transactions() if transaction.is_used(config)}
        reached = {
            transaction.name
            for user in (
                "1101",
                "1103",
                "1001",
                "1002",
                "1003",
                "1004",
                "1005",
                "1006",
                "1007",
                "1008",
                "1902",
                "1",
            )
            for place in ("101", None)
            for transaction in offered(
                demo_core, db, load_actor(db, user, demo_core.now()), "demo", place, Channel.COMMAND
            )
        }
    assert names == reached


def test_drug_supply_shows_all_that_can_happen(demo_record: Core) -> None:
    """On its way, ordered in the night and confirmed, held after an alarm, near expiry, running
    out, replaced, and a wrong carton by SMS."""
    with demo_record.reading() as db:
        shipments = db.execute(select(shipment).where(shipment.c.study == "demo")).all()
        kits = db.execute(select(kit, lot).where(kit.c.lot_id == lot.c.id)).all()
        told = warnings_for(demo_record, db, load_actor(db, "1002", demo_record.now()), "demo")
        refused = db.execute(
            select(ledger.c.channel).where(
                ledger.c.transaction == "hand_over", ledger.c.outcome == "refused"
            )
        ).all()
        entries = db.scalars(select(ledger.c.body).where(ledger.c.transaction == "receive"))
        alarms = [json.loads(one) for one in entries if '"logger":"alarm"' in one]
    kinds = {(row.kind, row.status) for row in shipments}
    assert {("manual", "in_transit"), ("resupply", "confirmed")} <= kinds
    assert [row.site for row in shipments if row.kind == "resupply"] == ["103"]
    assert {row.site for row in kits if row.quality == "pre_quarantined"} == {"101"}
    assert [one["channel"] for one in alarms] == ["telephone"]
    assert any(row.replaced_by for row in kits)
    assert [row.channel for row in refused] == ["sms"]
    assert {"103"} == {one.site for one in told if one.kind == "shortage"}
    assert "expiring" in {one.kind for one in told}
