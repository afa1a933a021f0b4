"""Records beside the ledger tampered with, in the database file: what the entries lead to is known,
so each is found, and the entry that told of the record last is named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tampering.kinds import BLIND, DRAWS, PEOPLE, SUBJECTS, SUPPLY, TOLD, Kind
from tests.tampering.story import Story


def place_of(story: Story, kind: Kind) -> int:
    """The sequence of the entry that `at` names: of the story, or the last of that name."""
    assert kind.at is not None
    if kind.at.isdigit():
        return int(kind.at)
    name, _, more = kind.at.partition(" + ")
    if name in story.at:
        return story.at[name] + int(more or 0)
    query = "SELECT min(sequence) FROM ledger WHERE study = :chain AND body LIKE :like"
    whom = {"activated": '%"user_id":"18"%', "release_lot": '%"lot":"5001"%'}.get(name, "%")
    deed = f'%"approved":"{name}"%' if name == "release_lot" else f'%"transaction":"{name}"%'
    return int(story.one(f"{query} AND body LIKE :whom", chain=kind.chain, like=deed, whom=whom))


@pytest.mark.req("R8")
@pytest.mark.parametrize("kind", [*SUBJECTS, *DRAWS, *SUPPLY, *PEOPLE, *BLIND, *TOLD], ids=str)
def test_a_record_that_is_not_what_the_entries_lead_to_is_found(story: Story, kind: Kind) -> None:
    values: dict[str, Any] = {"number": story.named[kind.number]} if kind.number else {}
    story.change(kind.does, **values)
    report = story.check()
    assert any(kind.says in problem for problem in report.problems), report.problems
    if kind.at is None:
        assert report.first_wrong is None, report.problems
        return
    assert report.first_wrong is not None, report.problems
    found = report.first_wrong.study, report.first_wrong.sequence
    assert found == (kind.chain, place_of(story, kind)), report.problems
