"""What a depot sends: first to expire, chance among equals, as cheap where there are many kits."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, insert, select, text, update

from core.context import Context
from core.db.models import kit, lot
from core.db.stock import lot_release
from core.facts import Facts
from core.supply.kits import Stocked, lot_about
from core.supply.pick import pick
from core.transaction import Channel
from tests.support.world import World

TODAY = dt.date(2026, 11, 20)
LATER = dt.date(2027, 3, 31)
LAST = dt.date(2027, 9, 30)
OPENED_NEVER = b"no kit is opened"


def _context(world: World, db: Connection) -> Context:
    sam = world.actor("Sam")
    facts = Facts(
        db, world.core, actor=sam, study="combi", site=None, now=world.core.now(), locking=True
    )
    return Context(
        *(world.core, db, facts.config, facts, world.core.now(), sam),
        *("combi", None, Channel.COMMAND),
    )


def _lots(world: World, lots: Sequence[tuple[str, str, dt.date, int]], country: str = "US") -> None:
    """Released lots (number, type, expiry, kits) in place of the depot's own; their kits cannot be
    opened, and come in turn, so that no lot's are together in the table."""
    rows = []
    with world.core.writing() as db:
        db.execute(update(kit).where(kit.c.depot == "900").values(depot="901"))
        for number, kit_type, expiry, count in lots:
            token = world.core.keys.seal(lot_about("combi", number), kit_type).token
            values = {
                **{"study": "combi", "number": number, "kit_type": token, "label_lot": number},
                **{"expiry": expiry, "stable_until": expiry, "countries": f" {country} "},
                "status": "released",
            }
            made = db.execute(insert(lot), values).inserted_primary_key
            assert made is not None
            release = {"lot_id": made[0], "country": country, "certificate": "1"}
            db.execute(insert(lot_release), {**release, "released_at": world.core.now()})
            rows += [(place, number, made[0]) for place in range(count)]
        db.execute(
            insert(kit),
            [
                {
                    **{"study": "combi", "number": f"{lot_number}{place:04d}", "sequence": place},
                    **{"kit_type": OPENED_NEVER, "lot_id": lot_id, "disposition": "available"},
                    **{"custody": "at_rest", "quality": "none", "depot": "900"},
                }
                for place, lot_number, lot_id in sorted(rows)
            ],
        )


def _picked(
    world: World, wanted: str, country: str | None = "US", good_until: dt.date = TODAY
) -> tuple[Stocked, ...] | None:
    with world.core.writing() as db:
        return pick(_context(world, db), "900", country, tuple(wanted), good_until)


def _of(world: World, wanted: str) -> Counter[str]:
    return Counter(item.number[:4] for item in _picked(world, wanted) or ())


@pytest.mark.parametrize("count", [3, 400])
def test_the_first_to_expire_go_first_and_the_next_fill_up(world: World, count: int) -> None:
    lots = [("6001", "A", LATER, 2), ("6002", "A", LAST, count), ("6003", "B", LAST, count)]
    _lots(world, lots)
    assert _of(world, "AABB") == {"6001": 2, "6003": 2}
    with world.core.writing() as db:
        found = pick(_context(world, db), "900", "US", {"A": 2, "B": 2}, TODAY)
    assert Counter(item.number[:4] for item in found or ()) == {"6001": 2, "6003": 2}
    assert _of(world, "AAAB") == {"6001": 2, "6002": 1, "6003": 1}


def test_what_is_lacking_of_one_type_leaves_everything_there(world: World) -> None:
    _lots(world, [("6001", "A", LATER, 300), ("6003", "B", LAST, 2)])
    assert _picked(world, "ABBB") is None
    assert _picked(world, "ABC") is None
    assert _picked(world, "ABB")


def test_only_lots_of_the_country_that_last_are_sent(world: World) -> None:
    _lots(world, [("6001", "A", LATER, 3)])
    assert _picked(world, "A", "ES") is None
    assert _picked(world, "A", None)
    assert _picked(world, "A", good_until=LATER)
    assert _picked(world, "A", good_until=LATER + dt.timedelta(1)) is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE kit SET quality = 'quarantined' WHERE depot = '900'",
        "UPDATE kit SET disposition = 'reserved' WHERE depot = '900'",
        "UPDATE kit SET labelled_until = '2027-01-01' WHERE depot = '900'",
        "UPDATE lot SET status = 'recalled' WHERE number = '6001'",
    ],
)
def test_what_is_held_reserved_to_be_relabelled_or_recalled_stays(
    quick_world: World, change: str
) -> None:
    _lots(quick_world, [("6001", "A", LATER, 300)])
    with quick_world.core.writing() as db:
        db.execute(text(change))
    assert _picked(quick_world, "A") is None


@pytest.mark.parametrize(("kits", "others"), [(8, 0), (120, 600)])
def test_among_equals_every_kit_is_as_likely(quick_world: World, kits: int, others: int) -> None:
    """Few, where all are read, and many among those of another lot, where some are drawn."""
    _lots(quick_world, [("6001", "A", LATER, kits), ("6002", "B", LATER, others)])
    seen: Counter[int] = Counter()
    rounds = 15 * kits
    with quick_world.core.writing() as db:
        context = _context(quick_world, db)
        for _ in range(rounds):
            found = pick(context, "900", "US", ("A", "A"), TODAY)
            assert found is not None
            assert found[0].number < found[1].number
            seen.update(int(item.number[4:]) for item in found)
    assert len(seen) == kits
    chi_square = sum((seen[place] - 30) ** 2 / 30 for place in range(kits))
    assert chi_square < kits + 4 * (2 * kits) ** 0.5


def test_types_changed_for_each_other_send_the_same_kits(quick_world: World) -> None:
    _lots(quick_world, [("6001", "A", LATER, 200), ("6002", "B", LATER, 200)])
    _lots(quick_world.of("combi"), [("6003", "B", LATER, 200), ("6004", "A", LATER, 200)], "ES")
    with quick_world.core.writing() as db:
        db.execute(text("UPDATE kit SET depot = '900' WHERE number LIKE '600%'"))
        context = _context(quick_world, db)
        ids = select(kit.c.id).where(kit.c.number.like("6001%") | kit.c.number.like("6002%"))
        first_id = min(db.scalars(ids))
        offset = min(db.scalars(select(kit.c.id).where(kit.c.number.like("6003%")))) - first_id
        state = context.entropy._counter  # type: ignore[attr-defined]
        first = pick(context, "900", "US", ("A", "A", "B", "B"), TODAY)
        context.entropy._counter = state  # type: ignore[attr-defined]
        second = pick(context, "900", "ES", ("A", "A", "B", "B"), TODAY)
    assert first is not None
    assert second is not None
    assert sorted(k.id + offset for k in first) == sorted(k.id for k in second)


def test_the_work_does_not_grow_with_the_depot(quick_world: World) -> None:
    """The database takes as many steps for 8,000 kits as for 1,000."""
    steps = {}
    for place, count in enumerate((500, 4000)):
        lots = [(f"61{place}1", "A", LATER, count), (f"61{place}2", "B", LATER, count)]
        _lots(quick_world, lots)
        steps[count] = _steps(quick_world)
    assert steps[4000] < 1.3 * steps[500]


def _steps(world: World) -> int:
    """How many steps (thousands of SQLite's instructions) a pick takes."""
    taken = 0

    def step() -> None:
        nonlocal taken
        taken += 1

    with world.core.writing() as db:
        driver = db.connection.dbapi_connection
        assert driver is not None
        context = _context(world, db)
        driver.set_progress_handler(step, 10)
        assert pick(context, "900", "US", ("A", "B"), TODAY)
        driver.set_progress_handler(None, 10)
    return taken
