"""Sealed values: nothing renders, logs or serialises them, and none stands in for another."""

from __future__ import annotations

import copy
import json
import logging
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import IntegrityBreach
from core.sealed import Keys, Sealed, read_key
from tests.support.world import World

KEYS = Keys(b"s" * 40, (b"a" * 32,))
ARM = KEYS.seal("combi|subject|101001", "placebo")


@pytest.mark.parametrize("shown", [str(ARM), repr(ARM), f"{ARM}", repr([ARM]), repr(KEYS)])
def test_it_shows_nothing(shown: str) -> None:
    assert "placebo" not in shown
    assert "101001" not in shown
    assert ARM.token.hex() not in shown
    assert repr(ARM.token) not in shown


def test_it_is_not_pickled_copied_or_written_as_json() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(ARM)
    with pytest.raises(TypeError):
        copy.deepcopy(ARM)
    with pytest.raises(TypeError):
        json.dumps({"arm": ARM})


def test_it_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        logging.getLogger("ixrs").info("randomized %s %r", ARM, {"arm": ARM})
    assert caplog.messages == ["randomized (sealed) {'arm': (sealed)}"]


@given(st.text(max_size=100), st.text(max_size=40))
def test_it_opens_as_what_it_is_about_and_as_nothing_else(text: str, about: str) -> None:
    sealed = KEYS.seal(about, text)
    assert KEYS.open(sealed) == text
    with pytest.raises(IntegrityBreach):
        KEYS.open(Sealed(sealed.token, about + "x"))


@pytest.mark.parametrize("place", [0, 4, 16, -1])
def test_an_altered_one_does_not_open(place: int) -> None:
    token = bytearray(ARM.token)
    token[place] ^= 1
    with pytest.raises(IntegrityBreach):
        KEYS.open(Sealed(bytes(token), ARM.about))


@pytest.mark.parametrize("length", [0, 3, 4, 16, 20])
def test_a_cut_one_does_not_open(length: int) -> None:
    with pytest.raises(IntegrityBreach):
        KEYS.open(Sealed(ARM.token[:length], ARM.about))


def test_its_length_says_nothing() -> None:
    lengths = {len(KEYS.seal("arm", arm).token) for arm in ("A", "placebo", "active-high-dose")}
    assert len(lengths) == 1


def test_an_older_key_still_opens_what_it_sealed() -> None:
    both = Keys(b"s" * 40, (b"b" * 32, b"a" * 32))
    assert both.open(ARM) == "placebo"
    with pytest.raises(IntegrityBreach):
        KEYS.open(both.seal("x", "new"))


def test_the_arms_of_two_subjects_cannot_be_swapped_in_the_database(world: World) -> None:
    first, second = world.randomized(), world.randomized()
    with world.core.writing() as db:
        db.exec_driver_sql(
            "UPDATE subject SET arm = (SELECT o.arm FROM subject o WHERE o.number = "
            f"'{second}' AND o.study = 'combi') WHERE number = '{first}' AND study = 'combi'"
        )
    with pytest.raises(IntegrityBreach):
        world.arm(first)
    with pytest.raises(IntegrityBreach):
        world.dispense(first)


@pytest.mark.parametrize("text", ["ab" * 32, "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="])
def test_a_key_is_read_as_hex_or_base64(text: str) -> None:
    assert len(read_key(text)) == 32


@pytest.mark.parametrize("text", ["", "ab", "ab" * 31, "zz" * 32])
def test_a_key_of_another_length_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_key(text)
