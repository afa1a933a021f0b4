"""An acceptance script on paper: the steps, what is expected, and room for what is seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from core.randomization.report.model import Block, Facts, Items, Report, Section, Table, Text
from core.validation.steps import BY_HAND, FAILED, PASSED, Part, Script

_LINE: Final = "____________"
_WORDS: Final = {PASSED: "passed", FAILED: "FAILED", BY_HAND: "by hand"}


def report(script: Script, *, results: bool) -> Report:
    """The script to be signed off by people; with `results`, what the rehearsal saw instead of the
    room to write in."""
    of = "Rehearsal" if results else "Acceptance script"
    return Report(
        title=f"{of} of study {script.study}",
        about=f"{script.title}. Study file SHA-256 {script.digest}",
        brief=tuple(_brief(script, results=results)),
        sections=(*_parts(script, results=results), *(() if results else (_signatures(),))),
        training=script.training,
    )


def _brief(script: Script, *, results: bool) -> Iterator[str]:
    passed, failed = script.count(PASSED), script.count(FAILED)
    by_hand = script.count(BY_HAND)
    if results:
        yield f"{passed} steps passed, {failed} failed, {by_hand} are left for people."
    else:
        yield f"{len(script.steps)} steps, to be done on the installation that will be used."
        yield "Whoever does a step writes down what was seen, passed or not, and the initials."
        yield f"Rehearsed by machine on this very file: {passed} passed, {failed} failed."
    yield "Numbers of subjects, kits and confirmations will be others each time."


def _parts(script: Script, *, results: bool) -> Iterator[Section]:
    for place, part in enumerate(script.parts, start=1):
        blocks: list[Block] = [Text(part.about), _table(part, results=results)]
        yield Section(f"part-{place}", f"{place}. {part.title}", tuple(blocks))


def _table(part: Part, *, results: bool) -> Table:
    rows = []
    for step in part.steps:
        given = ", ".join(f"{name} {value}" for name, value in step.answers)
        deed = f"{step.deed}: {given}" if given else step.deed
        seen = (step.seen, _WORDS[step.ended]) if results else (_LINE, _LINE)
        rows.append((step.number, step.role, deed, step.expected, *seen))
    last = ("Seen", "Result") if results else ("Seen", "Passed, initials")
    return Table("", ("Step", "Who", "What", "Expected", *last), tuple(rows))


def _signatures() -> Section:
    rows = tuple((name, _LINE * 3) for name in ("Name", "Signature", "Date and time"))
    told = (
        "All steps passed, or each deviation is described and judged.",
        "The study may go live.",
    )
    return Section("signed", "Signed off", (Items(told), Facts(rows)))
