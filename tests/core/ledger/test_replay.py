"""Making draws again: what was tampered with is found, and the first wrong record named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from core.ledger import triggers
from core.ledger.anchors import Noted
from core.ledger.append import seal_of
from core.ledger.replay import Replayed, replay
from core.ledger.verify import Head, verify
from core.randomization.rows import row_about
from core.runtime import Core
from core.sealed import Sealed
from tests.core.ledger.test_verify import rewrite, tamper
from tests.support.lists import FIRST, activated, listed
from tests.support.methods import CODE, DESIGNS, enrol, trial
from tests.support.world import World

STUDIES = ["permuted_block", "minimisation", "drop_the_loser"]


def made_again(world: World, **given: Any) -> Replayed:
    """As another process finds it."""
    core = world.core
    return replay(Core(core.engine, core.keys, core.settings, clock=core.clock), CODE, **given)


def sequences(world: World) -> list[int]:
    """Where the randomizations stand in the chain."""
    found = world.rows(
        "SELECT sequence FROM ledger WHERE study = :study AND \"transaction\" = 'randomize' "
        "ORDER BY sequence"
    )
    return [row.sequence for row in found]


def first_wrong(found: Replayed) -> tuple[int, str]:
    assert not found.ok
    assert found.first_wrong is not None, found.problems
    return found.first_wrong.sequence, found.first_wrong.why


@pytest.mark.parametrize("name", STUDIES)
def test_an_altered_covariate_of_a_subject_names_the_draw(quick_world: World, name: str) -> None:
    here = trial(quick_world, DESIGNS[name])
    numbers = enrol(here, 12)
    levels = json.loads(here.subject(numbers[5]).levels) | {"sex": "M"}
    assert here.subject(numbers[5]).levels != json.dumps(levels)
    with here.core.engine.begin() as db:
        values = {"levels": json.dumps(levels), "number": numbers[5]}
        db.execute(text("UPDATE subject SET levels = :levels WHERE number = :number"), values)
    wrong = sequences(here)[5], "the subject's record differs from the entry"
    assert first_wrong(made_again(here)) == wrong


@pytest.mark.parametrize("name", STUDIES)
def test_a_covariate_altered_in_the_ledger_is_found_even_with_every_hash_made_anew(
    quick_world: World, name: str
) -> None:
    here = trial(quick_world, DESIGNS[name])
    enrol(here, 12)
    place = sequences(here)[5]
    facts = here.entry(place)["facts"]
    facts["levels"] = facts["levels"] | {"sex": "M"}
    assert facts["levels"] != here.entry(place)["facts"]["levels"]
    rewrite(here, place, facts=facts)
    assert first_wrong(made_again(here))[0] == place
    _seal_anew(here)
    found = first_wrong(made_again(here))
    assert found[0] == place
    assert found[1] in (
        "the draw was not made in the stratum of these levels",
        "the seed gives another arm",
        "the subject's record differs from the entry",
    )


def _seal_anew(world: World) -> None:
    """The seals too, as one could who has the installation's key."""
    found = world.rows("SELECT sequence, hash FROM ledger WHERE study = :study ORDER BY sequence")
    with world.core.engine.begin() as db:
        for name in triggers.NAMES:
            db.exec_driver_sql(f"DROP TRIGGER {name}")
        for row in found:
            seal = seal_of(world.core.keys, CODE, row.sequence, row.hash)
            values = {"seal": seal, "n": row.sequence, "s": CODE}
            statement = "UPDATE ledger SET seal = :seal WHERE study = :s AND sequence = :n"
            db.execute(text(statement), values)
        last = found[-1]
        seal = seal_of(world.core.keys, CODE, last.sequence, last.hash, last=True)
        values = {"seal": seal, "n": last.sequence, "h": last.hash, "s": CODE}
        statement = "UPDATE chain SET seal = :seal, sequence = :n, hash = :h WHERE study = :s"
        db.execute(text(statement), values)
        triggers.create(db)


@pytest.mark.parametrize("used", [True, False])
def test_two_rows_of_a_list_swapped_with_the_right_key_are_found(
    quick_world: World, used: bool
) -> None:
    here = trial(quick_world, DESIGNS["permuted_block"])
    enrol(here, 12)
    domain = here.one("SELECT domain FROM allocator WHERE draws > 3 ORDER BY draws DESC LIMIT 1")
    one, other = _two_unlike(here, domain, 1 if used else 15)
    _swap(here, domain, one, other)
    found = made_again(here)
    why = f"row {one} of the list {domain} is not the one that the seed gives"
    if used:
        assert first_wrong(found) == (_entry_of(here, domain, one), why)
    else:
        assert found.first_wrong is None
        assert found.problems[0] == f"{CODE}: {why}"


def _two_unlike(world: World, domain: str, start: int) -> tuple[int, int]:
    found = world.rows(
        "SELECT sequence, arm FROM list_row WHERE domain = :d AND sequence >= :n ORDER BY sequence",
        d=domain,
        n=start,
    )
    arms = [(row.sequence, _arm(world, domain, row)) for row in found]
    other = next(place for place, arm in arms if arm != arms[0][1])
    return arms[0][0], other


def _arm(world: World, domain: str, row: Any) -> str:
    return world.core.keys.open(Sealed(bytes(row.arm), row_about(CODE, domain, row.sequence)))


def _swap(world: World, domain: str, one: int, other: int) -> None:
    """The arms of two rows exchanged, each sealed anew for its place."""
    query = "SELECT sequence, arm FROM list_row WHERE domain = :d AND sequence IN (:a, :b)"
    found = world.rows(query, d=domain, a=one, b=other)
    arms = {row.sequence: _arm(world, domain, row) for row in found}
    with world.core.engine.begin() as db:
        for place, arm in ((one, arms[other]), (other, arms[one])):
            token = world.core.keys.seal(row_about(CODE, domain, place), arm).token
            values = {"arm": token, "d": domain, "n": place}
            statement = "UPDATE list_row SET arm = :arm WHERE domain = :d AND sequence = :n"
            db.execute(text(statement), values)


def _entry_of(world: World, domain: str, draw: int) -> int:
    return int(
        world.one(
            "SELECT l.sequence FROM draw d JOIN subject s ON s.id = d.subject_id "
            "JOIN ledger l ON l.study = s.study AND l.subject = s.number "
            "WHERE d.study = :study AND d.domain = :d AND d.number = :n "
            "AND l.\"transaction\" = 'randomize'",
            d=domain,
            n=draw,
        )
    )


def test_ciphertexts_of_two_rows_exchanged_do_not_open_where_they_are(quick_world: World) -> None:
    here = trial(quick_world, DESIGNS["permuted_block"])
    enrol(here, 12)
    domain = here.one("SELECT domain FROM allocator WHERE draws > 3 ORDER BY draws DESC LIMIT 1")
    _exchange(here, "list_row", "arm", f"domain = '{domain}' AND sequence IN (2, 3)")
    assert first_wrong(made_again(here)) == (
        _entry_of(here, domain, 2),
        f"row 2 of the list {domain} is not the one that the seed gives",
    )


@pytest.mark.parametrize("name", STUDIES)
def test_ciphertexts_of_two_subjects_exchanged_do_not_open_where_they_are(
    quick_world: World, name: str
) -> None:
    here = trial(quick_world, DESIGNS[name])
    numbers = enrol(here, 12)
    _exchange(here, "subject", "arm", f"number IN ('{numbers[4]}', '{numbers[8]}')")
    wrong = sequences(here)[4], "the subject's arm does not open"
    assert first_wrong(made_again(here)) == wrong


def _exchange(world: World, table: str, column: str, where: str) -> None:
    query = f"SELECT rowid AS id, {column} AS value FROM {table} WHERE {where}"
    one, other = world.rows(query)
    with world.core.engine.begin() as db:
        for place, value in ((one.id, other.value), (other.id, one.value)):
            statement = f"UPDATE {table} SET {column} = :value WHERE rowid = :id"
            db.execute(text(statement), {"value": value, "id": place})


@pytest.mark.parametrize("name", STUDIES)
def test_the_last_record_dropped_is_found_by_the_head_known_outside(
    quick_world: World, name: str
) -> None:
    here = trial(quick_world, DESIGNS[name])
    enrol(here, 5)
    (before,) = here.rows("SELECT sequence, hash FROM chain WHERE study = :study")
    enrol(here, 1)
    head = _head(here)
    assert made_again(here, head=head).ok
    assert made_again(here, head=(before.sequence, before.hash)).ok
    _drop_last(here)
    assert first_wrong(made_again(here, head=head)) == (
        head[0],
        f"the entry is missing: the chain had {head[0]} when its head was noted",
    )
    report = verify(here.core, noted=[Noted(CODE, *head)])
    assert report.first_wrong is not None
    assert (report.first_wrong.study, report.first_wrong.sequence) == (CODE, head[0])


def _head(world: World) -> Head:
    return verify(world.core, CODE).heads[CODE]


def _drop_last(world: World) -> None:
    """The last entry gone, with the seal of the head that the one before had."""
    last = world.one("SELECT max(sequence) FROM ledger WHERE study = :study")
    tamper(
        world,
        f"DELETE FROM receipt WHERE study = '{CODE}' AND sequence = {last}",
        f"DELETE FROM ledger WHERE study = '{CODE}' AND sequence = {last}",
    )
    _seal_anew(world)


def test_a_head_of_another_hash_names_its_entry(quick_world: World) -> None:
    here = trial(quick_world, DESIGNS["simple"])
    enrol(here, 3)
    sequence, mark = _head(here)
    found = made_again(here, head=(sequence, mark[::-1]))
    wrong = sequence, "the entry is not the one that was noted outside"
    assert first_wrong(found) == wrong


def test_a_draw_left_out_of_order_is_named(quick_world: World) -> None:
    here = trial(quick_world, DESIGNS["efron"])
    enrol(here, 6)
    with here.core.engine.begin() as db:
        db.execute(text("UPDATE draw SET number = 99 WHERE study = 'meth' AND number = 2"))
    place, why = first_wrong(made_again(here))
    assert why == "the subject's draw differs from the entry"
    assert place in sequences(here)


@pytest.mark.parametrize("how", ["arms", "ciphertexts"])
def test_rows_of_an_imported_list_swapped_name_the_draw(quick_world: World, how: str) -> None:
    here = listed(quick_world, CODE)
    here.do("import_list", "Tess", file=FIRST)
    activated(here)
    for sex in "FFFMF":
        here.randomized(sex=sex)
    assert made_again(here).problems == ()
    where = "domain = 'v1|sex=F' AND sequence IN (2, 3)"
    if how == "arms":
        query = "SELECT sequence, arm FROM list_row WHERE " + where
        old = {row.sequence: bytes(row.arm) for row in here.rows(query)}
        abouts = {place: row_about(CODE, "v1|sex=F", place, 1) for place in old}
        keys = here.core.keys
        arms = {place: keys.open(Sealed(old[place], abouts[place])) for place in old}
        with here.core.engine.begin() as db:
            for place, arm in ((2, arms[3]), (3, arms[2])):
                values = {"arm": keys.seal(abouts[place], arm).token, "n": place}
                statement = "UPDATE list_row SET arm = :arm WHERE domain = 'v1|sex=F'"
                db.execute(text(f"{statement} AND sequence = :n"), values)
    else:
        _exchange(here, "list_row", "arm", where)
    why = {
        "arms": "the list gives another arm",
        "ciphertexts": "row 2 of the list does not open in its place",
    }
    assert first_wrong(made_again(here)) == (sequences(here)[1], why[how])
