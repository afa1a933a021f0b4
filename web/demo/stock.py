"""How `demo` got its drug: lots released by two people, shipments made, sent and received."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from core.codes import checked_number
from core.context import Entropy
from web.demo.stage import Place, Play, Stage

LOTS: Final = (
    # lot, kit type, months to expiry, kits at each depot
    ("60411", "A", 14, {"900": 110, "901": 70}),
    ("60412", "B", 14, {"900": 110, "901": 70}),
    ("60583", "A", 26, {"900": 60, "901": 40}),
    ("60584", "B", 26, {"900": 60, "901": 40}),
)
COUNTRIES: Final = "ES PH US"
SUPPLY, QUALITY, DEPOT = "1002", "1003", "1004"
STUDY: Final = "demo"


def lots_csv(today: dt.date) -> str:
    """The file that `import_lots` takes; expiry by month, seen from `today`."""
    lines = ["lot,kit_type,expiry,countries"]
    for lot, kit_type, months, _ in LOTS:
        years, month = divmod(today.month - 1 + months, 12)
        lines.append(f"{lot},{kit_type},{today.year + years}-{month + 1:02d},{COUNTRIES}")
    return "\n".join(lines) + "\n"


def kits_csv(entropy: Entropy) -> str:
    """The packager's list: numbers and sequence in no order that says anything of the type."""
    wanted = [
        (kit_type, lot, depot)
        for lot, kit_type, _, depots in LOTS
        for depot, count in depots.items()
        for _ in range(count)
    ]
    for place in range(len(wanted) - 1, 0, -1):
        other = entropy.below(place + 1)
        wanted[place], wanted[other] = wanted[other], wanted[place]
    numbers: dict[str, None] = {}
    while len(numbers) < len(wanted):
        numbers[checked_number(entropy, 8)] = None
    rows = [
        f"{number},{sequence},{kit_type},{lot},{depot}"
        for sequence, (number, (kit_type, lot, depot)) in enumerate(
            zip(numbers, wanted, strict=True), start=1
        )
    ]
    return "\n".join(["kit_number,sequence,kit_type,lot,depot", *rows]) + "\n"


def released(stage: Stage, days: int) -> Play[None]:
    """The lots come in and are released: supply proposes, quality signs."""
    yield stage.now - dt.timedelta(days=days)
    today = stage.clock.at.date()
    stage.do(SUPPLY, "import_lots", STUDY, file=lots_csv(today))
    stage.do(SUPPLY, "import_kits", STUDY, file=kits_csv(stage.core.entropy))
    for place, (lot, *_) in enumerate(LOTS):
        yield stage.now - dt.timedelta(days=days - 1, minutes=-place)
        certificate = str(40117 + place)
        proposed = stage.do(SUPPLY, "release_lot", STUDY, lot=lot, certificate=certificate)
        yield stage.now - dt.timedelta(days=days - 1, hours=-3, minutes=-place)
        stage.do(QUALITY, "approve", STUDY, proposal=str(proposed.facts["proposal"]))


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
    for place in (madrid, manila):
        yield under_way(place, -2, 6)
    yield only_requested(new_york, -1, 6)
