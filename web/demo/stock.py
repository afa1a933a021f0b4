"""How `demo` got its drug: lots released by two people, shipments made, sent and received."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final

from core.codes import checked_number
from core.context import Entropy
from core.supply.night import run_night
from web.demo.stage import Place, Play, Stage

LOTS: Final = (
    # lot, kit type, months to expiry, kits at each depot
    ("60411", "A", 14, {"900": 110, "901": 70}),
    ("60412", "B", 14, {"900": 110, "901": 70}),
    ("60583", "A", 26, {"900": 60, "901": 40}),
    ("60584", "B", 26, {"900": 60, "901": 40}),
)
NEAR: Final = (("60297", "A"), ("60298", "B"))
NEAR_DAYS: Final = 47
"""Days from the present to the expiry of the two lots that came last, and kits of each."""
NEAR_KITS: Final = 8
NIGHT: Final = dt.time(2, 5)
COUNTRIES: Final = "ES PH US"
LOT_HEADER: Final = "lot,kit_type,expiry,countries,label_lot"
SUPPLY, QUALITY, DEPOT = "1002", "1003", "1004"
STUDY: Final = "demo"


def printed(lot: str) -> str:
    """What the cartons of a lot show: the same for drug and placebo that were packaged together."""
    return f"{lot[:-1]}0"


def lots_csv(today: dt.date) -> str:
    """The file that `import_lots` takes; expiry by month, seen from `today`."""
    lines = [LOT_HEADER]
    for lot, kit_type, months, _ in LOTS:
        years, month = divmod(today.month - 1 + months, 12)
        expiry = f"{today.year + years}-{month + 1:02d}"
        lines.append(f"{lot},{kit_type},{expiry},{COUNTRIES},{printed(lot)}")
    return "\n".join(lines) + "\n"


def kits_csv(entropy: Entropy, wanted: Sequence[tuple[str, str, str]], first: int = 1) -> str:
    """The packager's list of kits (kit type, lot, depot): numbers, and a sequence from `first` on,
    in no order that says anything of the type."""
    shuffled = list(wanted)
    for place in range(len(shuffled) - 1, 0, -1):
        other = entropy.below(place + 1)
        shuffled[place], shuffled[other] = shuffled[other], shuffled[place]
    numbers: dict[str, None] = {}
    while len(numbers) < len(shuffled):
        numbers[checked_number(entropy, 8)] = None
    rows = [
        f"{number},{sequence},{kit_type},{lot},{depot}"
        for sequence, (number, (kit_type, lot, depot)) in enumerate(
            zip(numbers, shuffled, strict=True), start=first
        )
    ]
    return "\n".join(["kit_number,sequence,kit_type,lot,depot", *rows]) + "\n"


def released(stage: Stage, days: int) -> Play[None]:
    """The lots come in and are released: supply proposes, quality signs."""
    yield stage.now - dt.timedelta(days=days)
    stage.do(SUPPLY, "import_lots", STUDY, file=lots_csv(stage.clock.at.date()))
    kits = [
        (kit_type, lot, depot)
        for lot, kit_type, _, depots in LOTS
        for depot, count in depots.items()
        for _ in range(count)
    ]
    stage.do(SUPPLY, "import_kits", STUDY, file=kits_csv(stage.core.entropy, kits))
    for place, (lot, *_) in enumerate(LOTS):
        yield from _release(stage, lot, place, days - 1)


def _release(stage: Stage, lot: str, place: int, days: int) -> Play[None]:
    yield stage.now - dt.timedelta(days=days, minutes=-place)
    certificate = str(40117 + place)
    proposed = stage.do(SUPPLY, "release_lot", STUDY, lot=lot, certificate=certificate)
    yield stage.now - dt.timedelta(days=days, hours=-3, minutes=-place)
    stage.do(QUALITY, "approve", STUDY, proposal=str(proposed.facts["proposal"]))


def near_expiry(stage: Stage, days: int) -> Play[None]:
    """Two lots that have to be used soon come in late, and are sent first."""
    yield stage.now - dt.timedelta(days=days)
    expiry = (stage.now.date() + dt.timedelta(NEAR_DAYS)).isoformat()
    lines = [f"{lot},{kit_type},{expiry},{COUNTRIES},{printed(lot)}" for lot, kit_type in NEAR]
    file = "\n".join([LOT_HEADER, *lines])
    stage.do(SUPPLY, "import_lots", STUDY, file=file)
    kits = [(kit_type, lot, "900") for lot, kit_type in NEAR for _ in range(NEAR_KITS)]
    before = sum(sum(depots.values()) for *_, depots in LOTS)
    csv = kits_csv(stage.core.entropy, kits, before + 1)
    stage.do(SUPPLY, "import_kits", STUDY, file=csv)
    for place, (lot, _) in enumerate(NEAR, start=len(LOTS)):
        yield from _release(stage, lot, place, days - 1)


def requested(stage: Stage, site: str, kits_each: int) -> str:
    """Ask for a shipment now. Returns its number."""
    made = stage.do(SUPPLY, "create_shipment", STUDY, to_site=site, kits_each=str(kits_each))
    return str(made.facts["shipment"])


def dispatched(stage: Stage, shipment: str) -> tuple[str, ...]:
    """Send it on its way now. Returns its kits."""
    on = stage.clock.at.date().isoformat()
    sent = stage.do(DEPOT, "dispatch_shipment", STUDY, shipment=shipment, dispatch_date=on)
    return tuple(sent.facts["kits"])


def shipped(here: Place, day: int, kits_each: int, *, problems: bool = False) -> Play[None]:
    """A shipment requested on `day`, sent two days later and received four days after that."""
    yield here.at(day - 6, 9)
    shipment = requested(here.stage, here.site, kits_each)
    yield here.at(day - 4, 9)
    kits = dispatched(here.stage, shipment)
    yield here.at(day, 8, 30)
    damaged, missing = (kits[0], kits[1]) if problems else ("", "")
    lacking = {"missing": missing, "to_follow": "no"} if missing else {"missing": ""}
    here.do(
        "receive",
        shipment=shipment,
        received_date=here.local(),
        logger="no_alarm",
        damaged=damaged,
        **lacking,
    )


def under_way(here: Place, day: int, kits_each: int) -> Play[None]:
    """A shipment that has left and not arrived."""
    yield here.at(day, 9, 20)
    shipment = requested(here.stage, here.site, kits_each)
    yield here.at(day, 15)
    dispatched(here.stage, shipment)


def alarmed(here: Place, day: int, kits_each: int) -> Play[None]:
    """A shipment that arrived with an alarm of its logger: quality has to judge."""
    yield here.at(day - 3, 9, 40)
    shipment = requested(here.stage, here.site, kits_each)
    yield here.at(day - 3, 14)
    dispatched(here.stage, shipment)
    yield here.at(day, 8, 10)
    well = {"damaged": "", "missing": ""}
    here.do("receive", shipment=shipment, received_date=here.local(), logger="alarm", **well)


def fridge_failed(here: Place, day: int, left: int) -> Play[None]:
    """A site's stock is put aside after an excursion but for so many kits, and soon there are too
    few."""
    yield here.at(day, 7, 50)
    numbers = here.stage.on_shelf(here.study, here.site)[left:]
    named = {"chosen_by": "kits", "kits": ",".join(numbers)}
    here.do("quarantine_kits", **named, event="excursion")


def nights(stage: Stage, days: int) -> Play[None]:
    """The nightly resupply of the last days; a depot confirms what it is told to send."""
    for ago in range(days, 0, -1):
        night = (stage.now - dt.timedelta(days=ago)).date()
        yield dt.datetime.combine(night, NIGHT, dt.UTC)
        before = stage.ordered(STUDY)
        run_night(stage.core, STUDY, night)
        yield stage.clock.at + dt.timedelta(hours=3)
        for shipment in sorted(set(stage.ordered(STUDY)) - set(before))[:1]:
            stage.do(DEPOT, "acknowledge_shipment", STUDY, shipment=shipment)


def only_requested(here: Place, day: int, kits_each: int) -> Play[None]:
    """A shipment that still stands at the depot."""
    yield here.at(day, 16)
    requested(here.stage, here.site, kits_each)


def to_sites(new_york: Place, madrid: Place, manila: Place) -> Iterator[Play[None]]:
    """Every site has had its first shipment; New York is sent more."""
    yield shipped(new_york, -126, 45)
    yield shipped(madrid, -120, 25, problems=True)
    yield shipped(manila, -88, 20)
    yield shipped(new_york, -50, 40)
    for day in (-3, -2, -1):
        yield under_way(new_york, day, 6)
    yield under_way(madrid, -2, 6)
    yield only_requested(new_york, -1, 6)
    yield alarmed(new_york, -1, 3)
    yield fridge_failed(manila, -2, 1)
