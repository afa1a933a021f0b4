"""Urns that learn from responses."""

import itertools
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.randomization.method import Knowledge, Method, draw, shares_of
from core.randomization.methods.winners import drop_the_loser, play_the_winner
from tests.support.stepwise import check_runs_the_same_compiled

HISTORIES = st.lists(st.tuples(st.integers(0, 99), st.sampled_from([None, 0, 1])), max_size=20)
MAKERS = st.sampled_from([lambda k: play_the_winner(k, 2, 1), lambda k: drop_the_loser(k, 2)])


def state_after(method: Method, history: list[tuple[int, int | None]]) -> list[int]:
    """The state after these draws: a number that picks the outcome, and its response if any."""
    state = list(method.start)
    for number, success in history:
        arm = draw(method, state, (), lambda attempt, k, n=number: (n + attempt) % k)  # type: ignore[misc]
        if success is not None and method.respond is not None:
            method.respond(method.design, state, arm, success)
    return state


def test_ecmo_trial_had_a_chance_of_one_in_26_and_left_thirteen_balls_to_one() -> None:
    """Reference case G14; the trial: Bartlett et al., Pediatrics 1985;76:479.

    RPW(1,1); ECMO, success; control, failure; then ten times ECMO, success. The chance is that of
    the twelve allocations.
    """
    method = play_the_winner(2, 1, 1)
    knowledge = Knowledge(method)
    chance = Fraction(1)
    for arm, success in [(0, True), (1, False), *[(0, True)] * 10]:
        chance *= knowledge.see((), arm)
        knowledge.hear(arm, success)
    assert chance == Fraction(1, 26)
    assert list(knowledge.states) == [(13, 1)]
    assert knowledge.probabilities(()) == (Fraction(13, 14), Fraction(1, 14))


def test_failure_of_play_the_winner_is_spread_evenly_over_the_other_arms() -> None:
    """Wei 1979: of three arms each other one gets half a ball, so 1, 3/2 and 3/2 of four."""
    knowledge = Knowledge(play_the_winner(3, 1, 1))
    knowledge.see((), 0)
    knowledge.hear(0, False)
    assert knowledge.probabilities(()) == (Fraction(1, 4), Fraction(3, 8), Fraction(3, 8))


def test_expected_share_of_play_the_winner_follows_the_published_recursion() -> None:
    """Wei & Durham 1978: the expected balls of A grow by beta (x pA + (1 - x) qB).

    x is the expected share of A; the urn's total is no matter of chance. Here by all paths.
    """
    rates = (Fraction(3, 5), Fraction(1, 5))
    method = play_the_winner(2, 2, 3)
    balls, total = Fraction(2), 4
    for subjects in range(5):
        expected = Fraction()
        for path in itertools.product([(0, 0), (0, 1), (1, 0), (1, 1)], repeat=subjects):
            knowledge, chance = Knowledge(method), Fraction(1)
            for arm, success in path:
                rate = rates[arm] if success else 1 - rates[arm]
                chance *= knowledge.see((), arm) * rate
                knowledge.hear(arm, bool(success))
            expected += chance * knowledge.probabilities(())[0]
        assert expected == balls / total
        share = balls / total
        balls += 3 * (share * rates[0] + (1 - share) * (1 - rates[1]))
        total += 3


def test_drop_the_loser_draws_a_plain_fraction_for_each_arm() -> None:
    """(T_i + (T_i + 1) / (T + k)) / (T + 1) with k arms, here of 2, 1 and 3 balls."""
    method = replace(drop_the_loser(3, 1), start=(2, 1, 3, 0))
    found = Knowledge(method).probabilities(())
    assert found == tuple((balls + Fraction(balls + 1, 6 + 3)) / 7 for balls in (2, 1, 3))
    assert Knowledge(drop_the_loser(2, 1)).probabilities(()) == (Fraction(1, 2), Fraction(1, 2))


def test_ball_of_drop_the_loser_returns_after_a_success_only() -> None:
    method = drop_the_loser(2, 3)
    state = [3, 3, 1]
    method.after(method.design, state, (), 0)
    assert state == [2, 3, 0]
    assert method.respond is not None
    method.respond(method.design, state, 0, 0)
    assert state == [2, 3, 0]
    method.respond(method.design, state, 0, 1)
    assert state == [3, 3, 0]


def test_immigration_of_drop_the_loser_comes_at_most_once_a_subject_and_fills_an_empty_urn() -> (
    None
):
    method = drop_the_loser(2, 1)
    state = [0, 0, 0]
    assert shares_of(method, state, ()) == [0, 0, 1, 0]
    method.after(method.design, state, (), 2)
    assert shares_of(method, state, ()) == [1, 1, 0, 0]


def test_drop_the_loser_forgets_nothing_that_the_arms_leave_open() -> None:
    """How often the immigration ball came stays unknown: one state for each possible number."""
    knowledge = Knowledge(drop_the_loser(2, 5))
    chance = Fraction(1)
    for arm in (0, 1, 0):
        chance *= knowledge.see((), arm)
    assert 0 < chance < 1
    assert sorted(knowledge.states) == [(3 + n, 4 + n, 0) for n in range(4)]
    assert sum(knowledge.states.values()) == 1


@given(MAKERS, st.integers(2, 5), HISTORIES)
def test_probabilities_sum_to_one_and_no_arm_is_ever_certain(
    make: object, arms: int, history: list[tuple[int, int | None]]
) -> None:
    method: Method = make(arms)  # type: ignore[operator]
    state = state_after(method, history)
    shares = shares_of(method, state, ())
    assert min(shares) >= 0
    if shares[arms:] and any(shares[arms:]):
        assert not any(shares[:arms])
        method.after(method.design, state, (), arms)
        shares = shares_of(method, state, ())
    assert sum(share > 0 for share in shares[:arms]) == arms


@given(MAKERS, st.permutations(range(4)), HISTORIES)
def test_relabelling_arms_permutes_the_urn(
    make: object, order: list[int], history: list[tuple[int, int | None]]
) -> None:
    """The same arms in another order: the same balls in that order."""
    method: Method = make(4)  # type: ignore[operator]
    here, there = list(method.start), list(method.start)
    for number, success in history:
        arm = number % 4
        if method.moves:  # the immigration ball, so that there is one to take out
            method.after(method.design, here, (), 4)
            method.after(method.design, there, (), 4)
        method.after(method.design, here, (), arm)
        method.after(method.design, there, (), order[arm])
        if success is not None and method.respond is not None:
            method.respond(method.design, here, arm, success)
            method.respond(method.design, there, order[arm], success)
    assert [there[order[arm]] for arm in range(4)] == here[:4]


@pytest.mark.parametrize("method", [play_the_winner(3, 2, 5), drop_the_loser(3, 4)])
def test_compiled_steps_are_the_same_steps(method: Method) -> None:
    check_runs_the_same_compiled(method, [n * n + 3 * n for n in range(200)])


@pytest.mark.parametrize("numbers", [(1, 1, 1), (2, -1, 1), (2, 1, 0), (2, 1, -1)])
def test_play_the_winner_refuses_an_urn_that_cannot_begin_or_learn(
    numbers: tuple[int, int, int],
) -> None:
    with pytest.raises(ValueError, match="below"):
        play_the_winner(*numbers)


def test_an_urn_that_begins_empty_is_even_until_the_first_response() -> None:
    """RPW(0, 1), as Wei & Durham, J Am Stat Assoc 1978;73:840, also study it."""
    knowledge = Knowledge(play_the_winner(2, 0, 1))
    assert knowledge.see((), 0) == knowledge.see((), 0) == Fraction(1, 2)
    knowledge.hear(0, success=False)
    assert knowledge.probabilities(()) == (Fraction(0), Fraction(1))


def test_urns_refuse_balls_that_are_not_whole() -> None:
    with pytest.raises(TypeError, match="beta"):
        play_the_winner(2, 1, 0.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="balls"):
        drop_the_loser(2, True)
    with pytest.raises(ValueError, match="balls"):
        drop_the_loser(2, 0)
