"""How much stock is enough: losses, backorders, demand over a lead time, the cost of both sides."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final

from core.supply.demand.counts import PRECISE, Counts, Number, decimal, mixture, poisson

_PI: Final = Decimal("3.14159265358979323846264338327950288419716939937510582097")
_HALVINGS: Final = 110
_WIDEST: Final = 12


def erlang_b(load: Number, stock: int) -> Decimal:
    """The share of demand that is lost at a base stock, each kit used reordered at once: Erlang B.

    `load` is demand a day times the lead time. Raises ValueError unless it is above 0, stock ≥ 0.
    """
    if load <= 0 or stock < 0:
        raise ValueError(f"load or stock is out of range: {load}, {stock}")
    with localcontext(PRECISE):
        offered, lost = decimal(load), Decimal(1)
        for kits in range(1, stock + 1):
            lost = offered * lost / (kits + offered * lost)
        return lost


def backorder(load: Number, stock: int) -> Decimal:
    """The share of demand that has to wait at a base stock, nothing being lost: P(D ≥ stock)."""
    return poisson(load).above(stock - 1)


def lead_time_demand(a_day: Number, lead_days: Sequence[int]) -> Counts:
    """Poisson demand over the lead time, each of the days given being as probable."""
    rate = Fraction(a_day)
    return mixture([(1, poisson(rate * days)) for days in lead_days])


def critical_ratio(short_cost: Fraction, over_cost: Fraction) -> Fraction:
    """The chance to have enough at which a kit missing and a kit left over weigh alike.

    Raises ValueError unless both costs are above 0.
    """
    if short_cost <= 0 or over_cost <= 0:
        raise ValueError("both costs are above 0")
    return short_cost / (short_cost + over_cost)


def normal_at_most(value: Decimal) -> Decimal:
    """P(Z ≤ value) of a standard normal Z."""
    with localcontext(PRECISE):
        if abs(value) > _WIDEST:
            return Decimal(int(value > 0))
        square = value * value
        term = total = value
        odd = 1
        while abs(term) > Decimal("1e-40"):
            odd += 2
            term *= square / odd
            total += term
        return Decimal("0.5") + total * (-square / 2).exp() / (2 * _PI).sqrt()


def normal_quantile(level: Number, mean: Number = 0, sd: Number = 1) -> Decimal:
    """The value that a normal number doesn't exceed with that chance.

    Raises ValueError unless 0 < level < 1 and sd ≥ 0.
    """
    if not 0 < level < 1 or sd < 0:
        raise ValueError(f"level or sd is out of range: {level}, {sd}")
    with localcontext(PRECISE):
        wanted, low, high = decimal(level), Decimal(-_WIDEST), Decimal(_WIDEST)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if normal_at_most(middle) < wanted:
                low = middle
            else:
                high = middle
        return decimal(mean) + decimal(sd) * (low + high) / 2
