"""`python -m tests.bench.blind_timing`: whether the time that a deed takes tells the arm.

A blinded study with two arms on SQLite; each deed is done to every subject, the arms in the order
in which they were drawn. Per deed the times in the two arms are compared by their ranks: the
probability that one of the first arm took longer than one of the second (0.5: no difference),
beside that of splits by chance of the same times. Prints one line of JSON; the keys are in
docs/BENCHMARKS.md. Exits 1 if a deed tells more than chance does.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import math
import random
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from core.db.migrate import upgrade
from tests.bench.progress import Progress
from tests.support.swap import LINE, NUMBER, OFFICE, day_of, set_up
from tests.support.telephone import sign_on, telephone
from tests.support.world import PEOPLE, Given, World, build
from tests.web.reading.pages import Pages
from web import logs

SHIPPED_EACH: Final = 99
KITS_EACH_SUBJECT: Final = 4
"""Of the type that is given most: two at the visit, two unscheduled."""
WARM_UPS: Final = 8
SPLITS: Final = 2000
CHANCE_MAX: Final = 0.001
"""How rare among splits by chance a difference must be to be called one: five deeds are looked at,
each time this is run."""
BREAK: Final[Given] = {"reason": "medical_emergency"}
SURE: Final[Given] = {"consent": "yes", "eligible": "yes"}
_OFFICE: Final = {who: number for who, (number, _) in OFFICE.items()}
Deed = Callable[[str], object]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 if no deed tells the arm."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.blind_timing", description=__doc__)
    parser.add_argument("--n", type=int, default=200, help="subjects that are measured")
    parser.add_argument("--seed", type=int, default=6, help="of the splits by chance")
    options = parser.parse_args(arguments)
    before = dict(PEOPLE)
    with tempfile.TemporaryDirectory() as folder, Progress() as progress:
        world = _world(Path(folder), options.n + WARM_UPS, progress)
        try:
            times, arms = _measure(world, options.n, progress)
        finally:
            world.close()
            for who in _OFFICE:
                if who in before:
                    PEOPLE[who] = before[who]
                else:
                    del PEOPLE[who]
    chance = random.Random(options.seed)
    deeds = [_compared(name, taken, arms, chance) for name, taken in times.items()]
    out: dict[str, Any] = {
        "bench": "blind_timing",
        "subjects": options.n,
        "splits": SPLITS,
        "chance_max": CHANCE_MAX,
        "deeds": deeds,
        "tells": [one["deed"] for one in deeds if one["by_chance"] < CHANCE_MAX],
    }
    print(json.dumps(out))
    return 1 if out["tells"] else 0


def _world(folder: Path, subjects: int, progress: Progress) -> World:
    """The study, and kits at the site for all of them."""
    progress.say("a study and its stock")
    url = f"sqlite:///{folder / 'bench.db'}"
    upgrade(url)
    build(url)
    PEOPLE.update(_OFFICE)
    shipments = math.ceil(KITS_EACH_SUBJECT * subjects / SHIPPED_EACH)
    world = set_up(World.at(url), exchanged=False, each=SHIPPED_EACH * shipments)
    for _ in range(shipments):
        world.ship(SHIPPED_EACH)
    return world


def _measure(
    world: World, count: int, progress: Progress
) -> tuple[Mapping[str, list[int]], list[str]]:
    """Nanoseconds by deed, a subject after the other, and the subjects' arms."""
    numbers = [world.screen(consent_date=day_of(world)) for _ in range(WARM_UPS + count)]
    phone = telephone(world, to=LINE)
    sign_on(phone, "Ada", rest=f"{NUMBER}#")
    to_menu = itertools.chain([""], itertools.repeat("2 "))
    browser = Pages(world).browser("Cy")
    deeds: dict[str, tuple[Deed | None, Deed]] = {
        "randomize": (None, lambda one: world.do("randomize", "Ivy", **_of(one, SURE))),
        "dispense": (None, lambda one: world.do("dispense", "Ada", **_of(one, {"visit": "V1"}))),
        "phone_turn": (
            lambda one: phone.key(f"{next(to_menu)}6 7 {one}#"),
            lambda one: phone.press("1"),
        ),
        "subject_page": (None, lambda one: browser.get(f"/subjects/{one}").data),
        "code_break": (None, lambda one: world.do("code_break", "Ivy", **_of(one, BREAK))),
        "page_after_break": (None, lambda one: browser.get(f"/subjects/{one}").data),
    }
    times = {}
    for name, (before, deed) in deeds.items():
        progress.say(name)
        times[name] = _timed(numbers, before, deed, progress)[WARM_UPS:]
        if name == "phone_turn":
            phone.hang_up()
    return times, [world.arm(number) for number in numbers[WARM_UPS:]]


def _of(number: str, given: Given) -> Given:
    return {"subject": number, **given}


def _timed(
    numbers: Sequence[str], before: Deed | None, deed: Deed, progress: Progress
) -> list[int]:
    taken = []
    gc.collect()
    gc.disable()
    try:
        for place, number in enumerate(numbers):
            if before:
                before(number)
            begun = time.perf_counter_ns()
            deed(number)
            taken.append(time.perf_counter_ns() - begun)
            progress.show(place + 1, len(numbers))
    finally:
        gc.enable()
    return taken


def _compared(
    name: str, taken: Sequence[int], arms: Sequence[str], chance: random.Random
) -> dict[str, Any]:
    first, second = sorted(set(arms))
    ranks = ranks_of(taken)
    inside = [arm == first for arm in arms]
    found = probability_longer(ranks, inside)
    splits = []
    for _ in range(SPLITS):
        chance.shuffle(inside)
        splits.append(abs(probability_longer(ranks, inside) - 0.5))
    rarer = sum(one >= abs(found - 0.5) for one in splits)
    by_arm = {
        arm: round(median(t for t, of in zip(taken, arms, strict=True) if of == arm) / 1e6, 3)
        for arm in (first, second)
    }
    return {
        "deed": name,
        "median_ms": by_arm,
        "probability_longer": round(found, 4),
        "null_95": round(0.5 + sorted(splits)[int(0.95 * SPLITS)], 4),
        "by_chance": round((rarer + 1) / (SPLITS + 1), 4),
    }


def ranks_of(values: Sequence[int]) -> list[float]:
    """The place of each value among all, 1 for the least; equal ones share the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks, at = [0.0] * len(values), 0
    while at < len(order):
        end = at
        while end < len(order) and values[order[end]] == values[order[at]]:
            end += 1
        for place in order[at:end]:
            ranks[place] = (at + 1 + end) / 2
        at = end
    return ranks


def probability_longer(ranks: Sequence[float], inside: Sequence[bool]) -> float:
    """That one of those inside is longer than one of the others (Mann and Whitney's U over all
    pairs): 0.5 where nothing tells them apart."""
    count = sum(inside)
    total = sum(rank for rank, is_inside in zip(ranks, inside, strict=True) if is_inside)
    return (total - count * (count + 1) / 2) / (count * (len(ranks) - count))


if __name__ == "__main__":
    logs.configure("WARNING")
    raise SystemExit(main())
