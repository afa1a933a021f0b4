"""A whole list made from the seed and sealed at once: what an installation of our own keeps of it.

Arms, numbers and tokens are those that row-by-row work would give; only the way there is short.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from core.codes import number_digits
from core.randomization.blocks import block_arms
from core.randomization.lists.many_numbers import numbers_of
from core.randomization.rows import row_head
from core.sealed import Keys

SealedRow = tuple[int, int, str, bytes]
"""Sequence, block, randomization number and the token that holds the arm."""


def sealed_list(
    keys: Keys,
    study: str,
    domain: str,
    seed: bytes,
    ratio: Mapping[str, int],
    block_sizes: Sequence[int],
    rows: int,
) -> Iterator[SealedRow]:
    """The first `rows` of the list `pbr-v1` of this domain, numbered by `number-v1`, each arm
    sealed about "study|list|domain|sequence" as a drawn list's rows are.

    Raises ValueError, at the first row, for a bad seed or design.
    """
    made = block_arms(seed, domain, ratio, block_sizes, rows)
    numbers = numbers_of(seed, domain, number_digits(rows), rows)
    tokens = keys.seal_many(row_head(study, domain), tuple(ratio), made.arms)
    yield from zip(range(1, rows + 1), made.blocks, numbers, tokens, strict=True)
