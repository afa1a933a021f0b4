"""Calls on record: sealed once at their end, swept when the end never came."""

from __future__ import annotations

import hashlib
import json

from core import calls
from tests.support.telephone import sign_on, telephone
from tests.support.world import World


def ended(world: World) -> list[dict[str, object]]:
    rows = world.rows("SELECT body FROM ledger WHERE \"transaction\" = 'call_ended' ORDER BY at")
    return [json.loads(row.body) for row in rows]


def test_a_call_is_sealed_once_with_its_turns(world: World) -> None:
    phone = telephone(world)
    sign_on(phone, "Di")
    phone.hang_up()
    phone.resend_last()
    with world.core.writing() as db:
        assert not calls.end(db, world.core, phone.call_sid, "completed")
    (entry,) = ended(world)
    rows = world.rows("SELECT turn, heard, state, receipt_id FROM call_turn ORDER BY turn")
    text = json.dumps([list(row) for row in rows], separators=(",", ":"))
    assert entry["study"] == "combi"
    assert entry["actor"] == "15"
    assert entry["channel"] == "telephone"
    facts = entry["facts"]
    assert isinstance(facts, dict)
    assert facts["turns"] == len(rows) == 4
    assert facts["digest"] == hashlib.sha256(text.encode()).hexdigest()


def test_a_call_that_never_signed_in_belongs_to_the_installation(world: World) -> None:
    phone = telephone(world, to="+12025550198")
    phone.dial()
    phone.hang_up()
    (entry,) = ended(world)
    assert entry["study"] == "installation"
    assert entry["actor"] is None


def test_an_end_of_an_unknown_call_is_ignored(world: World) -> None:
    with world.core.writing() as db:
        assert not calls.end(db, world.core, "CA" + "9" * 32, "completed")
    assert ended(world) == []


def test_calls_without_an_end_are_swept(world: World) -> None:
    phone = telephone(world)
    sign_on(phone, "Di")
    assert calls.sweep(world.core) == 0
    world.days_later(0.5)
    assert calls.sweep(world.core) == 1
    assert calls.sweep(world.core) == 0
    (entry,) = ended(world)
    assert isinstance(entry["facts"], dict)
    assert entry["facts"]["status"] == "lost"


def test_a_turn_is_written_once(world: World) -> None:
    phone = telephone(world)
    phone.dial()
    with world.core.writing() as db:
        now = world.core.now()
        assert calls.write_turn(db, phone.call_sid, 5, "a", "{}", now)
        assert not calls.write_turn(db, phone.call_sid, 5, "b", '{"x":1}', now)
        before, this, _ = calls.turns(db, phone.call_sid, 5)
    assert before is None
    assert this is not None
    assert (this.heard, this.state) == ("a", "{}")


def test_the_caller_s_number_is_kept_as_a_digest_only(world: World) -> None:
    phone = telephone(world)
    phone.dial()
    assert phone.from_ not in str(world.rows("SELECT * FROM call"))
