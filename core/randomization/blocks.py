"""Permuted blocks in the list format `pbr-v1`, which anyone can recompute from seed and design.

A block is the arms, each repeated by its ratio, in the order given, shuffled by Fisher-Yates from
the last place down to the second with j = below(i + 1). With several block sizes the size is drawn
first, as sizes[below(number of sizes)]. The blocks of a stratum follow one another without end, so
that rows drawn later continue the same list and the earlier ones never change.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from core.randomization.exact import check_whole
from core.randomization.stream import ListStream


@dataclass(frozen=True, slots=True)
class ListRow:
    """One place of a list; `sequence` and `block` count from 1 within the stratum."""

    sequence: int
    block: int
    arm: str


class BlockArms(NamedTuple):
    """The first rows of a list: a byte for the index of each arm, and the number of its block."""

    arms: bytes
    blocks: array[int]


def check_blocks(ratio: Mapping[str, int], block_sizes: Sequence[int]) -> None:
    """Raise ValueError unless the design can be drawn.

    At least one arm, whole ratios of 1 or more, at least one block size, none twice, each a
    multiple of the sum of the ratios (else a complete block could not hold the ratio).
    """
    if not ratio or any(share < 1 for share in ratio.values()):
        raise ValueError("every arm needs a ratio of 1 or more")
    if not block_sizes or len(set(block_sizes)) != len(block_sizes):
        raise ValueError("block sizes must be given, each once")
    unit = sum(ratio.values())
    for size in block_sizes:
        if size < unit or size % unit:
            raise ValueError(f"block size {size} is not a multiple of {unit}, the sum of the ratio")


def list_rows(
    seed: bytes, stratum: str, ratio: Mapping[str, int], block_sizes: Sequence[int]
) -> Iterator[ListRow]:
    """The rows of one stratum's list, without end; take as many as are wanted.

    `ratio` gives the arms in their order, which is part of the format, with their whole ratios.
    Raises ValueError at the call, not at the first row, for a bad seed or design.
    """
    check_blocks(ratio, block_sizes)
    return _rows(ListStream(seed, stratum), dict(ratio), tuple(block_sizes))


def block_arms(
    seed: bytes, stratum: str, ratio: Mapping[str, int], block_sizes: Sequence[int], rows: int
) -> BlockArms:
    """The first `rows` of what `list_rows` gives, some ten times as fast; for long lists.

    Errors as for `list_rows`, and ValueError for more than 256 arms or fewer than no rows.
    """
    check_blocks(ratio, block_sizes)
    check_whole(0, rows=rows)
    if len(ratio) > 256:
        raise ValueError("an arm must fit into a byte")
    # NumPy takes long to load; who randomizes one subject never needs it.
    from core.randomization.bulk import shuffled_rows

    found = shuffled_rows(seed, stratum, tuple(ratio.values()), tuple(block_sizes), rows)
    if found is not None:
        arms, blocks = found
        return BlockArms(arms, array("I", blocks))
    places = {arm: place for place, arm in enumerate(ratio)}
    listed = list(islice(list_rows(seed, stratum, ratio, block_sizes), rows))
    return BlockArms(
        bytes(places[row.arm] for row in listed), array("I", [row.block for row in listed])
    )


def _rows(stream: ListStream, ratio: Mapping[str, int], sizes: Sequence[int]) -> Iterator[ListRow]:
    unit = sum(ratio.values())
    sequence = 0
    block = 0
    while True:
        block += 1
        size = sizes[stream.below(len(sizes))] if len(sizes) > 1 else sizes[0]
        places = [arm for arm, share in ratio.items() for _ in range(share * size // unit)]
        for i in range(size - 1, 0, -1):
            j = stream.below(i + 1)
            places[i], places[j] = places[j], places[i]
        for arm in places:
            sequence += 1
            yield ListRow(sequence, block, arm)
