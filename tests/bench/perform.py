"""`python -m tests.bench.perform`: how fast `perform` randomizes, beside a floor in the same run.

2,000 subjects registered before, five sites as strata, blocks of four, the public call without
HTTP, with 1 and 4 processes, on SQLite and PostgreSQL. The floor does the same on the bare driver
(tests/bench/floor.py), on a copy of the same database; both work in turn, slice by slice, so that
whatever else the machine does falls on both. Prints one line of JSON; exits 1 if anything failed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import insert

from core.codes import checked_number
from core.db.drawing import allocator, list_row
from core.randomization.blocks import list_rows
from core.randomization.rows import row_about
from core.runtime import Core
from core.study.seed import study_seed
from tests.bench.counting import FIRST, per_deed
from tests.bench.databases import KINDS, Databases, fsync_microseconds, running_databases
from tests.bench.integrity import check_lists
from tests.bench.progress import Progress
from tests.bench.trial import SITES, found_blocks, open_core
from tests.bench.workers import FLOOR, OURS, Crew, Task, crew

STUDY = "bench"
SLICES = 10
RATIO_MIN = 0.5
WARM_UPS_EACH = 5
COUNTED = FIRST + 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 if nothing failed and every ratio was reached."""
    options = _options(arguments)
    out: dict[str, Any] = {"bench": "perform", "randomizations": options.n, "ratio_min": RATIO_MIN}
    out["fsync_us_before"] = fsync_microseconds()
    kinds = KINDS if options.database == "both" else (options.database,)
    out["results"] = [one for kind in kinds for one in _measure_kind(kind, options)]
    out["fsync_us_after"] = fsync_microseconds()
    out["sound"] = all(_is_sound(one[side]) for one in out["results"] for side in (OURS, FLOOR))
    out["fast_enough"] = all(one["ratio"] >= RATIO_MIN for one in out["results"])
    print(json.dumps(out))
    return 0 if out["sound"] and out["fast_enough"] else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.perform", description=__doc__)
    parser.add_argument("--n", type=int, default=2000, help="randomizations on each side")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--database", choices=(*KINDS, "both"), default="both")
    return parser.parse_args(arguments)


def _measure_kind(kind: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    spare = max(options.processes) * WARM_UPS_EACH + COUNTED
    with running_databases(kind) as databases, Progress() as progress:
        progress.say(f"{kind}: registering {options.n + spare} subjects")
        core = open_core(databases.create("template"))
        tasks = found_blocks(core, options.n + spare)
        core.engine.dispose()
        results = []
        for processes in options.processes:
            progress.say(f"{kind}: {options.n} randomizations twice, {processes} processes")
            results.append(_measure(kind, databases, processes, options.n, tasks, progress))
        return results


def _measure(
    kind: str,
    databases: Databases,
    processes: int,
    n: int,
    tasks: list[Task],
    progress: Progress,
) -> dict[str, Any]:
    urls = {side: databases.create(f"{side}{processes}", "template") for side in (OURS, FLOOR)}
    _write_lists(urls[FLOOR], len(tasks))
    counted, timed = tasks[:COUNTED], tasks[-n:]
    statements = {side: per_deed(side, url, STUDY, counted) for side, url in urls.items()}
    spare = tasks[COUNTED:-n][: processes * WARM_UPS_EACH]
    slices = [timed[start : start + -(-n // SLICES)] for start in range(0, n, -(-n // SLICES))]
    with (
        crew(OURS, urls[OURS], STUDY, processes) as ours,
        crew(FLOOR, urls[FLOOR], STUDY, processes) as floor,
    ):
        ratios = _in_turn(ours, floor, spare, slices, progress)
    out: dict[str, Any] = {
        "database": kind,
        "processes": processes,
        "ratio": round(ours.rate / floor.rate, 3),
        "ratio_of_slices": [round(ratio, 2) for ratio in statistics.quantiles(ratios, n=4)]
        if len(ratios) > 1
        else ratios,
    }
    expected = n + len(counted) + len(spare)
    for side, made in ((OURS, ours), (FLOOR, floor)):
        out[side] = {
            "per_second": round(made.rate, 1),
            "seconds": round(made.seconds, 3),
            "failed": len(made.failed),
            "failures": sorted(set(made.failed))[:3],
            **statements[side],
            **_checked(urls[side], expected),
        }
    return out


def _in_turn(
    ours: Crew, floor: Crew, spare: list[Task], slices: list[list[Task]], progress: Progress
) -> list[float]:
    """Both sides slice by slice, each going first every other time; the ratio of each slice."""
    for side in (ours, floor):
        side.run(spare, counted=False)
    ratios = []
    for place, some in enumerate(slices):
        order = (ours, floor) if place % 2 else (floor, ours)
        took = {side: side.run(some) for side in order}
        ratios.append(took[floor] / took[ours])
        progress.show(place + 1, len(slices))
    return ratios


def _checked(url: str, expected: int) -> dict[str, int | bool]:
    core = open_core(url, threads=1)
    try:
        return {**check_lists(core, STUDY), "expected": expected}
    finally:
        core.engine.dispose()


def _is_sound(side: dict[str, Any]) -> bool:
    wrong = ("failed", "duplicates", "mismatches", "gaps", "out_of_order")
    complete = side["randomized"] == side["messages"] == side["expected"]
    return complete and bool(side["verified"]) and not any(side[name] for name in wrong)


def _write_lists(url: str, subjects: int) -> None:
    """The floor's lists, whole: it never has to extend one."""
    core = open_core(url, threads=1)
    rows = subjects // len(SITES) + 8
    numbers = _numbers(core, rows * len(SITES))
    with core.writing() as db:
        seed = study_seed(core, db, STUDY)
        for site in SITES:
            domain = f"v1|site={site}"
            values = {"study": STUDY, "domain": domain, "draws": 0, "rows": rows}
            db.execute(insert(allocator), values)
            db.execute(insert(list_row), _rows(core, seed, domain, rows, numbers))
    core.engine.dispose()


def _numbers(core: Core, count: int) -> Iterator[str]:
    found: set[str] = set()
    while len(found) < count:
        found.add(checked_number(core.entropy, 7))
    return iter(found)


def _rows(
    core: Core, seed: bytes, domain: str, count: int, numbers: Iterator[str]
) -> list[dict[str, object]]:
    made = itertools.islice(list_rows(seed, domain, {"A": 1, "B": 1}, (4,)), count)
    return [
        {
            "study": STUDY,
            "domain": domain,
            "sequence": row.sequence,
            "block": row.block,
            "number": next(numbers),
            "arm": core.keys.seal(row_about(STUDY, domain, row.sequence), row.arm).token,
        }
        for row in made
    ]


if __name__ == "__main__":
    sys.exit(main())
