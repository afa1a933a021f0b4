"""`activate_list`: two persons open a list version, or the seed of a design, before the first draw.

Both are shown what they open: version, rows of each stratum, commitment; never an arm. Nobody can
be drawn from a list version before: `allocator.rows` says how far each list may be drawn from, and
only this deed moves it.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select, update

from core.access.roles import Permission
from core.context import Context
from core.db.drawing import allocator, list_row, list_version
from core.db.models import study, study_version
from core.db.prepared import Prepared
from core.db.upsert import insert_missing
from core.errors import InvalidInput, ListMisplaced, ListNotOpen, NotRandomizable
from core.facts import Facts
from core.messages import Digits, Message, Param
from core.randomization.lists.importing import OFFICE
from core.study.randomization import Randomization
from core.study.schema import StudyConfig
from core.transaction import Answers, Choice, Kind, Outcome, Question, Transaction

_SEED: Final = "seed-"
_SPOKEN: Final = 8
"""So many signs of a commitment are read aloud."""
_opened = Prepared(
    select(study_version.c.activated_at).where(
        study_version.c.study == bindparam("s"), study_version.c.version == bindparam("e")
    )
)


def check_activated(context: Context, epoch: int, section: Randomization) -> None:
    """Raise NotRandomizable where the study file wants two persons to open the design and they
    have not. (Rows of a list that was not opened lie beyond `allocator.rows`.)"""
    if not _wants_two(section):
        return
    if _opened.scalar(context.db, {"s": context.study, "e": epoch}) is None:
        raise NotRandomizable


def _wants_two(section: Randomization) -> bool:
    return section.activation is not None and section.method != "list"


def _choices(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    """What waits to be opened: list versions, and designs whose file wants it."""
    db, waiting = facts.db, []
    lists = (
        select(list_version.c.version)
        .where(list_version.c.study == facts.study, list_version.c.activated_at.is_(None))
        .order_by(list_version.c.version)
    )
    for version in db.scalars(lists):
        params: dict[str, Param] = {"version": version}
        waiting.append((str(version), Message("word.list_version", params)))
    for epoch in _closed_designs(facts):
        params = {"version": epoch}
        waiting.append((f"{_SEED}{epoch}", Message("word.list_seed", params)))
    return tuple(Choice(str(key), *one) for key, one in enumerate(waiting, 1))


def _closed_designs(facts: Facts) -> list[int]:
    query = (
        select(study_version.c.version)
        .where(
            study_version.c.study == facts.study,
            study_version.c.version == study_version.c.epoch,
            study_version.c.activated_at.is_(None),
        )
        .order_by(study_version.c.version)
    )
    return [epoch for epoch in facts.db.scalars(query) if _is_closed(facts, epoch)]


def _is_closed(facts: Facts, epoch: int) -> bool:
    return any(map(_wants_two, _sections(facts.core.config(facts.db, facts.study, epoch))))


def _sections(config: StudyConfig) -> list[Randomization]:
    """How subjects are randomized, at first and on entering a phase."""
    sections = [config.randomization, *(phase.randomization for phase in config.phases)]
    return [section for section in sections if section is not None]


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which of those that wait."""
    return (Question("opened", Kind.CHOICE, choices=_choices),)


def what_is_opened(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Message, ...]:
    """What each of the two is shown: version, rows of each stratum and commitment."""
    opened = str(answers["opened"])
    if opened.startswith(_SEED):
        committed = _seed_commitment(facts.db, facts.study)
        params: dict[str, Param] = {
            "version": int(opened.removeprefix(_SEED)),
            "commitment": committed,
            "begins": Digits(committed[:_SPOKEN]),
        }
        return (Message("note.list_seed", params),)
    found = _version(facts.db, facts.study, int(opened))
    parts = _parts(facts.db, facts.study, found.version)
    params = {
        "version": found.version,
        "rows": found.rows,
        "commitment": found.commitment,
        "begins": Digits(found.commitment[:_SPOKEN]),
        "strata": tuple(
            Message("note.list_part", {"name": part.domain.partition("|")[2], "rows": part.rows})
            for part in parts
        ),
    }
    return (Message("note.list_version", params),)


def _seed_commitment(db: Connection, code: str) -> str:
    return str(db.scalar(select(study.c.commitment).where(study.c.code == code)))


def _version(db: Connection, code: str, version: int) -> Any:
    query = select(list_version).where(
        list_version.c.study == code, list_version.c.version == version
    )
    return db.execute(query).one()


def _parts(db: Connection, code: str, version: int) -> list[Any]:
    """The domains of a list version: rows, first and last sequence, by domain."""
    query = (
        select(
            list_row.c.domain,
            func.count().label("rows"),
            func.min(list_row.c.sequence).label("first"),
            func.max(list_row.c.sequence).label("last"),
        )
        .where(list_row.c.study == code, list_row.c.list_version == version)
        .group_by(list_row.c.domain)
        .order_by(list_row.c.domain)
    )
    return list(db.execute(query).all())


def run(context: Context, answers: Answers) -> Outcome:
    """Open it, once a second person has approved.

    Raises ListNotOpen where an earlier version that it goes on from is still closed,
    ListMisplaced for a test list in a study that is no longer one for training.
    """
    opened = str(answers["opened"])
    if opened.startswith(_SEED):
        return _open_seed(context, int(opened.removeprefix(_SEED)))
    return _open_list(context, int(opened))


def _open_seed(context: Context, epoch: int) -> Outcome:
    opened = context.db.execute(
        update(study_version)
        .where(study_version.c.study == context.study, study_version.c.version == epoch)
        .where(study_version.c.activated_at.is_(None))
        .values(activated_at=context.now, activated_by=context.actor.user_id)
    )
    if not opened.rowcount:
        # Another proposal was approved a moment before: who opened it stays on record.
        raise InvalidInput("opened", Message("error.no_choice"))
    facts = {"epoch": epoch, "list_commitment": _seed_commitment(context.db, context.study)}
    return Outcome(Message("said.activate_seed", {"version": epoch}), facts)


def _open_list(context: Context, version: int) -> Outcome:
    mine = (list_version.c.study == context.study, list_version.c.version == version)
    found = context.db.execute(select(list_version).where(*mine).with_for_update()).one()
    if found.activated_at is not None:
        raise InvalidInput("opened", Message("error.no_choice"))
    if found.test and not context.config.study.training:
        raise ListMisplaced
    parts = _parts(context.db, context.study, version)
    for part in parts:
        _let_draw(context, part)
    context.db.execute(
        update(list_version)
        .where(*mine)
        .values(activated_at=context.now, activated_by=context.actor.user_id)
    )
    facts = {
        "list_version": version,
        "epoch": found.epoch,
        "rows": found.rows,
        "strata": len(parts),
        "list_commitment": found.commitment,
    }
    return Outcome(Message("said.activate_list", {"version": version}), facts)


def _let_draw(context: Context, part: Any) -> None:
    """Let the rows of this part be drawn, which must follow those that may be drawn already."""
    key = {"study": context.study, "domain": part.domain}
    insert_missing(context.db, allocator, {**key, "draws": 0, "rows": 0})
    mine = (allocator.c.study == context.study, allocator.c.domain == part.domain)
    have = context.db.scalar(select(allocator.c.rows).where(*mine).with_for_update())
    if part.first != (have or 0) + 1:
        raise ListNotOpen
    context.db.execute(update(allocator).where(*mine).values(rows=part.last))


def opens_lists(config: StudyConfig) -> bool:
    """Whether two persons open what this study draws from."""
    return any(section.is_activated for section in _sections(config))


ACTIVATE_LIST = Transaction(
    "activate_list",
    "",
    Permission.LISTS,
    questions,
    run,
    OFFICE,
    signed=True,
    signers=(Permission.ACTIVATE,),
    site=False,
    used=opens_lists,
    warns=what_is_opened,
)
