"""The `ixrs` command: a file for each family of commands, loaded when it is called for."""

from __future__ import annotations

import importlib
from typing import Any, Final

import click

from web.cli.base import failure_of

# Command → where it is. Nothing but click is imported for --help.
COMMANDS: Final[dict[str, str]] = {
    "anchor": "web.cli.record:anchor",
    "call": "web.cli.telephone:call",
    "callsheet": "web.cli.telephone:callsheet",
    "db": "web.cli.database:db",
    "demo": "web.cli.demo:demo",
    "do": "web.cli.deeds:do",
    "export": "web.cli.export:export",
    "import": "web.cli.deeds:import_",
    "keys": "web.cli.keys:keys",
    "randomization": "web.cli.randomization:randomization",
    "serve": "web.cli.server:serve",
    "setup": "web.cli.database:setup",
    "show": "web.cli.record:show",
    "sms": "web.cli.telephone:sms",
    "study": "web.cli.study:study",
    "supply": "web.cli.supply:supply",
    "token": "web.cli.tokens:token",
    "treatment": "web.cli.treatment:treatment",
    "user": "web.cli.people:user",
    "verify": "web.cli.record:verify",
    "worker": "web.cli.server:worker",
}


class Main(click.Group):
    """Loads commands late, and turns what the core refuses into sentences and exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the alphabet."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command = getattr(importlib.import_module(module), name)
        return command if isinstance(command, click.Command) else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            failed = failure_of(error)
            if failed is None:
                raise
            raise failed from error


@click.group(cls=Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ixrs", prog_name="ixrs")
def main() -> None:
    """Randomization and drug supply of clinical trials, by telephone."""
