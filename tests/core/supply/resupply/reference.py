"""The reference study: 100 sites, 600 subjects, two arms, simulated day by day with `decide`.

730 days; a site's rate is Gamma(2, mean 1/60 a day); blocks of 4 over the whole study, arm a on kit
type a, b on b; eight visits of one kit, 28 days apart, each up to 3 days early or late; before each
but the first 2 % leave. No kit: the dose is lost, the subject goes on. A site starts with its
maximum; a shipment takes 7 days. Within a day: receipts, visits, enrolments, review.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random

from core.supply.demand.enrolment import Rate
from core.supply.resupply.buffers import Shared, least
from core.supply.resupply.rule import Rule, TypeState, decide

DAYS, SITES, SUBJECTS, VISITS = 730, 100, 600, 8
GAP, WINDOW, LEAD = 28, 3, 7
SHAPE, RATE_DAYS, LEAVES = 2, 120, 0.02
SHORT, LONG = 14, 42
TYPES = ("a", "b")

HALF = Fraction(1, 2)
ONE_OF_TWO_ARMS: Shared = (
    (HALF, tuple((max(GAP * visit - WINDOW, 0), 1) for visit in range(VISITS))),
    (HALF, ()),
)

MIN_MAX = Rule("min_max", "at_or_below")
PREDICTIVE = Rule("predictive", "below", short_days=SHORT, long_days=LONG)


@dataclass(frozen=True)
class Policy:
    """A rule with its buffers, given or by risk; the whole group always travels together."""

    rule: Rule
    minimum: int = 0
    maximum: int = 0
    blinded: bool = False
    risk: Fraction | None = None

    def buffers(self, enrolled: int = 0, days: int = 0) -> tuple[int, int]:
        """Minimum and maximum of each type at a site that enrolled so many in so many days."""
        if self.risk is None:
            return self.minimum, self.maximum
        rate = Rate(Fraction(SHAPE), Fraction(RATE_DAYS)).after(enrolled, days)
        low, high = (
            least(rate, window, ONE_OF_TWO_ARMS, 0, Fraction(1), self.risk)
            for window in (SHORT, LONG)
        )
        return low, high


@dataclass
class Tally:
    """What one study came to."""

    stock_outs: int = 0
    shipments: int = 0
    sent: int = 0
    dispensed: int = 0
    single: int = 0

    @property
    def wasted(self) -> int:
        """Kits sent and never given."""
        return self.sent - self.dispensed


@dataclass(eq=False)
class Subject:
    """Who was randomized on `day`, and how many visits are over."""

    day: int
    kit_type: str
    done: int = 1

    def opens(self, visit: int) -> int:
        """First day of the window of a visit, from 0."""
        return self.day + GAP * visit - WINDOW

    def need(self, until: int) -> int:
        """Visits not done whose windows open by that day."""
        opened = (until - self.day + WINDOW) // GAP
        return max(min(opened, VISITS - 1) + 1 - self.done, 0)


@dataclass(eq=False)
class Site:
    """Stock of one site, and whom it treats."""

    on_hand: dict[str, int]
    coming: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TYPES, 0))
    subjects: list[Subject] = field(default_factory=list)
    enrolled: int = 0


class Study:
    """One simulated study: `run` it once."""

    def __init__(self, policy: Policy, random: Random) -> None:
        self.policy, self.random, self.tally = policy, random, Tally()
        first = policy.buffers()[1]
        self.sites = [Site(dict.fromkeys(TYPES, first)) for _ in range(SITES)]
        self.tally.shipments = SITES
        self.tally.sent = SITES * len(TYPES) * first
        self.arrivals: defaultdict[int, list[tuple[Site, str, int]]] = defaultdict(list)
        self.visits: defaultdict[int, list[tuple[Site, Subject, int]]] = defaultdict(list)
        # Only a kit that goes, or a visit that comes into the short window, can make a type low.
        self.reviews: defaultdict[int, list[Site]] = defaultdict(list)
        self.enrolled = 0

    def run(self) -> Tally:
        """Day after day to the end."""
        enrolments = self._enrolments()
        for day in range(DAYS):
            for site, kit_type, kits in self.arrivals.pop(day, ()):
                site.on_hand[kit_type] += kits
                site.coming[kit_type] -= kits
            for site, subject, visit in self.visits.pop(day, ()):
                self._visit(site, subject, visit, day)
            for place, kit_type in enrolments.get(day, ()):
                self._enrol(self.sites[place], kit_type, day)
            for site in {id(each): each for each in self.reviews.pop(day, ())}.values():
                self._review(site, day)
        return self.tally

    def _enrolments(self) -> dict[int, list[tuple[int, str]]]:
        """Site and kit type of each subject, by day."""
        rates = [self.random.gammavariate(SHAPE, 1 / RATE_DAYS) for _ in range(SITES)]
        found, at, block = defaultdict(list), 0.0, self._blocks()
        for _ in range(SUBJECTS):
            at += self.random.expovariate(sum(rates))
            found[int(at)].append((self.random.choices(range(SITES), rates)[0], next(block)))
        return found

    def _blocks(self) -> Iterator[str]:
        while True:
            yield from self.random.sample(TYPES * 2, 4)

    def _enrol(self, site: Site, kit_type: str, day: int) -> None:
        self.enrolled += 1
        site.enrolled += 1
        subject = Subject(day, kit_type)
        site.subjects.append(subject)
        self._give(site, kit_type, day)
        for visit in range(1, VISITS):
            off = self.random.randint(-WINDOW, WINDOW)
            self.visits[day + GAP * visit + off].append((site, subject, visit))
            self.reviews[max(subject.opens(visit) - SHORT, day)].append(site)

    def _visit(self, site: Site, subject: Subject, visit: int, day: int) -> None:
        if subject not in site.subjects:
            return
        if self.random.random() < LEAVES:
            site.subjects.remove(subject)
            return
        subject.done = visit + 1
        self._give(site, subject.kit_type, day)

    def _give(self, site: Site, kit_type: str, day: int) -> None:
        self.reviews[day].append(site)
        if site.on_hand[kit_type]:
            site.on_hand[kit_type] -= 1
            self.tally.dispensed += 1
        else:
            self.tally.stock_outs += 1

    def _review(self, site: Site, day: int) -> None:
        policy = self.policy
        predictive = policy.rule.strategy == "predictive"
        reserve = not predictive or self.enrolled < SUBJECTS
        minimum, maximum = policy.buffers(site.enrolled, day) if reserve else (0, 0)
        states = [
            TypeState(
                each,
                "kit",
                site.on_hand[each],
                site.coming[each],
                0,
                self._need(site, each, day + SHORT) if predictive else 0,
                self._need(site, each, day + LONG) if predictive else 0,
                minimum,
                maximum,
            )
            for each in TYPES
        ]
        sent = decide(states, policy.rule, blinded=policy.blinded).kits
        if not sent:
            return
        self.tally.shipments += 1
        self.tally.sent += sum(sent.values())
        self.tally.single += sum(sent.values()) == 1
        for kit_type, kits in sent.items():
            site.coming[kit_type] += kits
            self.arrivals[day + LEAD].append((site, kit_type, kits))

    def _need(self, site: Site, kit_type: str, until: int) -> int:
        return sum(each.need(until) for each in site.subjects if each.kit_type == kit_type)


def simulate(policy: Policy, replications: int, seed: int = 1) -> list[Tally]:
    """So many studies, the same ones for the same seed."""
    return [Study(policy, Random(f"{seed} {number}")).run() for number in range(replications)]
