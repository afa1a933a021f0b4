"""One deed, all of it or none of it, and the same request always meets the same receipt."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from core.codes import is_damm
from core.db.drawing import counter
from core.errors import InvalidInput, Refused
from core.perform import perform, refuse
from core.receipts import Request, answers_digest
from core.register import find
from core.transaction import Channel, Receipt
from tests.support.world import TODAY, Given, World

SCREEN: Given = {"consent_date": TODAY, "year_of_birth": "1961", "rescreened": "no"}


def _plain(receipt: Receipt) -> dict[str, Any]:
    """A receipt as a face would tell it: dates in facts come back from the database as text."""
    told = dataclasses.asdict(receipt)
    return {**told, "replayed": None, "facts": {k: str(v) for k, v in receipt.facts.items()}}


def test_a_receipt_has_a_confirmation_number_with_a_check_digit(world: World) -> None:
    receipt = world.do("screen", "Ada", **SCREEN)
    assert len(receipt.confirmation) == 9
    assert is_damm(receipt.confirmation)
    assert world.entry(receipt.sequence)["confirmation"] == receipt.confirmation
    assert (receipt.zone, receipt.at) == ("America/New_York", world.core.now())


def test_the_same_request_with_the_same_answers_meets_the_same_receipt(world: World) -> None:
    first = world.do("screen", "Ada", request_id="one", **SCREEN)
    before = world.dump()
    world.days_later(1)
    again = world.do("screen", "Ada", request_id="one", **SCREEN)
    assert again.replayed
    assert not first.replayed
    assert _plain(again) == _plain(first)
    assert world.dump() == before


def test_the_same_request_with_other_answers_is_refused(world: World) -> None:
    world.do("screen", "Ada", request_id="one", **SCREEN)
    before = world.dump()
    other = {**SCREEN, "year_of_birth": "1962"}
    world.refused("request_reused", "screen", "Ada", request_id="one", **other)
    assert world.dump() == before


def test_only_a_new_pin_is_left_out_of_what_makes_answers_the_same(quick_world: World) -> None:
    """A study may ask for "spinal_level": what is answered there counts."""

    def digest(**given: str) -> str:
        screen, ada = find("screen"), quick_world.actor("Ada")
        request = Request(
            screen, given, ada, "combi", "101", Channel.COMMAND, "one", signature=None, also=None
        )
        return answers_digest(quick_world.core, request)

    assert digest(spinal_level="low") != digest(spinal_level="high")
    assert digest(new_pin="481516") == digest(new_pin="234216") == digest()


def test_another_person_channel_or_transaction_has_request_ids_of_its_own(
    quick_world: World,
) -> None:
    do = quick_world.do
    subjects = {
        do("screen", "Ada", request_id="one", **SCREEN).subject,
        do("screen", "Ivy", request_id="one", **SCREEN).subject,
        do("screen", "Ada", request_id="one", channel=Channel.PHONE, **SCREEN).subject,
    }
    assert len(subjects) == 3
    assert not do("repeat", "Ada", request_id="one").replayed


def test_invalid_input_uses_no_request_id_up(world: World) -> None:
    world.wrong(
        "year_of_birth", "screen", "Ada", request_id="one", **{**SCREEN, "year_of_birth": "x"}
    )
    assert not world.do("screen", "Ada", request_id="one", **SCREEN).replayed


@pytest.mark.parametrize("request_id", ["", "x" * 121, "a\x00b", "a\nb"])
def test_a_request_id_that_cannot_be_kept_is_wrong(world: World, request_id: str) -> None:
    # An empty one makes the world invent its own, so it is given to `perform` directly.
    before = world.dump()
    with pytest.raises(InvalidInput) as caught:
        perform(
            world.core,
            find("screen"),
            SCREEN,
            actor=world.actor("Ada"),
            study="combi",
            site="101",
            channel=Channel.API,
            request_id=request_id,
        )
    assert caught.value.field == "request_id"
    assert world.dump() == before


@pytest.mark.req("R7")
def test_a_refusal_is_recorded_once_and_replayed_the_same(world: World) -> None:
    given: Given = {"subject": world.screen(), "visit": "V1"}
    first = world.refused("not_randomized", "dispense", "Ada", request_id="one", **given)
    entry = world.last_entry()
    assert (entry["outcome"], entry["subject"]) == ("refused", given["subject"])
    before = world.dump()
    again = world.refused("not_randomized", "dispense", "Ada", request_id="one", **given)
    assert again.message == first.message
    assert world.dump() == before


def test_a_refusal_leaves_nothing_of_the_deed(world: World) -> None:
    number = world.randomized()
    for kit in world.rows("SELECT number FROM kit WHERE study = 'combi' AND site = '101'"):
        world.do("report_stock", "Ada", kit=kit.number, condition="missing")
    before = world.dump()
    world.refused("no_kit_available", "dispense", "Ada", subject=number, visit="V1")
    after = world.dump()
    changed = {name for name, rows in after.items() if rows != before[name]}
    assert changed == {"chain", "ledger", "receipt"}


@pytest.mark.parametrize("subject", ["1" * 300, "x", "\x00", "１"])
def test_a_refusal_before_anyone_looked_keeps_no_answer_that_is_none(
    world: World, subject: str
) -> None:
    world.refused("not_allowed", "dispense", "Cy", subject=subject, visit="V1")
    assert world.last_entry()["subject"] is None


def _note(db: Connection, told: Receipt | Refused) -> None:
    db.execute(insert(counter), {"study": "combi", "scope": "also", "count": 1})


def _notes(world: World) -> int:
    return int(world.one("SELECT count(*) FROM counter WHERE scope = 'also'"))


def test_what_a_face_stores_is_stored_with_the_deed(world: World) -> None:
    seen: list[Receipt | Refused] = []

    def also(db: Connection, told: Receipt | Refused) -> None:
        _note(db, told)
        seen.append(told)

    receipt = world.do("screen", "Ada", also=also, **SCREEN)
    assert seen == [receipt]
    assert _notes(world) == 1


def test_what_a_face_stores_is_stored_with_a_refusal_too(world: World) -> None:
    given: Given = {"subject": world.screen(), "visit": "V1"}
    world.refused("not_randomized", "dispense", "Ada", also=_note, **given)
    assert _notes(world) == 1


class Broken(Exception):
    """Something in a face went wrong."""


def _break(db: Connection, told: Receipt | Refused) -> None:
    _note(db, told)
    raise Broken


@pytest.mark.parametrize(
    ("name", "prepare"),
    [
        ("screen", lambda world: SCREEN),
        ("dispense", lambda world: {"subject": world.screen(), "visit": "V1"}),
    ],
    ids=["done", "refused"],
)
def test_an_error_in_the_face_undoes_the_deed_and_the_refusal(
    world: World, name: str, prepare: Callable[[World], Given]
) -> None:
    given = prepare(world)
    before = world.dump()
    with pytest.raises(Broken):
        world.do(name, "Ada", request_id="one", also=_break, **given)
    assert world.dump() == before
    with contextlib.suppress(Refused):
        assert not world.do(name, "Ada", request_id="one", **given).replayed
    after = world.dump()
    assert len(after["ledger"]) == len(before["ledger"]) + 1


def test_a_face_may_record_a_refusal_that_was_clear_early(world: World) -> None:
    number = world.screen()
    with pytest.raises(Refused) as caught:
        refuse(
            world.core,
            find("dispense"),
            {"subject": number},
            Refused(),
            actor=world.actor("Ada"),
            study="combi",
            site="101",
            channel=Channel.PHONE,
            request_id="call 1",
            also=_note,
        )
    assert caught.value.code == "refused"
    assert world.last_entry()["outcome"] == "refused"
    assert _notes(world) == 1


@pytest.mark.req("R17")
@pytest.mark.parametrize(("signer", "meaning"), [("Sam", "pause_site"), ("Mia", "close_site")])
def test_a_signature_of_another_or_for_another_deed_does_not_count(
    quick_world: World, signer: str, meaning: str
) -> None:
    with pytest.raises(Refused) as caught:
        perform(
            quick_world.core,
            find("pause_site"),
            {"to_site": "101", "approval_date": TODAY},
            actor=quick_world.actor("Mia"),
            study="combi",
            site=None,
            channel=Channel.PHONE,
            request_id="one",
            signature=quick_world.signature(signer, meaning),
        )
    assert caught.value.code == "signature_missing"


def test_the_last_confirmation_is_told_again(world: World) -> None:
    receipt = world.do("screen", "Ada", **SCREEN)
    world.do("screen", "Ivy", **SCREEN)
    again = world.do("repeat", "Ada")
    assert again.facts == {"repeated": receipt.confirmation}
    assert again.said.params["said"] == receipt.said
    assert world.do("repeat", "Ada").facts == {"repeated": receipt.confirmation}


def test_who_has_done_nothing_has_nothing_to_hear_again(quick_world: World) -> None:
    quick_world.refused("nothing_to_repeat", "repeat", "Cy")
