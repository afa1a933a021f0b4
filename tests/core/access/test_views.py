"""Who saw what: a row for each reading, sealed in the ledger at the end, told to who may know."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from core.access import views
from core.access.sessions import IDLE, LIFETIME
from core.access.views import Seen, ViewsListing
from core.db.models import ledger
from core.db.records import page_view
from core.errors import NotFound
from tests.support.world import World


def _look(world: World, session: str = "s1", what: str = "subject", **values: str) -> None:
    views.note(world.core, session, "11", "web", world.study, Seen(what, **values))


def _rows(world: World) -> list[Any]:
    with world.core.reading() as db:
        return list(db.execute(select(page_view).order_by(page_view.c.id)))


def _sealing(world: World) -> list[dict[str, object]]:
    with world.core.reading() as db:
        found = db.scalars(
            select(ledger.c.body)
            .where(ledger.c.study == world.study, ledger.c.transaction == views.EVENT)
            .order_by(ledger.c.sequence)
        )
        return [json.loads(body)["facts"] for body in found]


@pytest.mark.req("R10")
def test_the_end_of_a_session_seals_its_readings_in_one_entry_with_their_digest(
    quick_world: World,
) -> None:
    _look(quick_world, of="101001", subject="101001")
    _look(quick_world, what="ledger")
    _look(quick_world, "another", what="stock")
    assert views.seal(quick_world.core, "s1") == 1
    (facts,) = _sealing(quick_world)
    rows = _rows(quick_world)
    assert facts["pages"] == 2
    assert facts["digest"] == views.digest(rows[:2])
    assert [row.sealed is not None for row in rows] == [True, True, False]
    assert views.seal(quick_world.core, "s1") == 0


@pytest.mark.req("R8")
@pytest.mark.parametrize("wrong", ["removed", "altered"])
def test_a_reading_that_is_taken_out_or_altered_does_not_fit_its_seal(
    quick_world: World, wrong: str
) -> None:
    _look(quick_world, of="101001", subject="101001")
    _look(quick_world, what="ledger")
    views.seal(quick_world.core, "s1")
    (facts,) = _sealing(quick_world)
    first = page_view.c.id == _rows(quick_world)[0].id
    with quick_world.core.writing() as db:
        if wrong == "removed":
            db.execute(delete(page_view).where(first))
        else:
            db.execute(update(page_view).where(first).values(user_id="12"))
    assert views.digest(_rows(quick_world)) != facts["digest"]


def test_what_was_looked_at_in_two_studies_is_sealed_in_each(quick_world: World) -> None:
    _look(quick_world)
    views.note(quick_world.core, "s1", "11", "web", "solo", Seen("subjects"))
    assert views.seal(quick_world.core, "s1") == 2
    assert len(_sealing(quick_world)) == len(_sealing(quick_world.of("solo"))) == 1


@pytest.mark.parametrize(
    ("since", "sealed"),
    [(IDLE, False), (IDLE + dt.timedelta(seconds=1), True)],
    ids=["still idle", "idle for too long"],
)
def test_a_session_that_nobody_ended_is_sealed_when_it_has_run_out(
    quick_world: World, since: dt.timedelta, sealed: bool
) -> None:
    _look(quick_world)
    quick_world.core.clock.at += since  # type: ignore[attr-defined]
    assert views.sweep(quick_world.core) == int(sealed)


def test_a_token_that_never_rests_is_sealed_twice_a_day(quick_world: World) -> None:
    _look(quick_world, "token 1")
    quick_world.core.clock.at += LIFETIME + dt.timedelta(seconds=1)  # type: ignore[attr-defined]
    _look(quick_world, "token 1")
    assert views.sweep(quick_world.core) == 1
    assert _sealing(quick_world)[0]["pages"] == 2


def _list(world: World, who: str, **wanted: str) -> list[tuple[str, str | None]]:
    with world.core.reading() as db:
        listing = ViewsListing(world.core, db, world.actor(who), world.study)
        return [(row.what, row.of) for row in listing.list_views(**wanted).rows]  # type: ignore[arg-type]


def test_a_site_learns_who_looked_at_its_subjects_and_nobody_elses(quick_world: World) -> None:
    mine, other = quick_world.screen(), quick_world.screen("Di")
    core, study = quick_world.core, quick_world.study
    for number in (mine, other):
        views.note(core, "c", "14", "web", study, Seen("subject", number, number))
    views.note(core, "a", "11", "web", study, Seen("stock", "101"))
    assert _list(quick_world, "Ada") == [("stock", "101"), ("subject", mine)]
    assert _list(quick_world, "Ivy") == [("subject", mine)]
    assert _list(quick_world, "Mia") == [("stock", "101"), ("subject", other), ("subject", mine)]
    assert _list(quick_world, "Mia", user_id="14") == [("subject", other), ("subject", mine)]
    assert _list(quick_world, "Ada", subject_number=mine) == [("subject", mine)]
    with pytest.raises(NotFound):
        _list(quick_world, "Ada", subject_number=other)
    with pytest.raises(NotFound):
        _list(quick_world, "Sam")


@pytest.mark.req("R6")
def test_which_lot_was_looked_at_is_told_to_nobody(quick_world: World) -> None:
    for what in ("lot", "trace", "packaging_list"):
        _look(quick_world, what=what, of="5001")
    assert _list(quick_world, "Mia") == [("packaging_list", None), ("trace", None), ("lot", None)]
