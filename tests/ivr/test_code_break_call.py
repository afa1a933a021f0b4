"""The emergency line, as an investigator meets it at three in the morning."""

from __future__ import annotations

import re
import sys
from base64 import b64decode
from urllib.parse import urlsplit

import pytest

from core.ledger.verify import verify
from core.sealed import Sealed
from ivr.simulator.phone import Phone
from tests.support.emergencies import (
    HELPED,
    LINE,
    MAIN,
    OPERATOR,
    break_code,
    events,
    head,
    heard_in,
    one_of_each_arm,
    ring,
    seconds_of,
    sign_on,
)
from tests.support.telephone import number_after, telephone
from tests.support.world import NOW, PEOPLE, PIN, World

ENTRIES_MAX = 12


@pytest.mark.req("R1", "R2", "R5")
def test_the_treatment_of_that_one_subject_is_told_twice(quick_world: World) -> None:
    lengths, addresses = set(), set()
    for arm, number in one_of_each_arm(quick_world).items():
        phone = ring(quick_world)
        said = break_code(phone, number)
        assert "The code break is on record." in said
        assert "follows, twice" in said
        (sound,) = phone.recordings
        assert heard_in(quick_world, sound) == arm
        assert seconds_of(sound) > 4
        lengths.add(len(sound))
        addresses |= {heard.url for heard in phone.transcript if heard.played}
        phone.hang_up()
    assert len(lengths) == 1  # whatever it tells
    pattern = r"https://ixrs\.example\.org/ivr/recording/[0-9a-f]{64}"
    assert all(re.fullmatch(pattern, address) for address in addresses)
    assert len(addresses) == 2
    assert verify(quick_world.core).ok


@pytest.mark.req("R1")
def test_nobodys_permission_is_asked_and_it_takes_few_keys(
    quick_world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    number, other = quick_world.randomized("Dan"), quick_world.randomized("Ivy")
    direct = [f"{PEOPLE['Dan']}#", PIN, f"{number}#", "1", "1"]
    longest = ["9", f"{PEOPLE['Ivy']}#", PIN, "401#", f"{other}#", "1", "1"]
    for to, line, keys in ((LINE, "unblinding", direct), (MAIN, "main", longest)):
        phone = telephone(quick_world, to=to)
        said = phone.dial(line)
        for entry in keys:
            assert not phone.recordings
            said += phone.press(entry)
        assert len(phone.recordings) == 1
        assert "You do not need anyone's permission." in said
        assert len(keys) <= ENTRIES_MAX
        with capsys.disabled():
            pressed = sum(map(len, keys))
            print(f"\nfrom {line} to the treatment: {len(keys)} key entries, {pressed} keys")
        phone.hang_up()


@pytest.mark.req("R16", "R19")
def test_signing_on_signs_and_the_signature_is_spoken_before_the_confirm(
    quick_world: World,
) -> None:
    number = quick_world.randomized("Dan")
    phone = ring(quick_world)
    sign_on(phone)
    quick_world.days_later(2 / 1440)
    phone.press(f"{number}#")
    said = phone.press("1")
    assert "You are about to sign as Dan, on November 20, 2026." in said
    assert "I break the code of this subject in an emergency" in said
    assert said.index("sign as Dan") < said.index("To confirm, press 1")
    before = head(quick_world)
    phone.press("1")
    (signed,) = quick_world.entry(before + 1)["signatures"]
    assert (signed["name"], signed["user_id"], signed["method"]) == ("Dan", PEOPLE["Dan"], "PIN")
    assert signed["meaning"] == "code_break"
    assert signed["at"].startswith(NOW.isoformat()[:19])  # when the PIN was given


@pytest.mark.req("R19")
def test_a_sign_on_signs_once_and_another_subject_takes_the_pin_again(quick_world: World) -> None:
    first, second = quick_world.randomized("Dan"), quick_world.randomized("Dan")
    phone = ring(quick_world)
    break_code(phone, first)
    assert "For another subject, press 2" in phone.press("1")
    phone.press("2")
    phone.press(f"{second}#")
    phone.press("2")
    assert "To sign, key your PIN" in phone.press("1")
    assert len(phone.recordings) == 1
    assert "follows, twice" in phone.press(PIN)
    assert heard_in(quick_world, phone.recordings[1]) == quick_world.arm(second)


def test_who_it_is_is_spoken_back_before_the_confirm(quick_world: World) -> None:
    number = quick_world.randomized("Dan")
    phone = ring(quick_world)
    sign_on(phone)
    said = phone.press(f"{number}#")
    assert said.index("born in 1961") < said.index("What is the reason?")
    said = phone.press("1")
    assert said.index("born in 1961") < said.index("To confirm")


def test_where_no_year_is_kept_site_and_day_of_randomization_are_spoken_back(
    quick_world: World,
) -> None:
    solo = quick_world.of("solo")
    number = solo.randomized("Ivy")
    phone = telephone(solo, to=MAIN)
    phone.dial()
    phone.key(f"9 {PEOPLE['Ivy']}# {PIN} 402#")
    said = phone.press(f"{number}#")
    spoken = f"Subject {' '.join(number)} of site 1 0 1, randomized on November 20, 2026."
    assert said.index(spoken) < said.index("What is the reason?")
    assert spoken in phone.press("1")


@pytest.mark.req("R3")
def test_it_is_on_record_before_it_is_told_and_each_telling_is(world: World) -> None:
    number = world.randomized("Dan")
    phone = ring(world)
    before = head(world)
    break_code(phone, number)
    assert events(world, before) == [("code_break", None), ("treatment_read", None)]
    assert "Once more. (recording)" in phone.press("2")
    assert phone.recordings[0] == phone.recordings[1]
    assert events(world, before + 2) == [("treatment_read", None)]
    assert world.messages()[-1][0] == "sms.treatment_read_again"
    said = phone.press("1")
    entry = world.entry(before + 1)
    assert number_after("Confirmation number", said) == entry["confirmation"]


def fetch(phone: Phone, address: str) -> tuple[int, int]:
    """Status and size of what is at an address."""
    reply = phone.sender.get(urlsplit(address).path)
    return reply.status, len(reply.body)


@pytest.mark.req("R3")
def test_a_recording_is_fetched_once_and_who_asks_again_is_told_of(quick_world: World) -> None:
    phone = ring(quick_world)
    break_code(phone, quick_world.randomized("Dan"))
    (address,) = (heard.url for heard in phone.heard if heard.played)
    before = head(quick_world)
    assert fetch(phone, address) == (404, 0)
    assert events(quick_world, before) == [("code_break_failed", "fetched_again")]
    assert quick_world.messages()[-1][0] == "sms.code_break_failed_subject"


def test_an_address_that_was_never_given_out_says_nothing_and_records_nothing(
    quick_world: World,
) -> None:
    phone = ring(quick_world)
    before = quick_world.dump()
    for token in ("0" * 64, "x", "0" * 65, "%00"):
        assert fetch(phone, f"https://ixrs.example.org/ivr/recording/{token}") == (404, 0)
    assert quick_world.dump() == before


def play_nothing(phone: Phone) -> None:
    """A telephone whose provider doesn't come for recordings."""
    phone.sender.get = lambda path: (_ for _ in ()).throw(OSError(path))  # type: ignore[method-assign]


def test_a_recording_runs_out_after_two_minutes(quick_world: World) -> None:
    phone = ring(quick_world)
    get = phone.sender.get
    play_nothing(phone)
    break_code(phone, quick_world.randomized("Dan"))
    (address,) = (heard.url for heard in phone.heard if heard.played)
    phone.sender.get = get  # type: ignore[method-assign]
    quick_world.set_time(NOW.replace(minute=2))
    assert fetch(phone, address) == (404, 0)
    said = phone.press("2")  # who hasn't heard it asks once more
    assert "(recording)" in said
    assert len(phone.recordings) == 1


def test_only_the_recording_itself_is_sent_and_never_kept(quick_world: World) -> None:
    phone = ring(quick_world)
    play_nothing(phone)
    break_code(phone, quick_world.randomized("Dan"))
    (address,) = (heard.url for heard in phone.heard if heard.played)
    client = phone.sender.client  # type: ignore[attr-defined]
    assert client.head(urlsplit(address).path).status_code == 405  # and it isn't used up
    answer = client.get(urlsplit(address).path)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content_type == "audio/wav"
    assert {name for name, _ in answer.headers} == {
        "Content-Type",
        "Content-Length",
        "Cache-Control",
    }


def states_of(world: World) -> list[str]:
    """The state after each turn, opened."""
    rows = world.rows("SELECT * FROM call_turn ORDER BY turn")
    return [
        world.core.keys.open(Sealed(b64decode(row.state), f"call|{row.call_sid}|{row.turn}"))
        for row in rows
    ]


@pytest.mark.req("R6")
def test_the_treatment_is_in_no_state_log_transcript_address_message_or_table(
    quick_world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    number = one_of_each_arm(quick_world)["placebo"]  # "active" is what sites and people are
    phone = ring(quick_world)
    break_code(phone, number)
    phone.press("2")
    phone.press("1")
    phone.hang_up()
    out, err = capfd.readouterr()
    tables = quick_world.dump()
    tables.pop("study_version")  # the study file has the names of arms
    said = repr(phone.transcript)
    kept = "\n".join([repr(tables), *states_of(quick_world), said, out, err])
    assert "placebo" not in kept.lower()
    assert not any(
        heard.url.rpartition("/")[2] in out + err for heard in phone.transcript if heard.url
    )


def test_each_turn_sent_again_is_told_the_same_and_does_nothing_twice(quick_world: World) -> None:
    number = quick_world.randomized("Dan")
    phone = ring(quick_world)
    for keys in ("", f"{PEOPLE['Dan']}#", PIN, f"{number}#", "1", "1", "2", "1"):
        if keys:
            phone.press(keys)
        before = quick_world.dump()
        assert phone.resend_last() == phone.last_reply
        assert quick_world.dump() == before


def test_the_codes_of_a_study_that_wants_it_are_spoken_by_the_provider(
    quick_world: World,
) -> None:
    file = quick_world.one(
        "SELECT source FROM study_version WHERE study = :study ORDER BY version DESC LIMIT 1"
    )
    quick_world.do(
        "publish", "Mia", file=str(file).replace("[study]", "[study]\nsay_treatment = true", 1)
    )
    number = quick_world.randomized("Dan")
    if quick_world.subject(number).version != 2:
        quick_world.do("move_to_version", "Mia", subject=number, version="2")
    phone = ring(quick_world)
    before = head(quick_world)
    said = break_code(phone, number)
    told = f"The treatment is: {quick_world.arm(number).capitalize()}."
    assert said.count(told) == 2
    assert not phone.recordings
    assert events(quick_world, before) == [("code_break", None), ("treatment_read", None)]
    again = phone.resend_last()
    assert again == phone.last_reply  # the same words, and no second reading
    assert events(quick_world, before + 2) == []
    quick_world.set_time(NOW.replace(minute=3))
    assert told.encode() not in phone.resend_last().body  # not to whoever replays it later
    kept = quick_world.dump()
    kept.pop("study_version")
    assert "The treatment is" not in repr(kept)


def without_a_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    from ivr import recording

    recording._sounds.cache_clear()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")


def test_where_no_voice_can_tell_it_the_operators_do(
    quick_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = quick_world.randomized("Dan")
    phone = ring(quick_world)
    without_a_voice(monkeypatch)
    before = head(quick_world)
    said = break_code(phone, number)
    assert "is on record" in said
    assert "I cannot tell the treatment in this call" in said
    assert HELPED in said
    assert phone.put_through == [OPERATOR]
    assert not phone.recordings
    assert ("code_break_failed", "not_told") in events(quick_world, before)


def test_in_the_menu_nine_takes_the_pin_at_the_end(quick_world: World) -> None:
    number = quick_world.randomized("Dan")
    phone = telephone(quick_world, to=MAIN)
    phone.dial()
    said = phone.key(f"1 {PEOPLE['Dan']}# {PIN}")
    assert "For an emergency code break, press 9. For the help desk, press 0." in said
    phone.key(f"9 {number}# 4")
    assert "key your PIN" in phone.press("1")
    assert "follows, twice" in phone.press(PIN)
    assert heard_in(quick_world, phone.recordings[0]) == quick_world.arm(number)
    assert "For the main menu, press 2" in phone.press("1")
    assert "Main menu" in phone.press("2")


def test_in_the_menu_nine_is_the_operator_for_everybody_else(quick_world: World) -> None:
    phone = telephone(quick_world, to=MAIN)
    phone.dial()
    said = phone.key(f"1 {PEOPLE['Di']}# {PIN}")
    assert "For an emergency code break, press 9." in said
    assert HELPED in phone.press("9")
    assert phone.put_through == [OPERATOR]


def test_a_code_broken_again_is_told_again_and_on_record_again(quick_world: World) -> None:
    number = quick_world.randomized("Dan")
    for times in (False, True):
        phone = ring(quick_world)
        before = head(quick_world)
        break_code(phone, number)
        assert quick_world.entry(before + 1)["facts"]["repeated"] is times
        assert heard_in(quick_world, phone.recordings[0]) == quick_world.arm(number)
        phone.hang_up()


def test_keying_ahead_stops_at_the_read_back(quick_world: World) -> None:
    number = quick_world.randomized("Dan")
    phone = ring(quick_world)
    said = phone.press(f"{PEOPLE['Dan']}*{PIN}*{number}*1*1#")
    assert "To confirm, press 1" in said
    phone.press("1")
    assert len(phone.recordings) == 1


@pytest.mark.parametrize("back", ["2", "3"])
def test_change_and_cancel_begin_with_the_subject_again(quick_world: World, back: str) -> None:
    wrong, right = quick_world.randomized("Dan"), quick_world.randomized("Dan")
    phone = ring(quick_world)
    sign_on(phone)
    phone.key(f"{wrong}# 1")
    said = phone.press(back)
    assert ("Nothing was recorded" in said) == (back == "3")
    assert "Key the subject number" in said
    phone.key(f"{right}# 1 1")
    assert heard_in(quick_world, phone.recordings[0]) == quick_world.arm(right)
    assert quick_world.subject(wrong).code_broken_at is None


def test_the_callers_own_language_begins_after_the_pin(quick_world: World) -> None:
    from sqlalchemy import text

    from tests.support.demo_study import publish_demo

    demo = publish_demo(quick_world)
    with demo.core.writing() as db:
        db.execute(text("UPDATE person SET language = 'es' WHERE user_id = '16'"))
    phone = telephone(demo, to="+12025550111")
    assert "Key your user ID" in phone.dial("unblinding")
    assert "Key your six-digit PIN" in phone.press("16#")
    assert "Marque el número de estudio" in phone.press(PIN)
