"""Reading a treatment: never without an entry, counted, by nobody else and for nobody else."""

from __future__ import annotations

import datetime as dt

import pytest

from core.errors import NotFound
from core.transaction import Channel, Opens
from core.unblinding.openings import ANALYSIS, END_OF_STUDY, list_openings, open_to
from core.unblinding.reading import may_read, read_treatment
from tests.core.unblinding.test_code_break import NAMES, broken, read
from tests.support.unblinding import join
from tests.support.world import PEOPLE, World


def entries(world: World, name: str) -> int:
    query = 'SELECT count(*) FROM ledger WHERE study = :study AND "transaction" = :name'
    return int(world.one(query, name=name))


@pytest.mark.req("R3")
def test_each_reading_is_an_entry_and_the_second_one_is_told(quick_world: World) -> None:
    number = quick_world.randomized()
    broken(quick_world, number)
    queued = len(quick_world.messages())
    for times in (1, 2, 3):
        assert read(quick_world, number) == NAMES[quick_world.arm(number)]
        assert entries(quick_world, "treatment_read") == times
        assert quick_world.last_entry()["facts"]["times"] == times
    again = [id_ for id_, _, _ in quick_world.messages()[queued:]]
    assert again == ["sms.treatment_read_again"] * 2


@pytest.mark.req("R2")
def test_one_subject_is_opened_and_no_other(quick_world: World) -> None:
    number, other = quick_world.randomized(), quick_world.randomized()
    broken(quick_world, number)
    with pytest.raises(NotFound):
        read(quick_world, other)
    assert entries(quick_world, "treatment_read") == 0
    assert quick_world.last_entry()["facts"] == {
        "deed": "treatment_read", "why": "not_open", "keyed": None,
    }  # fmt: skip


@pytest.mark.req("R3")
@pytest.mark.parametrize("who", ["Ada", "Cy", "Mia", "Sam", "Bo", "Pat", "Hal"])
def test_nobody_else_reads_what_was_opened_and_each_try_is_told(
    quick_world: World, who: str
) -> None:
    number = quick_world.randomized()
    broken(quick_world, number)
    with pytest.raises(NotFound):
        read(quick_world, number, who)
    entry = quick_world.last_entry()
    assert (entry["transaction"], entry["actor"]) == ("code_break_failed", PEOPLE[who])
    assert quick_world.messages()[-1][0] == "sms.code_break_failed_subject"


def test_who_does_not_see_the_study_meets_nothing_at_all(quick_world: World) -> None:
    here = quick_world.of("solo")
    number = here.randomized()
    before = here.dump()
    with pytest.raises(NotFound):
        read(here, number, "Di")
    assert here.dump() == before


@pytest.mark.req("R13")
def test_whose_role_ended_reads_no_more(quick_world: World) -> None:
    number = quick_world.randomized()
    broken(quick_world, number)
    query = "SELECT id FROM grant_role WHERE user_id = :u AND study = 'combi'"
    given = quick_world.one(query, u=PEOPLE["Ivy"])
    stale = quick_world.actor("Ivy")
    quick_world.do("end_role", "Mia", grant=str(given))
    with pytest.raises(NotFound):
        read_treatment(quick_world.core, stale, "combi", subject=number, channel=Channel.WEB)
    assert entries(quick_world, "treatment_read") == 0


def test_who_no_longer_sees_the_subject_reads_no_more(quick_world: World) -> None:
    number = quick_world.randomized()
    broken(quick_world, number)
    quick_world.do("move_subject", "Mia", subject=number, to_site="102")
    with pytest.raises(NotFound):
        read(quick_world, number)


def test_an_opening_ends_when_it_says(quick_world: World) -> None:
    number = join(quick_world).randomized()
    until = quick_world.core.now() + dt.timedelta(hours=1)
    _open(quick_world, Opens(ANALYSIS, PEOPLE["Tess"], number, ends_at=until))
    assert read(quick_world, number, "Tess") == NAMES[quick_world.arm(number)]
    quick_world.set_time(until)
    with pytest.raises(NotFound):
        read(quick_world, number, "Tess")


def test_what_is_open_to_everyone_is_read_by_those_who_see_the_subject(quick_world: World) -> None:
    number, screened = quick_world.randomized(), quick_world.screen()
    _open(quick_world, Opens(END_OF_STUDY, None))
    for who in ("Ada", "Cy", "Mia"):
        assert read(quick_world, number, who) == NAMES[quick_world.arm(number)]
    for who, whom in (("Di", number), ("Sam", number), ("Ada", screened)):
        with pytest.raises(NotFound):
            read(quick_world, whom, who)


def test_openings_are_listed_to_whom_they_are(quick_world: World) -> None:
    number = quick_world.randomized()
    broken(quick_world, number)
    now = quick_world.core.now()
    with quick_world.core.reading() as db:
        (mine,) = list_openings(db, quick_world.actor("Ivy"), "combi", now)
        assert list_openings(db, quick_world.actor("Ada"), "combi", now) == []
        core = quick_world.core
        assert may_read(core, db, quick_world.actor("Ivy"), "combi", subject=number)
        assert not may_read(core, db, quick_world.actor("Ada"), "combi", subject=number)
    assert (mine.subject, mine.basis, mine.told) == (number, "code_break", 0)


def test_a_treatment_does_not_show_where_it_is_logged(quick_world: World) -> None:
    number = quick_world.randomized()
    broken(quick_world, number)
    found = read_treatment(
        quick_world.core, quick_world.actor("Ivy"), "combi", subject=number, channel=Channel.WEB
    )
    assert not any(name in repr(found) for name in ("Active", "Placebo", "active", "placebo"))


def _open(world: World, opens: Opens) -> None:
    with world.core.writing() as db:
        open_to(db, world.study, opens, 1, world.core.now())
