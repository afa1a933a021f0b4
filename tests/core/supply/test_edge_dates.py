"""Dates at the edges, through deeds: the last allowed day where the kit is, not a day longer."""

from __future__ import annotations

import datetime as dt
from typing import Final

import pytest

from core.errors import NoKitAvailable
from core.messages import Message
from tests.support.studies import DRUG
from tests.support.world import Given, World

W15: Final = "dnd_days = 5\ndnc_days = 8\ndns_days = 10\nlead_days = 2\nreview_lag_days = 1\n"
HONOLULU: Final = (
    "number,name,country,timezone,language,phone,depot\n104,Honolulu,US,Pacific/Honolulu,en,,900\n"
)
LOTS: Final = (("6001", "A"), ("6002", "B"))


def _drug(world: World, expiry: str, rules: str = W15, sites: tuple[str, ...] = ()) -> World:
    """The study that gives drug without randomization, with these days, kits of this expiry at the
    depot and nowhere else, and Ada at further sites."""
    here = world.of("drug")
    shelf = "SELECT number FROM kit WHERE study = :study AND site = '101'"
    for row in here.rows(f"{shelf} AND disposition = 'available' ORDER BY number"):
        here.do("report_stock", "Ada", kit=row.number, condition="missing")
    for lot in ("5001", "5002"):
        here.do("recall_lot", "Quinn", lot=lot, reason="Not these")
    if "104" in sites:
        here.do("import_sites", "Mia", file=HONOLULU)
    for site in sites:
        here.do("activate_site", "Mia", to_site=site, approval_date="2026-11-19")
        here.do("grant_role", "Mia", user_id="11", role="coordinator", to_site=site)
    given: Given = {"file": DRUG.replace("dnd_days = 10\nlead_days = 2\n", rules)}
    version = str(here.do("publish", "Mia", **given).facts["version"])
    for site in ("101", *sites):
        effective: Given = {"version": version, "effective_date": _today(here, site)}
        here.do("approve_version", "Mia", to_site=site, **effective)
    here.stock([(lot, kind, expiry) for lot, kind in LOTS], 6, start=20_000)
    return here


def _today(world: World, site: str) -> str:
    """The date at a site in November."""
    hours = {"101": -5, "103": 13, "104": -10}[site]
    return (world.core.now() + dt.timedelta(hours=hours)).date().isoformat()


def _ship(world: World, site: str = "101") -> str:
    made = world.do("create_shipment", "Sam", to_site=site, kits_each="1").facts["shipment"]
    return str(made)


def _arrive(world: World, site: str = "101", number: str | None = None) -> None:
    """A shipment sent and received today, where it goes."""
    number = number or _ship(world, site)
    day = _today(world, site)
    world.do("dispatch_shipment", "Sam", shipment=number, dispatch_date=day)
    came: Given = {"received_date": day, "logger": "no_alarm", "damaged": "", "missing": ""}
    world.do("receive", "Ada", site, shipment=number, **came)


def _waiting(world: World, site: str = "101") -> str:
    """A subject who has had the first visit's kits, not from the lots at hand: the second visit's
    have to last the days of dispensing and no longer."""
    number = world.do("screen", "Ada", site, consent_date="2026-11-19").subject
    assert number is not None
    world.do("missed_visit", "Ada", site, subject=number, visit="D1")
    return number


def _gives(world: World, number: str, site: str = "101") -> bool:
    try:
        return bool(world.do("dispense", "Ada", site, subject=number, visit="D2").facts["kits"])
    except NoKitAvailable:
        return False


def _at(world: World, day: str, hour: int = 15) -> None:
    world.set_time(dt.datetime.fromisoformat(f"{day}T{hour:02}:00").replace(tzinfo=dt.UTC))


@pytest.mark.parametrize(("day", "is_sent"), [("2027-07-02", True), ("2027-07-03", False)])
def test_a_kit_is_sent_until_the_days_of_shipping_before_its_expiry(
    quick_world: World, day: str, is_sent: bool
) -> None:
    """Expiry 12 July, DNS 10: the last day is 2 July."""
    here = _drug(quick_world, "2027-07-12")
    _at(here, day)
    if is_sent:
        assert _ship(here)
    else:
        given: Given = {"to_site": "101", "kits_each": "1"}
        told = here.refused("no_kit_available", "create_shipment", "Sam", **given)
        said = {"date": dt.date(2027, 7, 2)}
        assert told.message == Message("error.depot_short_dates", said)
        kept = here.last_entry()["facts"]["message"]
        assert kept == {"message": "error.depot_short", "params": {}}


@pytest.mark.parametrize(("day", "is_given"), [("2027-07-07", True), ("2027-07-08", False)])
def test_a_kit_is_given_until_the_days_of_dispensing_before_its_expiry(
    world: World, day: str, is_given: bool
) -> None:
    """Expiry 12 July, DND 5: the last day is 7 July."""
    here = _drug(world, "2027-07-12")
    _arrive(here)
    number = _waiting(here)
    _at(here, day)
    assert _gives(here, number) is is_given


@pytest.mark.parametrize(
    ("site", "hour", "is_given"),
    [
        ("101", 3, True),  # 23:00 on 7 July in Boston
        ("101", 4, False),  # midnight there
        ("103", 11, True),  # 23:00 on 7 July in Auckland, a day before Honolulu ends its own
        ("103", 12, False),
        ("104", 9, True),  # 23:00 on 7 July in Honolulu
        ("104", 10, False),
    ],
)
def test_the_last_day_ends_where_the_site_is(
    quick_world: World, site: str, hour: int, is_given: bool
) -> None:
    here = _drug(quick_world, "2027-07-12", sites=() if site == "101" else (site,))
    _arrive(here, site)
    number = _waiting(here, site)
    _at(here, "2027-07-07" if site == "103" else "2027-07-08", hour)
    assert _gives(here, number, site) is is_given


def test_at_one_moment_it_is_the_last_day_on_one_side_of_the_date_line_only(
    quick_world: World,
) -> None:
    """Noon UTC on 8 July: two in the morning of the 8th in Honolulu, midnight in Auckland."""
    here = _drug(quick_world, "2027-07-13", sites=("103", "104"))
    for site in ("103", "104"):
        _arrive(here, site)
    far, near = _waiting(here, "103"), _waiting(here, "104")
    _at(here, "2027-07-08", 12)
    assert not _gives(here, far, "103")  # the 9th has begun
    assert _gives(here, near, "104")  # 2 o'clock in the morning of the 8th


def test_what_is_sent_goes_by_the_date_where_it_goes(quick_world: World) -> None:
    """Noon UTC on 2 July is the 3rd in Auckland already: its last day is over."""
    here = _drug(quick_world, "2027-07-12", sites=("103", "104"))
    _at(here, "2027-07-02", 12)
    given: Given = {"to_site": "103", "kits_each": "1"}
    here.refused("no_kit_available", "create_shipment", "Sam", **given)
    assert _ship(here, "104")
    _at(here, "2027-07-03", 9)
    assert _ship(here, "104")  # the evening of the 2nd there


@pytest.mark.parametrize(
    ("expiry", "day", "is_given"),
    [
        ("2028-03-05", "2028-02-29", True),
        ("2028-03-05", "2028-03-01", False),
        ("2028-02", "2028-02-24", True),  # that February ends on the 29th
        ("2028-02", "2028-02-25", False),
        ("2027-03-05", "2027-02-28", True),
        ("2027-03-05", "2027-03-01", False),
    ],
)
def test_a_leap_day_is_a_day(quick_world: World, expiry: str, day: str, is_given: bool) -> None:
    here = _drug(quick_world, expiry)
    _arrive(here)
    number = _waiting(here)
    _at(here, day)
    assert _gives(here, number) is is_given


@pytest.mark.parametrize(("day", "is_given"), [("2027-07-01", True), ("2027-07-02", False)])
def test_a_date_brought_forward_on_the_way_holds_when_it_arrives(
    quick_world: World, day: str, is_given: bool
) -> None:
    """Sent with 12 July, brought forward to 6 July meanwhile: the last day is 1 July."""
    here = _drug(quick_world, "2027-07-12")
    number = _ship(here)
    here.do("dispatch_shipment", "Sam", shipment=number, dispatch_date="2026-11-20")
    for lot, _ in LOTS:
        here.do("extend_lot", "Sam", lot=lot, new_expiry="2027-07-06", basis="Report 3")
    came: Given = {"received_date": "2026-11-20", "logger": "no_alarm"}
    done = here.do("receive", "Ada", shipment=number, damaged="", missing="", **came)
    labels: Given = {"label_date": "2027-07-06", "labels_used": "2", "labels_destroyed": "0"}
    kits = ",".join(done.facts["to_relabel"])
    made = here.do("relabel_kits", "Ada", kits=kits, **labels)
    here.do("approve", "Ivy", proposal=str(made.facts["proposal"]))
    number = _waiting(here)
    _at(here, day)
    assert _gives(here, number) is is_given


@pytest.mark.parametrize(("day", "is_given"), [("2027-07-27", True), ("2027-07-28", False)])
def test_a_date_put_off_on_the_way_holds_for_what_has_its_new_label(
    quick_world: World, day: str, is_given: bool
) -> None:
    """Sent with 12 July, put off to 1 August meanwhile: once relabelled, the last day is 27
    July; what was not relabelled is not given on any day."""
    here = _drug(quick_world, "2027-07-12")
    number = _ship(here)
    here.do("dispatch_shipment", "Sam", shipment=number, dispatch_date="2026-11-20")
    for lot, _ in LOTS:
        here.do("extend_lot", "Sam", lot=lot, new_expiry="2027-08-01", basis="Report 3")
    came: Given = {"received_date": "2026-11-20", "logger": "no_alarm"}
    done = here.do("receive", "Ada", shipment=number, damaged="", missing="", **came)
    number = _waiting(here)
    assert not _gives(here, number)
    labels: Given = {"label_date": "2027-08-01", "labels_used": "2", "labels_destroyed": "0"}
    kits = ",".join(done.facts["to_relabel"])
    made = here.do("relabel_kits", "Ada", kits=kits, **labels)
    here.do("approve", "Ivy", proposal=str(made.facts["proposal"]))
    _at(here, day)
    assert _gives(here, number) is is_given


def test_days_of_a_country_hold_at_its_sites_only(quick_world: World) -> None:
    """DND 5 everywhere, 12 in the United States: Boston gives until 30 June, Auckland longer."""
    rules = f"{W15}[dispensing.per_country.US]\ndnd_days = 12\ndnc_days = 15\ndns_days = 17\n"
    here = _drug(quick_world, "2027-07-12", rules, sites=("103",))
    for site in ("101", "103"):
        _arrive(here, site)
    boston, auckland = _waiting(here), _waiting(here, "103")
    _at(here, "2027-06-30", 15)
    assert _gives(here, boston)
    again = _waiting(here)
    _at(here, "2027-07-01", 15)
    assert not _gives(here, again)
    _at(here, "2027-07-07", 8)
    assert _gives(here, auckland, "103")
