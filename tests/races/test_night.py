"""Two workers at the same night, and a supply manager beside them: each site is supplied once."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from functools import partial

from core.ledger.verify import verify
from core.supply.night import LEASE, run_night
from tests.races.crowd import at_once, done
from tests.support.resupply import MIN_MAX, ordered, publish
from tests.support.world import World

TONIGHT = dt.date(2026, 11, 21)
_ORDERS = "SELECT number, site FROM shipment WHERE study = :study AND kind = 'resupply'"


def test_of_six_workers_one_does_the_night(crowded: World) -> None:
    publish(crowded, MIN_MAX.format(minimum=8, maximum=10))
    results = at_once([partial(run_night, crowded.core, "combi", TONIGHT)] * 6)
    assert [night.orders for night in results if night is not None] == [2]  # type: ignore[union-attr]
    assert Counter(row.site for row in crowded.rows(_ORDERS)) == {"101": 1, "102": 1}
    assert verify(crowded.core).ok


def test_a_slow_worker_and_the_one_that_took_over_order_once(crowded: World) -> None:
    """The first one's lease has lapsed, and it does not know yet."""
    publish(crowded, MIN_MAX.format(minimum=8, maximum=10))

    def slow() -> bool:
        crowded.set_time(crowded.core.now() + LEASE)
        run_night(crowded.core, "combi", TONIGHT)
        return True

    assert run_night(crowded.core, "combi", TONIGHT, slow) is None
    assert Counter(row.site for row in crowded.rows(_ORDERS)) == {"101": 1, "102": 1}


def test_asked_for_from_many_sides_a_site_is_supplied_once(crowded: World) -> None:
    publish(crowded, MIN_MAX.format(minimum=8, maximum=10))
    here = partial(crowded.do, "resupply", "Sam", to_site="101")
    night = partial(run_night, crowded.core, "combi", TONIGHT)
    deeds: list[Callable[[], object]] = [here, here, here, here, here, night]
    results = at_once(deeds)
    assert len(done(results)) == 6
    made = crowded.rows(_ORDERS)
    assert Counter(row.site for row in made) == {"101": 1, "102": 1}
    for row in made:
        assert ordered(crowded, row.number) == {"A": 2, "B": 2}


def test_by_hand_and_by_rule_at_once_no_kit_is_in_two_shipments(crowded: World) -> None:
    publish(crowded, MIN_MAX.format(minimum=8, maximum=10))
    by_hand = partial(crowded.do, "create_shipment", "Sam", to_site="101", kits_each="1")
    night = partial(run_night, crowded.core, "combi", TONIGHT)
    deeds: list[Callable[[], object]] = [by_hand, by_hand, night, by_hand]
    assert len(done(at_once(deeds))) == 4
    query = (
        "SELECT shipment_kit.kit_id FROM shipment_kit JOIN shipment "
        "ON shipment.id = shipment_kit.shipment_id "
        "WHERE shipment.study = :study AND shipment.status = 'requested'"
    )
    kits = [row.kit_id for row in crowded.rows(query)]
    assert len(set(kits)) == len(kits)
    assert verify(crowded.core).ok
