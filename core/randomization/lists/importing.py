"""`import_list`: a list made elsewhere becomes the study's next list version, sealed row by row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, func, insert, select

from core.access.roles import UNBLINDED, Permission
from core.bulk import store
from core.context import Context
from core.db.drawing import list_row, list_version
from core.db.models import site, study_version, subject
from core.errors import InvalidInput, ListMisplaced
from core.messages import Message, Param
from core.randomization.design import domain_name
from core.randomization.lists.check import Before, check_list
from core.randomization.lists.mapping import read_mapping
from core.randomization.lists.problems import ListProblems
from core.randomization.lists.read import ListFile
from core.randomization.lists.rows import (
    NONCE_BYTES,
    ListedRow,
    canonical_list,
    list_commitment,
    list_digest,
    listed_about,
)
from core.randomization.lists.strata import Strata
from core.study.schema import StudyConfig
from core.study.versions import latest_version
from core.transaction import Answers, Channel, Kind, Outcome, Question, Transaction

MAPPING_CHARACTERS_MAX: Final = 2000


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """The file, and how it names columns and codes values where it does so otherwise than we."""
    return (
        Question("file", Kind.FILE),
        Question("columns", Kind.TEXT, optional=True, high=MAPPING_CHARACTERS_MAX),
        Question("values", Kind.TEXT, optional=True, high=MAPPING_CHARACTERS_MAX),
    )


def run(context: Context, answers: Answers) -> Outcome:
    """Add every row of the file as one list version, or none.

    Raises InvalidInput for a file that is no list, ListRefused with all that is wrong with the
    rows, ListMisplaced for a test list in a study that is none and the other way round.
    """
    section = context.config.randomization
    if section is None or section.method != "list":
        raise InvalidInput("file", Message("error.import_no_list"))
    epoch = current_epoch(context)
    rows = _read(context, answers, epoch)
    text = canonical_list(rows)
    mark = keyed_digest(context, text)
    _check_place(context, mark)
    version = _next_version(context.db, context.study)
    nonce = context.entropy.bytes(NONCE_BYTES)
    committed = list_commitment(nonce, text)
    context.db.execute(
        insert(list_version),
        {
            "study": context.study,
            "version": version,
            "epoch": epoch,
            "rows": len(rows),
            "digest": mark,
            "commitment": committed,
            "nonce": context.keys.seal(nonce_about(context.study, version), nonce.hex()).token,
            "test": context.config.study.training,
            "imported_at": context.now,
            "imported_by": context.actor.user_id,
        },
    )
    _store(context, rows, version, epoch)
    strata = len({row.stratum for row in rows})
    facts = {
        "list_version": version,
        "epoch": epoch,
        "rows": len(rows),
        "strata": strata,
        "list_commitment": committed,
        "test": context.config.study.training,
    }
    params: dict[str, Param] = {
        "version": version,
        "rows": len(rows),
        "strata": strata,
        "commitment": committed,
    }
    return Outcome(Message("said.import_list", params), facts)


def current_epoch(context: Context) -> int:
    """The epoch of the study's newest version."""
    query = select(study_version.c.epoch).where(
        study_version.c.study == context.study,
        study_version.c.version == latest_version(context.db, context.study),
    )
    return int(context.db.execute(query).scalar_one())


def nonce_about(study: str, version: int) -> str:
    """What the sealed nonce of a list version is bound to."""
    return f"{study}|list {version}|nonce"


def keyed_digest(context: Context, text: str) -> str:
    """What finds the same list again in another study: the digest itself could be guessed from."""
    return context.keys.mac("list", list_digest(text))


def _read(context: Context, answers: Answers, epoch: int) -> list[ListedRow]:
    sites = context.db.execute(
        select(site.c.number, site.c.country).where(site.c.study == context.study)
    ).all()
    strata = Strata(context.config, [one.number for one in sites], [one.country for one in sites])
    mapping = read_mapping(
        str(answers.get("columns", "")), str(answers.get("values", "")), strata.factors
    )
    problems = ListProblems()
    file = ListFile(str(answers["file"]), mapping, strata.factors, problems)
    if file.is_dummy and not context.config.study.training:
        raise ListMisplaced  # whatever else is wrong with it does not matter here
    before = _before(context.db, context.study, epoch)
    rows = check_list(file.rows(), strata, before, problems)
    problems.check(blinded=not context.actor.roles_at(context.study, None) & UNBLINDED)
    return rows


def _before(db: Connection, study: str, epoch: int) -> Before:
    """What the study has already. A new stratum starts its own list and leaves the others alone."""
    mine = list_row.c.study == study
    here = list_row.c.domain.startswith(f"v{epoch}|", autoescape=True)
    last = select(list_row.c.domain, func.max(list_row.c.sequence)).where(mine, here)
    blocks: Mapping[str, set[int]] = defaultdict(set)
    ended = select(list_row.c.domain, list_row.c.block).where(mine, here).distinct()
    for domain, block in db.execute(ended):
        blocks[_stratum_of(domain)].add(block)
    listed = set(db.scalars(select(list_row.c.number).where(mine)))
    others = select(subject.c.number, subject.c.randomization_number)
    given = {
        number
        for row in db.execute(others.where(subject.c.study == study))
        for number in row
        if number is not None
    }
    rows = db.execute(last.group_by(list_row.c.domain)).all()
    return Before(
        listed | given,
        {_stratum_of(domain): int(sequence) for domain, sequence in rows},
        blocks,
        max((len(number) for number in listed), default=0),
    )


def _stratum_of(domain: str) -> str:
    return domain.partition("|")[2]


def _check_place(context: Context, mark: str) -> None:
    """Rows of a test list stay in studies for training, all others out of them.

    Raises ListMisplaced.
    """
    training = context.config.study.training
    same = select(list_version.c.study).where(
        list_version.c.digest == mark, list_version.c.test.is_not(training)
    )
    if context.db.execute(same.limit(1)).first() is not None:
        raise ListMisplaced


def _next_version(db: Connection, study: str) -> int:
    query = select(func.max(list_version.c.version)).where(list_version.c.study == study)
    return int(db.scalar(query) or 0) + 1


def _store(context: Context, rows: Sequence[ListedRow], version: int, epoch: int) -> None:
    study, seal = context.study, context.keys.seal

    def values(row: ListedRow) -> dict[str, object]:
        domain = domain_name(epoch, row.stratum)
        about = listed_about(study, version, domain, row.sequence)
        return {
            "study": study,
            "domain": domain,
            "sequence": row.sequence,
            "block": row.block,
            "number": row.number,
            "arm": seal(about, row.arm).token,
            "list_version": version,
        }

    store(context.db, list_row, map(values, rows), len(rows))


def randomizes(config: StudyConfig) -> bool:
    """Whether the study has use for lists and seeds."""
    return config.has_randomization


OFFICE: Final = frozenset({Channel.COMMAND, Channel.WEB, Channel.API})
IMPORT_LIST = Transaction(
    "import_list",
    "",
    Permission.LISTS,
    questions,
    run,
    OFFICE,
    site=False,
    used=randomizes,
)
