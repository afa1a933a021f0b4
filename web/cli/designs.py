"""Commands of `ixrs randomization` on a case file: they need no settings and no database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click

from web.cli.base import Failed, json_option, read_text

if TYPE_CHECKING:
    from core.randomization.casefile import CaseFile

_TRIALS: Final = 10_000
_DRAWS: Final = 10_000
_SEED_MAX: Final = 2**64 - 1
_SUBJECTS_MAX: Final = 100_000
_TRIALS_MAX: Final = 10_000_000
_file: Final = click.argument("file", metavar="FILE.json")
_seed: Final = click.option(
    "--seed", type=click.IntRange(0, _SEED_MAX), default=1, show_default=True,
    help="Seed of the simulation: the same one gives the same numbers.",
)  # fmt: skip
_subjects: Final = click.option(
    "--n", type=click.IntRange(2, _SUBJECTS_MAX), default=100, show_default=True,
    help="Subjects of a trial.",
)  # fmt: skip
_exact: Final = click.option(
    "--exact", is_flag=True, help="Enumerate instead; refuses where that is out of reach."
)
_trials: Final = click.option(
    "--trials", type=click.IntRange(2, _TRIALS_MAX), default=_TRIALS, show_default=True,
    help="Simulated trials.",
)  # fmt: skip


@click.command()
@_file
@json_option
def probabilities(file: str, as_json: bool) -> None:
    """Print the exact probabilities of the next arm, and the imbalance each would leave."""
    from core.randomization.explain import explain

    _print(explain(_read(file)).to_json(), as_json)


@click.command()
@_file
@_subjects
@_exact
@_trials
@_seed
@click.option("--report", metavar="PATH", help="Also write a report: PATH.html or PATH.pdf.")
@json_option
def characteristics(
    file: str, n: int, exact: bool, trials: int, seed: int, report: str | None, as_json: bool
) -> None:
    """Print how well a design balances, hides the next arm and serves the tests."""
    from core.randomization.characterise import characterise
    from core.randomization.method import TooManyStates
    from core.randomization.trial import trial_of

    target = None if report is None else checked_target(report)
    text = read_text(file)
    case = _loaded(text)
    try:
        found = characterise(trial_of(case), n, exactly=exact, trials=trials, seed=seed)
    except TooManyStates:
        raise _too_many("--trials 10000") from None
    if target is not None:
        from core.randomization.report.designed import of_file
        from web.report import write

        write(target, of_file(text, found))
    _print(found.to_json(), as_json)


@click.command()
@_file
@click.option("--exact", is_flag=True, help="Follow every sequence the method could have given.")
@click.option(
    "--draws", type=click.IntRange(1, _TRIALS_MAX), default=_DRAWS, show_default=True,
    help="Sequences drawn at random.",
)  # fmt: skip
@_seed
@click.option("--adjusted", is_flag=True, help="Take the factors' effects off the outcomes first.")
@json_option
def rerandomize(
    file: str, exact: bool, draws: int, seed: int, adjusted: bool, as_json: bool
) -> None:
    """Test the difference of the first two arms against what the method could have given."""
    from core.randomization.method import TooManyStates
    from core.randomization.retest import retest

    case = _read(file)
    try:
        found = retest(case, draws=None if exact else draws, seed=seed, adjusted=adjusted)
    except TooManyStates:
        raise _too_many("--draws 10000") from None
    _print(found.to_json(), as_json)


def checked_target(path: str) -> str:
    """The path of a report. Raises click.UsageError for another kind of file."""
    if not path.lower().endswith((".html", ".pdf")):
        raise click.UsageError("a report is written to a name that ends in .html or .pdf")
    return path


def _too_many(option: str) -> Failed:
    return Failed(
        "too_many_states",
        "There are too many states to follow exactly. Give fewer subjects, "
        f"or leave --exact out and simulate: {option}.",
    )


def _read(file: str) -> CaseFile:
    return _loaded(read_text(file))


def _loaded(text: str) -> CaseFile:
    from core.randomization.casefile import load
    from core.randomization.trial import MORE

    return load(text, more=MORE)


def _print(value: dict[str, Any], as_json: bool) -> None:
    """JSON in either case: on one line for programs, indented for people."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=None if as_json else 2))


COMMANDS: Final = (probabilities, characteristics, rerandomize)
