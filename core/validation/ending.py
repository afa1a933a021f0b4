"""How treatment ends, who breaks a code, where enrolment ends, and that the record holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from core.export.copy import read_copy
from core.ledger.verify import verify
from core.study.conduct import Caps
from core.transaction import Channel
from core.validation.bench import SITE, Bench
from core.validation.subjects import enrolled

_CAP_MAX: Final = 60
"""A cap above this is not filled in a rehearsal."""


def ends(here: Bench) -> None:
    """The ways in which treatment and study end."""
    here.begin("Ends", "Treatment ends while follow-up goes on, or the subject leaves the study; "
               "nothing is given afterwards.")  # fmt: skip
    for what in ("discontinued", "withdrawn", "lost", "completed"):
        number = enrolled(here)
        here.do("coordinator", "end", f"The subject is on record as {what}", subject=number,
                what_ended=what)  # fmt: skip
        first = here.config.visits_in(None)[:1]
        if here.config.dispenses and first and here.config.dispenses_at(first[0].code):
            here.refused("coordinator", "dispense", "wrong_subject_status",
                         "the subject is not on treatment", subject=number)  # fmt: skip


def code_break(here: Bench) -> None:
    """An investigator breaks the code without asking anybody; others cannot."""
    if not here.config.has_randomization:
        return
    here.begin("Code break", "An investigator opens the treatment of one subject, and needs "
               "nobody's permission; it is on record, also when it is tried in vain.")  # fmt: skip
    number, other = enrolled(here), enrolled(here)
    here.refused("coordinator", "code_break", "not_allowed", "not an investigator", subject=number,
                 reason="medical_emergency")  # fmt: skip
    here.do("investigator", "code_break", "The treatment is open to this investigator alone",
            subject=number, reason="medical_emergency")  # fmt: skip
    goes_on = here.config.code_break == "continue" or here.config.study.blinding == "open"
    wanted = "randomized" if goes_on else "discontinued"
    here.check("The subject afterwards", wanted, here.row(number).status,
               passed=here.row(number).status == wanted)  # fmt: skip
    here.check("Another subject afterwards", "randomized, nothing opened", here.row(other).status,
               passed=here.row(other).status == "randomized"
               and here.row(other).code_broken_at is None)  # fmt: skip
    again = here.do("investigator", "code_break", "On record as repeated; changes nothing more",
                    subject=number, reason="other")  # fmt: skip
    here.check("The entry", "repeated", str(again.facts.get("repeated")),
               passed=again.facts.get("repeated") is True)  # fmt: skip
    here.by_hand("investigator", "code_break by telephone",
                 "The treatment is played twice within 12 key entries",
                 "call the emergency number")  # fmt: skip


def caps(here: Bench) -> None:
    """Enrolment is refused when a cap of the file is full."""
    most = min((one for one in _limits(here.config.caps) if one is not None), default=None)
    if most is None:
        return
    here.begin("Caps", "Enrolment ends with the last place of the file.")
    deed = "screen" if here.config.screening is not None else "randomize"
    by = "coordinator" if deed == "screen" else "investigator"
    if most > _CAP_MAX:
        words = "Refused: enrolment is complete (enrolment_cap_reached)"
        here.by_hand(by, deed, words, f"{most} subjects are too many to rehearse")
        return
    for _ in range(most - here.counted()):
        enrolled(here)
    here.refused(by, deed, "enrolment_cap_reached", "enrolment is complete")


def _limits(caps: Caps) -> Iterator[int | None]:
    """The caps that subjects of the first site count for, those of a stratum left out."""
    for one in (caps, caps.soft):
        yield from (one.study, one.of_site(SITE))


def record(here: Bench) -> None:
    """Every step is in the ledger, which verifies; a blinded copy tells no treatment."""
    here.begin("Record", "Every step above is in the audit trail, and the audit trail proves "
               "itself.")  # fmt: skip
    report = verify(here.core)
    here.check("ixrs verify", "Every chain, signature and draw is as it was written",
               f"{report.entries} entries" if report.ok else "; ".join(report.problems[:3]),
               passed=report.ok)  # fmt: skip
    copy = read_copy(here.core, here.actor("monitor"), here.study, form="json",
                     channel=Channel.COMMAND)  # fmt: skip
    entries = copy.table("ledger").rows
    here.check("A copy of the record for the monitor", "Entries of the site, subjects, visits",
               f"{len(entries)} entries", passed=bool(entries))  # fmt: skip
    if here.config.is_blinded:
        shown = copy.account is not None and copy.account.types
        here.check("Kit types in that copy", "None", "some" if shown else "none",
                   passed=not shown)  # fmt: skip
