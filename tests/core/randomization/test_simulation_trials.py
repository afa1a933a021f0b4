"""Simulated trials: the production steps, compiled or as they are, against exact numbers."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction as F
from typing import Any

import numpy as np
import pytest

from core.randomization.method import Method, choose, shares_of
from core.randomization.methods.adaptive import adaptive_coin
from core.randomization.methods.atkinson import atkinson
from core.randomization.methods.blocks import permuted_block
from core.randomization.methods.coins import big_stick, chen, efron
from core.randomization.methods.hierarchical import hierarchical
from core.randomization.methods.maximal import maximal
from core.randomization.methods.minimise import minimisation
from core.randomization.methods.quotas import random_allocation, truncated_binomial
from core.randomization.methods.simple import simple
from core.randomization.methods.urns import block_urn, ehrenfest, wei_urn
from core.randomization.methods.winners import drop_the_loser, play_the_winner
from core.randomization.simulation import kernels
from core.randomization.simulation.compile import compiled, compiled_for, is_compilable
from core.randomization.simulation.exact import exact_characteristics
from core.randomization.simulation.population import Population
from core.randomization.simulation.results import Characteristics, Value
from core.randomization.simulation.trials import simulate
from core.randomization.simulation.walker import Walker, checked


def minimised(measure: str, rule: str = "biased_coin", p: F = F(3, 5), **more: Any) -> Method:
    return minimisation((2, 1, 1), (2, 3), (2, 1), measure, p, rule=rule, **more)


METHODS: dict[str, Callable[[], Method]] = {
    "simple": lambda: simple((2, 1, 1)),
    "blocks": lambda: permuted_block((2, 1), (3, 6)),
    "random_allocation": lambda: random_allocation((1, 1), 20),
    "truncated_binomial": lambda: truncated_binomial((1, 1), 20),
    "efron": lambda: efron(F(2, 3)),
    "chen": lambda: chen(F(2, 3), 3),
    "ehrenfest": lambda: ehrenfest(6),
    "wei": lambda: wei_urn(3, 1, 2),
    "block_urn": lambda: block_urn((2, 1), 2),
    "maximal": lambda: maximal(3, 20),
    "range": lambda: minimised("range"),
    "variance": lambda: minimised("variance", ties="pick", random_first=5),
    "taves": lambda: minimised("taves", "rank"),
    "marginal_balance": lambda: minimised("marginal_balance", "han"),
    "fake_arms": lambda: minimised("range", ratio_preserving=True),
    "hierarchical": lambda: hierarchical((1, 1), (2, 3), [(-1, 3), (0, F(2)), (1, 2)], F(4, 5)),
    "atkinson": lambda: atkinson((2, 3)),
    "play_the_winner": lambda: play_the_winner(2, 1, 1),
    "drop_the_loser": lambda: drop_the_loser(2, 3),
    "adaptive_coin": lambda: adaptive_coin(2, 2, "urn", (1, 1), 4),
}


def in_cpython(method: Method) -> Method:
    return dataclasses.replace(method, bound=None)


@pytest.mark.parametrize("name", METHODS)
def test_a_step_compiled_unchanged_gives_the_integers_of_production(name: str) -> None:
    """On arrays of 64 bits, along a trial of 40; what cannot be bounded is not compiled at all."""
    method, n = METHODS[name](), 40
    if not is_compilable(method, n):
        assert method.bound is None or method.bound(n) >= 2**63
        return
    shares, after = compiled(method.shares), compiled(method.after)
    generator = np.random.default_rng(4)
    design, here = np.array(method.design, np.int64), list(method.start)
    state, out = np.array(here, np.int64), np.zeros(method.outcomes, np.int64)
    for _ in range(n):
        levels = [int(generator.integers(size)) for size in method.sizes]
        outcome = method.arms
        while outcome >= method.arms:
            shares(design, state, np.array(levels, np.int64), out)
            found = shares_of(method, here, levels)
            assert out.tolist() == found
            outcome = choose(found, int(generator.integers(sum(found))))
            method.after(method.design, here, levels, outcome)
            after(design, state, np.array(levels, np.int64), outcome)
        if method.respond is not None:
            success = int(generator.integers(2))
            method.respond(method.design, here, outcome, success)
            compiled(method.respond)(design, state, outcome, success)
        assert state.tolist() == here


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0,) * 4, (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (
            (0xFFFFFFFF,) * 4,
            (0xFFFFFFFF,) * 2,
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_words_are_those_of_philox(
    counter: tuple[int, ...], key: tuple[int, ...], words: tuple[int, ...]
) -> None:
    """Known answers of Random123 for philox4x32-10."""
    assert kernels.philox(*counter, *key) == words
    assert compiled(kernels.philox)(*counter, *key) == words


@pytest.mark.parametrize("name", ["blocks", "range", "fake_arms", "play_the_winner"])
def test_compiled_and_in_cpython_the_same_seed_draws_the_same_trials(name: str) -> None:
    method = METHODS[name]()
    successes = (F(3, 5), F(1, 5)) if method.respond else None
    population = Population.even((*method.sizes, 2), (len(method.sizes),))
    walkers = [
        Walker(checked(one, 30, 2**63 + 5, None, population, successes))
        for one in (method, in_cpython(method))
    ]
    assert [walker.is_compiled for walker in walkers] == [True, False]
    for trial in (0, 1, 7):
        for walker in walkers:
            walker.draw_subjects(trial)
            walker.draw_arms(trial)
        first, second = (walker.places for walker in walkers)
        assert first.arms.tolist() == second.arms.tolist()
        assert first.chances.tolist() == second.chances.tolist()
        assert len(set(first.subjects.stratum.tolist())) == 2


def close(simulated: Value, exact: Value) -> bool:
    assert simulated.se is not None
    return abs(simulated.value - exact.value) <= 5 * simulated.se + 1e-9


@pytest.mark.parametrize("name", ["simple", "efron", "block_urn", "drop_the_loser", "blocks"])
def test_simulation_meets_enumeration(name: str) -> None:
    method, n = METHODS[name](), 12
    ratio = (2, 1, 1)[: method.arms] if name in ("simple", "block_urn", "blocks") else None
    successes = (F(3, 5), F(1, 5)) if method.respond else None
    exact = exact_characteristics(method, n, ratio=ratio, successes=successes)
    found = simulate(method, n, 4000, 11, ratio=ratio, successes=successes)
    for value in ("convergence", "best_guess", "deterministic", "balanced", "imbalance_max"):
        assert close(getattr(found, value), getattr(exact, value)), value
    assert close(found.final_variance, exact.final_variance)
    assert close(found.final_sd, exact.final_sd)
    assert close(found.loss, exact.loss)
    expected = dict(exact.final)
    assert all(close(one, expected[d]) for d, one in found.final)
    for simulated, step in zip(found.steps, exact.steps, strict=True):
        assert close(simulated.imbalance, step.imbalance)
        assert close(simulated.balanced, step.balanced)
        pairs = zip(simulated.allocation, step.allocation, strict=True)
        assert all(close(one, other) for one, other in pairs)


@pytest.mark.parametrize("name", METHODS)
def test_a_step_with_its_design_compiled_in_gives_the_integers_of_production(name: str) -> None:
    method = METHODS[name]()
    if not is_compilable(method, 40):
        return
    shares, after = (compiled_for(one, method.design) for one in (method.shares, method.after))
    state, out = np.array(method.start, np.int64), np.zeros(method.outcomes, np.int64)
    here, levels = list(method.start), [size - 1 for size in method.sizes]
    for _ in range(3):
        shares(np.zeros(0, np.int64), state, np.array(levels, np.int64), out)
        assert out.tolist() == shares_of(method, here, levels)
        outcome = choose(out.tolist(), 0)
        after(np.zeros(0, np.int64), state, np.array(levels, np.int64), outcome)
        method.after(method.design, here, levels, outcome)
        assert state.tolist() == here
    assert compiled_for(method.shares, method.design) is shares


def test_the_same_seed_gives_the_same_numbers_on_any_number_of_threads() -> None:
    one, many = (simulate(efron(F(2, 3)), 20, 1100, 5, threads=threads) for threads in (1, 3))
    assert one == many
    assert simulate(efron(F(2, 3)), 20, 1100, 6) != one


def test_fake_arms_keep_the_ratio_at_every_step_and_naive_minimisation_does_not() -> None:
    def allocation(keeps: bool) -> list[Value]:
        method = minimisation((2, 1), (2, 2), (1, 1), "range", F(4, 5), ratio_preserving=keeps)
        found = simulate(method, 8, 4000, 2, ratio=(2, 1))
        return [step.allocation[0] for step in found.steps]

    assert all(close(one, Value(2 / 3)) for one in allocation(True))
    assert not all(close(one, Value(2 / 3)) for one in allocation(False))


def test_strata_keep_blocks_of_their_own() -> None:
    population = Population.even((2, 2), strata=(0, 1))
    found = simulate(permuted_block((1, 1), (2,)), 40, 1000, 3, population=population)
    # Within a stratum every second subject is certain; the whole study is as uneven as four coins.
    assert found.deterministic.value == pytest.approx(0.5 - 4 * 0.25 / 40, abs=0.005)
    assert found.convergence.value == pytest.approx(0.75, abs=0.015)
    assert found.final_variance.value == pytest.approx(2, abs=0.4)
    whole = simulate(permuted_block((1, 1), (2,)), 40, 1000, 3)
    assert whole.final_variance.value == 0


def test_minimisation_balances_the_factors_and_chance_does_not() -> None:
    population = Population(((F(7, 10), F(3, 10)), (F(1), F(1), F(2))))
    method = minimisation((1, 1), (2, 3), (1, 1), "range", F(9, 10))
    minimal, chance = (
        simulate(one, 100, 1000, 9, population=population) for one in (method, simple((1, 1)))
    )
    assert [len(levels) for levels in minimal.factors] == [2, 3]
    for ours, theirs in zip(minimal.factors, chance.factors, strict=True):
        assert all(a.value < b.value / 2 for a, b in zip(ours, theirs, strict=True))
    # Chance: E|D| over m subjects is near sqrt(2m/pi); 70 and 30 of the first factor.
    first = [level.value for level in chance.factors[0]]
    assert first == pytest.approx([(2 * m / np.pi) ** 0.5 for m in (70, 30)], rel=0.1)
    assert minimal.loss.value < chance.loss.value
    assert chance.loss.value == pytest.approx(4, abs=0.4)  # one for each fitted coefficient


def test_loss_is_what_least_squares_say() -> None:
    method = METHODS["range"]()
    setting = checked(method, 25, 8, (2, 1, 1), None, None)
    walker = Walker(setting)
    losses = []
    for trial in range(2):
        walker.draw_subjects(trial)
        walker.draw_arms(trial)
        arms = walker.places.arms
        levels = walker.places.subjects.levels.reshape(25, 2)
        columns = [np.ones(25)]
        columns += [levels[:, f] == level for f, size in ((0, 2), (1, 3)) for level in range(size)]
        kept = arms < 2
        x = np.column_stack(columns)[kept].astype(float)
        z = (arms[kept] == 0).astype(float)
        residual = z - x @ np.linalg.lstsq(x, z, rcond=None)[0]
        losses.append(kept.sum() - residual @ residual / (2 / 9))
    found = simulate(method, 25, 2, 8, ratio=(2, 1, 1))
    assert found.loss.value == pytest.approx(np.mean(losses))


def test_an_effective_treatment_draws_subjects_to_it() -> None:
    found = simulate(play_the_winner(2, 1, 1), 60, 1000, 4, successes=(F(9, 10), F(1, 10)))
    assert found.steps[0].allocation[0].value == 0.5
    assert found.steps[-1].allocation[0].value > 0.75


def test_results_are_ready_for_json() -> None:
    found: Characteristics = simulate(efron(F(2, 3)), 4, 50, 1)
    text = json.loads(json.dumps(found.to_json()))
    assert text["trials"] == 50
    assert set(text["convergence"]) == {"value", "se"}
    assert len(text["steps"]) == 4
    exact = json.loads(json.dumps(exact_characteristics(efron(F(2, 3)), 4).to_json()))
    assert exact["final"][0]["probability"]["exact"] == "16/27"
    assert set(text) == set(exact)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"trials": 1}, "trials"),
        ({"n": 0}, "subject"),
        ({"population": Population.even((3,))}, "factors"),
        ({"ratio": (1,)}, "ratio"),
        ({"successes": (F(1, 2), F(1, 2))}, "success"),
    ],
)
def test_refuses_what_does_not_fit(change: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"n": 5, "trials": 10, "seed": 1, **change}
    method = minimisation((1, 1), (2,), (1,), "range", F(4, 5))
    with pytest.raises(ValueError, match=said):
        simulate(method, **given)


@pytest.mark.parametrize(
    ("frequencies", "strata"),
    [(((F(0), F(0)),), ()), (((),), ()), (((F(-1), F(2)),), ()), (((F(1),),), (1,))],
)
def test_refuses_a_population_that_cannot_be(
    frequencies: tuple[tuple[F, ...], ...], strata: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"frequencies|strata"):
        Population(frequencies, strata)


def test_big_stick_stays_within_its_bound_on_every_trial() -> None:
    found = simulate(big_stick(3), 50, 2000, 12)
    assert max(d for d, _ in found.final) <= 3
    assert found.imbalance_max.value <= 3


def test_randomizing_and_enumerating_load_neither_numpy_nor_the_compiler() -> None:
    names = ("allocate", "simulation.exact", "simulation.population", "simulation.rerandomize")
    loads = "".join(f"import core.randomization.{name}\n" for name in names)
    asked = f"{loads}import sys\nprint('numpy' in sys.modules, 'numba' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "False"]
