"""What the demo shows of the blind: codes broken and not broken, and all of it simulated."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from core.access.roles import load_actor
from core.db.blind import opening
from core.db.models import ledger, outbox, subject
from core.messages import message_from_json
from core.runtime import Core
from web.demo.cast import LOCUM, MANAGER, OPERATOR, SAFETY

IVO, INES, EVE = "1103", "1202", "1901"


@pytest.fixture
def entries(demo_record: Core) -> list[dict[str, Any]]:
    """The entries of the demo study and of the installation, in order."""
    query = select(ledger.c.body).where(ledger.c.study.in_(("demo", "installation")))
    with demo_record.reading() as db:
        bodies = db.scalars(query.order_by(ledger.c.study, ledger.c.sequence)).all()
    return [json.loads(body) for body in bodies]


def _of(entries: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [one for one in entries if one["transaction"] == name]


def test_all_of_it_says_that_it_was_simulated(entries: list[dict[str, Any]]) -> None:
    assert entries
    assert all(one["simulated"] for one in entries)


def test_a_code_was_broken_at_night_with_notices_readings_and_an_assessment(
    demo_record: Core, entries: list[dict[str, Any]]
) -> None:
    broken, _ = _of(entries, "code_break")
    assert (broken["actor"], broken["outcome"]) == (IVO, "done")
    assert [one["name"] for one in broken["signatures"]] == ["Ivo Castle"]
    read = [one for one in _of(entries, "treatment_read") if one["subject"] == broken["subject"]]
    assert [one["actor"] for one in read] == [IVO, SAFETY]
    (assessed,) = _of(entries, "assess_break")
    assert assessed["facts"]["assessed"] == broken["confirmation"]
    with demo_record.reading() as db:
        found = db.execute(select(subject).where(subject.c.number == broken["subject"])).one()
        told = db.execute(select(outbox).where(outbox.c.message.contains("sms.code_broken"))).all()
    assert (found.status, found.treatment) == ("discontinued", "stopped")
    assert {"study_manager", "monitor", "safety", "investigator"} <= {
        role for row in told for role in (row.roles or "").split()
    }
    assert {row.status for row in told} <= {"suppressed", "queued", "spread"}
    texts = [message_from_json(json.loads(row.message)).params for row in told]
    assert all("treatment" not in one and "arm" not in one for one in texts)


def test_another_try_failed_after_wrong_pins_and_is_on_record(
    entries: list[dict[str, Any]],
) -> None:
    _, failed = _of(entries, "code_break")
    assert (failed["actor"], failed["outcome"]) == (INES, "refused")
    assert failed["facts"]["refused"] == "not_randomized"
    wrong = _of(entries, "emergency_sign_in_failed")
    assert [one["facts"]["user_id"] for one in wrong] == [INES] * 3


def test_the_operator_called_back_and_broke_one(
    demo_record: Core, entries: list[dict[str, Any]]
) -> None:
    (call,), (broken,) = _of(entries, "take_emergency_call"), _of(entries, "break_for_caller")
    assert {call["actor"], broken["actor"]} == {OPERATOR}
    assert "Quist" not in json.dumps(call)
    assert broken["facts"]["called_back"] != "none_reachable"
    with demo_record.reading() as db:
        row = db.execute(select(opening).where(opening.c.user_id == OPERATOR)).one()
    assert (row.subject, row.told) == (call["subject"], 1)


def test_somebody_was_locked_out_and_got_in_again(entries: list[dict[str, Any]]) -> None:
    (locked,) = _of(entries, "person_locked")
    assert locked["facts"] == {"user_id": EVE}


def test_a_correction_was_proposed_at_the_site_and_approved_by_the_investigator(
    entries: list[dict[str, Any]],
) -> None:
    (proposed,) = _of(entries, "correct_subject")
    approved = [one for one in _of(entries, "approve") if one["actor"] == IVO]
    (change,) = approved[-1]["facts"]["changes"]
    assert approved[-1]["facts"]["proposal"] == proposed["facts"]["proposal"]
    assert (change["field"], change["after"] - change["before"]) == ("year_of_birth", 1)


def test_a_locum_has_nothing_to_do_here_any_more(
    demo_record: Core, entries: list[dict[str, Any]]
) -> None:
    ended = [one for one in _of(entries, "end_role") if one["facts"]["user_id"] == LOCUM.user_id]
    assert [one["actor"] for one in ended] == [MANAGER]
    with demo_record.reading() as db:
        assert load_actor(db, LOCUM.user_id, demo_record.now()).grants == ()
