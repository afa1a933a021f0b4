"""The nightly run: once for each night, whoever dies in it, and never twice for a site."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest

from core.access.roles import SYSTEM
from core.access.signin import sign_in
from core.errors import IntegrityBreach, NotAuthenticated
from core.ledger.verify import verify
from core.supply import night
from core.supply.night import last_night, night_of, run_due, run_night
from tests.support.resupply import MIN_MAX, publish
from tests.support.world import World

TONIGHT = dt.date(2026, 11, 21)
_ORDERED = "SELECT site FROM shipment WHERE study = :study AND kind IN ('resupply', 'seed')"


def _ordered(world: World) -> dict[str, int]:
    return dict(Counter(row.site for row in world.rows(_ORDERED)))


def _low(world: World) -> None:
    """Both active sites are low."""
    publish(world, MIN_MAX.format(minimum=8, maximum=10))


def test_every_site_that_is_low_is_sent_a_shipment(world: World) -> None:
    _low(world)
    done = run_night(world.core, "combi", TONIGHT)
    assert done == night.Night(sites=2, orders=2, refused=0)
    assert _ordered(world) == {"101": 1, "102": 1}
    assert verify(world.core).ok


def test_a_night_that_is_done_is_not_done_again(world: World) -> None:
    _low(world)
    run_night(world.core, "combi", TONIGHT)
    assert run_night(world.core, "combi", TONIGHT) is None
    assert run_night(world.core, "combi", TONIGHT - dt.timedelta(days=1)) is None


def test_the_night_is_nobodys_and_on_record(quick_world: World) -> None:
    _low(quick_world)
    run_night(quick_world.core, "combi", TONIGHT)
    *_, first, second, last = quick_world.rows(
        "SELECT * FROM ledger WHERE study = :study ORDER BY sequence"
    )
    assert [(one.transaction, one.actor) for one in (first, second)] == [("resupply", "system")] * 2
    assert (first.channel, last.transaction, last.actor) == ("system", "night_done", None)
    assert quick_world.last_entry()["facts"] == {"night": "2026-11-21", "sites": 2}


def test_nobody_signs_in_as_the_nightly_actor(quick_world: World) -> None:
    with pytest.raises(NotAuthenticated):
        sign_in(quick_world.core, SYSTEM.user_id, "", source="test")


@pytest.mark.parametrize(
    ("at", "now", "night"),
    [
        ("02:00", dt.datetime(2026, 11, 21, 1, 59), dt.date(2026, 11, 20)),
        ("02:00", dt.datetime(2026, 11, 21, 2, 0), dt.date(2026, 11, 21)),
        ("23:30", dt.datetime(2026, 11, 21, 23, 29), dt.date(2026, 11, 20)),
        ("00:00", dt.datetime(2028, 2, 29, 0, 0), dt.date(2028, 2, 29)),
    ],
)
def test_a_night_begins_at_its_hour(at: str, now: dt.datetime, night: dt.date) -> None:
    assert night_of(at, now.replace(tzinfo=dt.UTC)) == night


def test_a_new_study_waits_for_its_next_night(world: World) -> None:
    _low(world)
    assert run_due(world.core) == 0
    assert _ordered(world) == {}
    world.days_later(0.5)  # three o'clock, UTC
    assert run_due(world.core) == 2  # combi, and drug: it orders nothing
    assert _ordered(world) == {"101": 1, "102": 1}
    assert run_due(world.core) == 0


def test_missed_nights_are_made_up_for_by_one(quick_world: World) -> None:
    _low(quick_world)
    run_due(quick_world.core)
    quick_world.days_later(5)
    run_due(quick_world.core)
    assert _ordered(quick_world) == {"101": 1, "102": 1}
    with quick_world.core.reading() as db:
        assert last_night(db, "combi") == dt.date(2026, 11, 25)
    quick_world.days_later(1)
    run_due(quick_world.core)
    assert _ordered(quick_world) == {"101": 1, "102": 1}


def test_a_site_that_is_refused_does_not_keep_the_others(quick_world: World) -> None:
    """The depot has eight of each: the first site takes them all."""
    publish(quick_world, MIN_MAX.format(minimum=8, maximum=16))
    done = run_night(quick_world.core, "combi", TONIGHT)
    assert done == night.Night(sites=2, orders=1, refused=1)
    assert ("sms.resupply_none", None, "supply_manager") in quick_world.messages()


def test_while_one_worker_holds_the_lease_another_leaves_the_night_alone(world: World) -> None:
    _low(world)
    stopped = _dies_after_one_site(world)
    assert stopped
    assert run_night(world.core, "combi", TONIGHT) is None
    assert len(_ordered(world)) == 1


def test_a_lapsed_lease_is_taken_over_and_the_night_finished_once(world: World) -> None:
    _low(world)
    _dies_after_one_site(world)
    world.set_time(world.core.now() + night.LEASE)
    assert run_night(world.core, "combi", TONIGHT) == night.Night(sites=2, orders=1, refused=0)
    assert _ordered(world) == {"101": 1, "102": 1}


def _dies_after_one_site(world: World) -> bool:
    """A worker that is gone after its first site, its lease left behind."""
    asked = iter((True, False))

    def go_on() -> bool:
        if next(asked):
            return True
        raise IntegrityBreach

    with pytest.raises(IntegrityBreach):
        run_night(world.core, "combi", TONIGHT, go_on)
    return True


def test_a_worker_told_to_stop_leaves_the_rest_to_the_next_at_once(quick_world: World) -> None:
    _low(quick_world)
    asked = iter((True, False))
    assert run_night(quick_world.core, "combi", TONIGHT, lambda: next(asked)) is None
    assert len(_ordered(quick_world)) == 1
    assert run_night(quick_world.core, "combi", TONIGHT) is not None
    assert _ordered(quick_world) == {"101": 1, "102": 1}


def test_a_night_that_fails_three_times_is_told(quick_world: World) -> None:
    _low(quick_world)

    def fails() -> bool:
        raise IntegrityBreach

    for _ in range(3):
        with pytest.raises(IntegrityBreach):
            run_night(quick_world.core, "combi", TONIGHT, fails)
        quick_world.set_time(quick_world.core.now() + night.LEASE)
    assert quick_world.messages().count(("sms.night_stuck", None, "supply_manager")) == 1
