"""`python -m tests.bench.randomization`: what randomization costs, as ratios within one run.

Lists, plain and sealed, beside the HMACs that they need, the simulation's blocks beside a table
lookup, a minimisation step late in a trial beside one early, a simulated design beside a numba loop
written for it alone, and smallerize where it can be installed. Both sides of a ratio take turns.
Prints one line of JSON; exits 1 if a ratio was not reached.
"""

from __future__ import annotations

import argparse
import hmac
import json
import random
import sys
from collections import deque
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from core.randomization.blocks import block_arms
from core.randomization.lists.sealing import sealed_list
from core.randomization.method import Method, choose, shares_of
from core.randomization.methods.minimise import minimisation
from core.randomization.simulation.blocks import permuted_blocks
from core.randomization.simulation.trials import simulate
from core.sealed import Keys
from tests.bench.databases import fsync_microseconds
from tests.bench.hand_loop import ARMS, LEVELS, by_hand
from tests.bench.in_turn import Turns, first_time, in_turn
from tests.bench.progress import Progress
from tests.bench.smallerize import measure_smallerize

SEED = bytes(range(32))
DOMAIN = "v1|all"
RATIO = {"A": 1, "B": 1}
BLOCK = 4
FACTORS = 6
FEW, MANY = 100, 10_000
LIST_RATIO_MAX, BLOCKS_RATIO_MAX, STEP_RATIO_MAX, TRIALS_RATIO_MAX = 3.0, 5.0, 1.2, 3.0
"""Late steps count with larger integers, which CPython makes anew: a few per cent are not slope."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 if every ratio was reached."""
    options = _options(arguments)
    out: dict[str, Any] = {"bench": "randomization", "fsync_us": fsync_microseconds()}
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "list": lambda: measure_list(options.rows, options.times),
        "sealed_list": lambda: measure_sealed(options.rows, options.times),
        "blocks": lambda: measure_blocks(options.rows, options.times),
        "step": lambda: measure_step(options.steps, max(options.times, 15)),
        "characteristics": lambda: measure_trials(options.trials, options.subjects, options.times),
    }
    with Progress() as progress:
        for place, (name, measure) in enumerate(parts.items()):
            progress.say(name)
            progress.show(place, len(parts))
            out[name] = measure()
        progress.say("smallerize")
        out["smallerize"] = None if options.no_smallerize else compare(options.people)
    ratios = [out[name] for name in parts]
    out["fast_enough"] = all(one["ratio"] <= one["ratio_max"] for one in ratios)
    print(json.dumps(out))
    return 0 if out["fast_enough"] else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.randomization")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of a list, of blocks")
    parser.add_argument("--steps", type=int, default=2_000, help="early and late, each turn")
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--subjects", type=int, default=500)
    parser.add_argument("--people", type=int, default=1_000, help="whom smallerize assigns")
    parser.add_argument("--times", type=int, default=5, help="turns of each side")
    parser.add_argument("--no-smallerize", action="store_true", help="install nothing")
    return parser.parse_args(arguments)


def measure_list(rows: int, times: int) -> dict[str, Any]:
    """The plain list beside the HMACs of its stream."""
    hmacs = stream_hmacs(rows)

    def ours() -> None:
        block_arms(SEED, DOMAIN, RATIO, (BLOCK,), rows)

    ours()
    plain = in_turn(ours, lambda: make_hmacs(hmacs), times)
    return {"rows": rows, "hmacs": hmacs, **_sides(plain, "hmac_seconds", LIST_RATIO_MAX)}


def measure_sealed(rows: int, times: int) -> dict[str, Any]:
    """The list numbered and sealed, beside the HMACs of its stream and one for each number."""
    keys = Keys(SEED, (SEED,))
    hmacs = stream_hmacs(rows)

    def ours() -> None:
        deque(sealed_list(keys, "S", DOMAIN, SEED, RATIO, (BLOCK,), rows), maxlen=0)

    def floor() -> None:
        make_hmacs(hmacs)
        make_number_hmacs(rows)

    found = in_turn(ours, floor, times)
    sides = _sides(found, "hmac_seconds", LIST_RATIO_MAX)
    return {"rows": rows, "hmacs": hmacs + rows, **sides}


def stream_hmacs(rows: int) -> int:
    """How many digests of eight words a list in blocks of `BLOCK` takes, a word for each swap."""
    return -(-(-(-rows // BLOCK) * (BLOCK - 1)) // 8)


def make_hmacs(count: int) -> None:
    """So many digests, as the stream of a list makes them."""
    prefix = f"pbr-v1|{DOMAIN}|".encode()
    for counter in range(count):
        hmac.digest(SEED, prefix + counter.to_bytes(8, "big"), "sha256")


def make_number_hmacs(rows: int) -> None:
    """A digest for each row, as its number takes it at least."""
    prefix = f"number-v1|{DOMAIN}|".encode()
    for sequence in range(1, rows + 1):
        hmac.digest(SEED, b"%b%d|0" % (prefix, sequence), "sha256")


def measure_blocks(rows: int, times: int) -> dict[str, Any]:
    """The simulation's blocks beside a bare look-up in a table of the same orders."""
    generator = np.random.Generator(np.random.Philox(1))
    orders = [[0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 1, 0], [1, 1, 0, 0]]
    table = np.array(orders, np.int8)

    def ours() -> None:
        permuted_blocks((1, 1), (BLOCK,), rows, generator)

    def bare() -> None:
        table[generator.integers(0, len(table), -(-rows // BLOCK))].ravel()

    ours()
    bare()
    found = in_turn(ours, bare, max(times, 9))
    return {"rows": rows, **_sides(found, "lookup_seconds", BLOCKS_RATIO_MAX)}


def minimised() -> Method:
    """The design of `hand_loop`."""
    return minimisation((1,) * ARMS, (LEVELS,) * FACTORS, (1,) * FACTORS, "range", Fraction(4, 5))


def measure_step(steps: int, times: int) -> dict[str, Any]:
    """A step of production with many earlier subjects, beside one with few."""
    method = minimised()
    early, late = (_state_after(method, n) for n in (FEW, MANY))
    found = in_turn(
        lambda: assign(method, list(late), steps), lambda: assign(method, list(early), steps), times
    )
    slope = (found.ours - found.floor) / steps / (MANY - FEW)
    return {
        "factors": FACTORS,
        "arms": ARMS,
        "earlier_few": FEW,
        "earlier_many": MANY,
        "few_us": round(found.floor / steps * 1e6, 3),
        "many_us": round(found.ours / steps * 1e6, 3),
        "slope_ns": round(slope * 1e9, 4),
        "ratio": round(found.ratio, 3),
        "ratio_max": STEP_RATIO_MAX,
    }


def _state_after(method: Method, subjects: int) -> list[int]:
    state = list(method.start)
    assign(method, state, subjects, after=True)
    return state


def assign(method: Method, state: list[int], subjects: int, *, after: bool = False) -> None:
    """Steps of production, in CPython. Not `after`: each is taken back, so the state stays."""
    chance = random.Random(1)
    for _ in range(subjects):
        levels = [chance.randrange(size) for size in method.sizes]
        shares = shares_of(method, state, levels)
        arm = choose(shares, chance.randrange(sum(shares)))
        kept = None if after else list(state)
        method.after(method.design, state, levels, arm)
        if kept is not None:
            state[:] = kept


def measure_trials(trials: int, subjects: int, times: int) -> dict[str, Any]:
    """Characteristics by the production step beside a loop written for the one design."""
    method, hand = minimised(), by_hand()
    found: list[Any] = [None, None]

    def ours() -> None:
        found[0] = simulate(method, subjects, trials, 1)

    def floor() -> None:
        found[1] = hand(trials, subjects, FACTORS)

    compiling, by_hand_compiling = first_time(ours), first_time(floor)
    turns = in_turn(ours, floor, times)
    return {
        "trials": trials,
        "subjects": subjects,
        "factors": FACTORS,
        "arms": ARMS,
        "us_per_trial": round(turns.ours / trials * 1e6, 2),
        "hand_us_per_trial": round(turns.floor / trials * 1e6, 2),
        "first_seconds": round(compiling, 2),
        "hand_first_seconds": round(by_hand_compiling, 2),
        "convergence": round(found[0].convergence.value, 5),
        "hand_convergence": round(float(found[1][0][0]) / trials / subjects, 5),
        **_sides(turns, "hand_seconds", TRIALS_RATIO_MAX),
    }


def compare(people: int) -> dict[str, Any]:
    """smallerize beside our own steps for as many subjects of the same design."""
    found = measure_smallerize(people, FACTORS, ARMS)
    if "seconds" not in found:
        return found
    method = minimised()
    mine = first_time(lambda: assign(method, list(method.start), people, after=True))
    return {
        **found,
        "seconds": round(found["seconds"], 4),
        "people": people,
        "ours_seconds": round(mine, 4),
        "times_ours": round(found["seconds"] / mine, 1),
    }


def _sides(turns: Turns, floor: str, ratio_max: float) -> dict[str, Any]:
    return {
        "seconds": round(turns.ours, 5),
        floor: round(turns.floor, 5),
        "ratio": round(turns.ratio, 3),
        "ratio_max": ratio_max,
    }


if __name__ == "__main__":
    sys.exit(main())
