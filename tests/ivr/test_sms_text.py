"""The grammar of inbound SMS: what is a command, and what never is one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ivr.sms_text import OTHER, fold, read_text, words_of
from locales import catalogue
from tests.support.texting import RESERVED


@pytest.mark.parametrize(
    "body",
    [
        "GIVEN 123456789 1234",
        "given 123 456 789 1234",
        " Given: 123-456-789, 1234.",
        "GIVEN123456789 1234",
        "ENTREGADO 123456789 1234",
        "entregado\n123.456.789\n12 34",
        "ＧＩＶＥＮ　１２３４５６７８９　１２３４",
        "GIVEN ١٢٣٤٥٦٧٨٩ ١٢٣٤",
        "given १२३४५६७८९ १२३४",
        "\u200fGIVEN\u00a0123\u2011456\u2011789 1234\u200e",
    ],
)
def test_given_is_read_in_any_script_case_and_with_any_separators(body: str) -> None:
    command = read_text(body, words_of(catalogue()))
    assert (command.word, command.confirmation, command.cartons) == (
        "given",
        "123456789",
        ("1234",),
    )


@pytest.mark.parametrize(
    "body",
    [
        "",
        "GIVEN",
        "GIVEN 123456789",
        "GIVEN 12345678 1234",
        "GIVEN 1234567891 234",
        "GIVEN 123456789 12345",
        "GIVEN 123456789 12345678",
        "GIVEN 123456789 1234 please",
        "NOT GIVEN 123456789 1234",
        "GIVEN 123456789 IV",
        "RESEND",
        "RESEND 123456789 1234",
        "GIVEN ²²²²²²²²² ½",
        "123456789 1234",
        "GIVEN 123456789 1234 " * 200,
    ],
)
def test_what_is_not_exactly_a_command_is_none(body: str) -> None:
    assert read_text(body, words_of(catalogue())) == OTHER


@pytest.mark.parametrize("word", RESERVED)
def test_no_word_that_carriers_keep_is_a_command(word: str) -> None:
    words = words_of(catalogue())
    assert word not in words
    for body in (word, f"{word} 123456789", f"{word.lower()} 123456789 1234"):
        assert read_text(body, words) == OTHER


def test_each_language_has_its_words_and_its_help_names_them() -> None:
    words = words_of(catalogue())
    assert set(words.values()) == {"given", "resend"}
    assert {"GIVEN", "RESEND", "ENTREGADO", "REENVIAR"} == set(words)
    assert all(fold(word) == word for word in words)


@given(st.text(max_size=200), st.sampled_from(["", "GIVEN ", "RESEND 123456789", "ENTREGADO\n"]))
@example("GIVEN " + "1" * 1700, "")
@example("\x00", "GIVEN ")
def test_any_text_is_read_as_a_command_or_as_none(rest: str, start: str) -> None:
    command = read_text(start + rest, words_of(catalogue()))
    assert command.word in ("given", "resend", "other")
    assert all(len(one) == 4 and one.isascii() and one.isdigit() for one in command.cartons)
