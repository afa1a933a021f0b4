"""The blocks of a long `pbr-v1` list, all shuffled at once.

A block of n rows takes n - 1 words of the stream, one before them for its size where several are
possible; unless a word is passed over, everything lies at known places.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.randomization.stream import WORD_RANGE, list_words

_Words = NDArray[np.uint32]
_Arms = NDArray[np.uint8]


def shuffled_rows(
    seed: bytes, stratum: str, shares: Sequence[int], sizes: Sequence[int], rows: int
) -> tuple[bytes, bytes] | None:
    """Arm (index, a byte) and block number (from 1, uint32 bytes) of the first `rows`.

    None if a word may have to be passed over: about one list in 1,000 of a million rows in small
    blocks, which must then be drawn word by word. ValueError for a bad seed.
    """
    several = len(sizes) > 1
    blocks = -(-rows // sizes[0])
    needed = rows + max(sizes) if several else blocks * (sizes[0] - 1)
    words = np.frombuffer(list_words(seed, stratum, needed), ">u4").astype(np.uint32)
    # No word below this is ever passed over, for any of the ranges drawn from.
    if needed and int(words.max()) >= WORD_RANGE - max(*sizes, len(sizes)):
        return None
    if not several:
        arms = _shuffled(words.reshape(blocks, sizes[0] - 1), shares).reshape(-1)
        of_block = np.repeat(np.arange(1, blocks + 1, dtype=np.uint32), sizes[0])
    else:
        arms, of_block = _of_several(words, shares, sizes, rows)
    return arms[:rows].tobytes(), of_block[:rows].tobytes()


def _of_several(
    words: _Words, shares: Sequence[int], sizes: Sequence[int], rows: int
) -> tuple[_Arms, NDArray[np.uint32]]:
    """Blocks whose size is drawn. A block has as many words as rows: both start at one place."""
    drawn = (words % np.uint32(len(sizes))).tolist()
    starts, kinds, place = [], [], 0
    while place < rows:
        starts.append(place)
        kinds.append(drawn[place])
        place += sizes[drawn[place]]
    all_starts, all_kinds = np.array(starts, dtype=np.int64), np.array(kinds, dtype=np.int64)
    arms = np.empty(place, dtype=np.uint8)
    for kind, size in enumerate(sizes):
        mine = all_starts[all_kinds == kind, None]
        arms[mine + np.arange(size)] = _shuffled(words[mine + np.arange(1, size)], shares)
    numbers = np.arange(1, len(starts) + 1, dtype=np.uint32)
    return arms, np.repeat(numbers, np.array(sizes, dtype=np.int64)[all_kinds])


def _shuffled(words: _Words, shares: Sequence[int]) -> _Arms:
    """Blocks by rows, shuffled by Fisher-Yates with one word for each place but the first."""
    blocks, size = words.shape[0], words.shape[1] + 1
    each = [share * size // sum(shares) for share in shares]
    block = np.repeat(np.arange(len(shares), dtype=np.uint8), each)
    # By place, then block: each swap then runs along memory.
    places = np.repeat(block[:, None], blocks, axis=1)
    column = np.arange(blocks)
    by_place = np.ascontiguousarray(words.T)
    for step, i in enumerate(range(size - 1, 0, -1)):
        j = by_place[step] % np.uint32(i + 1)
        kept = places[i].copy()
        places[i] = places[j, column]
        places[j, column] = kept
    return np.ascontiguousarray(places.T)
