"""A list as a file, made from a study file and a seed: for use elsewhere, or as a dummy for tests.

Each stratum is the stream `pbr-v1` under the stratum's own text, its numbers `number-v1` under the
same; a dummy list has "dummy|" before both and a watermark on its first line, so that it shares no
row with the list that the same seed gives in earnest.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from core.codes import number_digits
from core.randomization.blocks import list_rows
from core.randomization.lists.numbers import NumberStream
from core.randomization.lists.read import WATERMARK
from core.randomization.lists.rows import ListedRow
from core.randomization.lists.strata import Strata
from core.study.schema import StudyConfig

DUMMY: Final = "dummy|"
HEADER: Final = ("stratum", "sequence", "randomization_number", "arm", "block")


def generate_list(
    config: StudyConfig,
    strata: Sequence[str],
    rows: int,
    seed: bytes,
    *,
    block_sizes: Sequence[int] = (),
    dummy: bool = False,
) -> str:
    """The text of a CSV file in the columns of `import list`: at least `rows` rows of each
    stratum, in whole blocks.

    `strata` empty: every combination of the levels that the file lists. `block_sizes`: those of the
    study file where none are given. ValueError names what is missing or wrong.
    """
    if rows < 1:
        raise ValueError("at least one row is needed")
    section = config.randomization
    sizes = tuple(block_sizes) or (section.block_sizes if section else ())
    known = Strata(config, *_places(config, strata))
    wanted = strata or list(_every(config))
    found = [_found(known, one) for one in wanted]
    names = [name for name, _ in found]
    if len(set(names)) < len(names):
        raise ValueError("a stratum is named twice")
    mark = DUMMY if dummy else ""
    digits = number_digits((rows + max(sizes, default=0)) * len(found))
    taken: frozenset[str] = frozenset()
    made: list[ListedRow] = []
    for name, shares in found:
        numbers = NumberStream(seed, mark + name, digits, taken)
        made += _rows(mark, name, shares, sizes, rows, seed, numbers)
        taken = frozenset(row.number for row in made)
    return _text(made, dummy=dummy)


def _every(config: StudyConfig) -> Iterator[str]:
    """The strata that the levels listed in the file make."""
    for factor in config.factors:
        if not factor.levels:
            raise ValueError(f"name the strata: the file does not list the levels of {factor.name}")
    values = [[f"{one.name}={level.value}" for level in one.levels] for one in config.factors]
    for parts in itertools.product(*values):
        yield "|".join(parts) or "all"


def _places(config: StudyConfig, strata: Sequence[str]) -> tuple[set[str], set[str]]:
    """The sites and countries that the strata name: without a database they are taken as said."""
    sites: set[str] = set()
    countries: set[str] = set()
    for stratum in strata:
        for part in stratum.split("|"):
            name, _, value = part.partition("=")
            sources = {one.source for one in config.factors if one.name == name.strip()}
            if "site" in sources and value.isascii() and value.isdigit():
                sites.add(value)
            if "country" in sources:
                countries.add(value)
    return sites, countries


def _found(known: Strata, stratum: str) -> tuple[str, dict[str, int]]:
    found = known.find(stratum, ())
    if found is None:
        raise ValueError(f"the study file has no stratum {stratum!r}")
    return found


def _rows(
    mark: str,
    stratum: str,
    shares: dict[str, int],
    sizes: Sequence[int],
    rows: int,
    seed: bytes,
    numbers: NumberStream,
) -> Iterator[ListedRow]:
    """Rows until there are enough and the block is whole."""
    last = 0
    for row in list_rows(seed, mark + stratum, shares, sizes):
        if row.sequence > rows and row.block != last:
            return
        last = row.block
        number = numbers.take(row.sequence)
        yield ListedRow(stratum, row.sequence, row.block, number, row.arm)


def _text(rows: Sequence[ListedRow], *, dummy: bool) -> str:
    out = io.StringIO(newline="")
    if dummy:
        out.write(f"{WATERMARK}\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for row in rows:
        writer.writerow((row.stratum, row.sequence, row.number, row.arm, row.block))
    return out.getvalue()
