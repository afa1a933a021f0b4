"""How rules do in the reference study: `python -m tests.core.supply.resupply.compare [STUDIES]`.

Prints a row for each rule, means with standard errors: the table of docs/SUPPLY.md.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from math import sqrt
from statistics import mean, stdev
from typing import Final

from tests.core.supply.resupply.reference import MIN_MAX, PREDICTIVE, Policy, simulate

POLICIES: Final = {
    f"{name}, {'blinded' if blinded else 'open'}": Policy(rule, low, high, blinded, risk)
    for blinded in (False, True)
    for name, rule, low, high, risk in (
        ("min_max 2, 6", MIN_MAX, 2, 6, None),
        ("min_max 4, 10", MIN_MAX, 4, 10, None),
        ("min_max 5, 10", MIN_MAX, 5, 10, None),
        ("predictive 2, 3", PREDICTIVE, 2, 3, None),
        ("predictive 2, 4", PREDICTIVE, 2, 4, None),
        ("predictive 3, 5", PREDICTIVE, 3, 5, None),
        ("predictive, risk 0.05", PREDICTIVE, 0, 0, Fraction(5, 100)),
        ("predictive, risk 0.01", PREDICTIVE, 0, 0, Fraction(1, 100)),
        ("predictive, risk 0.001", PREDICTIVE, 0, 0, Fraction(1, 1000)),
    )
}
FACTS: Final = ("stock_outs", "shipments", "dispensed", "wasted")


def row(name: str, studies: int) -> str:
    """A rule's means and standard errors, and how many studies ran out of stock at all."""
    found = simulate(POLICIES[name], studies)
    cells = [name]
    for fact in FACTS:
        values = [getattr(each, fact) for each in found]
        cells.append(f"{mean(values):.2f} ± {stdev(values) / sqrt(studies):.2f}")
    cells.append(f"{sum(each.stock_outs > 0 for each in found) / studies:.3f}")
    return " | ".join(cells)


if __name__ == "__main__":
    print(" | ".join(("rule", *FACTS, "any")))
    for policy in POLICIES:
        print(row(policy, int(sys.argv[1]) if len(sys.argv) > 1 else 100), flush=True)
