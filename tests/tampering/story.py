"""A database in which everything that can be tampered with has happened, and where it stands."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.access import sessions, tokens, views
from core.access.views import Seen
from core.ledger.anchors import read_file
from core.ledger.verify import Report, verify
from core.unblinding.reading import read_treatment
from tests.core.records.test_subjects import YEAR
from tests.support.telephone import sign_on, telephone
from tests.support.unblinding import BREAK, CALL, join
from tests.support.world import TODAY, World
from web import anchoring

STUDY = "combi"


@dataclass
class Story:
    """The file, the file of heads noted outside, and the places of entries by what they are of."""

    file: Path
    heads: Path
    at: dict[str, int] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)

    def check(self) -> Report:
        """What a verification finds that goes by the heads noted outside."""
        world = World.at(f"sqlite:///{self.file}")
        try:
            return verify(world.core, files=[read_file(str(self.heads))])
        finally:
            world.close()

    def change(self, *statements: str, **values: Any) -> None:
        """Do this in the file, as somebody with nothing else, who puts the triggers back."""
        with closing(self.open()) as db, db:
            kept = [sql for (sql,) in db.execute(_TRIGGERS)]
            for (name,) in list(db.execute(_NAMES)):
                db.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                db.execute(statement, values | {"study": STUDY})
            for sql in kept:
                db.execute(sql)

    def open(self) -> sqlite3.Connection:
        """The file itself, past IxRS: nothing is checked."""
        return sqlite3.connect(self.file)

    def rows(self, query: str, **values: Any) -> list[Any]:
        """What lies in the file."""
        with closing(self.open()) as db:
            return list(db.execute(query, values | {"study": STUDY}))

    def one(self, query: str, **values: Any) -> Any:
        """The only value of a query."""
        ((value,),) = self.rows(query, **values)
        return value


_TRIGGERS = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger'"
_NAMES = _TRIGGERS.replace("sql FROM", "name FROM")


def tell(world: World, heads: Path) -> Story:
    """Let it all happen in this world, heads noted at the end."""
    story = Story(Path(str(world.core.engine.url.database)), heads)
    world.core.settings = dataclasses.replace(world.core.settings, anchor_file=str(heads))
    join(world)
    _subjects(world, story)
    _opened(world, story)
    _office(world, story)
    _read(world, story)
    anchoring.run_due(world.core)
    world.close()
    return story


def _done(world: World, story: Story, what: str, name: str, who: str, **given: Any) -> Any:
    receipt = world.do(name, who, **given)
    story.at[what] = receipt.sequence
    return receipt


def _subjects(world: World, story: Story) -> None:
    for place in range(6):
        made = world.randomize(sex="FM"[place % 2])
        story.at[f"randomize {place}"] = made.sequence
        story.named[f"subject {place}"] = str(made.subject)
    first = story.named["subject 0"]
    given = _done(world, story, "dispense", "dispense", "Ada", subject=first, visit="V1")
    (kit, *_) = given.facts["kits"]
    story.named["kit"] = kit
    cartons = {f"carton_{n}": one[-4:] for n, one in enumerate(given.facts["kits"], 1)}
    _done(world, story, "hand_over", "hand_over", "Ada", subject=first, **cartons)
    second = story.named["subject 1"]
    _done(world, story, "missed", "missed_visit", "Ada", subject=second, visit="V1")
    ended = {"what_ended": "completed", "end_date": TODAY}
    _done(world, story, "end", "end", "Ada", subject=story.named["subject 2"], **ended)
    story.named["screened"] = world.screen()


def _opened(world: World, story: Story) -> None:
    subject = story.named["subject 3"]
    _done(world, story, "code_break", "code_break", "Ivy", subject=subject, **BREAK)
    read_treatment(world.core, world.actor("Ivy"), STUDY, subject=subject, channel="web")
    story.at["treatment_read"] = world.last_entry()["sequence"]
    taken = _done(world, story, "call", "take_emergency_call", "Opal", subject=subject, **CALL)
    declined = {"call": str(taken.facts["call"]), "why_not": "not_identified"}
    _done(world, story, "declined", "decline_caller", "Opal", **declined)
    broken = str(world.entry(story.at["code_break"])["confirmation"])
    assessed = {"code_break": broken, "assessment": "No effect on the analysis"}
    _done(world, story, "assessed", "assess_break", "Cy", **assessed)


def _office(world: World, story: Story) -> None:
    subject = story.named["subject 4"]
    proposed = _done(world, story, "proposed", "correct_subject", "Ada", subject=subject, **YEAR)
    _done(world, story, "approved", "approve", "Ivy", proposal=str(proposed.facts["proposal"]))
    waits = world.do("correct_subject", "Ada", subject=story.named["subject 5"], **YEAR)
    story.at["waiting"] = waits.sequence
    story.named["waiting"] = str(waits.facts["proposal"])
    hold = {"hold_scope": "site", "hold_site": "102", "hold_screening": "yes"}
    hold |= {"hold_randomization": "yes", "hold_dispensing": "no", "hold_reason": "Staff"}
    _done(world, story, "hold", "place_hold", "Mia", **hold)
    _done(world, story, "pause", "pause_site", "Mia", to_site="102", approval_date=TODAY)
    held = "SELECT id FROM grant_role WHERE study = :study AND user_id = '16'"
    _done(world, story, "end_role", "end_role", "Mia", grant=str(world.one(held)))
    head = str(world.last_entry()["sequence"])
    looked = {"review_upto": head, "anything_found": "no"}
    _done(world, story, "review", "review_audit", "Mia", **looked)


def _read(world: World, story: Story) -> None:
    phone = telephone(world)
    sign_on(phone, "Di")
    phone.hang_up()
    story.at["call_ended"] = world.last_entry()["sequence"]
    core = world.core
    sessions.start(core, world.actor("Cy"))
    for what in ("subject", "ledger"):
        views.note(core, "s" * 64, "14", "web", STUDY, Seen(what, subject="101001"))
    views.seal(core, "s" * 64)
    story.at["pages_read"] = world.last_entry()["sequence"]
    tokens.make(core, world.actor("Mia"), "EDC", 30, channel="web")
    here = World(core, "installation")
    story.at["token_made"] = here.last_entry()["sequence"]
