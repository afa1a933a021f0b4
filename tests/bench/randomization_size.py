"""`python -m tests.bench.randomization_size`: whether a draw costs the same in a large study.

Two PostgreSQL databases with one study each, five sites as strata: 1,000 list rows and subjects in
the one, 1,000,000 in the other, sealed as always and loaded with COPY beside the subjects who are
randomized here. Deeds take turns, one in each database, by the public call `perform` without HTTP.
Prints one line of JSON; exits 1 if anything failed or the large study costs more than 1.25 times.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import psycopg
from sqlalchemy import func, make_url, select

from core.codes import damm
from core.db.drawing import draw
from core.randomization.blocks import block_arms
from core.randomization.drawn import arm_about
from core.randomization.rows import row_about
from core.runtime import Core
from core.study.seed import study_seed
from tests.bench.databases import Databases, fsync_microseconds, running_databases
from tests.bench.progress import Progress
from tests.bench.trial import SITES, found_blocks, open_core
from tests.bench.workers import OURS, Task, randomizer

STUDY = "bench"
RATIO_MAX = 1.25
WARM_UPS = 25
ARMS = ("A", "B")
LIST_COLUMNS = "study, domain, sequence, block, number, arm"
SUBJECT_COLUMNS = (
    "study, number, site, status, version, randomized_at, randomized_on, "
    "randomization_number, domain, levels, arm, treatment"
)
DRAWS = """INSERT INTO draw (study, domain, number, subject_id, stage)
SELECT study, domain, row_number() OVER (PARTITION BY domain ORDER BY id), id, ''
FROM subject WHERE study = 'bench' AND domain IS NOT NULL"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 if nothing failed and the ratio was reached."""
    options = _options(arguments)
    out: dict[str, Any] = {"bench": "randomization_size", "ratio_max": RATIO_MAX}
    out |= {"small": options.small, "large": options.large, "deeds": options.n}
    out["fsync_us_before"] = fsync_microseconds()
    with running_databases("postgresql") as databases, Progress() as progress:
        progress.say(f"registering {options.n + WARM_UPS} subjects")
        core = open_core(databases.create("template"))
        tasks = found_blocks(core, options.n + WARM_UPS)
        core.engine.dispose()
        sizes = {"small": options.small, "large": options.large}
        urls = {}
        for name, size in sizes.items():
            progress.say(f"loading {size} list rows and subjects")
            urls[name] = _founded(databases, name, size, len(tasks))
        progress.say("randomizing")
        out |= _measure(urls, tasks, progress)
        expected = {name: _given(size, len(tasks)) + len(tasks) for name, size in sizes.items()}
        out["sound"] = all(_drawn(urls[name]) == count for name, count in expected.items())
    out["fsync_us_after"] = fsync_microseconds()
    out["flat"] = out["ratio"] <= RATIO_MAX
    print(json.dumps(out))
    return 0 if out["sound"] and out["flat"] else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.randomization_size")
    parser.add_argument("--n", type=int, default=400, help="deeds in each database")
    parser.add_argument("--small", type=int, default=1000, help="list rows and subjects")
    parser.add_argument("--large", type=int, default=1_000_000)
    return parser.parse_args(arguments)


def _given(size: int, deeds: int) -> int:
    """How many of the rows have been drawn before: what the deeds need is left over."""
    each = size // len(SITES) - -(-deeds // len(SITES))
    if each < 1:
        raise SystemExit("more list rows are needed than deeds")
    return each * len(SITES)


def _founded(databases: Databases, name: str, size: int, deeds: int) -> str:
    url = databases.create(name, "template")
    core = open_core(url, threads=1)
    with core.reading() as db:
        seed = study_seed(core, db, STUDY)
    core.engine.dispose()
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    each, rows = _given(size, deeds) // len(SITES), size // len(SITES)
    with psycopg.connect(plain, autocommit=True) as db:
        for place, site in enumerate(SITES):
            domain = f"v1|site={site}"
            arms = block_arms(seed, domain, dict.fromkeys(ARMS, 1), (4,), rows).arms
            numbers = [_number(place * rows + row) for row in range(rows)]
            _copy(db, "list_row", LIST_COLUMNS, _list_rows(core, domain, arms, numbers))
            some = _subjects(core, site, domain, arms[:each], numbers)
            _copy(db, "subject", SUBJECT_COLUMNS, some)
            values = (STUDY, domain, each, rows)
            db.execute(
                "INSERT INTO allocator (study, domain, draws, rows) VALUES (%s, %s, %s, %s)", values
            )
        db.execute(DRAWS)
        db.execute("VACUUM ANALYZE")
    return url


def _number(place: int) -> str:
    body = f"{place:07d}"
    return body + damm(body)


Rows = Iterator[tuple[object, ...]]


def _list_rows(core: Core, domain: str, arms: bytes, numbers: Sequence[str]) -> Rows:
    for place, (arm, number) in enumerate(zip(arms, numbers, strict=True), start=1):
        token = core.keys.seal(row_about(STUDY, domain, place), ARMS[arm]).token
        yield STUDY, domain, place, (place + 3) // 4, number, token


def _subjects(core: Core, site: str, domain: str, arms: bytes, numbers: Sequence[str]) -> Rows:
    at = dt.datetime.now(dt.UTC)
    levels = json.dumps({"site": site})
    for arm, shown in zip(arms, numbers, strict=False):
        number = f"9{site}{shown}"
        token = core.keys.seal(arm_about(STUDY, number), ARMS[arm]).token
        head = (STUDY, number, site, "randomized", 1, at, at.date())
        yield *head, shown, domain, levels, token, "on"


def _copy(
    db: psycopg.Connection[Any], table: str, columns: str, rows: Iterable[tuple[object, ...]]
) -> None:
    with (
        db.cursor() as cursor,
        cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _measure(urls: dict[str, str], tasks: Sequence[Task], progress: Progress) -> dict[str, Any]:
    """Medians of each side, in milliseconds, and their ratio."""
    deeds = {name: randomizer(OURS, url, STUDY) for name, url in urls.items()}
    took: dict[str, list[float]] = {name: [] for name in urls}
    for place, (subject, site) in enumerate(tasks):
        for name in urls if place % 2 else reversed(urls):
            start = time.perf_counter()
            deeds[name](subject, site, f"bench-{subject}")
            took[name].append(time.perf_counter() - start)
        progress.show(place + 1, len(tasks))
    medians = {name: statistics.median(times[WARM_UPS:]) * 1000 for name, times in took.items()}
    return {
        "small_ms": round(medians["small"], 3),
        "large_ms": round(medians["large"], 3),
        "ratio": round(medians["large"] / medians["small"], 3),
    }


def _drawn(url: str) -> int:
    core = open_core(url, threads=1)
    with core.reading() as db:
        found = db.scalar(select(func.count()).where(draw.c.study == STUDY))
    core.engine.dispose()
    return int(found or 0)


if __name__ == "__main__":
    sys.exit(main())
