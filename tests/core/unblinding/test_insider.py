"""A blinded insider tries: nothing is learnt without an entry, twice uncounted, after a role has
ended, for another subject, by a repeated request, from the ledger, the outbox or the database."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from sqlalchemy import text

from core.errors import InvalidInput, NotFound, Refused
from core.export.copy import read_copy
from core.ledger.listing import LedgerListing, Wanted
from core.ledger.verify import verify
from core.perform import perform
from core.reading import Reader
from core.register import find
from core.transaction import Channel
from core.unblinding.reading import read_treatment
from tests.core.unblinding.test_code_break import NAMES, read
from tests.core.unblinding.test_reading import entries
from tests.support.unblinding import BREAK, CALL, VIEW, for_analysis, join, on_shelf
from tests.support.world import PEOPLE, Given, World

TREATMENTS = ("Active", "Placebo", "placebo")
"""As the study file calls them; "active" is a state of a site, too."""


@pytest.fixture
def world(quick_world: World) -> World:
    return join(quick_world)


def names_in(value: Any) -> set[str]:
    """The treatments that stand somewhere in a value, as whole words."""
    words = set(json.dumps(value, default=str).replace('"', " ").replace("'", " ").split())
    return words & set(TREATMENTS)


@pytest.mark.req("R3")
def test_a_reading_that_cannot_be_put_on_record_tells_nothing(world: World) -> None:
    number = world.randomized()
    world.do("code_break", "Ivy", subject=number, **BREAK)
    with world.core.writing() as db:
        db.execute(text("CREATE TRIGGER no_entry BEFORE INSERT ON ledger BEGIN "
                        "SELECT RAISE(ABORT, 'no'); END"))  # fmt: skip
    with pytest.raises(Exception, match="no"):
        read(world, number)
    with world.core.writing() as db:
        db.execute(text("DROP TRIGGER no_entry"))
    assert world.one("SELECT told FROM opening") == 0


@pytest.mark.req("R3")
def test_readings_at_the_same_time_are_each_counted(world: World) -> None:
    number = world.randomized()
    world.do("code_break", "Ivy", subject=number, **BREAK)
    told: list[int] = []
    ivy = world.actor("Ivy")

    def one() -> None:
        found = read_treatment(world.core, ivy, "combi", subject=number, channel=Channel.API)
        told.append(found.told)

    readers = [threading.Thread(target=one) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert sorted(told) == [1, 2, 3, 4]
    assert entries(world, "treatment_read") == 4


@pytest.mark.req("R3")
@pytest.mark.parametrize("channel", [Channel.API, Channel.WEB, Channel.PHONE])
def test_a_repeated_request_opens_nothing_anew_and_its_receipt_holds_no_treatment(
    world: World, channel: Channel
) -> None:
    number = world.randomized()
    first = world.do("code_break", "Ivy", subject=number, request_id="x", channel=channel, **BREAK)
    again = world.do("code_break", "Ivy", subject=number, request_id="x", channel=channel, **BREAK)
    assert again.replayed
    assert again.confirmation == first.confirmation
    assert len(world.rows("SELECT * FROM opening")) == 1
    assert not names_in([first.facts, again.facts, repr(first), repr(again)])
    (row,) = world.rows("SELECT result FROM receipt WHERE request_id = 'x'")
    assert not names_in(row.result)


@pytest.mark.req("R13")
def test_a_request_replayed_after_the_role_has_ended_tells_nothing(world: World) -> None:
    number = world.randomized()
    world.do("code_break", "Ivy", subject=number, request_id="x", **BREAK)
    stale = world.actor("Ivy")
    grant = world.one(
        "SELECT id FROM grant_role WHERE user_id = :u AND study = :study", u=PEOPLE["Ivy"]
    )
    world.do("end_role", "Mia", grant=str(grant))
    with pytest.raises((NotFound, Refused)):
        perform(
            *(world.core, find("code_break"), {"subject": number, **BREAK}),
            actor=stale, study="combi", site="101", channel=Channel.COMMAND, request_id="y",
            signature=world.signature("Ivy", "code_break"),
        )  # fmt: skip
    with pytest.raises(NotFound):
        read_treatment(world.core, stale, "combi", subject=number, channel=Channel.WEB)
    assert entries(world, "treatment_read") == 0


@pytest.mark.req("R17")
def test_a_signature_for_another_deed_or_person_breaks_no_code(world: World) -> None:
    number = world.randomized()
    for who, meaning in (("Ivy", "randomize"), ("Ada", "code_break")):
        with pytest.raises(Refused) as caught:
            perform(
                *(world.core, find("code_break"), {"subject": number, **BREAK}),
                actor=world.actor("Ivy"), study="combi", site="101", channel=Channel.API,
                request_id=who, signature=world.signature(who, meaning),
            )  # fmt: skip
        assert caught.value.code == "signature_missing"
    assert world.rows("SELECT * FROM opening") == []


@pytest.mark.req("R2")
def test_one_code_break_opens_no_second_subject_by_any_spelling(world: World) -> None:
    number, other = world.randomized(), world.randomized()
    world.do("code_break", "Ivy", subject=number, **BREAK)
    for asked in (other, f" {number}", f"{number} ", f"{number}%", f"0{number}", "", "' OR 1=1"):
        with pytest.raises(NotFound):
            read(world, asked)
    with pytest.raises(NotFound):
        read_treatment(
            *(world.core, world.actor("Ivy"), "combi"), subject=number, kit="1", channel="web"
        )
    assert entries(world, "treatment_read") == 0


@pytest.mark.req("R2")
def test_an_opening_in_one_study_opens_nothing_in_another(world: World) -> None:
    number = world.randomized()
    world.do("code_break", "Ivy", subject=number, **BREAK)
    solo = world.of("solo")
    same = solo.randomized()
    with pytest.raises(NotFound):
        read(solo, same)


@pytest.mark.req("R6")
@pytest.mark.parametrize("who", ["Ada", "Cy", "Mia", "Pat"])
def test_after_a_code_break_nothing_on_record_that_the_blinded_read_has_the_treatment(
    world: World, who: str
) -> None:
    number = world.randomized()
    world.do("code_break", "Ivy", subject=number, **BREAK)
    read(world, number)
    read(world, number)
    world.do("code_view", "Saf", subject=number, **VIEW)
    read(world, number, "Saf")
    world.do("unblind_kit", "Ivy", kit=on_shelf(world), **BREAK)
    with world.core.reading() as db:
        actor = world.actor(who)
        listing = LedgerListing(world.core, db, actor, "combi")
        told = [one.facts for one in listing.list_entries(Wanted()).rows]
        told += [one.facts for one in listing.list_entries(Wanted(subject=number)).rows]
        shown = Reader(world.core, db, actor, "combi").subject(number)
    assert not names_in([told, shown])


@pytest.mark.req("R6")
def test_no_message_ledger_body_or_other_text_in_the_database_has_the_treatment(
    world: World,
) -> None:
    number = world.randomized()
    world.do("code_break", "Ivy", subject=number, **BREAK)
    call = world.do("take_emergency_call", "Opal", subject=number, **CALL).facts["call"]
    back: Given = {"call": str(call), "called_back": "none_reachable"}
    world.do("break_for_caller", "Opal", **back, **BREAK)
    for who in ("Ivy", "Opal", "Opal"):
        read(world, number, who)
    found = world.dump()
    found.pop("study_version")  # the study file names its arms
    hits = {name: names_in(rows) for name, rows in found.items()}
    assert {name: words for name, words in hits.items() if words} == {}


@pytest.mark.req("R6")
@pytest.mark.parametrize("who", ["Ada", "Cy"])
def test_a_copy_of_the_record_does_not_tell_what_was_opened(world: World, who: str) -> None:
    number = world.randomized()
    world.do("code_break", "Ivy", subject=number, **BREAK)
    read(world, number)
    copy = read_copy(world.core, world.actor(who), "combi", form="json", channel=Channel.API)
    told = {name: value for name, value in vars(copy).items() if name != "config"}
    assert not names_in(repr(told))


@pytest.mark.req("R3")
def test_trying_subjects_one_after_the_other_is_on_record_each_time(world: World) -> None:
    number = world.randomized()
    told = len(world.messages())
    for guess in ("101001", "101999", number, "102001"):
        with pytest.raises(NotFound):
            read(world, guess, "Ada")
    assert entries(world, "code_break_failed") == 4
    alerts = [id_ for id_, _, _ in world.messages()[told:]]
    assert len(alerts) == 4
    for guess in ("101999", "102001"):
        with pytest.raises(InvalidInput):
            world.do("code_break", "Ivy", subject=guess, **BREAK)
    assert entries(world, "code_break_failed") == 6


@pytest.mark.req("R20")
def test_an_operator_opens_nothing_but_what_a_caller_asked_for(world: World) -> None:
    number, other = world.randomized(), world.randomized()
    call = str(world.do("take_emergency_call", "Opal", subject=number, **CALL).facts["call"])
    world.refused("not_allowed", "code_break", "Opal", "101", subject=other, **BREAK)
    world.do("break_for_caller", "Opal", call=call, called_back="site", **BREAK)
    assert read(world, number, "Opal") == NAMES[world.arm(number)]
    with pytest.raises(NotFound):
        read(world, other, "Opal")
    again: Given = {"call": call, "called_back": "site"}
    world.wrong("call", "break_for_caller", "Opal", **again, **BREAK)


@pytest.mark.req("R6")
def test_one_person_alone_opens_no_study_and_a_proposal_opens_nothing(world: World) -> None:
    number = world.randomized()
    proposed = world.do("unblind_study", "Tess", **for_analysis(world))
    for who in ("Tess", "Mia"):
        with pytest.raises(NotFound):
            read(world, number, who)
    proposal = str(proposed.facts["proposal"])
    world.refused("same_signer", "approve", "Tess", proposal=proposal)
    for who in ("Cy", "Quinn", "Pat"):
        world.refused("not_allowed", "approve", who, proposal=proposal)
    assert world.rows("SELECT * FROM opening") == []


@pytest.mark.req("R13")
def test_a_reader_whose_role_ended_before_the_day_reads_no_more(world: World) -> None:
    number = world.randomized()
    proposed = world.do("unblind_study", "Mia", **for_analysis(world))
    world.do("approve", "Tess", proposal=str(proposed.facts["proposal"]))
    read(world, number, "Tess")
    grant = world.one("SELECT id FROM grant_role WHERE user_id = :u", u=PEOPLE["Tess"])
    world.do("end_role", "Mia", grant=str(grant))
    stale = world.actor("Tess")
    with pytest.raises(NotFound):
        read_treatment(world.core, stale, "combi", subject=number, channel=Channel.API)


@pytest.mark.req("R3")
def test_a_row_put_into_the_table_of_openings_shows_when_the_record_is_verified(
    world: World,
) -> None:
    number = world.randomized()
    world.do("code_break", "Ivy", subject=number, **BREAK)
    with world.core.writing() as db:
        db.execute(
            text(
                "INSERT INTO opening (study, subject, user_id, basis, sequence, opened_at, told) "
                "SELECT study, subject, '11', 'end_of_study', sequence, opened_at, 0 FROM opening"
            )
        )
    assert verify(world.core, "combi").problems != []


@pytest.mark.req("R21")
def test_what_was_keyed_in_place_of_a_subject_is_kept_nowhere(world: World) -> None:
    world.refused("not_allowed", "code_break", "Ada", "101", subject="271828", **BREAK)
    with pytest.raises(InvalidInput):
        world.do("code_break", "Ivy", subject="271828", **BREAK)
    assert entries(world, "code_break_failed") == 1
    assert world.messages()[-1][0] == "sms.code_break_failed"
    assert "271828" not in repr(world.dump())
