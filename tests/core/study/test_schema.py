"""What a config answers: kits, windows, how long kits must last."""

from __future__ import annotations

import datetime as dt

import pytest

from core.messages import Labels
from core.study.read import load
from tests.core.study.files import MINIMISED, SMALL, edited

DAY = dt.date(2026, 2, 1)


def test_kits_follow_arm_and_visit_and_a_repeated_type_is_two_kits() -> None:
    config = load(
        edited(SMALL, ('kits = { active = ["A"], placebo = ["B"] }', 'kits = { "*" = ["A", "A"] }'))
    )
    assert config.kits_for("V1", "placebo") == ("A", "A")
    assert load(SMALL).kits_for("V2", "active") == ("A",)
    assert load(SMALL).kits_for("V2", "placebo") == ("B",)
    assert load(SMALL).kits_for("V3", "active") == ()
    assert load(SMALL).dispenses_at("V2")
    assert not load(SMALL).dispenses_at("V3")
    with pytest.raises(KeyError):
        load(SMALL).kits_for("V9", "active")


def test_an_arms_own_kits_go_before_those_of_every_arm() -> None:
    kits = '{ "*" = ["A"], placebo = ["B"] }'
    config = load(edited(SMALL, ('{ active = ["A"], placebo = ["B"] }', kits)))
    assert config.kits_for("V1", "active") == ("A",)
    assert config.kits_for("V1", "placebo") == ("B",)


def test_unscheduled_visits_give_nothing_unless_the_file_says_so() -> None:
    assert load(SMALL).unscheduled is None
    assert load(SMALL).unscheduled_kits("active") == ()
    config = load(edited(SMALL, ("[caps]", '[unscheduled.kits]\n"*" = ["A"]\n[caps]')))
    assert config.unscheduled_kits("active") == ("A",)


def test_the_window_is_inclusive_on_both_sides() -> None:
    config = load(SMALL)
    assert config.window(config.visit("V2"), DAY) == (
        dt.date(2026, 2, 26),
        dt.date(2026, 3, 1),
        dt.date(2026, 3, 4),
    )


def test_a_visit_anchored_to_the_previous_one_counts_from_when_that_was() -> None:
    config = load(edited(SMALL, ("day = 56", 'day = 56\nanchor = "previous"')))
    opens, due, closes = config.window(config.visit("V3"), dt.date(2026, 3, 4))
    assert due == dt.date(2026, 4, 1)
    assert (due - opens, closes - due) == (dt.timedelta(3), dt.timedelta(3))


def test_the_next_dispensing_is_as_far_as_the_windows_allow() -> None:
    config = load(SMALL)
    assert config.days_to_next("V1", "active") == 31  # day 0 to the end of V2's window
    assert config.days_to_next("V2", "active") == 34  # 28 + 3 + 3, to the last visit
    assert config.days_to_next("V3", "active") == 0


def test_a_visit_that_gives_nothing_does_not_shorten_the_gap() -> None:
    config = load(edited(SMALL, ('after = 3\nkits = { active = ["A"], placebo = ["B"] }', "")))
    assert config.days_to_next("V1", "active") == 59


def test_only_asked_factors_are_asked() -> None:
    config = load(MINIMISED)
    assert [factor.name for factor in config.factors] == ["sex", "centre"]
    assert [factor.name for factor in config.asked_factors] == ["sex"]


def test_a_named_sites_cap_goes_before_that_of_every_site() -> None:
    caps = load(edited(SMALL, ("[caps]", "[caps]\nsite = 5"))).caps
    assert (caps.of_site("101"), caps.of_site("102")) == (20, 5)
    assert load(SMALL).caps.of_site("102") is None


def test_words_come_in_the_readers_language() -> None:
    labels = load(SMALL).factor("sex").labels
    assert labels == Labels((("en", "Sex"),))
    assert load(SMALL).arm("active").labels.text("en") == "Active"


def test_only_double_blind_blinds_the_site() -> None:
    assert load(SMALL).is_blinded
    assert not load(edited(SMALL, ('"double"', '"single"'))).is_blinded
    assert not load(MINIMISED).is_blinded
