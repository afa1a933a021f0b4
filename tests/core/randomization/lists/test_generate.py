"""Lists as files: whole blocks of `pbr-v1`, numbers of `number-v1`, dummies that stay dummies."""

from __future__ import annotations

import csv
import io
from itertools import islice

import pytest

from core.codes import is_damm
from core.randomization.blocks import list_rows
from core.randomization.lists.generate import generate_list
from core.randomization.lists.numbers import NumberStream, list_number
from core.randomization.lists.read import WATERMARK
from core.study.read import read_published
from tests.support.lists import LISTED, activated, listed
from tests.support.studies import SOLO
from tests.support.world import World

SEED = bytes(range(32))
RATIO = {"active": 2, "placebo": 1}


def table(text: str) -> list[dict[str, str]]:
    """The rows of a list file."""
    return list(csv.DictReader(io.StringIO(text.removeprefix(f"{WATERMARK}\n"))))


def test_the_first_numbers_of_a_seed_are_always_these() -> None:
    assert [list_number(SEED, "S1", sequence) for sequence in (1, 2, 3)] == [
        "4299369",
        "8482749",
        "1223485",
    ]
    assert list_number(SEED, "S1", 1, attempt=1) != list_number(SEED, "S1", 1)
    assert all(is_damm(list_number(SEED, "S1", 1, digits=digits)) for digits in range(2, 17))


def test_a_stream_of_numbers_gives_those_of_single_rows_and_passes_over_taken_ones() -> None:
    stream = NumberStream(SEED, "S1", digits=9)
    assert [stream.take(n) for n in range(1, 200)] == [
        list_number(SEED, "S1", n, digits=9) for n in range(1, 200)
    ]
    first = list_number(SEED, "S1", 1)
    assert NumberStream(SEED, "S1", taken=frozenset({first})).take(1) == list_number(
        SEED, "S1", 1, attempt=1
    )
    few = NumberStream(SEED, "S1", digits=2)
    assert len({few.take(n) for n in range(1, 6)}) == 5


@pytest.mark.parametrize("digits", [1, 17])
def test_a_number_has_two_to_sixteen_digits(digits: int) -> None:
    with pytest.raises(ValueError, match="digits"):
        list_number(SEED, "S1", 1, digits=digits)


def test_each_stratum_has_whole_blocks_of_its_own_stream() -> None:
    rows = table(generate_list(read_published(SOLO), (), 4, SEED))
    for stratum in ("sex=F", "sex=M"):
        mine = [row for row in rows if row["stratum"] == stratum]
        assert len(mine) >= 4
        wanted = islice(list_rows(SEED, stratum, RATIO, (3, 6)), len(mine))
        assert [(row["sequence"], row["block"], row["arm"]) for row in mine] == [
            (str(row.sequence), str(row.block), row.arm) for row in wanted
        ]
        last = [row["arm"] for row in mine if row["block"] == mine[-1]["block"]]
        assert last.count("active") == 2 * last.count("placebo")
    numbers = [row["randomization_number"] for row in rows]
    assert len(set(numbers)) == len(numbers)


def test_a_dummy_shares_nothing_with_the_list_of_the_same_seed() -> None:
    config = read_published(SOLO)
    real, dummy = (generate_list(config, (), 60, SEED, dummy=one) for one in (False, True))
    assert dummy.startswith(f"{WATERMARK}\n")
    assert not real.startswith("#")
    arms = [[row["arm"] for row in table(text)][:60] for text in (real, dummy)]
    assert arms[0] != arms[1]
    numbers = [{row["randomization_number"] for row in table(text)} for text in (real, dummy)]
    assert len(numbers[0] & numbers[1]) < 3


@pytest.mark.parametrize(
    ("strata", "sizes", "told"),
    [
        (("sex=X",), (3,), "no stratum"),
        (("sex=F", "F"), (3,), "twice"),
        (("sex=F",), (), "block sizes"),
        (("sex=F",), (4,), "multiple"),
    ],
)
def test_what_cannot_be_made_is_told(
    strata: tuple[str, ...], sizes: tuple[int, ...], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        generate_list(read_published(LISTED), strata, 6, SEED, block_sizes=sizes)


def test_what_is_made_can_be_imported_and_drawn_from(world: World) -> None:
    here = listed(world)
    text = generate_list(read_published(LISTED), (), 6, SEED, block_sizes=(3,))
    here.do("import_list", "Tess", file=text)
    activated(here)
    done = here.do("randomize", "Ivy", sex="M", consent="yes", eligible="yes")
    first = next(row for row in table(text) if row["stratum"] == "sex=M")
    assert done.facts["randomization_number"] == first["randomization_number"]
    assert here.arm(done.subject) == first["arm"]


def test_a_dummy_is_for_a_study_for_training_only(world: World) -> None:
    text = generate_list(read_published(LISTED), (), 6, SEED, block_sizes=(3,), dummy=True)
    listed(world, "real").refused("list_misplaced", "import_list", "Tess", file=text)
    training = listed(world, "train", training=True)
    assert training.do("import_list", "Tess", file=text).facts["test"] is True
    unmarked = text.partition("\n")[2]
    listed(world, "other").refused("list_misplaced", "import_list", "Tess", file=unmarked)
