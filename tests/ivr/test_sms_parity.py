"""GIVEN beside the phone's hand-over: the same facts and refusals, and one of them in a race."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from core.ledger.verify import verify
from core.transaction import Channel
from ivr.simulator.phone import Phone
from tests.races.crowd import at_once
from tests.support.telephone import sign_on, telephone
from tests.support.texting import Texting, message_sid, mobile, pairs_of, told
from tests.support.world import World
from tests.support.world_fixtures import CopyWorld

_HOW = ("channel", "at", "confirmation", "sequence", "previous")


@pytest.fixture
def crowded(copy_world: CopyWorld) -> Iterator[World]:
    world = World.at(copy_world(), threads=20)
    yield world
    world.close()


def _dispensed(world: World) -> tuple[str, str, str]:
    number = world.randomized()
    receipt = world.do("dispense", "Ada", subject=number, visit="V1")
    return number, receipt.facts["kits"][0], receipt.confirmation


def _phoned(world: World, number: str, four: str) -> Phone:
    phone = telephone(world)
    sign_on(phone, "Ada", rest=f"401# 6 2 {number}# {four} 1")
    return phone


def _entry(world: World) -> dict[str, Any]:
    query = """SELECT max(sequence) FROM ledger WHERE "transaction" = 'hand_over'"""
    return world.entry(world.one(query))


@pytest.mark.parametrize("right", [True, False])
def test_a_hand_over_is_the_same_by_phone_by_sms_and_on_the_command_line(
    copy_world: CopyWorld, right: bool
) -> None:
    base = copy_world()
    world = World.at(base)
    number, kit, confirmation = _dispensed(world)
    four = kit[-4:] if right else f"{(int(kit[-4:]) + 1) % 10_000:04d}"
    world.close()
    entries, kits, queued = [], [], []
    for channel in (Channel.SMS, Channel.PHONE, Channel.COMMAND):
        here = World.at(copy_world(base))
        before = len(here.messages())
        if channel is Channel.SMS:
            Texting(here).text("Ada", f"GIVEN {confirmation} {four}")
        elif channel is Channel.PHONE:
            _phoned(here, number, four)
        elif right:
            here.do("hand_over", "Ada", signed=False, subject=number, carton_1=four)
        else:
            here.refused("wrong_carton", "hand_over", "Ada", subject=number, carton_1=four)
        entry = _entry(here)
        assert entry["channel"] == channel.value
        entries.append({key: value for key, value in entry.items() if key not in _HOW})
        kits.append(here.kit(kit)._asdict())
        queued.append(here.messages()[before:])
        assert verify(here.core).ok
        here.close()
    assert entries[0] == entries[1] == entries[2]
    assert kits[0] == kits[1] == kits[2]
    assert queued[0] == queued[1] == queued[2]


def test_sms_and_a_hand_over_by_phone_at_once_confirm_it_once(crowded: World) -> None:
    number, kit, confirmation = _dispensed(crowded)
    texting = Texting(crowded)

    def text(place: int) -> str:
        own = Texting(crowded)
        pairs = pairs_of(mobile("Ada"), f"GIVEN {confirmation} {kit[-4:]}", message_sid(place))
        return told(own.post(pairs))

    def phone(who: str) -> str:
        keyed = {"subject": number, "carton_1": kit[-4:]}
        deed = crowded.do("hand_over", who, channel=Channel.PHONE, **keyed)  # type: ignore[arg-type]
        return f"hand-over confirmed {deed.confirmation}"

    results = at_once(
        [
            *(partial(text, place) for place in range(1, 5)),
            *(partial(phone, who) for who in ("Ada", "Ivy", "Pat", "Ada")),
        ]
    )
    said = [result if isinstance(result, str) else result.code for result in results]
    assert sum("hand-over confirmed" in one for one in said) == 1, said
    others = [one for one in said if "hand-over confirmed" not in one]
    assert all("confirmed already" in one or one == "kit_not_usable" for one in others), said
    done = """SELECT count(*) FROM ledger WHERE "transaction" = 'hand_over' AND outcome = 'done'"""
    assert crowded.one(done) == 1
    assert texting.text("Ada", f"GIVEN {confirmation} {kit[-4:]}", sid=message_sid(1)) == said[0]
    assert verify(crowded.core).ok


@pytest.mark.parametrize("body", ["right", "wrong", "help", "resend"])
def test_the_same_message_many_times_at_once_is_taken_once(crowded: World, body: str) -> None:
    _, kit, confirmation = _dispensed(crowded)
    texts = {
        "right": f"GIVEN {confirmation} {kit[-4:]}",
        "wrong": f"GIVEN {confirmation} {(int(kit[-4:]) + 1) % 10_000:04d}",
        "help": "what?",
        "resend": f"RESEND {confirmation}",
    }
    before = crowded.one("SELECT count(*) FROM ledger"), len(crowded.messages())
    pairs = pairs_of(mobile("Ada"), texts[body], message_sid(1))
    senders = [Texting(crowded) for _ in range(8)]
    replies = at_once([partial(one.post, pairs) for one in senders])
    assert len({str(getattr(reply, "body", reply)) for reply in replies}) == 1
    entries, messages = {"right": (1, 0), "wrong": (1, 1), "help": (0, 0), "resend": (0, 1)}[body]
    after = crowded.one("SELECT count(*) FROM ledger"), len(crowded.messages())
    assert after == (before[0] + entries, before[1] + messages)
    assert crowded.one("SELECT count(*) FROM sms_inbound") == 1


def test_many_texts_of_one_sender_at_once_get_one_help(crowded: World) -> None:
    senders = [Texting(crowded) for _ in range(8)]
    replies = at_once(
        [
            partial(one.post, pairs_of(mobile("Ada"), "what?", message_sid(place)))
            for place, one in enumerate(senders)
        ]
    )
    assert sum(b"GIVEN" in getattr(reply, "body", b"") for reply in replies) == 1
