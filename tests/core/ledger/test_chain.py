"""The chain: each entry holds the one before it, and the database refuses to change any."""

from __future__ import annotations

import hashlib
import json

import pytest
from sqlalchemy.exc import DBAPIError

from core.ledger import triggers
from core.ledger.encoding import secret_digest
from core.ledger.verify import verify
from tests.support.world import World

STUDIES = ("combi", "solo", "mini", "drug", "installation")


def test_every_chain_holds_from_its_first_entry_on(world: World) -> None:
    world.dispense(world.randomized())
    for study in STUDIES:
        rows = world.of(study).rows(
            "SELECT sequence, body, hash FROM ledger WHERE study = :study ORDER BY sequence"
        )
        previous = ""
        for place, row in enumerate(rows, start=1):
            entry = json.loads(row.body)
            assert row.sequence == entry["sequence"] == place
            assert entry["previous"] == previous
            previous = row.hash
            assert hashlib.sha256(row.body.encode()).hexdigest() == previous
        head = world.of(study).rows("SELECT sequence, hash FROM chain WHERE study = :study")
        assert [tuple(row) for row in head] == [(len(rows), previous)]
    assert verify(world.core).ok


@pytest.mark.req("R8")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET body = body",
        "UPDATE ledger SET actor = '12' WHERE sequence = 1",
        "DELETE FROM ledger",
        "DELETE FROM ledger WHERE sequence = 1",
    ],
)
def test_the_database_refuses_to_change_or_delete_an_entry(world: World, statement: str) -> None:
    before = world.one("SELECT count(*) FROM ledger")
    with (
        pytest.raises(DBAPIError, match="written once"),
        world.core.engine.begin() as db,
    ):
        db.exec_driver_sql(statement)
    assert world.one("SELECT count(*) FROM ledger") == before


def test_an_entry_is_not_replaced_either(world: World) -> None:
    columns = 'study, sequence, at, "transaction", outcome, channel, body, hash, seal'
    again = f"INTO ledger ({columns}) SELECT {columns} FROM ledger WHERE sequence = 1"
    if world.core.engine.dialect.name == "sqlite":
        statement = f"INSERT OR REPLACE {again}"
    else:
        statement = f"INSERT {again} ON CONFLICT (study, sequence) DO UPDATE SET body = ''"
    with pytest.raises(DBAPIError, match="written once"), world.core.engine.begin() as db:
        db.exec_driver_sql(statement)


@pytest.mark.req("R8")
def test_a_trigger_that_is_gone_is_missed(world: World) -> None:
    on_table = "" if world.core.engine.dialect.name == "sqlite" else " ON ledger"
    with world.core.engine.begin() as db:
        assert triggers.missing(db) == ()
        db.exec_driver_sql(f"DROP TRIGGER ledger_no_update{on_table}")
        assert triggers.missing(db) == ("ledger_no_update",)
    report = verify(world.core)
    assert not report.ok
    assert report.first_wrong is None


@pytest.mark.req("R6")
def test_an_arm_stands_in_the_record_as_a_salted_digest_alone(world: World) -> None:
    receipt = world.randomize()
    salt, arm = world.secrets(receipt.sequence)["arm"]
    assert arm == world.arm(receipt.subject)
    digests = world.entry(receipt.sequence)["secret"]
    assert digests["arm"] == secret_digest(salt, arm)
    assert len(bytes.fromhex(salt)) == 16
    plain = [hashlib.sha256(word.encode()).hexdigest() for word in ("active", "placebo")]
    assert digests["arm"] not in plain


def test_two_same_arms_have_different_digests(world: World) -> None:
    seen = [world.entry(world.randomize().sequence)["secret"]["arm"] for _ in range(6)]
    assert len(set(seen)) == 6
