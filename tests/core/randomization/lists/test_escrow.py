"""The seed in two halves: each told once, to one person; together they give the seed."""

from __future__ import annotations

import pytest

from core.randomization.lists.escrow import combine, half_of, share_text, tell_share
from core.study.seed import study_seed
from tests.support.lists import listed
from tests.support.world import PEOPLE, World


def taken(world: World, who: str) -> str:
    """The half of this person, told for the first time."""
    receipt = world.do("take_seed_share", who)
    told = tell_share(world.core, receipt.id, PEOPLE[who])
    assert told is not None
    assert tell_share(world.core, receipt.id, PEOPLE[who]) is None
    return told


def test_two_halves_give_the_seed_that_was_committed_to(world: World) -> None:
    here = listed(world)
    halves = [taken(here, "Tess"), taken(here, "Mia")]
    with here.core.reading() as db:
        seed = study_seed(here.core, db, here.study)
    query = "SELECT s.commitment, v.digest FROM study s JOIN study_version v ON v.study = s.code"
    ((committed, digest),) = here.rows(f"{query} WHERE s.code = :study")
    assert combine(halves, committed=committed, file_digest=digest) == seed
    assert combine(halves[::-1]) == seed
    with pytest.raises(ValueError, match="committed"):
        combine(halves, committed=committed, file_digest="0" * 64)


def test_each_person_takes_one_half_and_there_are_two(world: World) -> None:
    here = listed(world)
    taken(here, "Tess")
    here.refused("share_taken", "take_seed_share", "Tess")
    taken(here, "Mia")
    here.do("grant_role", "Mia", user_id="4", role="statistician")
    here.refused("share_taken", "take_seed_share", "Quinn")
    here.refused("not_allowed", "take_seed_share", "Cy")


def test_a_half_is_told_to_nobody_else_and_stands_in_no_record(world: World) -> None:
    here = listed(world)
    receipt = here.do("take_seed_share", "Tess")
    assert tell_share(here.core, receipt.id, PEOPLE["Mia"]) is None
    told = tell_share(here.core, receipt.id, PEOPLE["Tess"])
    assert told is not None
    half = told.split(":")[3]
    dumped = repr(here.dump())
    assert half not in dumped
    assert repr(bytes.fromhex(half))[2:-1] not in dumped
    assert here.entry(receipt.sequence)["facts"] == {"share": 1, "user_id": PEOPLE["Tess"]}


def test_a_retried_request_takes_no_second_half(world: World) -> None:
    here = listed(world)
    first = here.do("take_seed_share", "Tess", request_id="once")
    again = here.do("take_seed_share", "Tess", request_id="once")
    assert (again.id, again.replayed) == (first.id, True)
    assert here.one("SELECT count(*) FROM seed_share WHERE study = :study") == 1


def test_one_half_alone_says_nothing_of_the_seed(world: World) -> None:
    seeds = (bytes(32), bytes([255]) * 32)
    for seed in seeds:
        halves = [half_of(world.core.keys, "listed", share, seed) for share in (1, 2)]
        assert seed not in halves
        texts = [share_text("listed", n, half) for n, half in enumerate(halves, 1)]
        assert combine(texts) == seed


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one, two: [one, one],
        lambda one, two: [one],
        lambda one, two: [one, two[:-1] + ("0" if two[-1] != "0" else "1")],
        lambda one, two: [one, two.replace(":2:", ":1:")],
        lambda one, two: [one, share_text("elsewhere", 2, bytes(32))],
        lambda one, two: [one, "ixrs-share-v1:listed:2::"],
        lambda one, two: [one, ""],
    ],
)  # fmt: skip
def test_a_half_that_is_mistyped_or_belongs_elsewhere_is_refused(spoil: object) -> None:
    one, two = share_text("listed", 1, bytes(32)), share_text("listed", 2, bytes(range(32)))
    assert callable(spoil)
    with pytest.raises(ValueError):  # noqa: PT011 - which of the sentences is not the point
        combine(spoil(one, two))
