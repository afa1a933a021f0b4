"""What happened to the subjects of `demo`: one story for each, told day by day.

Between them they reach every status, and leave the first coordinator of site 101 something to do
for every line of the telephone menu.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from core.inbound import Command
from web.demo.stage import HistoryWrong, Place, Play

SCREENING_DAYS: Final = 6
PLAN: Final = {"V1": 0, "V2": 14, "V3": 28, "V4": 42, "V5": 56}
LAST: Final = ("V6", 84)
LINE: Final = "+12025550100"
"""The study's number, for calls and messages."""
_MILD: Final = {"sex": "female", "severity": "mild"}


def screened(place: Place, day: int, *, born: int, who: str = "") -> Play[str]:
    """Somebody consents and is screened. Returns the subject's number."""
    yield place.at(day, 8 + born % 8, born % 50)
    consent = {"consent_date": place.local(), "year_of_birth": str(born), "rescreened": "no"}
    return str(place.do("screen", who, **consent).subject)


def failed(place: Place, day: int, *, born: int, reason: str) -> Play[str]:
    """Screened, and not suitable."""
    subject = yield from screened(place, day - 2, born=born)
    yield place.at(day, 11)
    place.do("screen_failure", subject=subject, reason=reason)
    return subject


def randomize(
    place: Place, subject: str, *, who: str = "", sex: str = "female", severity: str = "mild"
) -> None:
    """Randomize now; whoever is no investigator names the one who confirmed eligibility."""
    by = {} if who == place.investigator else {"confirmed_by": place.investigator}
    answers = {"subject": subject, "consent": "yes", "eligible": "yes", **by}
    place.do("randomize", who, **answers, sex=sex, severity=severity)


def randomized(
    place: Place, day: int, *, born: int, who: str = "", sex: str = "female", severity: str = "mild"
) -> Play[str]:
    """Screened and, some days later, randomized."""
    subject = yield from screened(place, day - SCREENING_DAYS, born=born, who=who)
    yield place.at(day, 9 + born % 6, born % 45)
    randomize(place, subject, who=who, sex=sex, severity=severity)
    return subject


def dispense(place: Place, subject: str, visit: str) -> list[str]:
    """Dispense now. Returns the kit numbers."""
    return list(place.do("dispense", subject=subject, visit=visit).facts["kits"])


def hand_over(place: Place, subject: str, kits: list[str]) -> None:
    """Confirm the cartons, in the order in which they lie there."""
    cartons = {f"carton_{n}": kit[-4:] for n, kit in enumerate(reversed(kits), start=1)}
    place.do("hand_over", subject=subject, **cartons)


def attended(place: Place, subject: str, visit: str, day: int) -> Play[list[str]]:
    """A dispensing visit, confirmed a little later. Returns the kit numbers."""
    minute = int(subject[-2:]) % 40
    yield place.at(day, 15, minute)
    kits = dispense(place, subject, visit)
    yield place.at(day, 15, minute + 12)
    hand_over(place, subject, kits)
    return kits


def treated(place: Place, day: int, visits: int, *, born: int, **how: str) -> Play[str]:
    """Randomized on `day`, with the first so many dispensing visits on their days."""
    subject = yield from randomized(place, day, born=born, **how)
    for visit, after in list(PLAN.items())[:visits]:
        yield from attended(place, subject, visit, day + after)
    return subject


def ended(
    place: Place, subject: str, day: int, what: str, cause: str = "", who: str = ""
) -> Play[None]:
    """Treatment or study ends."""
    yield place.at(day, 16, 40)
    why = {"cause": cause} if cause else {}
    place.do("end", who, subject=subject, what_ended=what, **why, end_date=place.local())


def completed(place: Place, day: int, *, born: int, **how: str) -> Play[None]:
    """All visits, to the end."""
    subject = yield from treated(place, day, len(PLAN), born=born, **how)
    yield from last_visit(place, subject, day + LAST[1])
    yield from ended(place, subject, day + LAST[1], "completed")


def last_visit(place: Place, subject: str, day: int, reason: str = "planned") -> Play[None]:
    """The visit at which nothing is dispensed any more."""
    yield place.at(day, 15)
    place.do("visit_without_drug", subject=subject, visit=LAST[0], reason=reason)


def completed_with_replacement(place: Place, day: int, *, born: int) -> Play[None]:
    """A carton gets lost after the second visit, and another visit is late."""
    subject = yield from treated(place, day, 1, born=born, sex="male")
    kits = yield from attended(place, subject, "V2", day + 14)
    yield place.at(day + 17, 10)
    again = place.do("replace", subject=subject, kit=kits[0], reason="lost").facts["kits"]
    yield place.at(day + 17, 10, 20)
    hand_over(place, subject, list(again))
    for visit, after, late in (("V3", 28, 0), ("V4", 42, 5), ("V5", 56, 1)):
        yield from attended(place, subject, visit, day + after + late)
    yield from last_visit(place, subject, day + 85)
    yield from ended(place, subject, day + 85, "completed")


def discontinued(place: Place, day: int, *, born: int) -> Play[None]:
    """An adverse event stops treatment; follow-up goes on."""
    subject = yield from treated(place, day, 3, born=born, severity="moderate")
    yield from ended(place, subject, day + 33, "discontinued", "adverse_event")
    yield place.at(day + 42, 14)
    place.do("visit_without_drug", subject=subject, visit="V4", reason="investigator")


def withdrawn(place: Place, day: int, *, born: int) -> Play[None]:
    """Consent is withdrawn after the second visit."""
    subject = yield from treated(place, day, 2, born=born, sex="male")
    yield from ended(place, subject, day + 21, "withdrawn", who=place.investigator)


def lost(place: Place, day: int, *, born: int) -> Play[None]:
    """The subject stays away and can't be reached."""
    subject = yield from treated(place, day, 2, born=born, sex="male", severity="moderate")
    for after, visit in ((36, "V3"), (50, "V4")):
        yield place.at(day + after, 12)
        place.do("missed_visit", subject=subject, visit=visit)
    yield from ended(place, subject, day + 58, "lost")


def screened_only(place: Place, day: int, *, born: int) -> Play[None]:
    """Waiting for laboratory results."""
    yield from screened(place, day, born=born)


def failed_only(place: Place, day: int, *, born: int, reason: str) -> Play[None]:
    """A screen failure, and nothing more."""
    yield from failed(place, day, born=born, reason=reason)


def rescreened(place: Place, day: int, *, born: int) -> Play[None]:
    """A screen failure who came again under a new number and was randomized."""
    before = yield from failed(place, day - 30, born=born, reason="laboratory")
    yield place.at(day - 5, 10)
    consent = {"consent_date": place.local(), "year_of_birth": str(born)}
    again = place.do("screen", **consent, rescreened="yes", previous_subject=before)
    yield place.at(day, 10)
    randomize(place, str(again.subject), severity="moderate")
    for visit, after in list(PLAN.items())[:2]:
        yield from attended(place, str(again.subject), visit, day + after)


def on_treatment(place: Place, day: int, visits: int, *, born: int, **how: str) -> Play[None]:
    """Somewhere in the middle."""
    yield from treated(place, day, visits, born=born, **how)


def due_for_last_visit(place: Place, day: int, *, born: int) -> Play[None]:
    """All drug given; the last visit, without drug, is next."""
    yield from treated(place, day, len(PLAN), born=born, sex="male")


def seen_unscheduled(place: Place, day: int, *, born: int) -> Play[None]:
    """A visit between the visits, at which another kit was given."""
    subject = yield from treated(place, day, 1, born=born)
    yield place.at(day + 6, 13)
    kits = place.do("unscheduled", subject=subject).facts["kits"]
    yield place.at(day + 6, 13, 15)
    hand_over(place, subject, list(kits))
    yield from attended(place, subject, "V2", day + 14)


def not_handed_over(
    place: Place, day: int, visit: str, minutes: int, *, born: int, **how: str
) -> Play[None]:
    """Dispensed just now; nobody has confirmed the carton."""
    subject = yield from treated(place, day, list(PLAN).index(visit), born=born, **how)
    yield place.ago(minutes)
    dispense(place, subject, visit)


def wrong_carton(place: Place, day: int, minutes: int, *, born: int) -> Play[None]:
    """An SMS with the digits of another carton: answered "do not give", nothing is confirmed."""
    subject = yield from treated(place, day, 0, born=born)
    yield place.ago(minutes)
    done = place.do("dispense", subject=subject, visit="V1")
    (kit,) = done.facts["kits"]
    other = next(n for n in place.stage.on_shelf(place.study, place.site) if n[-4:] != kit[-4:])
    yield place.ago(minutes - 5)
    command = Command("given", done.confirmation, (other[-4:],))
    told = place.stage.text(place.caller, LINE, command)
    if told is None or "sms.do_not_give" not in str(told):
        raise HistoryWrong(f"a wrong carton by SMS was answered {told}")


def refused_without_stock(place: Place, day: int, arrives: int, *, born: int) -> Play[None]:
    """Nobody is randomized before the first shipment came: refused, and done on that day."""
    subject = yield from screened(place, day - SCREENING_DAYS, born=born)
    yield place.at(day, 16)
    answers = {"subject": subject, "consent": "yes", "eligible": "yes", **_MILD}
    answers["confirmed_by"] = place.investigator
    place.stage.refused(
        "no_kit_available", place.caller, "randomize", place.study, place.site, **answers
    )
    yield place.at(arrives, 10)
    randomize(place, subject)
    for visit, after in list(PLAN.items())[:4]:
        yield from attended(place, subject, visit, arrives + after)


def randomized_twice(place: Place, day: int, *, born: int) -> Play[None]:
    """A second call for the same subject is refused."""
    subject = yield from treated(place, day, 1, born=born, sex="male")
    yield place.at(day, 17)
    answers = {"subject": subject, "consent": "yes", "eligible": "yes", **_MILD}
    answers["confirmed_by"] = place.investigator
    place.stage.refused(
        "already_randomized", place.caller, "randomize", place.study, place.site, **answers
    )
    for visit in ("V2", "V3"):
        yield from attended(place, subject, visit, day + PLAN[visit])


def at_new_york(here: Place) -> Iterator[Play[None]]:
    """Site 101: everything there is, several of what is used up by one call."""
    yield completed(here, -118, born=1949)
    yield completed_with_replacement(here, -112, born=1957)
    yield lost(here, -96, born=1968)
    yield discontinued(here, -76, born=1953)
    yield withdrawn(here, -60, born=1962)
    yield due_for_last_visit(here, -84, born=1955)
    yield rescreened(here, -20, born=1959)
    for visits, day in enumerate((-14, -28, -42, -56), start=1):
        yield on_treatment(here, day, visits, born=1944 + visits, who="1901")
    yield on_treatment(here, -16, 1, born=1971, sex="male")
    yield on_treatment(here, -45, 3, born=1966, severity="moderate")
    yield seen_unscheduled(here, -30, born=1950)
    yield on_treatment(here, -1, 0, born=1948, who=here.investigator)
    yield on_treatment(here, -2, 0, born=1973, severity="moderate")
    yield not_handed_over(here, -14, "V2", 150, born=1960)
    yield not_handed_over(here, -27, "V3", 95, born=1963, sex="male")
    yield not_handed_over(here, -1, "V1", 40, born=1970)
    yield wrong_carton(here, -1, 75, born=1945)
    for place, reason in enumerate(("pressure", "laboratory", "medication")):
        yield failed_only(here, -24 + 7 * place, born=1951 + 3 * place, reason=reason)
    for place in range(6):
        yield screened_only(here, -6 + place, born=1942 + 5 * place)


def at_madrid(here: Place) -> Iterator[Play[None]]:
    """Site 102."""
    yield completed(here, -100, born=1947, sex="male")
    yield randomized_twice(here, -30, born=1956)
    yield on_treatment(here, -56, 4, born=1964, severity="moderate")
    yield on_treatment(here, -14, 1, born=1969, who=here.investigator)
    yield not_handed_over(here, -28, "V3", 70, born=1974)
    yield failed_only(here, -40, born=1952, reason="withdrew")
    yield screened_only(here, -3, born=1958)


def at_manila(here: Place) -> Iterator[Play[None]]:
    """Site 103, which only has a telephone."""
    yield refused_without_stock(here, -90, -88, born=1946)
    yield on_treatment(here, -42, 3, born=1965, sex="male", who="1901")
    yield on_treatment(here, -14, 1, born=1954)
    yield failed_only(here, -33, born=1967, reason="other")
    for place in range(2):
        yield screened_only(here, -4 + place, born=1961 + 4 * place)
