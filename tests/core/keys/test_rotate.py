"""A new key: everything is sealed anew under it, and the old one can be forgotten."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from sqlalchemy import LargeBinary, text

from core.db.models import Base
from core.keys import rotate as rotating
from core.keys.columns import COLUMNS, OPEN
from core.keys.rotate import rotate, under_other_keys
from core.ledger import triggers
from core.ledger.verify import verify
from core.runtime import Core
from core.sealed import Keys
from tests.support.unblinding import CALL, join
from tests.support.world import ENCRYPTION, SECRET, World
from tests.web.test_cli import Shell

NEW = b"n" * 32


def under(world: World, *keys: bytes) -> World:
    """The same world, its settings naming these keys."""
    core = world.core
    made = Keys(SECRET.encode(), keys, core.entropy)
    settings = dataclasses.replace(core.settings, encryption_keys=keys)
    changed = Core(core.engine, made, settings, clock=core.clock, entropy=core.entropy)
    return World(changed, world.study, f"under {len(keys)} ")


def lived_in(world: World) -> World:
    """Something sealed in most columns."""
    join(world)
    number = world.randomized()
    world.of("mini").randomized()
    world.dispense(number)
    world.do("take_emergency_call", "Opal", subject=number, **CALL)
    world.do("resupply", "Sam", to_site="102")
    hold: dict[str, Any] = {"hold_scope": "arm", "hold_arm": world.arm(number)}
    hold |= {"hold_randomization": "yes", "hold_dispensing": "no", "hold_reason": "Safety"}
    world.do("place_hold", "Mia", **hold)
    return world


def test_every_binary_column_is_sealed_anew_or_known_to_be_no_secret() -> None:
    binary = {
        column
        for table in Base.metadata.sorted_tables
        for column in table.c
        if isinstance(column.type, LargeBinary)
    }
    assert binary == {one.column for one in COLUMNS} | OPEN


def test_after_it_the_old_key_opens_nothing_that_is_needed(world: World) -> None:
    old = lived_in(world)
    arm = old.arm("101001")
    both = under(old, NEW, ENCRYPTION)
    waiting = under_other_keys(both.core)
    done = rotate(both.core)
    assert done.wrong == []
    assert done.resealed == waiting
    assert {"subject.arm", "kit.kit_type", "ledger.secret", "study.seed", "person.mobile"} <= set(
        done.resealed
    )
    new = under(both, NEW)
    assert under_other_keys(new.core) == {}
    assert verify(new.core).problems == []
    assert new.arm("101001") == arm
    new.do("lift_hold", "Mia", hold="1", hold_reason="The board has looked at it")
    number = new.randomized()
    new.dispense(number)
    assert verify(new.core).problems == []


def test_the_triggers_are_in_place_again_and_the_ledger_tells_of_it(world: World) -> None:
    both = under(lived_in(world), NEW, ENCRYPTION)
    rotate(both.core)
    with both.core.reading() as db:
        assert triggers.missing(db) == ()
    entry = World(both.core, "installation").last_entry()
    assert entry["transaction"] == "keys_rotated"
    assert entry["facts"]["values"]["subject.arm"] == 2
    assert rotate(both.core).resealed == {}
    assert World(both.core, "installation").last_entry() == entry  # nothing done, nothing told


def test_stopped_in_between_it_goes_on_where_it_was(
    quick_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotating, "BATCH", 5)
    both = under(lived_in(quick_world), NEW, ENCRYPTION)
    waiting = sum(under_other_keys(both.core).values())
    seen = 0

    class Stopped(Exception):
        pass

    def stop(count: int) -> None:
        nonlocal seen
        seen += count
        if seen > waiting // 2:
            raise Stopped

    with pytest.raises(Stopped):
        rotate(both.core, stop)
    left = sum(under_other_keys(both.core).values())
    assert 0 < left == waiting - seen
    assert verify(both.core).ok  # half-way through, too
    assert rotate(both.core).total == left
    assert under_other_keys(both.core) == {}


def test_a_value_that_does_not_open_stays_and_is_named(quick_world: World) -> None:
    both = under(lived_in(quick_world), NEW, ENCRYPTION)
    with both.core.engine.begin() as db:
        db.execute(
            text(
                "UPDATE subject SET arm = CAST(substr(arm, 1, 20) AS BLOB) WHERE number = '101001'"
            )
        )
    done = rotate(both.core)
    (wrong,) = done.wrong
    assert wrong.startswith("subject.arm of ")
    assert under_other_keys(both.core) == {"subject.arm": 1}


def test_the_command_counts_and_seals_anew(quick_world: World) -> None:
    shell = Shell(str(lived_in(quick_world).core.engine.url))
    assert shell.json("keys", "show")["under_other_keys"] == {}
    shell.environment["IXRS_ENCRYPTION_KEY"] = f"{NEW.hex()},{ENCRYPTION.hex()}"
    waiting = sum(shell.json("keys", "show")["under_other_keys"].values())
    done = shell.json("keys", "rotate")
    assert (done["resealed"], done["left"], done["wrong"]) == (waiting, 0, [])
    shell.environment["IXRS_ENCRYPTION_KEY"] = NEW.hex()
    assert shell.json("verify")["ok"]
