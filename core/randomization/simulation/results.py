"""What is found out about a method, ready for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

_TEXT_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Value:
    """A number: exact where it was enumerated, with a standard error where it was simulated."""

    value: float
    exact: Fraction | None = None
    se: float | None = None

    @classmethod
    def of(cls, value: Fraction) -> Value:
        """An exact one."""
        return cls(float(value), exact=value)

    def to_json(self) -> dict[str, Any]:
        """`value`, and `se` or `exact` ("a/b", left out where it is longer than 100 characters)."""
        out: dict[str, Any] = {"value": self.value}
        if self.exact is not None and len(str(self.exact)) <= _TEXT_MAX:
            out["exact"] = str(self.exact)
        if self.se is not None:
            out["se"] = self.se
        return out


@dataclass(frozen=True, slots=True)
class Step:
    """After (`imbalance`, `balanced`) and at (`allocation`, by arm) the n-th subject."""

    number: int
    imbalance: Value
    """Mean |D|."""
    balanced: Value
    """P(D = 0)."""
    allocation: tuple[Value, ...]
    """The unconditional probability of each arm."""

    def to_json(self) -> dict[str, Any]:
        """Its fields."""
        return {
            "number": self.number,
            "imbalance": self.imbalance.to_json(),
            "balanced": self.balanced.to_json(),
            "allocation": [one.to_json() for one in self.allocation],
        }


@dataclass(frozen=True, slots=True)
class Characteristics:
    """Operating characteristics of a method over n subjects.

    D is the difference of the subjects on each arm divided by its share of the ratio: first less
    second arm with two arms, largest less smallest with more. "Lighter" is by the same numbers,
    among the subjects who share the stratum's state.
    """

    n: int
    ratio: tuple[int, ...]
    trials: int | None
    """None: enumerated exactly."""
    seed: int | None
    convergence: Value
    """P(correct) of guessing the lightest arm so far; tied arms are guessed equally often."""
    best_guess: Value
    """P(correct) of guessing the likeliest arm, knowing the method's state (the most there is)."""
    best_guess_arms: Value | None
    """The same knowing only design and earlier arms; None where that was not followed."""
    deterministic: Value
    """Share of assignments that are certain, given the method's state."""
    balanced: Value
    """Mean over the steps of P(D = 0)."""
    final_sd: Value
    """Standard deviation of D after the last subject."""
    final_variance: Value
    imbalance_max: Value
    """E max |D| over the steps."""
    final: tuple[tuple[Fraction, Value], ...]
    """|D| after the last subject and its probability, in ascending order."""
    steps: tuple[Step, ...]
    factors: tuple[tuple[Value, ...], ...]
    """By factor and level: mean |D| among the subjects at that level after the last one."""
    loss: Value
    """Subjects' worth of information lost to imbalance (Atkinson): n - n_eff, first two arms."""

    def to_json(self) -> dict[str, Any]:
        """All fields by name; `final` as [{"imbalance", "probability"}]."""
        names = ("convergence", "best_guess", "deterministic", "balanced", "final_sd")
        more = ("final_variance", "imbalance_max", "loss")
        known = self.best_guess_arms
        out: dict[str, Any] = {
            "n": self.n,
            "ratio": list(self.ratio),
            "trials": self.trials,
            "seed": self.seed,
            **{name: getattr(self, name).to_json() for name in (*names, *more)},
            "best_guess_arms": None if known is None else known.to_json(),
            "final": [
                {"imbalance": str(imbalance), "probability": one.to_json()}
                for imbalance, one in self.final
            ],
            "steps": [step.to_json() for step in self.steps],
            "factors": [[level.to_json() for level in levels] for levels in self.factors],
        }
        return out


@dataclass(frozen=True, slots=True)
class Rates:
    """How often a test rejects without (`type_one`) and with (`power`) the effect."""

    type_one: Value
    power: Value
    trials: int

    def to_json(self) -> dict[str, Any]:
        """Its fields."""
        return {
            "type_one": self.type_one.to_json(),
            "power": self.power.to_json(),
            "trials": self.trials,
        }


@dataclass(frozen=True, slots=True)
class Power:
    """Rates of rejection by test: `t_test`, `ancova`, and `rerandomization` where asked for."""

    n: int
    seed: int
    alpha: float
    effect: float
    trend: float
    draws: int
    """Re-randomizations for each p-value."""
    tests: dict[str, Rates]

    def to_json(self) -> dict[str, Any]:
        """Its fields; the tests by name."""
        return {
            "n": self.n,
            "seed": self.seed,
            "alpha": self.alpha,
            "effect": self.effect,
            "trend": self.trend,
            "draws": self.draws,
            "tests": {name: rates.to_json() for name, rates in self.tests.items()},
        }


@dataclass(frozen=True, slots=True)
class Rerandomization:
    """A re-randomization test: two-sided, on the absolute difference of the first two arms' means.

    `draws` None: all sequences of the method were followed, the p-value is exact.
    """

    p: Value
    statistic: Value
    draws: int | None
    seed: int | None
    adjusted: bool

    def to_json(self) -> dict[str, Any]:
        """Its fields."""
        return {
            "p": self.p.to_json(),
            "statistic": self.statistic.to_json(),
            "draws": self.draws,
            "seed": self.seed,
            "adjusted": self.adjusted,
        }
