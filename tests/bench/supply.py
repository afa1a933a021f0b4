"""`python -m tests.bench.supply`: whether supply costs the same in a large study.

Two databases, loaded by the command `ixrs import`: 500 sites, 200,000 kits and 20,000 subjects in
the one, 1,000 kits in the other. A night's resupply orders for every site; what it ordered is
dispatched and received. Subjects then get the kits of their next visit by the public call `perform`
without HTTP, one in each database in turn. Prints one line of JSON; exits 1 if anything is wrong or
a bound is not kept.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select, text

from core.db.models import kit, lot, shipment, subject, visit
from core.ledger.verify import verify
from core.perform import perform
from core.register import find
from core.runtime import Core
from core.supply.kits import kit_about
from core.supply.night import run_night
from core.transaction import Channel
from tests.bench.databases import Databases, fsync_microseconds, running_databases
from tests.bench.progress import Progress
from tests.bench.supply_trial import (
    COORDINATOR,
    STATISTICIAN,
    STUDY,
    SUPPLY,
    Size,
    found,
    ixrs_import,
    kits_csv,
    lots_csv,
    open_sites,
    release_lots,
    sites_csv,
    subject_number,
    subjects_csv,
)
from tests.bench.trial import MANAGER, Trial, open_core

RATIO_MAX: Final = 1.3
RESUPPLY_SECONDS_MAX: Final = 20.0
IMPORT_RATIO_MAX: Final = 4.0
WARM_UPS: Final = 15
SMALL_SITES: Final = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 if nothing is wrong and every bound is kept."""
    options = _options(arguments)
    deeds = options.n + WARM_UPS
    sizes = {
        "small": Size(min(SMALL_SITES, options.sites), options.kits_small, deeds),
        "large": Size(options.sites, options.kits, max(options.subjects, deeds)),
    }
    out = _told(options, sizes)
    out["fsync_us_before"] = fsync_microseconds()
    with (
        running_databases(options.database) as databases,
        Progress() as progress,
        tempfile.TemporaryDirectory(prefix="ixbench-") as folder,
    ):
        loaded = {
            name: _Loaded.make(databases, name, size, Path(folder), progress)
            for name, size in sizes.items()
        }
        large = loaded["large"]
        out["import_s"] = round(sum(large.seconds.values()), 2)
        out["imports"] = {name: round(took, 2) for name, took in large.seconds.items()}
        out["kits_floor_s"] = round(large.floor, 2)
        out["import_ratio"] = round(large.seconds["kits"] / large.floor, 2)
        out |= _resupply(loaded, progress)
        out |= _dispense(loaded, options.n, progress)
        progress.say("verifying")
        out["sound"] = out["orders"] == options.sites and all(
            one.is_sound(deeds) for one in loaded.values()
        )
        for one in loaded.values():
            one.core.engine.dispose()
    out["fsync_us_after"] = fsync_microseconds()
    out["fast_enough"] = (
        out["dispense_cost_ratio"] <= RATIO_MAX
        and out["resupply_s"] <= RESUPPLY_SECONDS_MAX
        and out["import_ratio"] <= IMPORT_RATIO_MAX
    )
    print(json.dumps(out))
    return 0 if out["sound"] and out["fast_enough"] else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.supply")
    parser.add_argument("--n", type=int, default=250, help="dispensings in each database")
    parser.add_argument("--sites", type=int, default=500)
    parser.add_argument("--kits", type=int, default=200_000)
    parser.add_argument("--subjects", type=int, default=20_000)
    parser.add_argument("--kits-small", type=int, default=1000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    return parser.parse_args(arguments)


def _told(options: argparse.Namespace, sizes: dict[str, Size]) -> dict[str, Any]:
    large, small = sizes["large"], sizes["small"]
    return {
        "bench": "supply",
        "database": options.database,
        "sites": large.sites,
        "kits": large.kits,
        "subjects": large.subjects,
        "kits_small": small.kits,
        "dispensings": options.n,
        "dispense_cost_ratio_max": RATIO_MAX,
        "resupply_s_max": RESUPPLY_SECONDS_MAX,
        "import_ratio_max": IMPORT_RATIO_MAX,
    }


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A study as the commands loaded it, and how long each of them took."""

    core: Core
    trial: Trial
    size: Size
    seconds: dict[str, float]
    floor: float

    @classmethod
    def make(
        cls, databases: Databases, name: str, size: Size, folder: Path, progress: Progress
    ) -> _Loaded:
        """A new database, with everything in it but orders."""
        url, today = databases.create(name), dt.datetime.now(dt.UTC).date()
        core = open_core(url)
        trial = found(core, size)
        took: dict[str, float] = {}
        files = {
            "sites": (MANAGER, sites_csv(size)),
            "lots": (SUPPLY, lots_csv(today)),
            "kits": (SUPPLY, kits_csv(size)),
            "subjects": (STATISTICIAN, subjects_csv(size, today)),
        }
        floor = 0.0
        for what, (user, lines) in files.items():
            progress.say(f"importing {what} of the {name} study")
            if what == "kits":
                core.engine.dispose()  # a database in use is not copied
                floor = _floor(databases.create(f"{name}_floor", name), lines)
            took[what] = ixrs_import(url, what, user, lines, folder)
            if what == "sites":
                open_sites(trial, size)
        release_lots(trial)
        if core.engine.dialect.name == "postgresql":
            with core.writing() as db:
                db.execute(text("ANALYZE"))  # what the server does by itself within minutes
        return cls(core, trial, size, took, floor)

    def is_sound(self, deeds: int) -> bool:
        """Every kit is there once, each deed gave one, and the record verifies."""
        with self.core.reading() as db:
            query = select(kit.c.disposition, func.count()).group_by(kit.c.disposition)
            counts: dict[str, int] = dict(db.execute(query).all())
            sent = select(func.count()).where(kit.c.shipment_id.is_not(None))
            moved = int(db.scalar(sent) or 0)
        here = sum(counts.values()) == self.size.kits and counts.get("dispensed") == deeds
        return here and moved > deeds and verify(self.core, STUDY).ok


def _floor(url: str, lines: str) -> float:
    """Seconds for the same kits by hand: read, sealed and inserted on the bare driver."""
    core = open_core(url, threads=1)
    with core.reading() as db:
        lots = dict(db.execute(select(lot.c.number, lot.c.id)).all())
    start = time.perf_counter()
    rows = []
    for number, sequence, kind, of in list(csv.reader(lines.splitlines()))[1:]:
        token = core.keys.seal(kit_about(STUDY, number), kind).token
        rows.append(
            (STUDY, number, int(sequence), token, lots[of], "new", "at_rest", "none", "900")
        )
    columns = (
        "study", "number", "sequence", "kit_type", "lot_id", "disposition", "custody", "quality",
        "depot",
    )  # fmt: skip
    mark = "?" if core.engine.dialect.name == "sqlite" else "%s"
    statement = (
        f"INSERT INTO kit ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})"
    )
    with core.writing() as db:
        cursor = db.connection.cursor()
        cursor.executemany(statement, rows)
        cursor.close()
    took = time.perf_counter() - start
    core.engine.dispose()
    return took


def _resupply(loaded: dict[str, _Loaded], progress: Progress) -> dict[str, Any]:
    """A night in each; then every order is dispatched and received, and there is another night."""
    out: dict[str, Any] = {}
    for name, one in loaded.items():
        progress.say(f"a night of the {name} study")
        tonight = one.core.now().date()
        start = time.perf_counter()
        night = run_night(one.core, STUDY, tonight)
        took = time.perf_counter() - start
        assert night is not None
        _deliver(one, progress)
        if name == "large":
            start = time.perf_counter()
            again = run_night(one.core, STUDY, tonight + dt.timedelta(days=1))
            assert again is not None
            out |= {
                "resupply_s": round(took, 2),
                "orders": night.orders,
                "resupply_again_s": round(time.perf_counter() - start, 2),
                "orders_again": again.orders,
            }
    return out


def _deliver(one: _Loaded, progress: Progress) -> None:
    with one.core.reading() as db:
        query = select(shipment.c.number, shipment.c.site).order_by(shipment.c.id)
        orders = db.execute(query).all()
    progress.say("dispatching and receiving")
    for place, (number, site) in enumerate(orders):
        with one.core.reading() as db:
            made = db.scalar(select(shipment.c.created_at).where(shipment.c.number == number))
        assert made is not None
        # The day before where it goes may be today: in Auckland it is tomorrow already.
        day = (made - dt.timedelta(hours=12)).date().isoformat()
        one.trial.do("dispatch_shipment", SUPPLY, shipment=number, dispatch_date=day)
        answers = {"received_date": day, "logger": "no_alarm", "damaged": "", "missing": ""}
        one.trial.do("receive", COORDINATOR, site, shipment=number, **answers)
        progress.show(place + 1, len(orders))


def _dispense(loaded: dict[str, _Loaded], deeds: int, progress: Progress) -> dict[str, Any]:
    """Medians of each side, in milliseconds, and their ratio."""
    progress.say("dispensing")
    transaction = find("dispense")
    actors = {name: one.trial.actor(COORDINATOR) for name, one in loaded.items()}
    took: dict[str, list[float]] = {name: [] for name in loaded}
    for place in range(deeds + WARM_UPS):
        for name in loaded if place % 2 else reversed(list(loaded)):
            one = loaded[name]
            # Spread evenly over the subjects, and so over the sites.
            at = place * (one.size.subjects // (deeds + WARM_UPS))
            number, site = subject_number(one.size, at)
            answers = {"subject": number, "visit": _next_visit(one, number)}
            start = time.perf_counter()
            perform(
                one.core,
                transaction,
                answers,
                actor=actors[name],
                study=STUDY,
                site=site,
                channel=Channel.COMMAND,
                request_id=f"bench-{place}",
            )
            took[name].append(time.perf_counter() - start)
        progress.show(place + 1, deeds + WARM_UPS)
    medians = {name: statistics.median(times[WARM_UPS:]) * 1000 for name, times in took.items()}
    return {
        "dispense_ms_small": round(medians["small"], 3),
        "dispense_ms_large": round(medians["large"], 3),
        "dispense_cost_ratio": round(medians["large"] / medians["small"], 3),
    }


def _next_visit(one: _Loaded, number: str) -> str:
    with one.core.reading() as db:
        of = select(subject.c.id).where(subject.c.study == STUDY, subject.c.number == number)
        had = select(func.count()).where(visit.c.subject_id == of.scalar_subquery())
        return f"V{int(db.scalar(had) or 0) + 1}"


if __name__ == "__main__":
    sys.exit(main())
