"""Whatever is changed in an imported list, behind the program's back, is found."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from core.ledger.verify import verify
from core.randomization.lists.rows import list_commitment
from core.randomization.lists.verify import list_problems, open_list
from tests.support.lists import FIRST, activated, listed
from tests.support.world import World


def problems(world: World) -> list[str]:
    """What is wrong with the lists."""
    with world.core.reading() as db:
        return [one.why for one in list_problems(world.core, db, world.study)]


def change(world: World, *statements: str) -> None:
    """As somebody with the database in hand, and no key."""
    with world.core.writing() as db:
        for statement in statements:
            db.execute(text(statement), {"s": world.study})


@pytest.fixture
def here(world: World) -> World:
    """A study with an imported list, opened."""
    made = listed(world)
    made.do("import_list", "Tess", file=FIRST)
    activated(made)
    return made


def test_a_list_that_nobody_touched_is_in_order(here: World) -> None:
    here.do("randomize", "Ivy", sex="F", consent="yes", eligible="yes")
    assert problems(here) == []
    with here.core.reading() as db:
        nonce, opened = open_list(here.core, db, here.study, 1)
    published = here.one('SELECT "commitment" FROM list_version WHERE study = :study')
    assert list_commitment(nonce, opened) == published
    assert opened.count("\n") == 13


def swap(world: World) -> None:
    """Exchange the arms of the first and the third row of a stratum."""
    query = "SELECT sequence, arm FROM list_row WHERE study = :study AND domain = 'v1|sex=F'"
    arms = {row.sequence: bytes(row.arm) for row in world.rows(query)}
    with world.core.writing() as db:
        for sequence, other in ((1, 3), (3, 1)):
            db.execute(
                text(
                    "UPDATE list_row SET arm = :a WHERE study = :s AND domain = 'v1|sex=F'"
                    " AND sequence = :n"
                ),
                {"a": arms[other], "s": world.study, "n": sequence},
            )


def number(world: World) -> None:
    """Give a row another number."""
    change(world, "UPDATE list_row SET number = '9999' WHERE study = :s AND number = '1002'")


def drop(world: World) -> None:
    """Take the last row away."""
    change(world, "DELETE FROM list_row WHERE study = :s AND number = '1106'")


def commit_to_another(world: World) -> None:
    """Write another commitment."""
    change(world, "UPDATE list_version SET \"commitment\" = 'x' WHERE study = :s")


def close(world: World) -> None:
    """Make it look as if nobody had opened it."""
    change(world, "UPDATE list_version SET activated_at = NULL WHERE study = :s")


def forget(world: World) -> None:
    """Take the version away."""
    change(world, "DELETE FROM list_version WHERE study = :s")


def go_too_far(world: World) -> None:
    """Let more rows be drawn."""
    change(world, "UPDATE allocator SET rows = 7 WHERE study = :s AND domain = 'v1|sex=F'")


def open_design(world: World) -> None:
    """Make it look as if two persons had opened the seed."""
    change(world, "UPDATE study_version SET activated_at = published_at WHERE study = :s")


def give_a_half(world: World) -> None:
    """Put somebody down as the keeper of a half."""
    change(
        world,
        "INSERT INTO seed_share (study, share, user_id, given_at)"
        " SELECT code, 1, '11', published_at FROM study WHERE code = :s",
    )


@pytest.mark.parametrize(
    "tamper",
    [swap, number, drop, commit_to_another, close, forget, go_too_far, open_design, give_a_half],
)
def test_a_change_is_found(here: World, tamper: Callable[[World], None]) -> None:
    tamper(here)
    found = problems(here)
    assert found
    report = verify(here.core, here.study)
    assert all(any(why in one for one in report.problems) for why in found)
    assert not any(arm in one for arm in ("active", "placebo") for one in found)


@pytest.mark.parametrize("tamper", [swap, number, drop, forget])
def test_the_first_wrong_record_is_the_import(here: World, tamper: Callable[[World], None]) -> None:
    query = "SELECT sequence FROM ledger WHERE study = :study AND \"transaction\" = 'import_list'"
    imported = here.one(query)
    assert verify(here.core, here.study).ok
    tamper(here)
    wrong = verify(here.core, here.study).first_wrong
    assert wrong is not None
    assert (wrong.study, wrong.sequence) == (here.study, imported)


def test_a_list_that_was_never_opened_may_not_be_drawn_from(world: World) -> None:
    here = listed(world)
    here.do("import_list", "Tess", file=FIRST)
    assert problems(here) == []
    change(
        here, "UPDATE list_version SET activated_at = imported_at WHERE study = :s",
        "INSERT INTO allocator (study, domain, draws, rows) VALUES (:s, 'v1|sex=F', 0, 6)",
    )  # fmt: skip
    assert len(problems(here)) == 2
