"""What a site is sent: min/max and predictive, whole groups, and never one kit alone when blind."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.messages import Message
from core.randomization.simulation.compile import compiled
from core.supply.resupply.rule import (
    GROUP_LEAST,
    Decision,
    Rule,
    TypeState,
    decide,
    decision_of,
    fill,
)
from core.supply.resupply.why import for_site, for_supply
from locales import catalogue

MIN_MAX = Rule("min_max", "at_or_below")
PREDICTIVE = Rule("predictive", "below", short_days=14, long_days=42)
NEEDED = Rule("predictive", "below", "needed", 14, 42)
ARM_A = TypeState("A", "tablets", 4, 0, 0, need_short=1, need_long=3, minimum=1, maximum=3)
ARM_B = TypeState("B", "tablets", 1, 1, 0, need_short=2, need_long=4, minimum=1, maximum=3)


def of(code: str, on_hand: int, minimum: int = 2, maximum: int = 6, group: str = "g") -> TypeState:
    return TypeState(code, group, on_hand, minimum=minimum, maximum=maximum)


def told(decision: Decision, language: str = "en") -> list[str]:
    texts = catalogue()
    return [
        f"{code}: {texts.render(each, language, spoken=False)}"
        for code, each in for_supply(decision)
    ]


@pytest.mark.parametrize(
    ("rule", "blinded", "sent"),
    [
        (NEEDED, False, {"B": 5}),
        (PREDICTIVE, False, {"A": 2, "B": 5}),
        (PREDICTIVE, True, {"A": 2, "B": 5}),
        # What a study file says of an open-label study never unblinds a blinded one.
        (NEEDED, True, {"A": 2, "B": 5}),
    ],
)
def test_predictive_supply_counts_stock_and_the_visits_to_come(
    rule: Rule, blinded: bool, sent: dict[str, int]
) -> None:
    assert decide([ARM_A, ARM_B], rule, blinded=blinded).kits == sent


@pytest.mark.parametrize(
    ("strategy", "comparison", "position", "kits"),
    [
        ("min_max", "at_or_below", 3, 0),
        ("min_max", "at_or_below", 2, 4),
        ("min_max", "below", 2, 0),
        ("min_max", "below", 1, 5),
        ("predictive", "below", 2, 0),
        ("predictive", "below", 1, 5),
        ("predictive", "at_or_below", 2, 4),
    ],
)
def test_a_position_at_the_limit_triggers_where_the_file_says_so(
    strategy: Literal["min_max", "predictive"],
    comparison: Literal["below", "at_or_below"],
    position: int,
    kits: int,
) -> None:
    decision = decide([of("A", position)], Rule(strategy, comparison), blinded=False)
    assert decision.kits.get("A", 0) == kits
    assert decision.is_order is bool(kits)


def test_min_max_looks_at_no_visit() -> None:
    soon = TypeState("A", "g", 3, need_short=9, need_long=20, minimum=2, maximum=6)
    assert not decide([soon], MIN_MAX, blinded=False).is_order


def test_what_is_on_the_way_counts_and_what_expires_too_soon_does_not() -> None:
    coming = TypeState("A", "g", on_hand=1, in_transit=2, minimum=2, maximum=6)
    assert not decide([coming], MIN_MAX, blinded=False).is_order
    expiring = TypeState("A", "g", on_hand=1, in_transit=2, expiring=2, minimum=2, maximum=6)
    assert decide([expiring], MIN_MAX, blinded=False).kits == {"A": 5}


def test_a_resupply_that_is_off_sends_nothing_to_an_empty_site() -> None:
    decision = decide([of("A", 0)], Rule("off", "at_or_below"), blinded=True)
    assert not decision.is_order
    assert [line.is_low for line in decision.lines] == [False]


def test_an_open_group_is_filled_up_whole_and_other_groups_stay() -> None:
    types = [of("A", 2), of("B", 4), of("C", 6), of("D", 5, group="other")]
    assert decide(types, MIN_MAX, blinded=False).kits == {"A": 4, "B": 2}


def test_a_blinded_group_travels_with_all_its_types_even_one_that_is_full() -> None:
    types = [of("A", 2), of("B", 6), of("C", 9), of("D", 5, group="other")]
    assert decide(types, MIN_MAX, blinded=True).kits == {"A": 4, "B": 1, "C": 1}


def test_the_only_type_of_a_blinded_group_never_travels_as_one_kit() -> None:
    decision = decide([of("A", 2, minimum=2, maximum=3)], MIN_MAX, blinded=True)
    assert decision.kits == {"A": GROUP_LEAST}


def test_a_target_that_is_reached_orders_nothing_night_after_night() -> None:
    full = [of("A", 2, minimum=2, maximum=2), of("B", 3, minimum=2, maximum=2)]
    for blinded in (False, True):
        assert not decide(full, MIN_MAX, blinded=blinded).is_order


def test_a_type_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        decide([of("A", 1), of("A", 2)], MIN_MAX, blinded=False)


def test_a_decision_is_read_back_from_its_record() -> None:
    decision = decide([ARM_A, ARM_B], PREDICTIVE, blinded=True)
    assert decision_of(json.loads(json.dumps(decision.record()))) == decision
    with pytest.raises(ValueError, match="another version"):
        decision_of({**decision.record(), "version": 0})


def test_each_type_is_explained_with_its_numbers() -> None:
    assert told(decide([ARM_A, ARM_B], PREDICTIVE, blinded=True)) == [
        "A: 4 counted: 4 at the site, 0 on the way, less 0 that expire too soon. "
        "Ordered below 2 (reserve 1, visits within 14 days 1), "
        "up to 6 (reserve 3, visits within 42 days 3). "
        "It is not low, and goes along with its group: 2 sent.",
        "B: 2 counted: 1 at the site, 1 on the way, less 0 that expire too soon. "
        "Ordered below 3 (reserve 1, visits within 14 days 2), "
        "up to 7 (reserve 3, visits within 42 days 4). "
        "It is low: 5 sent.",
    ]


def test_kits_that_go_along_to_hide_what_was_low_are_explained_as_that() -> None:
    low, full, alone = of("A", 2), of("B", 6), of("C", 2, maximum=3, group="alone")
    said = told(decide([low, full, alone, of("D", 3, group="more")], MIN_MAX, blinded=True))
    assert [one.rpartition(". ")[2] for one in said] == [
        "It is low: 4 sent.",
        "It has enough: 1 sent, so that the shipment does not tell what was low.",
        "It is low: 2 sent, as no kit travels alone in a blinded study.",
        "It has enough: none sent.",
    ]
    assert all("Ordered at 2 or below, up to" in one for one in said)
    assert all("Se pide con 2 o menos, hasta" in one for one in told(
        decide([low, full], MIN_MAX, blinded=True), "es"
    ))  # fmt: skip


def test_a_site_without_resupply_is_told_that_it_is_off() -> None:
    (said,) = told(decide([of("A", 0)], Rule("off", "below"), blinded=False))
    assert said.endswith("resupply is off for this site.")


@pytest.mark.parametrize("rule", [MIN_MAX, PREDICTIVE])
def test_the_site_is_told_the_same_whichever_type_was_low(rule: Rule) -> None:
    reasons = {
        for_site(decide([of("A", first), of("B", second)], rule, blinded=True)).id
        for first, second in [(0, 6), (6, 0), (1, 1)]
    }
    assert reasons == {f"why.site_{rule.strategy}"}
    decision = decide([of("A", 0)], rule, blinded=True)
    days = {"days": 14} if rule is PREDICTIVE else {}
    assert for_site(decision) == Message(f"why.site_{rule.strategy}", days)


counts = st.integers(0, 9)
states = st.builds(TypeState, st.just("T"), st.sampled_from("gh"), *[counts] * 7)
stocks = st.lists(states, min_size=1, max_size=5).map(
    lambda drawn: [replace(each, code=f"T{place}") for place, each in enumerate(drawn)]
)
rules = st.builds(
    Rule,
    st.sampled_from(["off", "min_max", "predictive"]),
    st.sampled_from(["below", "at_or_below"]),
    st.sampled_from(["group", "needed"]),
)


@given(stocks, rules)
def test_a_blinded_shipment_is_whole_groups_and_never_tells_which_type_was_low(
    types: list[TypeState], rule: Rule
) -> None:
    sent = decide(types, rule, blinded=True).kits
    for group in {each.group for each in types}:
        members = [each.code for each in types if each.group == group]
        going = [sent.get(code, 0) for code in members]
        assert not any(going) or (all(going) and sum(going) >= GROUP_LEAST)


@given(stocks, rules, st.booleans())
def test_the_order_in_which_types_are_written_changes_nothing(
    types: list[TypeState], rule: Rule, blinded: bool
) -> None:
    backwards = decide(types[::-1], rule, blinded=blinded).kits
    assert dict(decide(types, rule, blinded=blinded).kits) == dict(backwards)


@given(stocks, rules)
def test_what_is_sent_reaches_the_target_and_is_not_sent_again(
    types: list[TypeState], rule: Rule
) -> None:
    decision = decide(types, rule, blinded=False)
    then = [
        replace(each, in_transit=each.in_transit + decision.kits.get(each.code, 0))
        for each in types
    ]
    assert not decide(then, rule, blinded=False).is_order


def test_a_simulation_can_compile_the_rule_as_it_stands() -> None:
    quick = compiled(fill)
    random = Random(7)
    for _ in range(300):
        n = random.randint(1, 5)
        groups, positions, limits, targets = (
            [random.randint(0, 6) for _ in range(n)] for _ in range(4)
        )
        inclusive, whole = random.random() < 0.5, random.random() < 0.5
        blinded = whole and random.random() < 0.5
        low, kits = [False] * n, [0] * n
        fill(groups, positions, limits, targets, inclusive, whole, blinded, low, kits)
        low_then, kits_then = np.zeros(n, np.bool_), np.zeros(n, np.int64)
        numbers = [np.array(each) for each in (groups, positions, limits, targets)]
        quick(*numbers, inclusive, whole, blinded, low_then, kits_then)
        assert (low_then.tolist(), kits_then.tolist()) == (low, kits)
