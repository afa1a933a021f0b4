"""Roles for a time: begun in advance, ended on a day, and nothing before or after."""

from __future__ import annotations

import datetime as dt

import pytest

from core.access.listing import PeopleListing
from core.access.roles import load_actor
from core.ledger.verify import verify
from tests.support.world import PEOPLE, Given, World

DI = PEOPLE["Di"]


def _roles(world: World, at: dt.datetime) -> frozenset[str]:
    with world.core.reading() as db:
        return load_actor(db, DI, at).roles_at("combi", "101")


def _grant(world: World, **given: str) -> dict[str, object]:
    named: Given = {"user_id": DI, "role": "pharmacist", "to_site": "101", **given}
    return dict(world.do("grant_role", "Mia", **named).facts)


@pytest.mark.req("R13")
def test_a_delegation_holds_from_its_first_day_to_its_last_at_the_site(
    quick_world: World,
) -> None:
    facts = _grant(quick_world, starts_on="2026-12-01", ends_on="2026-12-31")
    begins = dt.datetime(2026, 12, 1, 5, tzinfo=dt.UTC)  # midnight in New York
    ends = dt.datetime(2027, 1, 1, 5, tzinfo=dt.UTC)
    second = dt.timedelta(seconds=1)
    assert (facts["starts_at"], facts["ends_at"]) == (begins.isoformat(), ends.isoformat())
    for at, held in (
        (quick_world.core.now(), frozenset()),
        (begins - second, frozenset()),
        (begins, {"pharmacist"}),
        (ends - second, {"pharmacist"}),
        (ends, frozenset()),
    ):
        assert _roles(quick_world, at) == held, at


def test_a_transaction_is_refused_on_the_day_after_the_last(quick_world: World) -> None:
    _grant(quick_world, ends_on="2026-11-20")
    quick_world.do("report_stock", "Di", "101", kit=_kit(quick_world), condition="damaged")
    quick_world.days_later(1)
    from core.errors import NotFound

    with pytest.raises(NotFound):
        quick_world.do("report_stock", "Di", "101", kit=_kit(quick_world), condition="damaged")


def _kit(world: World) -> str:
    query = "SELECT number FROM kit WHERE study = :study AND site = '101' AND disposition = :d"
    return str(world.rows(query, d="available")[0].number)


def test_nothing_is_back_dated_and_no_last_day_comes_before_the_first(
    quick_world: World,
) -> None:
    given: Given = {"user_id": DI, "role": "pharmacist", "to_site": "101"}
    quick_world.wrong("starts_on", "grant_role", "Mia", **given, starts_on="2026-11-19")
    quick_world.wrong("ends_on", "grant_role", "Mia", **given, ends_on="2026-11-19")
    wrong = quick_world.wrong(
        "ends_on", "grant_role", "Mia", **given, starts_on="2026-12-02", ends_on="2026-12-01"
    )
    assert wrong.message.id == "error.ends_before"


def test_the_same_role_is_not_given_twice_for_the_same_days(quick_world: World) -> None:
    given: Given = {"user_id": DI, "role": "pharmacist", "to_site": "101"}
    _grant(quick_world, starts_on="2026-12-01", ends_on="2026-12-31")
    for days in ({}, {"starts_on": "2026-12-31"}, {"ends_on": "2026-12-01"}):
        quick_world.refused("role_held", "grant_role", "Mia", **given, **days)
    _grant(quick_world, starts_on="2027-01-01")
    _grant(quick_world, ends_on="2026-11-30")


def test_a_role_is_ended_before_its_last_day_and_before_its_first(quick_world: World) -> None:
    _grant(quick_world, starts_on="2026-12-01")
    newest = quick_world.one("SELECT max(id) FROM grant_role")
    quick_world.do("end_role", "Mia", grant=str(newest))
    assert _roles(quick_world, quick_world.core.now() + dt.timedelta(days=60)) == frozenset()
    quick_world.refused("role_ended", "end_role", "Mia", grant=str(newest))


@pytest.mark.req("R10")
def test_ended_and_coming_delegations_are_listed(quick_world: World) -> None:
    _grant(quick_world, ends_on="2026-11-21")
    _grant(quick_world, starts_on="2026-12-01")
    quick_world.days_later(3)
    with quick_world.core.reading() as db:
        listing = PeopleListing(quick_world.core, db, quick_world.actor("Mia"), "combi")
        ((di,),) = (listing.list_people(user_id=DI).rows,)
    now = quick_world.core.now()
    assert [one.holds(now) for one in di.grants if one.role == "pharmacist"] == [False, False]
    assert any(one.holds(now) for one in di.grants if one.role == "coordinator")


def test_a_role_that_begins_later_goes_on_where_the_one_before_it_is_ended(
    quick_world: World,
) -> None:
    _grant(quick_world, ends_on="2026-11-30")
    _grant(quick_world, starts_on="2026-12-01")
    first = min(
        row.id
        for row in quick_world.rows(
            "SELECT id FROM grant_role WHERE study = :study AND user_id = :di AND role = :role",
            di=DI,
            role="pharmacist",
        )
    )
    quick_world.set_time(quick_world.core.now() + dt.timedelta(hours=1))
    quick_world.do("end_role", "Mia", grant=str(first))
    assert _roles(quick_world, dt.datetime(2026, 12, 2, tzinfo=dt.UTC)) == {"pharmacist"}
    assert verify(quick_world.core, "combi").problems == []
