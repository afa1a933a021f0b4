"""Williams squares: the treatment sequences of a crossover study, balanced for carry-over."""

from __future__ import annotations

from core.randomization.exact import check_whole


def williams(treatments: int) -> tuple[tuple[int, ...], ...]:
    """The sequences of a Williams design, each a tuple of treatments (indices) by period.

    For an even number of treatments as many sequences, for an odd one twice as many. Every
    treatment stands equally often in every period, and follows every other one equally often: once
    where the number is even, twice where it is odd.

    Source: Williams, Aust J Sci Res A 1949;2:149. Raises TypeError or ValueError unless
    `treatments` is a whole number from 2.
    """
    check_whole(2, treatments=treatments)
    first = [0]
    for step in range(1, treatments):
        first.append((step + 1) // 2 if step % 2 else treatments - step // 2)
    square = [tuple((one + row) % treatments for one in first) for row in range(treatments)]
    if treatments % 2:
        square += [tuple(reversed(sequence)) for sequence in square]
    return tuple(square)
