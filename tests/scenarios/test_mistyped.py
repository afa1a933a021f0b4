"""A kit number that slipped: caught on every channel, nothing done, and no number offered instead.

The kits here have guarded numbers. Each slip there is of one of them is tried where that is cheap,
one of each sort where a call or a page has to be gone through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from core.errors import InvalidInput
from core.messages import Digits
from tests.support.api import Api
from tests.support.pages import browser
from tests.support.telephone import sign_on, telephone
from tests.support.texting import Texting
from tests.support.world import Given, World

DAMAGED: Given = {"condition": "damaged"}
LOTS = "lot,kit_type,expiry,countries\n7777,A,2027-12,US\n7778,B,2027-12,US"


def _slips(number: str) -> Iterator[str]:
    """One of each sort of slip at each place: a wrong key, neighbours swapped, keys swapped over a
    third, a key left out, a bounced key, a key left out and another one bounced."""
    for place in range(8):
        yield number[:place] + str((int(number[place]) + 3) % 10) + number[place + 1 :]
        left = number[:place] + number[place + 1 :]
        yield left
        yield number[: place + 1] + number[place:]
        yield from (left[: at + 1] + left[at:] for at in (0, 6))
        for apart in (1, 2):
            if place + apart < 8:
                keys = list(number)
                keys[place], keys[place + apart] = keys[place + apart], keys[place]
                yield "".join(keys)


@pytest.fixture
def guarded(quick_world: World) -> tuple[World, str]:
    """The world with kits of guarded numbers on the shelf of 101, and one of them."""
    world = quick_world
    world.do("import_lots", "Sam", file=LOTS)
    for lot in ("7777", "7778"):
        world.do("generate_kits", "Sam", lot=lot, how_many="8", depot="900")
        world.release(lot)
    world.ship(8)
    query = (
        "SELECT kit.number FROM kit JOIN lot ON lot.id = kit.lot_id WHERE kit.study = :study "
        "AND lot.number = '7777' ORDER BY kit.number"
    )
    return world, world.rows(query)[3].number


def _told_of_no_other(world: World, slip: str, told: str) -> None:
    """Neither in one piece nor digit by digit does the answer hold any number but the slip."""
    digits = re.sub(r"[^0-9A-Za-z]", "", told).replace(slip, "")
    for row in world.rows("SELECT number FROM kit WHERE study = :study"):
        assert row.number not in digits


def test_on_the_command_line_every_slip_is_a_wrong_answer(guarded: tuple[World, str]) -> None:
    world, kit = guarded
    before = world.dump()
    for slip in sorted(set(_slips(kit)) - {kit}):
        with pytest.raises(InvalidInput) as caught:
            world.do("report_stock", "Ada", kit=slip, **DAMAGED)
        told = caught.value.message
        assert (caught.value.field, told.id) in {
            ("kit", "error.kit_mistyped"),
            ("kit", "error.kit_unknown"),
        }
        assert set(told.params) == {"number"}
        assert told.params["number"] == Digits(slip)
    assert world.dump() == before


def test_by_the_api_every_slip_is_a_problem_with_that_answer(guarded: tuple[World, str]) -> None:
    world, kit = guarded
    api = Api(world)
    for slip in sorted(set(_slips(kit)) - {kit}):
        answer = api.do("report_stock", "Ada", kit=slip, **DAMAGED)
        assert answer.status_code == 422, slip
        _told_of_no_other(world, slip, answer.get_data(as_text=True))
    assert world.kit(kit).disposition == "available"


@pytest.mark.parametrize("place", range(7))
def test_on_a_page_the_question_is_asked_again(guarded: tuple[World, str], place: int) -> None:
    world, kit = guarded
    slip = list(_slips(kit))[7 + place]
    here = browser(world, "Ada")
    page = here.answer(here.get("/do/report_stock"), slip)
    assert page.path.endswith("/ask/kit")
    assert "mistyped" in page.html or "not known" in page.html
    _told_of_no_other(world, slip, page.html)
    assert world.kit(kit).disposition == "available"


@pytest.mark.parametrize("place", range(7))
def test_on_the_telephone_it_is_asked_again(guarded: tuple[World, str], place: int) -> None:
    world, kit = guarded
    slip = list(_slips(kit))[7 + place]
    phone = telephone(world)
    sign_on(phone, "Ada", rest="401# 6 3")
    said = phone.key(slip[:8] if len(slip) >= 8 else f"{slip} ")
    assert "mistyped" in said or "not known" in said, said
    _told_of_no_other(world, slip[:8], said)
    phone.key(f"{kit} 1")
    assert world.kit(kit).disposition == "available"  # not before it is confirmed


def test_by_sms_four_digits_that_slipped_say_do_not_give(guarded: tuple[World, str]) -> None:
    world, _ = guarded
    number = world.randomized()
    given = world.do("dispense", "Ada", subject=number, visit="V1")
    (kit,) = given.facts["kits"]
    texting = Texting(world)
    four = kit[-4:]
    for slip in sorted({one[-4:] for one in _slips("0000" + four)} - {four}):
        told = texting.text("Ada", f"GIVEN {given.confirmation} {slip}")
        assert "do not give" in told.lower(), (slip, told)
        assert four not in re.sub(r"[^0-9]", "", told.replace(str(given.confirmation), ""))
    assert world.kit(kit).confirmed_at is None
    texting.text("Ada", f"GIVEN {given.confirmation} {four}")
    assert world.kit(kit).confirmed_at is not None
