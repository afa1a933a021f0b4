"""A trial that began elsewhere: its subjects keep arms, numbers and visits, and go on here."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import text

from core.context import SeededEntropy
from core.errors import InvalidInput, NotAllowed, SignatureMissing
from core.ledger.replay import replay
from core.ledger.verify import verify
from tests.core.test_bulk import problems
from tests.support.doses import TITRATED
from tests.support.lists import FIRST, listed, statistician
from tests.support.methods import DESIGNS, enrol, trial
from tests.support.stories import set_up
from tests.support.studies import COMBI, capped
from tests.support.world import TODAY, Given, World
from tests.support.world_fixtures import CopyWorld

HEADER = "subject,site,randomization_number,randomized_on,arm,sex"
WITH_VISITS = f"{HEADER},visits"
FIRST_DAY = "2026-10-23"  # four weeks before the world's day
LINES = (
    f"101007,101,880001,{FIRST_DAY},active,F,V1:{FIRST_DAY}",
    "101002,101,880004,2026-09-25,placebo,M,V1:2026-09-27 V2:missed",
    f"102001,102,880003,{FIRST_DAY},active,M,",
)


def a_file(*lines: str, header: str = WITH_VISITS) -> str:
    return "\n".join([header, *lines]) + "\n"


@pytest.fixture
def here(world: World) -> World:
    """The small world with Tess, who takes subjects over."""
    statistician(world)
    return world


@pytest.fixture
def quick(quick_world: World) -> World:
    """The same, on SQLite only."""
    statistician(quick_world)
    return quick_world


def told(wrong: InvalidInput) -> list[tuple[int, str, str]]:
    """Line, column and id of each problem."""
    listed_: Any = wrong.message.params["problems"]
    return [
        (one.params["line"], one.params.get("column", ""), one.params["problem"].id)
        for one in listed_
    ]


def test_subjects_go_on_where_they_were(here: World) -> None:
    receipt = here.do("import_subjects", "Tess", file=a_file(*LINES))
    assert receipt.facts == {"subjects": 3, "visits": 3, "sites": ["101", "102"]}
    assert [here.arm(number) for number in ("101007", "101002", "102001")] == [
        "active",
        "placebo",
        "active",
    ]
    row = here.subject("101007")
    assert (row.status, row.treatment, str(row.randomized_on)) == ("randomized", "on", FIRST_DAY)
    kits = here.do("dispense", "Ada", subject="101007", visit="V2").facts["kits"]
    assert [here.kit_type(kit) for kit in kits] == ["A", "A"]
    found = verify(here.core, "combi")
    assert found.ok, found.problems
    assert replay(here.core, "combi").draws == 0


def test_a_visit_held_elsewhere_keeps_its_day_and_a_missed_one_the_day_it_was_due(
    here: World,
) -> None:
    here.do("import_subjects", "Tess", file=a_file(*LINES))
    rows = here.rows(
        'SELECT visit.code, visit.status, visit."on", visit.deviation_days FROM visit '
        "JOIN subject ON subject.id = visit.subject_id WHERE subject.number = '101002' "
        "ORDER BY visit.id"
    )
    assert [(row.code, row.status, str(row.on), row.deviation_days) for row in rows] == [
        ("V1", "elsewhere", "2026-09-27", 0),
        ("V2", "missed", "2026-10-23", 0),
    ]


def test_a_visit_outside_its_window_is_a_deviation(quick: World) -> None:
    late = f"101007,101,880001,2026-09-01,active,F,V1:2026-09-{1 + 3 + 4:02d}"
    quick.do("import_subjects", "Tess", file=a_file(late))
    assert quick.one("SELECT deviation_days FROM visit WHERE status = 'elsewhere'") == 4


def test_randomization_goes_on_beside_them(here: World) -> None:
    here.do("import_subjects", "Tess", file=a_file(*LINES))
    made = [here.randomized() for _ in range(4)]
    assert not set(made) & {"101007", "101002"}
    assert replay(here.core, "combi").draws == 4
    assert verify(here.core).ok


def test_screening_numbers_go_on_after_theirs(quick: World) -> None:
    quick.do("import_subjects", "Tess", file=a_file(*LINES))
    assert quick.screen() == "101008"


def test_a_number_that_begins_like_the_site_by_chance_is_passed_over(quick: World) -> None:
    # Of site 10, were there one: not a number that 101 would count on from.
    quick.screen()
    line = f"101002,102,880001,{FIRST_DAY},active,F,"
    quick.do("import_subjects", "Tess", file=a_file(line))
    assert quick.screen() == "101003"


def test_each_subject_has_an_entry_in_the_order_of_days_and_not_of_the_file(here: World) -> None:
    here.do("import_subjects", "Tess", file=a_file(*LINES))
    rows = here.rows(
        "SELECT subject, site, body FROM ledger WHERE study = :study "
        "AND \"transaction\" = 'import_subjects' ORDER BY sequence"
    )
    assert [(row.subject, row.site) for row in rows] == [
        ("101002", "101"),
        ("101007", "101"),
        ("102001", "102"),
        (None, None),
    ]
    ids = here.rows("SELECT number FROM subject WHERE study = :study ORDER BY id DESC LIMIT 3")
    assert [row.number for row in ids] == ["102001", "101007", "101002"]
    assert json.loads(rows[1].body)["facts"] == {
        "randomization_number": "880001",
        "randomized_on": FIRST_DAY,
        "levels": {"sex": "F"},
        "country": "US",
        "dose": None,
        "visits": [{"visit": "V1", "status": "elsewhere", "on": FIRST_DAY, "deviation_days": 0}],
    }


def test_nothing_in_clear_depends_on_the_arms(copy_world: CopyWorld) -> None:
    """Two databases that differ in the arms of the file alone say the same outside what is
    sealed, but for the digests of what is."""

    def told_of(lines: Iterable[str]) -> list[Any]:
        world = World.at(copy_world())
        statistician(world)
        before = world.one("SELECT max(sequence) FROM ledger WHERE study = :study")
        world.do("import_subjects", "Tess", file=a_file(*lines))
        with world.core.reading() as db:
            found = _clear(db, before)
        world.close()
        return found

    other = {"active": "placebo", "placebo": "active"}
    swapped = [re.sub("active|placebo", lambda arm: other[arm[0]], line) for line in LINES]
    assert swapped != list(LINES)
    assert told_of(LINES) == told_of(swapped)


def _clear(db: Any, last: int) -> list[Any]:
    """Subjects and entries as blinded readers get them."""
    query = (
        "SELECT number, randomization_number, levels, domain, length(arm) FROM subject ORDER BY id"
    )
    rows = [tuple(row) for row in db.execute(text(query))]
    entries = db.execute(
        text("SELECT body, length(secret) FROM ledger WHERE sequence > :n ORDER BY sequence"),
        {"n": last},
    )
    for body, length in entries:
        entry = json.loads(body)
        del entry["secret"], entry["previous"]
        rows.append((json.dumps(entry), length))
    return rows


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("x1,101,880001,2026-10-23,active,F,", "subject", "error.import_list_number"),
        ("101007,999,880001,2026-10-23,active,F,", "site", "error.import_unknown"),
        (
            "101007,101,88-1,2026-10-23,active,F,",
            "randomization_number",
            "error.import_list_number",
        ),
        ("101007,101,880001,23.10.2026,active,F,", "randomized_on", "error.import_day"),
        ("101007,101,880001,2026-11-21,active,F,", "randomized_on", "error.date_future"),
        ("101007,101,880001,2026-10-23,verum,F,", "arm", "error.choice"),
        ("101007,101,880001,2026-10-23,active,X,", "sex", "error.choice"),
        ("101007,101,880001,2026-10-23,active,F,V2:2026-11-19", "visits", "error.import_visits"),
        ("101007,101,880001,2026-10-23,active,F,V1", "visits", "error.import_day"),
        ("101007,101,880001,2026-10-23,active,F,V1:2026-10-22", "visits", "error.import_visits"),
        ("101007,101,880001,2026-10-23,active,F,V1:2026-12-22", "visits", "error.date_future"),
    ],
)
def test_a_wrong_line_is_told_and_nothing_taken_over(
    quick: World, line: str, column: str, message: str
) -> None:
    wrong = quick.wrong("file", "import_subjects", "Tess", file=a_file(line))
    assert told(wrong) == [(2, column, message)]


def test_all_that_is_wrong_is_told_at_once(quick: World) -> None:
    known = quick.screen()
    lines = (
        f"{known},101,880001,{FIRST_DAY},active,F,",
        f"101007,101,880001,{FIRST_DAY},active,F,",
        f"101007,101,880002,{FIRST_DAY},active,Q,",
        f"101009,777,880003,{FIRST_DAY},active,F,",
    )
    wrong = quick.wrong("file", "import_subjects", "Tess", file=a_file(*lines))
    assert told(wrong) == [
        (2, "subject", "error.import_known"),
        (3, "randomization_number", "error.import_known"),
        (4, "subject", "error.import_known"),
        (4, "sex", "error.choice"),
        (5, "site", "error.import_unknown"),
    ]


def test_a_dose_is_one_of_the_study_file(quick: World) -> None:
    line = f"101007,101,880001,{FIRST_DAY},active,F,40mg"
    wrong = quick.wrong(
        "file", "import_subjects", "Tess", file=a_file(line, header=f"{HEADER},dose")
    )
    assert problems(wrong) == ["error.choice"]


def test_a_subject_goes_on_with_the_dose_of_the_file_or_the_first_one(quick_world: World) -> None:
    here = set_up(quick_world, TITRATED)
    statistician(here)
    header = HEADER.replace(",sex", ",dose")
    lines = [f"101007,101,881,{TODAY},active,d90", f"101008,101,882,{TODAY},active,"]
    here.do("import_subjects", "Tess", file=a_file(*lines, header=header))
    given = {}
    for number in ("101007", "101008"):
        kits = here.do("dispense", "Ada", subject=number, visit="V1").facts["kits"]
        given[number] = Counter(here.kit_type(kit) for kit in kits)
    assert given == {"101007": {"A50": 1, "A20": 2}, "101008": {"A20": 2}}
    found = verify(here.core, here.study)
    assert found.ok, found.problems
    with here.core.writing() as db:
        db.execute(text("UPDATE subject SET dose = 'd20' WHERE number = '101008'"))
    assert not verify(here.core, here.study).ok


def test_only_who_may_see_arms_takes_subjects_over_and_signs(quick: World) -> None:
    for who in ("Mia", "Sam", "Ada"):
        with pytest.raises(NotAllowed):
            quick.do("import_subjects", who, site=None, file=a_file(*LINES))
    with pytest.raises(SignatureMissing):
        quick.do("import_subjects", "Tess", file=a_file(*LINES), signed=False)


@pytest.mark.parametrize("name", sorted(DESIGNS))
def test_refused_where_the_next_draw_counts_those_before_it(quick_world: World, name: str) -> None:
    here = trial(quick_world, DESIGNS[name])
    statistician(here)
    arm = "A.B.C" if name == "crossover" else "B"
    file = a_file(f"77,101,990001,{FIRST_DAY},{arm},F", header=HEADER)
    if not name.startswith(("simple", "permuted_block", "bound")) and name != "sets":
        wrong = here.wrong("file", "import_subjects", "Tess", file=file)
        assert wrong.message.id == "error.import_subjects_method"
        return
    here.do("import_subjects", "Tess", file=file)
    enrol(here, 6)
    assert here.arm("77") == "B"
    found = replay(here.core, here.study)
    assert (found.problems, found.draws) == ((), 6)


def test_refused_in_cohorts(quick_world: World) -> None:
    here = set_up(quick_world)
    statistician(here)
    file = a_file(f"77,101,990001,{FIRST_DAY},low", header=HEADER.removesuffix(",sex"))
    wrong = here.wrong("file", "import_subjects", "Tess", file=file)
    assert wrong.message.id == "error.import_subjects_method"


def test_a_response_of_theirs_is_heard_by_nobody_and_verifies(quick_world: World) -> None:
    here = trial(quick_world, DESIGNS["permuted_block"])
    statistician(here)
    here.do("import_subjects", "Tess", file=a_file(f"77,101,9,{FIRST_DAY},A,F", header=HEADER))
    here.do("respond", "Ivy", subject="77", assessed_on=TODAY, answer="yes")
    assert verify(here.core).ok


def test_caps_count_them_but_do_not_keep_them_out(quick: World) -> None:
    quick.do("publish", "Mia", file=capped(COMBI, "study = 4"))
    amended: Given = {"to_site": "101", "version": "2", "effective_date": TODAY}
    quick.do("approve_version", "Mia", **amended)
    quick.randomized()  # from here on the cap is counted
    quick.do("import_subjects", "Tess", file=a_file(*LINES))
    quick.refused("enrolment_cap_reached", "screen", "Ada", consent_date=TODAY,
                  year_of_birth="1970", rescreened="no")  # fmt: skip


def test_a_number_of_the_studys_own_list_is_not_taken_over(quick: World) -> None:
    quick.randomized()
    listed_ = quick.rows("SELECT number FROM list_row WHERE study = :study ORDER BY sequence DESC")
    line = f"101007,101,{listed_[0].number},{FIRST_DAY},active,F,"
    wrong = quick.wrong("file", "import_subjects", "Tess", file=a_file(line))
    assert problems(wrong) == ["error.import_known"]


def test_a_list_that_grows_passes_over_numbers_taken_over(
    copy_world: CopyWorld,
) -> None:
    """The very numbers that chance gives it, had nobody come with one of them before."""

    def drawn(*taken: str) -> list[str]:
        world = World.at(copy_world())
        statistician(world)
        number = world.screen()
        lines = [f"10190{n},101,{one},{FIRST_DAY},active,F," for n, one in enumerate(taken)]
        if taken:
            world.do("import_subjects", "Tess", file=a_file(*lines))
        world.core.entropy = SeededEntropy(b"twice the same")
        world.randomize(number)
        rows = world.rows("SELECT number FROM list_row WHERE study = :study ORDER BY sequence")
        world.close()
        return [row.number for row in rows]

    before = drawn()
    after = drawn(before[0], before[5])
    assert len(after) == len(before)
    assert not {before[0], before[5]} & set(after)
    assert set(before[1:5]) < set(after)


def test_a_list_imported_later_has_none_of_their_numbers(quick_world: World) -> None:
    here = listed(quick_world)
    file = a_file(f"77,101,1001,{FIRST_DAY},active,F", header=HEADER)
    here.do("import_subjects", "Tess", file=file)
    here.refused("list_refused", "import_list", "Tess", file=FIRST)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE subject SET arm = (SELECT arm FROM subject WHERE number = '101002')",
        'UPDATE subject SET levels = \'{"sex": "M"}\'',
        "UPDATE subject SET randomization_number = '880099'",
        "UPDATE subject SET randomized_on = '2026-10-24'",
        "UPDATE subject SET number = '101099'",
    ],
)
def test_what_was_changed_past_the_ledger_is_found(here: World, change: str) -> None:
    here.do("import_subjects", "Tess", file=a_file(*LINES))
    with here.core.writing() as db:
        db.execute(text(f"{change} WHERE number = '101007'"))
    found = verify(here.core, "combi")
    assert found.first_wrong is not None
    assert found.first_wrong.why.startswith(("the subject", "the subject's"))


def test_a_subject_whom_no_entry_tells_of_is_found(here: World) -> None:
    here.do("import_subjects", "Tess", file=a_file(*LINES))
    number = here.screen()
    with here.core.writing() as db:
        query = "UPDATE subject SET randomized_at = screened_at WHERE number = :n"
        db.execute(text(query), {"n": number})
    told_ = f"combi: subject {number} is randomized, and no entry tells of it"
    assert verify(here.core, "combi").problems == [told_]
