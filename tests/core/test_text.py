"""Messages in words, spoken and shown, in English and Spanish."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from core.messages import Digits, Labels, Message, Moment
from core.text import Catalogue, TextMissing, spoken_digits

HEADER = (
    'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n'
    'Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
)
ENGLISH = """\
msgid "said"
msgstr "Kit number {kit} for {arm_free}."

msgid "many"
msgid_plural "many"
msgstr[0] "One kit."
msgstr[1] "{count} kits."

msgid "when"
msgstr "On {on} at {at}."

msgid "list"
msgstr "Kits {kits}."

msgid "outer"
msgstr "Warning: {inner}"

msgid "value.moment"
msgstr "{date} at {time}"
"""
SPANISH = (
    ENGLISH.replace("Kit number {kit} for", "Número de kit {kit} para")
    .replace("On {on} at {at}", "El {on}: {at}")
    .replace("{date} at {time}", "{date} a las {time}")
)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    folder = tmp_path_factory.mktemp("texts")
    (folder / "en.po").write_text(HEADER + ENGLISH, encoding="utf-8")
    (folder / "es.po").write_text(HEADER + SPANISH, encoding="utf-8")
    return Catalogue(folder)


def test_numbers_are_spoken_digit_by_digit_and_shown_as_written(words: Catalogue) -> None:
    said = Message("said", {"kit": Digits("12345678"), "arm_free": "Ada"})
    assert words.render(said, "en", spoken=True) == "Kit number 1 2 3 4, 5 6 7 8 for Ada."
    assert words.render(said, "es", spoken=False) == "Número de kit 12345678 para Ada."


@pytest.mark.parametrize(
    ("digits", "spoken"),
    [
        ("7", "7"),
        ("101001", "1 0 1 0 0 1"),
        ("12345678", "1 2 3 4, 5 6 7 8"),
        ("123456789", "1 2 3, 4 5 6, 7 8 9"),
        ("1234567890123", "1 2 3 4, 5 6 7 8, 9 0 1 2, 3"),
        ("101-007", "1 0 1, 0 0 7"),
        ("", ""),
    ],
)
def test_long_numbers_pause_between_groups(digits: str, spoken: str) -> None:
    assert spoken_digits(digits) == spoken


def test_dates_have_month_names_and_moments_the_time_of_the_site(words: Catalogue) -> None:
    at = Moment(dt.datetime(2026, 3, 5, 23, 30, tzinfo=dt.UTC), "Europe/Madrid")
    when = Message("when", {"on": dt.date(2026, 3, 5), "at": at})
    assert words.render(when, "en", spoken=True) == "On March 5, 2026 at March 6, 2026 at 12:30 AM."
    assert (
        words.render(when, "es", spoken=True)
        == "El 5 de marzo de 2026: 6 de marzo de 2026 a las 0:30."
    )
    assert words.render(when, "en", spoken=False).endswith("12:30 AM GMT+01:00.")


def test_lists_are_joined_as_people_do(words: Catalogue) -> None:
    kits = Message("list", {"kits": (Digits("1"), Digits("2"), Digits("3"))})
    assert words.render(kits, "en", spoken=True) == "Kits 1, 2, and 3."
    assert words.render(kits, "es", spoken=True) == "Kits 1, 2 y 3."


def test_counts_choose_the_plural(words: Catalogue) -> None:
    assert words.render(Message("many", {"count": 1}), "en", spoken=True) == "One kit."
    assert words.render(Message("many", {"count": 3}), "en", spoken=True) == "3 kits."


def test_labels_and_inner_messages_follow_the_language(words: Catalogue) -> None:
    labels = Labels.of({"en": "Baseline", "es": "Basal"})
    inner = Message("said", {"kit": labels, "arm_free": "Bo"})
    outer = Message("outer", {"inner": inner})
    assert words.render(outer, "es", spoken=True) == "Warning: Número de kit Basal para Bo."


def test_what_is_missing_is_named(words: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(TextMissing, match="no text nowhere"):
        words.render(Message("nowhere"), "en", spoken=True)
    with pytest.raises(TextMissing, match="takes arm_free"):
        words.render(Message("said", {"kit": "1"}), "en", spoken=True)
    with pytest.raises(TextMissing, match="language de"):
        words.render(Message("said"), "de", spoken=True)
    (tmp_path / "en.po").write_text(HEADER + 'msgid "empty"\nmsgstr ""\n', encoding="utf-8")
    with pytest.raises(TextMissing, match="empty has no text"):
        Catalogue(tmp_path)
