"""The audit trail is looked over and signed: up to which entry, what was found, when it is late."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import text

from core.access.roles import load_actor
from core.interview import Complete, advance
from core.messages import Digits, Message
from core.records.reviews import Overdue, last_review, overdue, overdue_for, remind_due
from core.register import find
from core.study.diff import diff
from core.study.problems import StudyFileErrors
from core.study.read import load
from tests.support.studies import COMBI
from tests.support.world import PEOPLE, Given, World

WHOLE = COMBI + "\n[audit_review]\nevery_days = 30\n"
BY_SITE = WHOLE + 'by = "site"\n'


def _head(world: World) -> int:
    return int(world.one("SELECT sequence FROM chain WHERE study = :study"))


def _late(world: World) -> tuple[Overdue, ...]:
    with world.core.reading() as db:
        return overdue(world.core, db, world.study)


def _late_for(world: World, who: str) -> tuple[Overdue, ...]:
    with world.core.reading() as db:
        actor = load_actor(db, PEOPLE[who], world.core.now())
        return overdue_for(world.core, db, actor, world.study)


def _review(world: World, who: str = "Mia", **given: str) -> dict[str, Any]:
    answers: Given = {"review_upto": str(_head(world)), "anything_found": "no", **given}
    return dict(world.do("review_audit", who, **answers).facts)


def test_a_review_is_signed_for_the_entries_since_the_last_one(quick_world: World) -> None:
    world = quick_world
    first = _head(world)
    assert _review(world)["first"] == 1
    number = world.screen()
    world.refused("not_allowed", "end", "Cy", subject=number, what_ended="lost",
                  end_date="2026-11-20")  # fmt: skip
    upto = str(_head(world))
    with world.core.reading() as db:
        found = advance(world.core, db, find("review_audit"), world.actor("Mia"), "combi", None,
                        {"review_upto": upto, "anything_found": "no"})  # fmt: skip
    assert isinstance(found, Complete)
    assert found.signed
    told = {"first": first + 1, "upto": int(upto), "entries": 3, "refused": 1, "proposed": 0}
    assert found.warnings == (Message("warn.review_range", told),)
    facts = _review(world, anything_found="yes", findings="Ask Cy about 101")
    assert facts == {
        "site": None,
        "first": first + 1,
        "upto": int(upto),
        "entries": 3,
        "anything_found": True,
        "findings": "Ask Cy about 101",
    }
    assert world.last_entry()["signatures"][0]["meaning"] == "review_audit"


def test_nothing_is_reviewed_twice_nor_before_it_was_written(quick_world: World) -> None:
    head = _head(quick_world)
    quick_world.wrong("review_upto", "review_audit", "Mia", review_upto=str(head + 1),
                      anything_found="no")  # fmt: skip
    _review(quick_world)
    quick_world.wrong("review_upto", "review_audit", "Mia", review_upto=str(head),
                      anything_found="no")  # fmt: skip


def test_the_row_names_the_entry_of_the_review_itself(quick_world: World) -> None:
    head = _head(quick_world)
    _review(quick_world)
    with quick_world.core.reading() as db:
        row: Any = last_review(db, "combi", "audit_trail")
    assert (row.by, row.upto, row.sequence, row.done_on) == (
        *("2", head, head + 1, dt.date(2026, 11, 20)),
    )


def test_a_site_monitor_does_not_sign_for_the_whole_study(quick_world: World) -> None:
    given = {"review_upto": str(_head(quick_world)), "anything_found": "no"}
    quick_world.refused("not_allowed", "review_audit", "Cy", **given)
    for who in ("Ada", "Sam", "Hal"):
        quick_world.refused("not_allowed", "review_audit", who, **given)


def test_a_review_is_overdue_the_day_after_it_was_due(quick_world: World) -> None:
    world = quick_world
    assert _late(world) == ()  # the file of the world asks for none
    world.do("publish", "Mia", file=WHOLE)
    world.days_later(30)
    assert _late(world) == ()
    world.days_later(1)
    due = Overdue("audit_trail", dt.date(2026, 12, 20))
    assert _late(world) == (due,)
    assert due.message == Message("warn.review_overdue", {"date": dt.date(2026, 12, 20)})
    assert _late_for(world, "Mia") == (due,)
    assert _late_for(world, "Cy") == _late_for(world, "Ada") == ()
    _review(world)
    assert _late(world) == ()
    world.days_later(31)
    assert [one.due for one in _late(world)] == [dt.date(2027, 1, 20)]


def test_where_sites_are_reviewed_by_themselves_each_monitor_sees_their_own(
    world: World,
) -> None:
    world.do("publish", "Mia", file=BY_SITE)
    with world.core.writing() as db:
        db.execute(text("UPDATE grant_role SET site = '101' WHERE user_id = '14'"))
    world.days_later(31)
    due = dt.date(2026, 12, 20)
    assert [(one.site, one.due) for one in _late(world)] == [("101", due), ("102", due)]
    assert [one.site for one in _late_for(world, "Cy")] == ["101"]
    upto = str(_head(world))
    given = {"review_upto": upto, "anything_found": "no"}
    world.wrong("to_site", "review_audit", "Cy", to_site="102", **given)
    facts = _review(world, "Cy", to_site="101")
    assert facts["site"] == "101"
    own = world.one("SELECT count(*) FROM ledger WHERE study = :study AND site = '101'"
                    " AND sequence <= :n", n=int(upto))  # fmt: skip
    assert facts["entries"] == own < int(upto)
    assert [one.site for one in _late(world)] == ["102"]


def test_who_has_to_sign_is_told_the_day_after_and_every_week_from_then_on(
    world: World,
) -> None:
    world.do("publish", "Mia", file=WHOLE)
    told = []
    world.days_later(30)
    for day in range(30, 40):
        for _ in range(2):  # another worker, or the same a minute later
            if remind_due(world.core):
                told.append(day)
        world.days_later(1)
    assert told == [31, 38]
    sent = [(one, roles) for one, _, roles in world.messages() if one.startswith("sms.review")]
    assert sent == [("sms.review_overdue", "study_manager")] * 2


def test_of_a_site_the_monitors_there_are_told(quick_world: World) -> None:
    quick_world.do("publish", "Mia", file=BY_SITE)
    quick_world.days_later(31)
    assert remind_due(quick_world.core) == 1
    query = "SELECT site, roles, message FROM outbox WHERE message LIKE '%review_overdue_at%'"
    assert [(row.site, row.roles) for row in quick_world.rows(f"{query} ORDER BY site")] == [
        ("101", "monitor"),
        ("102", "monitor"),
    ]


def test_what_is_late_says_which_site() -> None:
    found = Overdue("audit_trail", dt.date(2026, 12, 20), "101")
    assert found.message == Message(
        "warn.review_overdue_at", {"date": dt.date(2026, 12, 20), "site": Digits("101")}
    )


@pytest.mark.parametrize("days", ["0", "401", '"weekly"'])
def test_a_study_file_asks_for_a_review_within_a_year_or_so(days: str) -> None:
    with pytest.raises(StudyFileErrors):
        load(WHOLE.replace("every_days = 30", f"every_days = {days}"))


def test_an_amendment_says_that_reviews_are_asked_for_or_no_more() -> None:
    about = Message("study.what.audit_review")
    before, after = load(COMBI), load(WHOLE)
    assert diff(before, after) == (
        Message("study.diff.new", {"what": about, "new": "every_days 30"}),
    )
    assert [one.id for one in diff(after, before)] == ["study.diff.removed"]
