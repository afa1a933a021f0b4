"""Operating characteristics of a trial, by enumeration or simulation, with names in place of
indices. NumPy and the compiler are loaded only here, where they are needed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from core.randomization.method import TooManyStates
from core.randomization.simulation.results import Characteristics, Power, Value
from core.randomization.trial import Trial, unfit

TRIALS: Final = 10_000
SEED: Final = 1
DRAWS: Final = 199
"""Re-randomizations for each p-value: with one more, a twentieth of them is a whole number."""
_RERANDOMIZED: Final = 1000
_RERANDOMIZED_SLOWLY: Final = 25


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out about a trial of n subjects."""

    trial: Trial
    characteristics: Characteristics
    power: Power
    trials: int
    """Simulated trials; also of what cannot be enumerated."""
    seed: int

    @property
    def is_exact(self) -> bool:
        """Whether the characteristics were enumerated."""
        return self.characteristics.trials is None

    def to_json(self) -> dict[str, Any]:
        """All of it by name; see docs/RANDOMIZATION.md."""
        trial, out = self.trial, self.characteristics.to_json()
        del out["ratio"]
        out["seed"] = self.seed
        return {
            "method": trial.scheme.section.method,
            "arms": dict(zip(trial.arms, trial.ratio, strict=True)),
            "exact": self.is_exact,
            **out,
            "steps": [_by_arm(trial, step) for step in out["steps"]],
            "factors": self._factors(),
            "tests": self._tests(),
        }

    def _factors(self) -> dict[str, dict[str, Any]]:
        values = zip(self.trial.axes, self.characteristics.factors, strict=True)
        return {
            axis.name: dict(zip(axis.levels, (one.to_json() for one in levels), strict=True))
            for axis, levels in values
        }

    def _tests(self) -> dict[str, Any]:
        found = self.power.to_json()
        rates = found.pop("tests")
        del found["n"]
        return {**found, **rates}


def characterise(
    trial: Trial, n: int, *, exactly: bool = False, trials: int = TRIALS, seed: int = SEED
) -> Found:
    """The characteristics of n subjects; `exactly` enumerates them where every subject is alike.

    The imbalance within factors and the rates of the tests are simulated in either case. Raises
    TooManyStates where enumeration is out of reach, CaseFileRefused for numbers that don't fit.
    """
    try:
        enumerated = _enumerated(trial, n) if exactly else None
        simulated = None if enumerated and not trial.axes else _simulated(trial, n, trials, seed)
        found = enumerated or simulated
        assert found is not None  # noqa: S101 - one of the two was made
        if simulated:
            found = replace(found, factors=simulated.factors)
        return Found(trial, found, _power(trial, n, trials, seed), trials, seed)
    except TooManyStates:
        raise
    except ValueError as reason:
        raise unfit(reason) from None


def _enumerated(trial: Trial, n: int) -> Characteristics:
    from core.randomization.simulation.exact import exact_characteristics

    return exact_characteristics(trial.method, n, ratio=trial.ratio, successes=trial.successes)


def _simulated(trial: Trial, n: int, trials: int, seed: int) -> Characteristics:
    from core.randomization.simulation.trials import simulate

    return simulate(
        trial.method, n, trials, seed,
        ratio=trial.ratio, population=trial.population, successes=trial.successes,
    )  # fmt: skip


def _power(trial: Trial, n: int, trials: int, seed: int) -> Power:
    from core.randomization.simulation.compile import is_compilable
    from core.randomization.simulation.power import power

    return power(
        trial.method, n, trials, seed,
        ratio=trial.ratio, population=trial.population, successes=trial.successes,
        effect=float(trial.effect),
        factor_effects=[[float(one) for one in axis.effects] for axis in trial.axes],
        trend=float(trial.trend), alpha=float(trial.alpha), draws=DRAWS,
        rerandomized=_RERANDOMIZED if is_compilable(trial.method, n) else _RERANDOMIZED_SLOWLY,
    )  # fmt: skip


def _by_arm(trial: Trial, step: dict[str, Any]) -> dict[str, Any]:
    return {**step, "allocation": dict(zip(trial.arms, step["allocation"], strict=True))}


def chance_of_guessing(trial: Trial) -> Value:
    """The best anyone could do with no knowledge of the trial but its ratio."""
    return Value(max(trial.ratio) / sum(trial.ratio))
