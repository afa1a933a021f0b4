"""Verifying: whatever is altered behind the program's back shows, and where."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from core.ledger import triggers
from core.ledger.encoding import canonical, digest
from core.ledger.verify import Report, verify
from core.runtime import Core
from tests.support.world import World


def tamper(world: World, *statements: str, **values: Any) -> Report:
    """What a verification by another process finds after someone with the database's password has
    been at it, who puts the triggers back."""
    on_table = "" if world.core.engine.dialect.name == "sqlite" else " ON ledger"
    with world.core.engine.begin() as db:
        for name in triggers.NAMES:
            db.exec_driver_sql(f"DROP TRIGGER {name}{on_table}")
        for statement in statements:
            db.execute(text(statement), values)
        triggers.create(db)
    return check(world)


def check(world: World) -> Report:
    core = world.core
    return verify(Core(core.engine, core.keys, core.settings, clock=core.clock))


def rewrite(world: World, sequence: int, **changed: Any) -> Report:
    """Alter an entry of the study and make every hash from there to the chain's head anew."""
    rows = world.rows("SELECT sequence, body FROM ledger WHERE study = :study ORDER BY sequence")
    previous = ""
    statements: list[str] = []
    values: dict[str, Any] = {}
    for row in rows:
        entry = json.loads(row.body) | {"previous": previous}
        entry |= changed if row.sequence == sequence else {}
        body = canonical(entry)
        previous = digest(body)
        n = row.sequence
        values |= {f"b{n}": body, f"h{n}": previous, f"a{n}": entry["actor"]}
        statements.append(
            f"UPDATE ledger SET body = :b{n}, hash = :h{n}, actor = :a{n} "
            f"WHERE study = '{world.study}' AND sequence = {n}"
        )
    values["head"] = previous
    statements.append(f"UPDATE chain SET hash = :head WHERE study = '{world.study}'")
    return tamper(world, *statements, **values)


def found(report: Report) -> tuple[str, int] | None:
    assert not report.ok
    return (report.first_wrong.study, report.first_wrong.sequence) if report.first_wrong else None


def test_what_was_written_is_found_as_it_was_written(world: World) -> None:
    world.dispense(world.randomized())
    world.of("mini").randomized()
    assert check(world).problems == []


@pytest.mark.parametrize("changed", [{"actor": "17"}, {"site": None}, {"signatures": []}])
def test_a_chain_written_anew_to_its_head_is_not_ours(
    world: World, changed: dict[str, Any]
) -> None:
    signed = "SELECT min(sequence) FROM ledger WHERE study = :study AND body LIKE :with"
    place = world.one(signed, **{"with": '%"signatures":[{%'})
    if "site" in changed:
        changed = {"facts": {**world.entry(place)["facts"], "site": "999"}}
    assert found(rewrite(world, place, **changed)) == (world.study, place)


def test_entries_cut_off_with_the_head_put_back_are_missed(world: World) -> None:
    world.dispense(world.randomized())
    last = world.one("SELECT max(sequence) FROM ledger WHERE study = :study")
    report = tamper(
        world,
        f"DELETE FROM ledger WHERE study = '{world.study}' AND sequence > {last - 2}",
        f"UPDATE chain SET sequence = {last - 2}, hash = (SELECT hash FROM ledger "
        f"WHERE study = '{world.study}' AND sequence = {last - 2}), seal = (SELECT seal "
        f"FROM ledger WHERE study = '{world.study}' AND sequence = {last - 2}) "
        f"WHERE study = '{world.study}'",
    )
    assert found(report) == (world.study, last - 2)


@pytest.mark.parametrize("code", ["combi", "installation"])
def test_a_chain_that_is_gone_with_its_head_is_missed(world: World, code: str) -> None:
    report = tamper(
        world,
        f"DELETE FROM ledger WHERE study = '{code}'",
        f"DELETE FROM chain WHERE study = '{code}'",
    )
    assert found(report) == (code, 1)


def test_a_study_that_nobody_knows_is_a_problem(world: World) -> None:
    assert verify(world.core, "nosuch").problems == ["there is no chain of nosuch"]


def test_a_study_file_altered_after_it_was_signed_shows(world: World) -> None:
    report = tamper(
        world, f"UPDATE study_version SET source = source || ' ' WHERE study = '{world.study}'"
    )
    publish = world.one(
        "SELECT sequence FROM ledger WHERE study = :study AND \"transaction\" = 'publish'"
    )
    assert found(report) == (world.study, publish)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE allocator SET draws = draws + 1",
        "UPDATE allocator SET draws = draws - 1",
        "UPDATE allocator SET state = NULL",
        "DELETE FROM list_row WHERE sequence > 5",
        "UPDATE list_row SET arm = (SELECT arm FROM list_row o WHERE o.study = list_row.study "
        "AND o.domain = list_row.domain AND o.sequence = list_row.sequence + 1) "
        "WHERE sequence = 7",
        "INSERT INTO list_row (study, domain, sequence, block, number, arm) SELECT study, domain, "
        "sequence + 1000, block, '77' || number, arm FROM list_row WHERE sequence = 1",
    ],
)
def test_a_list_or_a_count_that_was_touched_shows(world: World, statement: str) -> None:
    world.randomized()
    world.of("mini").randomized()
    assert found(tamper(world, statement)) is None


@pytest.mark.parametrize("change", ["block = block + 1", "number = '99' || number"])
def test_a_row_of_a_list_that_somebody_has_names_that_entry(world: World, change: str) -> None:
    first = world.randomize()
    world.randomize()
    report = tamper(world, f"UPDATE list_row SET {change} WHERE sequence <= 2")
    assert found(report) == (world.study, first.sequence)


@pytest.mark.parametrize(
    "change",
    [
        "confirmation = '99' || confirmation",
        "actor = '17'",
        "outcome = 'refused'",
        "\"transaction\" = 'screen'",
    ],
)
def test_a_receipt_that_says_other_than_its_entry_shows(world: World, change: str) -> None:
    receipt = world.randomize()
    report = tamper(world, f"UPDATE receipt SET {change} WHERE id = {receipt.id}")
    assert found(report) == (world.study, receipt.sequence)


@pytest.mark.parametrize(
    "change", ["randomized_on = '2001-01-01'", "randomized_at = NULL", "levels = '{}'"]
)
def test_a_randomized_subject_that_was_touched_shows(world: World, change: str) -> None:
    receipt = world.randomize()
    where = f"study = '{world.study}' AND number = '{receipt.subject}'"
    report = tamper(world, f"UPDATE subject SET {change} WHERE {where}")
    assert found(report) == (world.study, receipt.sequence)


def test_a_sealed_value_is_as_long_whichever_arm_it_is(world: World) -> None:
    lengths: dict[str, set[int]] = {}
    for _ in range(16):
        receipt = world.randomize()
        kept = world.secrets(receipt.sequence)
        row = world.one(
            "SELECT secret FROM ledger WHERE study = :study AND sequence = :n", n=receipt.sequence
        )
        drawn = str(len(kept["draw"][1]))
        lengths.setdefault(drawn, set()).add(len(bytes(row)))
    assert {len(sizes) for sizes in lengths.values()} == {1}
