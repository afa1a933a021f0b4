"""`ixrs keys`: which key sealed what, and sealing everything anew under the current one."""

from __future__ import annotations

import sys

import click

from web.cli.base import json_option, open_core, result


@click.group()
def keys() -> None:
    """The keys that seal treatments and contact details."""


@keys.command()
@json_option
def show(as_json: bool) -> None:
    """Count the values that are not under the current key, the first one of the setting."""
    from core.keys.rotate import under_other_keys

    with open_core() as core:
        found = under_other_keys(core)
        mark = core.keys.mark.hex()
    lines = [f"{name}: {count}" for name, count in found.items()]
    value = {"key": mark, "under_other_keys": found}
    result(as_json, value, *(lines or ["Everything is sealed under the current key."]))


@keys.command()
@json_option
def rotate(as_json: bool) -> None:
    """Seal everything anew under the current key; if it was stopped, run it again."""
    from core.keys.rotate import rotate as rotate_keys
    from core.keys.rotate import under_other_keys

    with open_core() as core:
        waiting = sum(under_other_keys(core).values())
        if as_json or not sys.stderr.isatty():
            done = rotate_keys(core)
        else:
            with click.progressbar(length=waiting, label="Sealing anew", file=sys.stderr) as bar:
                done = rotate_keys(core, bar.update)
        left = sum(under_other_keys(core).values())
    value = {"resealed": done.total, "columns": done.resealed, "left": left, "wrong": done.wrong}
    said = f"{done.total} values sealed anew under the current key."
    if done.wrong:
        said += f" {len(done.wrong)} do not open: look at ixrs verify."
    result(as_json, value, said, *done.wrong)
    sys.exit(1 if done.wrong else 0)
