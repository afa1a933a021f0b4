"""Every rule of a list, over all its rows at once: what is wrong is noted, and nothing guessed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from core.bulk import is_number
from core.randomization.lists.problems import ListProblems
from core.randomization.lists.read import ReadRow
from core.randomization.lists.rows import ListedRow
from core.randomization.lists.strata import Strata

NUMBER_DIGITS_MAX: Final = 16
_SEQUENCE_DIGITS_MAX: Final = 9


@dataclass(frozen=True)
class Before:
    """What the study has already: every number, and of each stratum the last sequence and blocks.

    `width` is how long the numbers of its lists are, 0 before the first.
    """

    numbers: Collection[str] = ()
    last: Mapping[str, int] = field(default_factory=dict)
    blocks: Mapping[str, Collection[int]] = field(default_factory=dict)
    width: int = 0


@dataclass(frozen=True, slots=True)
class _Placed:
    line: int
    row: ListedRow
    shares: Mapping[str, int]


def check_list(
    found: Iterable[ReadRow], strata: Strata, before: Before, problems: ListProblems
) -> list[ListedRow]:
    """The rows, in the order of strata and sequence; what is wrong goes to `problems`."""
    rows = list(found)
    _check_numbers(rows, before, problems)
    placed: dict[str, list[_Placed]] = defaultdict(list)
    for read in rows:
        one = _place(read, strata, before, placed, problems)
        if one is not None:
            placed[one.row.stratum].append(one)
    for stratum, ones in placed.items():
        ones.sort(key=lambda one: one.row.sequence)
        _check_sequence(ones, before.last.get(stratum, 0), problems)
        _check_blocks(ones, before.blocks.get(stratum, ()), problems)
    return [one.row for stratum in sorted(placed) for one in placed[stratum]]


def _check_numbers(rows: list[ReadRow], before: Before, problems: ListProblems) -> None:
    """Digits, one length, each once in the file and in the study."""
    digits = [row for row in rows if is_number(row.number, NUMBER_DIGITS_MAX)]
    width = max([before.width, *(len(row.number) for row in digits)])
    seen: set[str] = set()
    for row in rows:
        if not is_number(row.number, NUMBER_DIGITS_MAX):
            problems.add(row.line, "randomization_number", "error.import_list_number")
            continue
        if len(row.number) < width:
            problems.add(row.line, "randomization_number", "error.import_zeros")
        if row.number in seen:
            problems.add(row.line, "randomization_number", "error.import_number_twice")
        elif row.number in before.numbers:
            problems.add(row.line, "randomization_number", "error.import_number_known")
        seen.add(row.number)


def _place(
    read: ReadRow,
    strata: Strata,
    before: Before,
    placed: Mapping[str, list[_Placed]],
    problems: ListProblems,
) -> _Placed | None:
    """The row in its stratum, None where it cannot have a place."""
    found = strata.find(read.stratum, read.levels)
    if found is None:
        problems.add(read.line, "stratum", "error.import_stratum")
    if read.arm not in (strata.arms if found is None else found[1]):
        problems.add(read.line, "arm", "error.import_arm")
    block = None
    if read.block is not None:
        if is_number(read.block, _SEQUENCE_DIGITS_MAX):
            block = int(read.block)
        else:
            problems.add(read.line, "block", "error.import_block")
    if read.sequence is None and found is not None:
        sequence = before.last.get(found[0], 0) + len(placed.get(found[0], ())) + 1
    elif is_number(read.sequence or "", _SEQUENCE_DIGITS_MAX) and int(read.sequence or "") > 0:
        sequence = int(read.sequence or "")
    else:
        if read.sequence is not None:
            problems.add(read.line, "sequence", "error.import_sequence")
        return None
    if found is None:
        return None
    row = ListedRow(found[0], sequence, block, read.number, read.arm)
    return _Placed(read.line, row, found[1])


def _check_sequence(ones: list[_Placed], last: int, problems: ListProblems) -> None:
    """From the row behind the last one on record, each once, without a hole."""
    for one in ones:
        if one.row.sequence <= last:
            problems.add(one.line, "sequence", "error.import_sequence_twice")
        elif one.row.sequence > last + 1:
            problems.add(one.line, "sequence", "error.import_sequence_hole")
        last = max(last, one.row.sequence)


def _check_blocks(ones: list[_Placed], ended: Collection[int], problems: ListProblems) -> None:
    """A block holds the ratio of the arms open in its stratum, and does not come back."""
    past = set(ended)
    start = 0
    while start < len(ones):
        block, end = ones[start].row.block, start
        while end < len(ones) and ones[end].row.block == block:
            end += 1
        if block is not None:
            if block in past:
                problems.add(ones[start].line, "block", "error.import_block_returns")
            elif not _holds_ratio(ones[start:end]):
                problems.add(ones[start].line, "block", "error.import_block_ratio")
            past.add(block)
        start = end


def _holds_ratio(block: list[_Placed]) -> bool:
    shares = block[0].shares
    unit, arms = sum(shares.values()), [one.row.arm for one in block]
    return len(arms) % unit == 0 and all(
        arms.count(arm) * unit == share * len(arms) for arm, share in shares.items()
    )
