"""What commands share: settings and core, secrets from standard input, results, failures.

Importing it takes only click; everything heavy is imported where it is used.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from core.access.roles import Actor
    from core.messages import Message
    from core.runtime import Core
    from core.settings import Settings

SOURCE: Final = "command line"
LANGUAGE_OTHERWISE: Final = "en"
_JSON: Final = "ixrs.json"
_LANGUAGE: Final = "ixrs.language"
F = TypeVar("F", bound=Callable[..., Any])


class Failed(click.ClickException):
    """Refused or failed: a sentence on stderr, with --json an object on stdout too, exit code 1."""

    exit_code = 1

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        # Taken down now: when it is shown, the command's context is gone.
        self.as_json = bool(_root().meta.get(_JSON))

    def show(self, file: Any = None) -> None:
        """Say it."""
        click.echo(self.message, file=file or sys.stderr, err=file is None)
        if self.as_json:
            click.echo(json.dumps({"error": {"code": self.code, "message": self.message}}))


class _NoContext:
    meta: Mapping[str, Any] = {}


def _root() -> Any:
    return click.get_current_context(silent=True) or _NoContext()


def failure_of(error: Exception) -> Failed | None:
    """The failure that this exception is to whoever typed the command; None for a bug."""
    from core.errors import IxrsError
    from core.messages import Message
    from core.settings import SettingsError

    if isinstance(error, SettingsError):
        return Failed("settings", str(error))
    if isinstance(error, IxrsError):
        problems = error.message.params.get("problems", ())
        listed = problems if isinstance(problems, tuple) else ()
        each = [one for one in listed if isinstance(one, Message)]
        return Failed(error.code, "\n".join(tell(one) for one in (error.message, *each)))
    return None


def json_option(command: F) -> F:
    """`--json`: the result as one JSON object on standard output."""

    def note(ctx: click.Context, parameter: click.Parameter, value: bool) -> bool:
        ctx.meta[_JSON] = value
        return value

    return click.option(
        "--json", "as_json", is_flag=True, is_eager=True, callback=note,
        help="Print one JSON object.",
    )(command)  # fmt: skip


def person_options(command: F) -> F:
    """`--user` and `--secret-stdin`: who acts, and how that person's secret is given."""
    user = click.option(
        "--user", required=True, metavar="ID", help="User ID of the person who does it."
    )
    return user(secret_option(command))


def reader_options(command: F) -> F:
    """`--as` and `--secret-stdin`: who reads, and how that person's secret is given."""
    user = click.option("--as", "user", required=True, metavar="USER", help="User ID of who reads.")
    return user(secret_option(command))


def secret_option(command: F) -> F:
    """`--secret-stdin`: the PIN or password is the first line of standard input."""
    return click.option(
        "--secret-stdin", is_flag=True, help="Read PIN or password from standard input."
    )(command)


study_option: Final = click.option("--study", required=True, metavar="CODE", help="Study code.")


def read_secret(from_stdin: bool) -> str:
    """The PIN or password: a line of standard input, or typed unseen at a terminal.

    Raises click.UsageError where there is neither.
    """
    if from_stdin:
        return read_line("PIN or password")
    if sys.stdin.isatty():
        return str(click.prompt("PIN or password", hide_input=True, err=True))
    raise click.UsageError("give --secret-stdin and the PIN or password on standard input")


def read_line(what: str) -> str:
    """One line of standard input. Raises click.UsageError if there is none."""
    line = sys.stdin.readline()
    if not line.strip():
        raise click.UsageError(f"standard input has no {what}")
    return line.rstrip("\r\n")


def read_text(path: str) -> str:
    """The text of a file; "-" is standard input. Raises Failed if it can't be read."""
    try:
        if path == "-":
            return sys.stdin.read()
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise Failed("file", f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Failed("file", f"{path} isn't a text file in UTF-8.") from error


def write_file(path: str, content: bytes) -> bool:
    """Write the file; "-" is standard output. Returns whether it is a file on disk. Raises Failed
    if it can't be written."""
    if path == "-":
        sys.stdout.buffer.write(content)
        return False
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        raise Failed("file", f"{path} cannot be written: {error.strerror}.") from error
    return True


def result(as_json: bool, value: Mapping[str, Any], *lines: str) -> None:
    """Print the result: one JSON object, or lines for people."""
    if as_json:
        click.echo(json.dumps(value, ensure_ascii=False, default=str))
    else:
        for line in lines:
            click.echo(line)


@contextmanager
def progress(transaction: str, as_json: bool) -> Iterator[None]:
    """A bar on standard error while a file is imported by this transaction; nothing with --json or
    off a terminal."""
    if as_json or not sys.stderr.isatty():
        yield
        return
    from core.bulk import watched
    from core.messages import Message

    label = tell(Message(f"deed.{transaction}"))
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def show(done: int, of: int) -> None:
            bar.length = of
            bar.update(done - bar.pos)  # backwards where a deed begins anew

        with watched(show):
            yield
        bar.update((bar.length or 1) - bar.pos)


def read_settings(*, serving: bool = False) -> Settings:
    """The settings of the environment. Raises SettingsError."""
    from core.settings import Settings

    return Settings.from_environment(serving=serving)


@contextmanager
def open_core() -> Iterator[Core]:
    """The core that the environment describes, its connections closed at the end."""
    from core.runtime import Core
    from web import logs

    logs.configure("WARNING")
    core = Core.from_settings(read_settings())
    try:
        yield core
    finally:
        core.engine.dispose()


def sign_in(core: Core, user_id: str, secret: str) -> Actor:
    """The person; messages are in that person's language from here on."""
    from core.access import signin
    from core.transaction import Channel

    actor = signin.sign_in(core, user_id, secret, source=SOURCE, channel=Channel.COMMAND)
    click.get_current_context().meta[_LANGUAGE] = actor.language
    return actor


def tell(message: Message) -> str:
    """The message in words, in the language of the person who acts."""
    from core.text import TextMissing
    from locales import catalogue

    language = _root().meta.get(_LANGUAGE, LANGUAGE_OTHERWISE)
    texts = catalogue()
    try:
        known = language if language in texts.languages else LANGUAGE_OTHERWISE
        return texts.render(message, known, spoken=False)
    except TextMissing:
        # Better a bare id than a traceback in the place of a refusal.
        return f"({message.id})"
