"""How the design behaves: the characteristics, each with a plot and how to read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.randomization.characterise import Found, chance_of_guessing
from core.randomization.report.model import (
    Block,
    Facts,
    Mark,
    Plot,
    Section,
    Series,
    Table,
    Text,
    fixed,
    number,
    percent,
)
from core.randomization.simulation.results import Value

_LOSS: Final = "Loss of efficiency, subjects"
_ROWS_MAX: Final = 12
_BARS_MAX: Final = 24
_TESTS: Final = (
    ("t_test", "t-test"),
    ("ancova", "ANCOVA"),
    ("rerandomization", "re-randomization"),
)


def behaviour(found: Found) -> Section:
    """All plots and the numbers that have none."""
    blocks: list[Block] = [Text(_how_found(found)), _assumptions(found)]
    blocks += [_guessing(found), _imbalance(found), _allocation(found), _final(found)]
    blocks += [] if not found.characteristics.factors else [_factors(found)]
    blocks += [_tests(found), _numbers(found)]
    return Section("behaviour", "How the design behaves", tuple(blocks))


def brief(found: Found) -> tuple[str, ...]:
    """The characteristics in four sentences."""
    it, tests = found.characteristics, found.power.tests
    chance = chance_of_guessing(found.trial).value
    counted = "" if len(set(it.ratio)) == 1 else ", each divided by its share of the ratio,"
    return (
        f"Someone who always guesses the arm that has fewer subjects is right "
        f"{percent(it.convergence.value)} of the time; without any knowledge it would be "
        f"{percent(chance)}.",
        f"{percent(it.deterministic.value)} of the assignments are certain for someone who knows "
        f"all that went before.",
        f"After {it.n} subjects the arms differ{counted} by "
        f"{number(it.steps[-1].imbalance.value, 2)} subjects on average, "
        f"and never by more than {number(_most(found), 2)} in what was followed.",
        f"If the treatment shifts the outcome by {number(found.power.effect)} standard deviations, "
        f"the t-test finds it {percent(tests['t_test'].power.value)} of the time; where there is "
        f"no difference it errs {percent(tests['t_test'].type_one.value)} of the time.",
    )


def _most(found: Found) -> float:
    return max(float(distance) for distance, _ in found.characteristics.final)


def _how_found(found: Found) -> str:
    it = found.characteristics
    tests = (
        "The rates of the tests are simulated, each with its standard error: "
        f"{found.trials:,} trials, seed {found.seed}."
    )
    if found.is_exact:
        return (
            f"Every trial of {it.n} subjects that can happen was followed with its exact "
            "probability, by the very program step that draws in production; all subjects have the "
            f"same levels there, as within one stratum. Nothing is estimated. {tests}"
        )
    return (
        f"{found.trials:,} trials of {it.n} subjects were simulated with seed {found.seed}, by the "
        "very program step that draws in production. The same seed gives the same numbers again. "
        "Each number stands with its standard error: the true one lies within two of them in 95 of "
        "100 cases."
    )


def _assumptions(found: Found) -> Facts:
    trial, power = found.trial, found.power
    rows = [("Subjects of a trial", str(found.characteristics.n))]
    for axis in trial.axes:
        total = sum(axis.frequencies)
        shares = [
            f"{level} {percent(float(one / total))}"
            for level, one in zip(axis.levels, axis.frequencies, strict=True)
        ]
        more = "" if len(shares) <= _ROWS_MAX else f" and {len(shares) - _ROWS_MAX} more"
        rows.append((f"How frequent: {axis.name}", ", ".join(shares[:_ROWS_MAX]) + more))
    if trial.successes is not None:
        rows.append(
            ("How often a subject responds", ", ".join(
                f"{arm} {percent(float(one))}"
                for arm, one in zip(trial.arms, trial.successes, strict=True)
            ))
        )  # fmt: skip
    first, second = trial.arms[:2]
    rows += [
        (f"Effect of {first} against {second}", f"{number(power.effect)} standard deviations"),
        ("Drift of the outcome, first to last", f"{number(power.trend)} standard deviations"),
        ("Level of the tests", f"{number(power.alpha)}, two-sided"),
    ]  # fmt: skip
    for axis in trial.axes:
        if any(axis.effects):
            effects = zip(axis.levels, axis.effects, strict=True)
            words = ", ".join(f"{level} {number(float(one))}" for level, one in effects)
            rows.append((f"Effect of {axis.name} on the outcome", words))
    return Facts(tuple(rows))


def _guessing(found: Found) -> Plot:
    it = found.characteristics
    known = [
        ("fewer subjects", "Guess the arm that has fewer subjects", it.convergence),
        ("best guess", "Best guess, knowing the method's whole state", it.best_guess),
    ]
    if it.best_guess_arms is not None:
        words = "Best guess, knowing method and earlier arms"
        known.append(("earlier arms", words, it.best_guess_arms))
    known.append(("certain", "Assignments that are certain", it.deterministic))
    chance = chance_of_guessing(found.trial).value
    return Plot(
        "Can the next arm be guessed?",
        "The lower the bars, the better the next arm is hidden. A bar on the dashed line means "
        "that guessing is no better than chance; the last bar is the share of draws that leave "
        "nothing to chance.",
        "way of guessing",
        "share that is right",
        tuple(short for short, _, _ in known),
        (Series("share that is right", *_heights([one for _, _, one in known])),),
        Table(
            "Guessing",
            ("", "share", _error_head(found)),
            (
                *((words, percent(one.value), _error(one)) for _, words, one in known),
                ("Pure chance", percent(chance), ""),
            ),
            frozenset({1, 2}),
        ),
        (Mark("pure chance", chance),),
        least_top=1.0,
    )


def _imbalance(found: Found) -> Plot:
    steps = found.characteristics.steps
    chosen = _chosen(len(steps))
    return Plot(
        "How uneven do the arms get on the way?",
        "The line is the average difference between the arms after each subject: the lower, the "
        "safer is a trial that stops early. A zigzag comes from odd and even numbers of subjects.",
        "subjects so far",
        "average difference",
        tuple(str(step.number) for step in steps),
        (Series("average |D|", *_heights([step.imbalance for step in steps])),),
        Table(
            "Difference between the arms",
            ("after subject", "average |D|", _error_head(found), "arms exactly level"),
            tuple(
                (
                    str(steps[i].number),
                    fixed(steps[i].imbalance.value),
                    _error(steps[i].imbalance, 4),
                    percent(steps[i].balanced.value),
                )
                for i in chosen
            ),
            frozenset({0, 1, 2, 3}),
        ),
        is_line=True,
        least_top=1.0,
    )


def _allocation(found: Found) -> Plot:
    trial, steps = found.trial, found.characteristics.steps
    total = sum(trial.ratio)
    marks = [
        Mark(f"share of {arm}", r / total) for arm, r in zip(trial.arms, trial.ratio, strict=True)
    ]
    shares = {mark.value: mark for mark in marks}
    if len(shares) < len(marks):
        shares = {value: Mark(f"target {percent(value)}", value) for value in shares}
    places = range(len(trial.arms))
    return Plot(
        "Does every arm keep its share at each step?",
        "Each line is the probability, over all trials and before anything is known, that the "
        "subject with that number receives the arm. Lines that stay on the dashed targets keep the "
        "ratio at every step; lines that swing let the number of the subject tell something.",
        "subject",
        "probability of the arm",
        tuple(str(step.number) for step in steps),
        tuple(
            Series(trial.arms[a], *_heights([step.allocation[a] for step in steps])) for a in places
        ),
        Table(
            "Probability of each arm",
            ("subject", *trial.arms),
            tuple(
                (str(steps[i].number), *(percent(one.value) for one in steps[i].allocation))
                for i in _chosen(len(steps))
            ),
            frozenset(range(len(trial.arms) + 1)),
        ),
        tuple(shares.values()),
        is_line=True,
        least_top=1.0,
    )


def _final(found: Found) -> Plot:
    final = found.characteristics.final
    shown = final[:_BARS_MAX]
    rows = [(number(float(d)), percent(one.value), _error(one)) for d, one in shown]
    rest = sum(one.value for _, one in final[_BARS_MAX:])
    rows += [("more", percent(rest), "")] if final[_BARS_MAX:] else []
    return Plot(
        "How uneven are the arms at the end?",
        "Each bar is how probable it is that the arms differ by so many subjects after the last "
        "one. Tall bars on the left mean a well balanced trial.",
        "difference after the last subject",
        "probability",
        tuple(number(float(d)) for d, _ in shown),
        (Series("probability", *_heights([one for _, one in shown])),),
        Table("Final difference", ("difference", "probability", _error_head(found)), tuple(rows),
              frozenset({0, 1, 2})),
    )  # fmt: skip


def _factors(found: Found) -> Plot:
    pairs = [
        (f"{axis.name}: {level}", value)
        for axis, values in zip(found.trial.axes, found.characteristics.factors, strict=True)
        for level, value in zip(axis.levels, values, strict=True)
    ]
    shown = pairs[:_BARS_MAX]
    left = len(pairs) - len(shown)
    return Plot(
        "How uneven are the arms within each factor?",
        "Each bar is the average difference between the arms among the subjects of one level at "
        "the end. Bars of like height mean that no kind of subject is left unbalanced."
        + (f" {left} more levels are not shown." if left else ""),
        "level",
        "average difference",
        tuple(name for name, _ in shown),
        (Series("average |D|", *_heights([one for _, one in shown])),),
        Table(
            "Difference within levels at the end",
            ("level", "average |D|", "standard error"),
            tuple((name, fixed(one.value), _error(one, 4)) for name, one in shown),
            frozenset({1, 2}),
        ),
    )


def _tests(found: Found) -> Plot:
    power = found.power
    tests = [(words, power.tests[name]) for name, words in _TESTS if name in power.tests]
    return Plot(
        "Do the tests keep their promise?",
        f"The light bars (no difference between the arms) should be near the dashed line at "
        f"{percent(power.alpha)}: a higher one finds effects that are not there. The dark bars "
        f"(a difference of {number(power.effect)} standard deviations) should be high.",
        "test",
        "how often it rejects",
        tuple(words for words, _ in tests),
        (
            Series("no difference (type I error)", *_heights([one.type_one for _, one in tests])),
            Series("difference (power)", *_heights([one.power for _, one in tests])),
        ),
        Table(
            "Tests: rate and its standard error",
            ("test", "type I error", "power", "trials"),
            tuple(
                (words, _rate(one.type_one), _rate(one.power), f"{one.trials:,}")
                for words, one in tests
            ),
            frozenset({1, 2, 3}),
        ),
        (Mark(f"level {percent(power.alpha)}", power.alpha),),
        least_top=1.0,
    )


def _numbers(found: Found) -> Table:
    it = found.characteristics
    rows = (
        (
            "Arms exactly level, average over the steps",
            percent(it.balanced.value),
            _error(it.balanced),
        ),
        ("Standard deviation of D at the end", number(it.final_sd.value), _error(it.final_sd, 4)),
        (
            "Largest |D| on the way, average",
            number(it.imbalance_max.value),
            _error(it.imbalance_max, 4),
        ),
        (
            _LOSS + (" (below 0: more than the ratio has)" if it.loss.value < 0 else ""),
            number(it.loss.value),
            _error(it.loss, 4),
        ),
    )
    return Table("Further numbers", ("", "value", _error_head(found)), rows, frozenset({1, 2}))


def _heights(values: Sequence[Value]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Values, and their standard errors where all have one."""
    errors = tuple(one.se for one in values if one.se is not None)
    return tuple(one.value for one in values), errors if len(errors) == len(values) else ()


def _error_head(found: Found) -> str:
    return "exact" if found.is_exact else "standard error"


def _rate(value: Value) -> str:
    return f"{percent(value.value)} ± {_error(value)}"


def _error(value: Value, decimals: int = 0) -> str:
    """The standard error (as a share in per cent unless decimals are given), or the fraction."""
    if value.exact is not None:
        return str(value.exact) if len(str(value.exact)) <= 15 else ""
    if value.se is None:
        return ""
    return fixed(value.se, decimals) if decimals else f"{100 * value.se:.2f}%"


def _chosen(count: int) -> list[int]:
    """The places of the table: the first, the last, and some evenly between."""
    if count <= _ROWS_MAX:
        return list(range(count))
    return sorted({round(i * (count - 1) / (_ROWS_MAX - 1)) for i in range(_ROWS_MAX)})
