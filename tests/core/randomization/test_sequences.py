"""Sequence methods against published numbers."""

import math
from collections.abc import Iterator
from fractions import Fraction

import pytest

from core.randomization.method import Method, shares_of
from core.randomization.methods.blocks import permuted_block
from core.randomization.methods.coins import big_stick, efron
from core.randomization.methods.maximal import maximal
from core.randomization.methods.quotas import random_allocation
from core.randomization.methods.urns import block_urn, ehrenfest, wei_urn
from tests.support.enumerate import Ahead, walk

TWO_THIRDS = Fraction(2, 3)


def mean(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction()) / len(values)


def convergence(method: Method, subjects: int) -> Fraction:
    """Mean probability of a right guess by who always guesses the lighter arm."""
    return mean([ahead.convergence() for ahead in list(walk(method, subjects))[:-1]])


def differences(ahead: Ahead) -> dict[int, Fraction]:
    found: dict[int, Fraction] = {}
    total = sum(ahead.weights.values())
    for path, weight in ahead.weights.items():
        away = abs(path.difference)
        found[away] = found.get(away, Fraction()) + Fraction(weight, total)
    return found


def test_block_urn_follows_the_published_draws() -> None:
    """Reference case G6: Zhao & Weng, Contemp Clin Trials 2011;32:953, table 1 (b = 6)."""
    uniforms = ".4026 .5654 .0927 .3080 .7758 .9219 .6115 .8604 .4848 .7746 .2345 .8507 .0661 .2630"
    published = ".5 .4 .5 .4 .25 .4 .5 .6 .75 .6 .75 .6 .75 .6"
    method = block_urn((1, 1), 3)
    state = list(method.start)
    arms, chances = "", []
    for uniform in map(Fraction, uniforms.split()):
        shares = shares_of(method, state, ())
        chances.append(Fraction(shares[0], sum(shares)))
        arm = int(uniform >= chances[-1])
        method.after(method.design, state, (), arm)
        arms += "AB"[arm]
    assert chances == [Fraction(chance) for chance in published.split()]
    assert arms == "ABAABBBBABABAA"


CHARACTERISTICS = {
    "big stick 4": (big_stick(4), ".55875 .1175 .1300 2.4495 3.9996"),
    "permuted block 4": (permuted_block((1, 1), [4]), ".70833 .33333 .41667 0.0000 2.0000"),
    "permuted block 6": (permuted_block((1, 1), [6]), ".680 .241 .364 1.2649 2.8332"),
    "permuted block 8": (permuted_block((1, 1), [8]), ".66214 .192 .32971 1.5119 3.2759"),
    "biased coin .65": (efron(Fraction("0.65")), ".61364 .00000 .23705 2.3463 5.4948"),
    "random allocation rule": (
        random_allocation((1, 1), 100),
        ".55782 .01961 .11565 0.0000 8.2091",
    ),
    "Ehrenfest urn 10": (ehrenfest(10), ".58520 .00000 .18062 2.2361 5.2512"),
}


@pytest.mark.parametrize(
    ("method", "published"), CHARACTERISTICS.values(), ids=CHARACTERISTICS.keys()
)
def test_operating_characteristics_of_100_subjects_are_the_published_ones(
    method: Method, published: str
) -> None:
    """Reference case G7: Zhao 2011, table IV: CG, DA, EB, Dn and MI, to the digits printed."""
    steps = list(walk(method, 100))
    *_, last = walk(method, 100, largest=True)
    found: tuple[Fraction | float, ...] = (
        mean([step.convergence() for step in steps[:-1]]),
        mean([step.certain() for step in steps[:-1]]),
        mean([step.level() for step in steps[1:]]),
        math.sqrt(steps[-1].mean(lambda path: path.difference**2)),
        last.mean(lambda path: path.largest),
    )
    for value, text in zip(found, published.split(), strict=True):
        digits = len(text.partition(".")[2])
        assert f"{float(value):.{digits}f}" == f"{float(text):.{digits}f}"


def of_one_block(method: Method, state: tuple[int, ...], ahead: int) -> tuple[Fraction, Fraction]:
    """Expected right guesses of the lighter arm, and expected rows, until the block is full."""
    shares = shares_of(method, state, ())
    right = rows = Fraction()
    for outcome, share in enumerate(shares):
        if not share:
            continue
        chance = Fraction(share, sum(shares))
        after = list(state)
        method.after(method.design, after, (), outcome)
        difference = ahead
        if outcome < 2:
            rows += chance
            difference += 1 - 2 * outcome
            if ahead == 0:
                right += chance / 2
            elif outcome == int(ahead > 0):
                right += chance
        if tuple(after) != method.start:
            more = of_one_block(method, tuple(after), difference)
            right, rows = right + chance * more[0], rows + chance * more[1]
    return right, rows


@pytest.mark.parametrize(
    ("sizes", "published"),
    [
        ([2], "3/4"),
        ([4], "17/24"),
        ([6], "41/60"),
        ([8], "373/560"),
        ([10], "823/1260"),
        ([2, 4], "13/18"),
        ([2, 4, 6], "253/360"),
    ],
)
def test_right_guesses_in_blocks_are_as_blackwell_and_hodges_count(
    sizes: list[int], published: str
) -> None:
    """Reference case G8: Blackwell & Hodges, Ann Math Stat 1957;28:449, and the long run over
    random sizes: by renewal, rows of long blocks weigh more."""
    method = permuted_block((1, 1), sizes)
    right, rows = of_one_block(method, method.start, 0)
    assert right / rows == Fraction(published)
    if len(sizes) == 1:
        m = sizes[0] // 2
        all_right = Fraction(2 ** (2 * m - 1), math.comb(2 * m, m)) - Fraction(1, 2)
        assert right / rows == Fraction(1, 2) + all_right / (2 * m)
        assert right / rows == convergence(method, sizes[0])


def test_efrons_coin_spreads_over_ten_subjects_as_published() -> None:
    """Reference case G9: Efron, Biometrika 1971;58:403, p = 2/3."""
    *_, last = walk(efron(TWO_THIRDS), 10)
    published = "10432/19683 832/2187 56/729 76/6561 22/19683 1/19683"
    wanted = dict(zip((0, 2, 4, 6, 8, 10), map(Fraction, published.split()), strict=True))
    assert differences(last) == wanted


def test_efrons_coin_settles_where_published() -> None:
    """Reference case G9: P(D = 0) after an even number tends to 1/2, right guesses to .625."""
    steps = list(walk(efron(TWO_THIRDS), 401))
    assert float(steps[400].level()) == pytest.approx(0.5, abs=1e-9)
    pair = mean([steps[400].convergence(), steps[401].convergence()])
    assert float(pair) == pytest.approx(0.625, abs=1e-9)


def test_weis_urn_spreads_with_a_third_of_the_subjects() -> None:
    """Reference case G10: UD(0, 1), Var(D_n) = n/3 exactly for n >= 3."""
    for subjects, ahead in enumerate(walk(wei_urn(2, 0, 1), 40)):
        if subjects >= 3:
            assert ahead.mean(lambda path: path.difference) == 0
            assert ahead.mean(lambda path: path.difference**2) == Fraction(subjects, 3)


@pytest.mark.parametrize(
    ("method", "published"),
    [
        (efron(TWO_THIRDS), ".610661"),
        (big_stick(3), ".561133"),
        (wei_urn(2, 0, 1), ".619237"),
        (random_allocation((1, 1), 10), ".653175"),
        (maximal(2, 10), ".683333"),
        (maximal(3, 10), ".660345"),
    ],
    ids=["Efron 2/3", "big stick 3", "Wei UD(0,1)", "random allocation", "maximal 2", "maximal 3"],
)
def test_right_guesses_over_ten_subjects_are_the_published_ones(
    method: Method, published: str
) -> None:
    """Reference case G11, by exact enumeration, to the digits printed."""
    assert f"{float(convergence(method, 10)):.6f}" == f"0{published}"


def sequences(method: Method, length: int) -> Iterator[tuple[str, Fraction]]:
    """Every sequence that can be drawn, with its probability."""
    paths = [("", Fraction(1), method.start)]
    for _ in range(length):
        longer = []
        for arms, chance, state in paths:
            shares = shares_of(method, state, ())
            for arm, share in enumerate(shares):
                if share:
                    after = list(state)
                    method.after(method.design, after, (), arm)
                    chances = chance * Fraction(share, sum(shares))
                    longer.append((arms + "AB"[arm], chances, tuple(after)))
        paths = longer
    for arms, chance, _ in paths:
        yield arms, chance


@pytest.mark.parametrize(
    ("mti", "length", "published"),
    [(2, 4, 6), (2, 6, 18), (2, 8, 54), (2, 10, 162), (3, 10, 232), (3, 12, 792)],
)
def test_maximal_procedure_draws_each_admissible_sequence_alike(
    mti: int, length: int, published: int
) -> None:
    """Reference case G11: Berger, Ivanova & Knoll, Stat Med 2003;22:3017, counts of sequences."""
    drawn = dict(sequences(maximal(mti, length), length))
    assert len(drawn) == published
    assert set(drawn.values()) == {Fraction(1, published)}
    assert all(arms.count("A") == arms.count("B") for arms in drawn)


def test_maximal_procedure_begins_again_once_its_length_is_full() -> None:
    twice = dict(sequences(maximal(1, 2), 4))
    assert twice == dict.fromkeys(("ABAB", "ABBA", "BAAB", "BABA"), Fraction(1, 4))
