"""Commands of `ixrs randomization` on a case file: they need no settings and no database."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from web.cli.base import Failed, json_option, read_text

if TYPE_CHECKING:
    from core.randomization.casefile import CaseFile
    from core.randomization.characterise import Found
    from core.randomization.report.model import Report
    from core.randomization.trial import Trial

_DRAWS: Final = 10_000
_SUBJECTS: Final = 100
_SEED_MAX: Final = 2**64 - 1
_SUBJECTS_MAX: Final = 100_000
_TRIALS_MAX: Final = 10_000_000
_file: Final = click.argument("file", metavar="FILE.json")
subjects_option: Final = click.option(
    "--n", type=click.IntRange(2, _SUBJECTS_MAX), default=None,
    help=f"Subjects of a trial ({_SUBJECTS}; of a study its cap).",
)  # fmt: skip
_exact: Final = click.option(
    "--exact", is_flag=True, help="Enumerate instead; refuses where that is out of reach."
)
_trials: Final = click.option(
    "--trials", type=click.IntRange(2, _TRIALS_MAX), default=10_000, show_default=True,
    help="Simulated trials.",
)  # fmt: skip
_seed: Final = click.option(
    "--seed", type=click.IntRange(0, _SEED_MAX), default=1, show_default=True,
    help="Seed of the simulation: the same one gives the same numbers.",
)  # fmt: skip
F = TypeVar("F", bound=Callable[..., Any])


def simulation_options(command: F) -> F:
    """`--n`, `--exact`, `--trials` and `--seed`."""
    return subjects_option(_exact(_trials(_seed(command))))


@click.command()
@_file
@json_option
def probabilities(file: str, as_json: bool) -> None:
    """Print the exact probabilities of the next arm, and the imbalance each would leave."""
    from core.randomization.explain import explain

    _print(explain(_read(file)).to_json(), as_json)


@click.command()
@_file
@simulation_options
@click.option("--report", metavar="PATH", help="Also write a report: PATH.html or PATH.pdf.")
@json_option
def characteristics(
    file: str, n: int | None, exact: bool, trials: int, seed: int, report: str | None, as_json: bool
) -> None:
    """Print how well a design balances, hides the next arm and serves the tests."""
    target = None if report is None else checked_target(report)
    found, made = studied(file, n, exact, trials, seed)
    if target is not None:
        written(target, made())
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


def studied(
    file: str, n: int | None, exact: bool, trials: int, seed: int
) -> tuple[Found, Callable[[], Report]]:
    """The characteristics of the design in a file, and what makes the report on them."""
    from core.randomization.trial import trial_of

    text = read_text(file)
    found = found_of(trial_of(_loaded(text)), n or _SUBJECTS, exact, trials, seed)

    def made() -> Report:
        from core.randomization.report.designed import of_file

        # Of the bytes as they are: reading text evens out the ends of lines.
        whole = text.encode() if file == "-" else Path(file).read_bytes()
        name = "standard input" if file == "-" else Path(file).name
        return of_file(name, hashlib.sha256(whole).hexdigest(), found)

    return found, made


def found_of(trial: Trial, n: int, exact: bool, trials: int, seed: int) -> Found:
    """The characteristics of a trial. Raises Failed where enumeration is out of reach."""
    from core.randomization.characterise import characterise
    from core.randomization.method import TooManyStates

    try:
        return characterise(trial, n, exactly=exact, trials=trials, seed=seed)
    except TooManyStates:
        raise _too_many("--trials 10000") from None


def checked_target(path: str) -> str:
    """The path of a report. Raises click.UsageError for another kind of file."""
    if not path.lower().endswith((".html", ".pdf")):
        raise click.UsageError("a report is written to a name that ends in .html or .pdf")
    return path


def written(path: str, report: Report) -> str:
    """Write the report; the SHA-256 digest of the file. Raises Failed."""
    from web.report import write

    try:
        write(path, report)
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise Failed("file", f"{path} cannot be written: {error.strerror}.") from error


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
