"""A list made elsewhere is imported whole, or refused with everything that is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import InvalidInput, ListRefused, Refused
from core.messages import Message, message_from_json
from core.randomization.lists.problems import ListProblems
from core.randomization.lists.read import WATERMARK
from core.randomization.lists.rows import listed_about
from core.sealed import Sealed
from tests.support.lists import FIRST, LISTED, a_list, listed, rows
from tests.support.world import World

SAS = (
    '\ufeff"SEX","SEQ","RAND_NO","TRT","BLK"\r\n'
    '"1","1","0041","A","1"\r\n"1","2","0042","B","1"\r\n"1","3","0043","A","1"\r\n'
)
SAS_COLUMNS = "sex=SEX; sequence=SEQ; randomization_number=RAND_NO; arm=TRT; block=BLK"
SAS_VALUES = "sex:F=1; sex:M=2; arm:active=A; arm:placebo=B"
BLOCKRAND = (
    '"id";"stratum";"block.id";"block.size";"treatment"\n'
    '101;"F";"1";3;"Act"\n102;"M";"1";3;"Pla"\n103;"F";"1";3;"Act"\n'
    '104;"F";"1";3;"Pla"\n105;"M";"1";3;"Act"\n106;"M";"1";3;"Act"\n'
)
BLOCKRAND_COLUMNS = "randomization_number=id; arm=treatment; block=block.id; sequence="


def lines(refused: Refused) -> list[tuple[Any, ...]]:
    """Line, column and kind of each problem that the person who imports is told."""
    found: Any = refused.message.params["problems"]
    return [
        (
            one.params["line"],
            one.params["column"],
            one.params["problem"].id.removeprefix("error.import_"),
        )
        for one in found
    ]


def stored(world: World) -> list[tuple[Any, ...]]:
    """The rows on record, their arms opened."""
    query = "SELECT * FROM list_row WHERE study = :study ORDER BY domain, sequence"
    return [
        (row.domain, row.sequence, row.block, row.number, _arm(world, row), row.list_version)
        for row in world.rows(query)
    ]


def _arm(world: World, row: Any) -> str:
    about = listed_about(row.study, row.list_version, row.domain, row.sequence)
    return world.core.keys.open(Sealed(bytes(row.arm), about))


def test_a_list_in_our_own_columns_is_stored_as_it_is(world: World) -> None:
    here = listed(world)
    done = here.do("import_list", "Tess", file=FIRST)
    assert done.facts["rows"] == 12
    assert done.facts["strata"] == 2
    found = stored(here)
    assert len(found) == 12
    assert found[0] == ("v1|sex=F", 1, 1, "1001", "active", 1)
    assert found[-1] == ("v1|sex=M", 6, 2, "1106", "placebo", 1)


def test_every_sealed_arm_has_one_length(world: World) -> None:
    here = listed(world)
    here.do("import_list", "Tess", file=FIRST)
    lengths = {len(row.arm) for row in here.rows("SELECT arm FROM list_row WHERE study = :study")}
    assert len(lengths) == 1


def test_a_file_of_sas_is_read_by_its_own_columns_and_codes(world: World) -> None:
    here = listed(world)
    here.do("import_list", "Tess", file=SAS, columns=SAS_COLUMNS, values=SAS_VALUES)
    assert [row[:5] for row in stored(here)] == [
        ("v1|sex=F", 1, 1, "0041", "active"),
        ("v1|sex=F", 2, 1, "0042", "placebo"),
        ("v1|sex=F", 3, 1, "0043", "active"),
    ]


def test_a_file_of_blockrand_without_sequences_is_taken_in_its_order(world: World) -> None:
    here = listed(world)
    values = "arm:active=Act; arm:placebo=Pla"
    here.do("import_list", "Tess", file=BLOCKRAND, columns=BLOCKRAND_COLUMNS, values=values)
    assert [row[:5] for row in stored(here)] == [
        ("v1|sex=F", 1, 1, "101", "active"),
        ("v1|sex=F", 2, 1, "103", "active"),
        ("v1|sex=F", 3, 1, "104", "placebo"),
        ("v1|sex=M", 1, 1, "102", "placebo"),
        ("v1|sex=M", 2, 1, "105", "active"),
        ("v1|sex=M", 3, 1, "106", "active"),
    ]


@pytest.mark.parametrize(
    ("columns", "values", "field"),
    [
        ("colour=C", "", "columns"),
        ("arm", "", "columns"),
        ("arm=A; arm=B", "", "columns"),
        ("arm=", "", "columns"),
        ("", "arm=active", "values"),
        ("", "arm:A=1; arm:B=1", "values"),
        ("arm=NOT_THERE", "", "file"),
    ],
)
def test_a_mapping_that_says_nothing_is_asked_for_again(
    world: World, columns: str, values: str, field: str
) -> None:
    listed(world).wrong(field, "import_list", "Tess", file=FIRST, columns=columns, values=values)


@pytest.mark.parametrize(
    "header", ["stratum,sequence,arm", "stratum,sequence,randomization_number,arm,colour"]
)
def test_columns_other_than_ours_are_told_before_any_line(world: World, header: str) -> None:
    wrong = listed(world).wrong("file", "import_list", "Tess", file=f"{header}\n1,2,3,4,5\n")
    assert wrong.message.id == "error.import_columns"


def test_everything_wrong_is_told_at_once_with_its_line(world: World) -> None:
    here = listed(world)
    bad = a_list(
        [
            "sex=F,1,1001,active,1",
            "sex=F,2,1001,placebo,1",  # 3: number twice
            "sex=F,4,43,active,1",  # 4: zeros lost, a hole
            "sex=X,1,1004,active,1",  # 5: no such stratum
            "sex=M,1,1005,verum,1",  # 6: no such arm
            "sex=M,two,1006,active,1",  # 7: no sequence
            ",,,,",  # 8: empty
            "sex=M,2,1O07,active,1",  # 9: a letter
            "sex=M,2,1008,active,x",  # 10: that place again, no block
        ]
    )
    before = here.rows("SELECT count(*) FROM list_version")
    told = lines(here.refused("list_refused", "import_list", "Tess", file=bad))
    assert {one for one in told if one[2] not in ("block_ratio", "block_returns")} == {
        (3, "randomization_number", "number_twice"),
        (4, "randomization_number", "zeros"),
        (4, "sequence", "sequence_hole"),
        (5, "stratum", "stratum"),
        (6, "arm", "arm"),
        (7, "sequence", "sequence"),
        (8, "", "empty_row"),
        (9, "randomization_number", "list_number"),
        (10, "block", "block"),
        (10, "sequence", "sequence_twice"),
    }
    assert here.rows("SELECT count(*) FROM list_version") == before
    assert stored(here) == []


def test_a_block_that_breaks_the_ratio_or_returns_is_told_where_it_begins(world: World) -> None:
    here = listed(world)
    blocks = zip([1, 1, 1, 2, 2, 2, 1, 1, 1], "aapaaaaap", strict=True)
    names = {"a": "active", "p": "placebo"}
    bad = a_list(
        [f"sex=F,{n},{1000 + n},{names[arm]},{block}" for n, (block, arm) in enumerate(blocks, 1)]
    )
    told = lines(here.refused("list_refused", "import_list", "Tess", file=bad))
    assert told == [(5, "block", "block_ratio"), (8, "block", "block_returns")]


def test_what_goes_on_record_has_counts_and_no_line_stratum_or_arm(world: World) -> None:
    here = listed(world)
    bad = a_list(rows("sex=Z", "aap"), ["sex=M,1,1007,verum,1"])
    here.refused("list_refused", "import_list", "Tess", file=bad)
    message = message_from_json(here.last_entry()["facts"]["message"])
    problems: Any = message.params["problems"]
    assert message.id == "error.list_refused"
    assert {(one.params["problem"].id, one.params["count"]) for one in problems} >= {
        ("error.import_stratum", 3),
        ("error.import_arm", 1),
    }
    assert not {"line", "column"} & {name for one in problems for name in one.params}


def test_a_request_made_again_tells_the_counts_only(world: World) -> None:
    here = listed(world)
    bad = a_list(rows("sex=Z", "aap"))
    first = here.refused("list_refused", "import_list", "Tess", file=bad, request_id="once")
    again = here.refused("list_refused", "import_list", "Tess", file=bad, request_id="once")
    assert lines(first)
    problems: Any = again.message.params["problems"]
    assert all(isinstance(one, Message) and "line" not in one.params for one in problems)


def test_a_column_whose_zeros_a_spreadsheet_dropped_is_told_by_the_numbers_on_record(
    world: World,
) -> None:
    here = listed(world)
    here.do("import_list", "Tess", file=a_list(rows("sex=F", "aap", number=1001)))
    told = lines(
        here.refused(
            "list_refused", "import_list", "Tess", file=a_list(rows("sex=M", "aap", number=41))
        )
    )
    assert {one[2] for one in told} == {"zeros"}


def test_a_later_version_goes_on_and_adds_a_stratum_without_touching_the_rest(world: World) -> None:
    here = listed(world)
    here.do("import_list", "Tess", file=a_list(rows("sex=F", "aap")))
    first = here.rows("SELECT * FROM list_row WHERE study = :study ORDER BY sequence")
    more = a_list(
        rows("sex=F", "paa", start=4, number=1004, block=2), rows("sex=M", "apa", number=1101)
    )
    assert here.do("import_list", "Tess", file=more).facts["list_version"] == 2
    query = "SELECT * FROM list_row WHERE study = :study AND list_version = 1 ORDER BY sequence"
    assert here.rows(query) == first
    again = a_list(rows("sex=F", "aap", start=4, number=1201, block=3))
    told = lines(here.refused("list_refused", "import_list", "Tess", file=again))
    assert {one[2] for one in told} == {"sequence_twice"}
    returns = a_list(rows("sex=F", "aap", start=7, number=1201, block=2))
    told = lines(here.refused("list_refused", "import_list", "Tess", file=returns))
    assert told == [(2, "block", "block_returns")]
    known = a_list(rows("sex=F", "aap", start=7, number=1101, block=4))
    told = lines(here.refused("list_refused", "import_list", "Tess", file=known))
    assert [one[2] for one in told] == ["number_known"] * 3


def test_a_study_that_draws_otherwise_takes_no_list(world: World) -> None:
    here = world.of("solo")
    here.do("grant_role", "Mia", user_id="4", role="statistician")
    wrong = here.wrong("file", "import_list", "Quinn", file=FIRST)
    assert wrong.message.id == "error.import_no_list"


def test_a_person_without_the_permission_imports_nothing(world: World) -> None:
    listed(world).refused("not_allowed", "import_list", "Mia", file=FIRST)


def test_a_test_list_is_refused_where_it_is_not_for_training(world: World) -> None:
    training, real = listed(world, "train", training=True), listed(world, "real")
    assert training.do("import_list", "Tess", file=FIRST).facts["test"] is True
    real.refused("list_misplaced", "import_list", "Tess", file=FIRST)
    other = FIRST.replace("1001,active", "1001,placebo").replace("1003,placebo", "1003,active")
    real.do("import_list", "Tess", file=other)
    rehearsal = listed(world, "rehearsal", training=True)
    rehearsal.refused("list_misplaced", "import_list", "Tess", file=other)


def test_a_dummy_list_is_refused_by_its_watermark(world: World) -> None:
    marked = f"{WATERMARK}\n{FIRST}"
    listed(world, "real").refused("list_misplaced", "import_list", "Tess", file=marked)
    there = listed(world, "train", training=True)
    assert there.do("import_list", "Tess", file=marked).facts["test"] is True


def test_a_dummy_list_is_refused_by_its_watermark_whatever_its_rows_say(world: World) -> None:
    marked = f"{WATERMARK}\n{a_list(rows('sex=Z', 'aap'))}"
    listed(world).refused("list_misplaced", "import_list", "Tess", file=marked)


def test_an_arm_that_no_stratum_has_is_told_where_the_stratum_is_unknown_too(world: World) -> None:
    bad = a_list(["sex=Z,1,1001,verum,1", "sex=Z,2,1002,active,1"])
    told = lines(listed(world).refused("list_refused", "import_list", "Tess", file=bad))
    assert told == [(2, "arm", "arm"), (2, "stratum", "stratum"), (3, "stratum", "stratum")]


def test_a_stratum_may_be_written_in_any_order_of_its_factors(world: World) -> None:
    site = """
[[factors]]
name = "site"
label = { en = "Site" }
source = "site"
"""
    here = listed(world, text=LISTED + site)
    both = [*rows("site=101|sex=F", "aap"), *rows("M|101", "paa", number=1101)]
    here.do("import_list", "Tess", file=a_list(both))
    assert {row[0] for row in stored(here)} == {"v1|sex=F|site=101", "v1|sex=M|site=101"}
    unknown = a_list(rows("sex=F|site=999", "aap", number=1201))
    told = lines(here.refused("list_refused", "import_list", "Tess", file=unknown))
    assert {one[2] for one in told} == {"stratum"}


def test_a_file_of_nothing_but_its_first_line_is_empty(world: World) -> None:
    wrong: InvalidInput = listed(world).wrong("file", "import_list", "Tess", file=a_list())
    assert wrong.message.id == "error.file_empty"


def test_a_blinded_person_is_told_how_many_of_each_kind_and_no_more() -> None:
    problems = ListProblems()
    for line in (2, 5):
        problems.add(line, "arm", "error.import_arm")
    problems.add(3, "block", "error.import_block_ratio")
    with pytest.raises(ListRefused) as blinded:
        problems.check(blinded=True)
    with pytest.raises(ListRefused) as unblinded:
        problems.check(blinded=False)
    assert blinded.value.message == blinded.value.on_record == unblinded.value.on_record
    assert [one[0] for one in lines(unblinded.value)] == [2, 3, 5]
    told: Any = blinded.value.message.params["problems"]
    assert [(one.params["count"], one.params["problem"].id) for one in told] == [
        (2, "error.import_arm"),
        (1, "error.import_block_ratio"),
    ]
