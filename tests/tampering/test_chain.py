"""The ledger itself tampered with, in the database file: found, and the first bad entry named."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from core.ledger.encoding import canonical
from tests.tampering.story import STUDY, Story

_BODIES = "SELECT sequence, body FROM ledger WHERE study = :study ORDER BY sequence"


def entry(story: Story, sequence: int) -> dict[str, Any]:
    query = "SELECT body FROM ledger WHERE study = :study AND sequence = :n"
    found: dict[str, Any] = json.loads(story.one(query, n=sequence))
    return found


def write(story: Story, sequence: int, **changed: Any) -> None:
    """Alter an entry, and make every hash from it to the chain's head anew."""
    previous = ""
    for place, body in story.rows(_BODIES):
        made = canonical(
            json.loads(body) | {"previous": previous} | (changed if place == sequence else {})
        )
        previous = hashlib.sha256(made.encode()).hexdigest()
        told = json.loads(made)
        story.change(
            "UPDATE ledger SET body = :body, hash = :hash, actor = :actor, subject = :subject "
            "WHERE study = :study AND sequence = :n",
            **{"body": made, "hash": previous, "n": place},
            **{name: told[name] for name in ("actor", "subject")},
        )
    story.change("UPDATE chain SET hash = :hash WHERE study = :study", hash=previous)


def an_edited_entry(story: Story) -> int:
    story.change(
        "UPDATE ledger SET body = replace(body, '\"consent\":true', '\"consent\":false') "
        "WHERE study = :study AND sequence = :n",
        n=story.at["randomize 1"],
    )
    return story.at["randomize 1"]


def an_edited_entry_with_its_hash(story: Story) -> int:
    place = story.at["randomize 1"]
    body = canonical(entry(story, place) | {"actor": "17"})
    mark = hashlib.sha256(body.encode()).hexdigest()
    story.change(
        "UPDATE ledger SET body = :body, hash = :hash, actor = '17' "
        "WHERE study = :study AND sequence = :n",
        **{"body": body, "hash": mark, "n": place},
    )
    return place


def a_chain_written_anew_from_the_middle(story: Story) -> int:
    place = story.at["dispense"]
    write(story, place, actor="17")
    return place


def a_deleted_entry(story: Story) -> int:
    place = story.at["missed"]
    story.change("DELETE FROM ledger WHERE study = :study AND sequence = :n", n=place)
    return place


def a_deleted_entry_with_the_others_moved_up(story: Story) -> int:
    place = story.at["missed"]
    story.change(
        "DELETE FROM ledger WHERE study = :study AND sequence = :n",
        "UPDATE ledger SET sequence = -sequence WHERE study = :study AND sequence > :n",
        "UPDATE ledger SET sequence = -sequence - 1 WHERE study = :study AND sequence < 0",
        n=place,
    )
    return place


def the_last_entries_cut_off(story: Story) -> int:
    last = story.one("SELECT max(sequence) FROM ledger WHERE study = :study")
    story.change("DELETE FROM ledger WHERE study = :study AND sequence > :n", n=last - 3)
    return int(last) - 2


def the_last_entries_cut_off_and_the_head_moved_back(story: Story) -> int:
    last = story.one("SELECT max(sequence) FROM ledger WHERE study = :study") - 3
    story.change(
        "DELETE FROM ledger WHERE study = :study AND sequence > :n",
        "UPDATE chain SET sequence = :n, hash = (SELECT hash FROM ledger WHERE study = :study "
        "AND sequence = :n), seal = (SELECT seal FROM ledger WHERE study = :study "
        "AND sequence = :n) WHERE study = :study",
        n=last,
    )
    return int(last)


def a_forged_entry_at_the_end(story: Story) -> int:
    last = story.one("SELECT max(sequence) FROM ledger WHERE study = :study")
    previous = story.one("SELECT hash FROM ledger WHERE study = :study AND sequence = :n", n=last)
    made = entry(story, story.at["end"]) | {"sequence": last + 1, "previous": previous}
    body = canonical(made | {"subject": story.named["subject 0"], "confirmation": None})
    mark = hashlib.sha256(body.encode()).hexdigest()
    story.change(
        'INSERT INTO ledger (study, sequence, at, "transaction", outcome, actor, channel, site, '
        "subject, confirmation, body, secret, hash, seal) "
        'SELECT study, :n, at, "transaction", outcome, actor, channel, site, :subject, NULL, '
        ":body, NULL, :hash, seal FROM ledger WHERE study = :study AND sequence = :of",
        "UPDATE chain SET sequence = :n, hash = :hash WHERE study = :study",
        **{"n": last + 1, "of": story.at["end"], "body": body, "hash": mark},
        subject=story.named["subject 0"],
    )
    return int(last) + 1


def an_entry_put_in_between(story: Story) -> int:
    place = story.at["end"]
    columns = (
        'at, "transaction", outcome, actor, channel, site, subject, confirmation, body, secret, '
        "hash, seal"
    )
    story.change(
        "UPDATE ledger SET sequence = -sequence WHERE study = :study AND sequence >= :n",
        "UPDATE ledger SET sequence = 1 - sequence WHERE study = :study AND sequence < 0",
        f"INSERT INTO ledger (study, sequence, {columns}) SELECT study, :n, {columns} "
        "FROM ledger WHERE study = :study AND sequence = :n - 1",
        "UPDATE chain SET sequence = sequence + 1 WHERE study = :study",
        n=place,
    )
    return place


def two_entries_in_each_others_place(story: Story) -> int:
    place = story.at["missed"]
    story.change(
        "UPDATE ledger SET sequence = 0 WHERE study = :study AND sequence = :n",
        "UPDATE ledger SET sequence = :n WHERE study = :study AND sequence = :n + 1",
        "UPDATE ledger SET sequence = :n + 1 WHERE study = :study AND sequence = 0",
        n=place,
    )
    return place


def an_entry_of_another_study(story: Story) -> int:
    place = story.at["missed"]
    story.change(
        "UPDATE ledger SET body = o.body, hash = o.hash, seal = o.seal FROM "
        "(SELECT body, hash, seal FROM ledger WHERE study = 'drug' AND sequence = 3) o "
        "WHERE study = :study AND sequence = :n",
        n=place,
    )
    return place


def ciphertexts_of_two_entries_exchanged(story: Story) -> int:
    one, other = story.at["randomize 1"], story.at["randomize 3"]
    query = "SELECT secret FROM ledger WHERE study = :study AND sequence = :n"
    kept = {one: story.one(query, n=other), other: story.one(query, n=one)}
    for place, secret in kept.items():
        story.change(
            "UPDATE ledger SET secret = :s WHERE study = :study AND sequence = :n",
            **{"s": secret, "n": place},
        )
    return one


def a_ciphertext_taken_out(story: Story) -> int:
    place = story.at["randomize 2"]
    story.change("UPDATE ledger SET secret = NULL WHERE study = :study AND sequence = :n", n=place)
    return place


def a_signature_moved_to_another_entry(story: Story) -> int:
    place = story.at["dispense"]
    signed = entry(story, story.at["code_break"])["signatures"]
    write(story, place, signatures=signed)
    return place


def a_signature_taken_off(story: Story) -> int:
    place = story.at["code_break"]
    write(story, place, signatures=[])
    return place


def a_signature_in_another_name(story: Story) -> int:
    place = story.at["code_break"]
    signed = [one | {"name": "Ada"} for one in entry(story, place)["signatures"]]
    write(story, place, signatures=signed)
    return place


def a_time_put_back(story: Story) -> int:
    place = story.at["hand_over"]
    story.change(
        "UPDATE ledger SET at = '2026-11-19 09:00:00.000000' "
        "WHERE study = :study AND sequence = :n",
        n=place,
    )
    return place


def a_time_put_back_and_all_hashes_made_anew(story: Story) -> int:
    place = story.at["hand_over"]
    write(story, place, at="2026-11-19T09:00:00.000000Z")
    story.change(
        "UPDATE ledger SET at = '2026-11-19 09:00:00.000000' "
        "WHERE study = :study AND sequence = :n",
        n=place,
    )
    return place


def another_person_in_a_column(story: Story) -> int:
    place = story.at["end"]
    story.change("UPDATE ledger SET actor = '17' WHERE study = :study AND sequence = :n", n=place)
    return place


def confirmation_numbers_exchanged(story: Story) -> int:
    one, other = story.at["dispense"], story.at["hand_over"]
    query = "SELECT confirmation FROM ledger WHERE study = :study AND sequence = :n"
    kept = {one: story.one(query, n=other), other: story.one(query, n=one)}
    for place, number in kept.items():
        story.change(
            "UPDATE ledger SET confirmation = :c WHERE study = :study AND sequence = :n",
            **{"c": number, "n": place},
        )
    return one


def a_seal_taken_off(story: Story) -> int:
    place = story.at["assessed"]
    story.change("UPDATE ledger SET seal = NULL WHERE study = :study AND sequence = :n", n=place)
    return place


def a_body_that_is_no_text(story: Story) -> int:
    place = story.at["assessed"]
    story.change("UPDATE ledger SET body = x'00ff' WHERE study = :study AND sequence = :n", n=place)
    return place


def a_place_that_is_no_number(story: Story) -> int:
    place = story.at["assessed"]
    story.change(
        "UPDATE ledger SET sequence = 'here' WHERE study = :study AND sequence = :n", n=place
    )
    return place


def a_moment_that_is_none(story: Story) -> int:
    place = story.at["assessed"]
    story.change(
        "UPDATE ledger SET at = 'yesterday' WHERE study = :study AND sequence = :n", n=place
    )
    return place


def a_head_that_is_gone(story: Story) -> int:
    last = story.one("SELECT max(sequence) FROM ledger WHERE study = :study")
    story.change("DELETE FROM chain WHERE study = :study")
    return int(last)


def a_chain_that_is_gone(story: Story) -> int:
    story.change(
        "DELETE FROM ledger WHERE study = :study", "DELETE FROM chain WHERE study = :study"
    )
    return 1


def an_entry_deleted_by_replacing_another(story: Story) -> int:
    # REPLACE deletes without a trigger of its own where recursive triggers are off.
    one, other = story.at["missed"], story.at["end"]
    story.change(
        "UPDATE OR REPLACE ledger SET sequence = :other WHERE study = :study AND sequence = :one",
        **{"one": one, "other": other},
    )
    return one


KINDS: list[Callable[[Story], int]] = [
    *(an_edited_entry, an_edited_entry_with_its_hash, a_chain_written_anew_from_the_middle),
    *(a_deleted_entry, a_deleted_entry_with_the_others_moved_up, the_last_entries_cut_off),
    *(the_last_entries_cut_off_and_the_head_moved_back, a_forged_entry_at_the_end),
    *(an_entry_put_in_between, two_entries_in_each_others_place, an_entry_of_another_study),
    *(ciphertexts_of_two_entries_exchanged, a_ciphertext_taken_out),
    *(a_signature_moved_to_another_entry, a_signature_taken_off, a_signature_in_another_name),
    *(a_time_put_back, a_time_put_back_and_all_hashes_made_anew, another_person_in_a_column),
    *(confirmation_numbers_exchanged, a_seal_taken_off, a_body_that_is_no_text),
    *(a_place_that_is_no_number, a_moment_that_is_none, a_head_that_is_gone),
    *(a_chain_that_is_gone, an_entry_deleted_by_replacing_another),
]


def test_what_nobody_touched_is_as_it_was_written(story: Story) -> None:
    report = story.check()
    assert report.problems == []
    assert report.noted > 0


@pytest.mark.req("R7")
@pytest.mark.req("R8")
@pytest.mark.req("R17")
@pytest.mark.parametrize("tamper", KINDS, ids=lambda one: one.__name__)
def test_the_first_bad_entry_is_named(story: Story, tamper: Callable[[Story], int]) -> None:
    place = tamper(story)
    report = story.check()
    assert report.first_wrong is not None
    assert (report.first_wrong.study, report.first_wrong.sequence) == (STUDY, place)


@pytest.mark.parametrize("name", ["ledger_no_update", "ledger_no_delete"])
def test_a_trigger_that_is_gone_or_does_nothing_is_a_problem(story: Story, name: str) -> None:
    toothless = (
        f"CREATE TRIGGER {name} BEFORE UPDATE ON ledger WHEN 0 "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is written once'); END"
    )
    for statements in ([f"DROP TRIGGER {name}"], [toothless]):
        with story.open() as db:
            for statement in statements:
                db.execute(statement)
        report = story.check()
        assert (report.ok, report.first_wrong) == (False, None)
        assert report.problems == [f"the trigger {name} that protects the ledger is missing"]


def test_an_older_copy_of_the_whole_file_misses_what_was_noted(
    story: Story, sqlite_world: Any
) -> None:
    shutil.copyfile(sqlite_world, story.file)
    report = story.check()
    assert report.first_wrong is not None
    assert report.first_wrong.study == STUDY
    last = story.one("SELECT max(sequence) FROM ledger WHERE study = :study")
    assert report.first_wrong.sequence == last + 1


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_pages_of_the_file_overwritten_are_found_and_nothing_crashes(
    story: Story, share: float
) -> None:
    size = story.file.stat().st_size
    with story.file.open("r+b") as file:
        file.seek(int(size * share) // 4096 * 4096)
        file.write(b"\xa5" * 4096 * 8)
    assert not story.check().ok


@pytest.mark.parametrize("left", [0.0, 0.02, 0.5, 0.99])
def test_a_file_cut_short_is_found_and_nothing_crashes(story: Story, left: float) -> None:
    with story.file.open("r+b") as file:
        file.truncate(int(story.file.stat().st_size * left))
    assert not story.check().ok


def test_an_entry_on_a_damaged_page_is_a_wrong_row_and_the_others_are_read(story: Story) -> None:
    place = story.at["dispense"]
    body = story.one("SELECT body FROM ledger WHERE study = :study AND sequence = :n", n=place)
    raw = bytearray(story.file.read_bytes())
    at = raw.index(body.encode())
    raw[at + 40 : at + 60] = b"\xff" * 20
    story.file.write_bytes(raw)
    report = story.check()
    assert report.first_wrong is not None
    assert (report.first_wrong.study, report.first_wrong.sequence) == (STUDY, place)
    assert report.entries > place
