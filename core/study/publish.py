"""Publishing a study file: signed, immutable, with the difference shown to the signer."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select, update

from core.access.roles import Permission
from core.bulk import file_question
from core.context import Context
from core.db.models import study, study_version, telephone
from core.errors import InvalidInput
from core.messages import Message
from core.randomization.scheme import is_same_design
from core.study.amendment import check_amendment
from core.study.diff import diff
from core.study.problems import StudyFileErrors
from core.study.read import digest, load_for_publishing
from core.study.schema import StudyConfig
from core.study.seed import new_seed
from core.study.versions import UNPUBLISHED, newest_version
from core.transaction import Answers, Channel, Outcome, Transaction


def run(context: Context, answers: Answers) -> Outcome:
    """Store the file as the study's next version. Raises InvalidInput with all its problems."""
    text = str(answers["file"])
    config = load_for_publishing(text)
    if config.code != context.study:
        raise InvalidInput("file", Message("error.other_study", {"code": config.code}))
    before = newest_version(context.db, context.study) or UNPUBLISHED
    if before == UNPUBLISHED:
        return _first(context, text, config)
    return _amend(context, text, config, before)


def _first(context: Context, text: str, config: StudyConfig) -> Outcome:
    taken = context.db.scalar(select(study.c.code).where(study.c.number == config.study.number))
    if taken is not None:
        raise InvalidInput("file", Message("error.study_number_taken"))
    mark = digest(text)
    seed, committed = new_seed(context.entropy, context.keys, config.code, mark)
    context.db.execute(
        insert(study),
        {
            "code": config.code,
            "number": config.study.number,
            "seed": seed if config.has_randomization else None,
            "commitment": committed if config.has_randomization else None,
            "training": config.study.training,
            "published_at": context.now,
        },
    )
    _store(context, text, config, 1, 1)
    facts = {
        "version": 1,
        "file_sha256": mark,
        "commitment": committed if config.has_randomization else None,
        "changes": 0,
    }
    said = Message("said.publish", {"code": config.code, "version": 1})
    return Outcome(said, facts)


def _amend(context: Context, text: str, config: StudyConfig, before: int) -> Outcome:
    old = context.core.config(context.db, context.study, before)
    problems = check_amendment(old, config)
    if problems:
        raise StudyFileErrors(problems)
    mark = digest(text)
    if mark == _row(context, before).digest:
        raise InvalidInput("file", Message("error.same_version", {"version": before}))
    epoch = _row(context, before).epoch if is_same_design(old, config) else before + 1
    _store(context, text, config, before + 1, epoch)
    context.db.execute(
        update(study).where(study.c.code == context.study).values(training=config.study.training)
    )
    changes = diff(old, config)
    facts = {"version": before + 1, "file_sha256": mark, "changes": len(changes)}
    said = Message("said.publish", {"code": config.code, "version": before + 1})
    return Outcome(said, facts, notes=changes)


def _row(context: Context, version: int) -> Any:
    query = select(study_version).where(
        study_version.c.study == context.study, study_version.c.version == version
    )
    return context.db.execute(query).one()


def _store(context: Context, text: str, config: StudyConfig, version: int, epoch: int) -> None:
    context.db.execute(
        insert(study_version),
        {
            "study": context.study,
            "version": version,
            "epoch": epoch,
            "digest": digest(text),
            "source": text,
            "published_at": context.now,
            "published_by": context.actor.user_id,
        },
    )
    context.db.execute(delete(telephone).where(telephone.c.study == context.study))
    lines = {
        "main": config.study.telephones,
        "unblinding": config.study.emergency_telephones,
    }
    rows = [
        {"number": number, "study": context.study, "line": line}
        for line, numbers in lines.items()
        for number in numbers
    ]
    if rows:
        context.db.execute(insert(telephone), rows)


PUBLISH = Transaction(
    "publish",
    "",
    Permission.PUBLISH,
    file_question,
    run,
    frozenset({Channel.COMMAND, Channel.WEB, Channel.API}),
    signed=True,
    site=False,
    bare=True,
)
