"""`ixrs study …`: the study file, checked, compared and published."""

from __future__ import annotations

import dataclasses
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.validation.steps import BY_HAND, FAILED, PASSED
from web.cli.base import (
    Failed,
    json_option,
    open_core,
    person_options,
    read_secret,
    read_text,
    result,
    sign_in,
    tell,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.runtime import Core
    from core.study.problems import Problem
    from core.study.schema import StudyConfig
    from core.validation.steps import Script


@click.group()
def study() -> None:
    """Study files."""


@study.command()
@click.argument("file")
@json_option
def check(file: str, as_json: bool) -> None:
    """Tell everything that is wrong with a study file; needs no settings and no database."""
    from core.study.problems import Severity
    from core.study.read import review

    reviewed = review(read_text(file))
    stopping = reviewed.of(Severity.ERROR, Severity.PUBLISH)
    for problem in reviewed.problems if not as_json else ():
        note = "" if problem in stopping else "Warning: "
        click.echo(f"{note}{tell(problem.told)}", err=problem in stopping)
    if as_json:
        listed = [_problem(problem) for problem in reviewed.problems]
        result(True, {"ok": not stopping, "problems": listed})
    elif not stopping:
        click.echo("The study file can be published.")
    sys.exit(1 if stopping else 0)


@study.command("diff")
@click.argument("file")
@json_option
def diff_command(file: str, as_json: bool) -> None:
    """Explain in plain words what a study file would change in the published version."""
    from core.study.amendment import check_amendment
    from core.study.diff import diff
    from core.study.read import load
    from core.study.versions import newest_version

    config = load(read_text(file))
    with open_core() as core, core.reading() as db:
        version = newest_version(db, config.code)
        changes = diff(core.config(db, config.code, version), config) if version else ()
        problems = _amendment_problems(check_amendment, core, db, config, version)
    told = [tell(change) for change in changes]
    value = {
        "study": config.code,
        "published_version": version,
        "changes": told,
        "problems": [_problem(problem) for problem in problems],
    }
    lines = [*told, *(tell(problem.told) for problem in problems)]
    if version is None:
        lines = ["Nothing of this study has been published yet."]
    result(as_json, value, *(lines or ["Nothing changes."]))
    sys.exit(1 if problems else 0)


def _amendment_problems(
    check_amendment: Any, core: Core, db: Connection, config: StudyConfig, version: int | None
) -> tuple[Problem, ...]:
    if version is None:
        return ()
    found: tuple[Problem, ...] = check_amendment(core.config(db, config.code, version), config)
    return found


@study.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the studies of this installation."""
    from sqlalchemy import func, select

    from core.db.models import study as table
    from core.db.models import study_version

    query = (
        select(
            table.c.code,
            table.c.number,
            table.c.training,
            func.max(study_version.c.version).label("version"),
        )
        .join(study_version, study_version.c.study == table.c.code)
        .group_by(table.c.code, table.c.number, table.c.training)
        .order_by(table.c.number)
    )
    with open_core() as core, core.reading() as db:
        studies = [dict(row._mapping) for row in db.execute(query)]
    lines = [
        f"{row['number']}  {row['code']}  version {row['version']}"
        + ("  TRAINING" if row["training"] else "")
        for row in studies
    ]
    result(as_json, {"studies": studies}, *(lines or ["No study has been published yet."]))


@study.command()
@click.argument("file")
@click.option("--out", metavar="PATH", help="Also write it, to PATH.html, PATH.pdf or PATH.md.")
@json_option
def rehearse(file: str, out: str | None, as_json: bool) -> None:
    """Play the acceptance script of a study file on a database that is thrown away."""
    script = _rehearsed(file)
    digest = _written(out, script, results=True) if out else None
    steps = [dataclasses.asdict(step) for step in script.steps]
    counts = {name: script.count(name) for name in (PASSED, FAILED, BY_HAND)}
    value = {
        "ok": script.ok, "study": script.study, "sha256": script.digest, **counts,
        "steps": steps, **({"file": out, "file_sha256": digest} if out else {}),
    }  # fmt: skip
    lines = [
        f"{step.number} {step.ended.upper()}  {step.role} {step.deed}: expected {step.expected}; "
        f"seen {step.seen}"
        for step in script.steps
        if step.ended != PASSED
    ]
    told = f"{counts[PASSED]} steps passed, {counts[FAILED]} failed, {counts[BY_HAND]} by hand."
    result(as_json, value, *lines, told)
    sys.exit(0 if script.ok else 1)


@study.command()
@click.argument("file")
@click.option("--out", required=True, metavar="PATH", help="PATH.html, PATH.pdf or PATH.md.")
@json_option
def uat(file: str, out: str, as_json: bool) -> None:
    """Write the acceptance script of a study file: each step, what is expected, room for the rest.

    It is rehearsed first, so that each step in it is one that can be done.
    """
    script = _rehearsed(file)
    digest = _written(out, script, results=False)
    value = {"file": out, "file_sha256": digest, "study": script.study, "sha256": script.digest}
    told = f"{len(script.steps)} steps written to {out}."
    warned = [f"{len(script.failed)} steps failed in rehearsal."] if script.failed else []
    more = {"steps": len(script.steps), "failed": len(script.failed)}
    result(as_json, {**value, **more}, told, *warned)
    sys.exit(0 if script.ok else 1)


def _rehearsed(file: str) -> Script:
    from core.validation.play import rehearse as play

    return play(read_text(file), tell)


def _written(path: str, script: Script, *, results: bool) -> str:
    from core.validation.report import report
    from web.report import write

    if not path.lower().endswith((".html", ".pdf", ".md")):
        raise click.UsageError("a script is written to a name that ends in .html, .pdf or .md")
    try:
        write(path, report(script, results=results))
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise Failed("file", f"{path} cannot be written: {error.strerror}.") from error


@study.command()
@click.argument("file")
@person_options
@json_option
def publish(file: str, user: str, secret_stdin: bool, as_json: bool) -> None:
    """Publish a study file as the study's next version, signed."""
    from core.study.read import load_for_publishing
    from web.cli.deeds import act

    secret = read_secret(secret_stdin)
    if file == "-":
        raise click.UsageError("a study file is published from a file, not from standard input")
    code = load_for_publishing(read_text(file)).code
    with open_core() as core:
        actor = sign_in(core, user, secret)
        receipt = act(core, actor, secret, "publish", code, None, {"file": file}, None)
    changes = [tell(note) for note in receipt.notes]
    result(
        as_json,
        {
            "study": code,
            "version": receipt.facts.get("version"),
            "changes": changes,
            "confirmation": receipt.confirmation,
            "facts": dict(receipt.facts),
        },
        tell(receipt.said),
        *changes,
        f"Confirmation number {receipt.confirmation}",
    )


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "key": problem.key,
        "line": problem.line,
        "severity": problem.severity.value,
        "message": tell(problem.message),
    }
