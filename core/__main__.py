"""Set up `.venv` in the checkout, then hand over: `python3 -m core demo|test …`.

Standard library only, because it runs before anything is installed. What follows the
command goes unchanged to `ixrs demo` or to pytest, and so does the exit code back. The whole
suite is run by two processes; a part of it that is named, by one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

if sys.platform != "win32":
    import fcntl

ROOT = Path(__file__).resolve().parent.parent
USAGE = """\
usage: python3 -m core demo [--port PORT] [--check] [--json]
       python3 -m core test [pytest arguments]

Both set up .venv in the checkout first, if it isn't there or is out of date.
"""
STAMP = "ixrs-stamp"
TWO_AT_ONCE = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
"""Files stay together: what a file's tests share is made once. The long ones come first, so that
neither process is left alone with one at the end (tests/conftest.py)."""
LOG = "ixrs-setup.log"
HEARTBEAT_SECONDS = 10
LOG_LINES_SHOWN = 20
# Variables that would send an installation somewhere else than into our environment.
MISLEADING = (
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_PYTHON",
    "PIP_DRY_RUN",
    "PIP_REQUIRE_VIRTUALENV",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "UV_TARGET",
    "VIRTUAL_ENV",
    "PYTHONHOME",
    "PYTHONPATH",
)


class SetupFailed(Exception):
    """The environment could not be made; the text says what failed and what to do."""


def main(arguments: Sequence[str]) -> int:
    """Run one command. Returns an exit code only where it couldn't hand over."""
    if not arguments or arguments[0] not in ("demo", "test"):
        asked_for_help = bool(arguments) and arguments[0] in ("-h", "--help")
        print(USAGE, end="", file=sys.stdout if asked_for_help else sys.stderr)
        return 0 if asked_for_help else 2
    if sys.version_info < (3, 11):  # noqa: UP036 - runs before requires-python is enforced
        print(
            f"IxRS needs Python 3.11 or newer; this is {platform.python_version()}.",
            file=sys.stderr,
        )
        return 1
    try:
        venv = ready_environment(ROOT)
    except SetupFailed as failure:
        print(f"Set-up failed: {failure}", file=sys.stderr)
        return 1
    except OSError as failure:
        print(
            f"Set-up failed: {failure}. Is {ROOT} writable, and is there room on the disk?",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("Stopped; the next start goes on with the set-up.", file=sys.stderr)
        return 130
    return hand_over(command_line(venv, arguments))


def command_line(venv: Path, arguments: Sequence[str]) -> list[str]:
    """What to run inside the environment for `demo …` or `test …`."""
    if arguments[0] == "demo":
        return [str(script(venv, "ixrs")), *arguments]
    given = arguments[1:]
    names_tests = any(not one.startswith("-") for one in given)
    at_once = [] if names_tests or any(one.startswith("-n") for one in given) else TWO_AT_ONCE
    return [str(script(venv, "python")), "-m", "pytest", *at_once, *given]


def hand_over(command: Sequence[str]) -> int:
    """Become the command, so that its signals and its exit code are ours."""
    environment = dict(os.environ)
    environment.setdefault("PATH", os.defpath)
    try:
        if sys.platform == "win32":
            return subprocess.call(command, env=environment)
        os.execve(command[0], list(command), environment)  # noqa: S606
    except OSError as failure:
        print(
            f"{command[0]} could not be started: {failure}. "
            f"Delete {Path(command[0]).parent.parent} and try again.",
            file=sys.stderr,
        )
        return 1


def ready_environment(root: Path) -> Path:
    """The environment of the checkout `root`, made or brought up to date if need be.

    Raises SetupFailed where that can't be done.
    """
    venv = root / ".venv"
    if is_current(root, venv):
        return venv
    with only_one_set_up(root):
        if not is_current(root, venv):
            set_up(root, venv)
    return venv


def stamp(root: Path, venv: Path) -> str:
    """What the environment was made from: dependencies, kind of Python, place.

    The patch release of Python is left out: an environment goes on working under it, and two
    Pythons of one machine shouldn't keep rebuilding it in turn.
    """
    made_from = (
        (root / "pyproject.toml").read_bytes(),
        str(sys.implementation.cache_tag).encode(),
        platform.machine().encode(),
        str(venv).encode(),
    )
    return hashlib.sha256(b"\0".join(made_from)).hexdigest()


def is_current(root: Path, venv: Path) -> bool:
    """Whether nothing needs to be done. An environment whose Python went away isn't current."""
    try:
        written = (venv / STAMP).read_text(encoding="ascii")
    except (OSError, ValueError):
        return False
    return written == stamp(root, venv) and script(venv, "python").exists()


@contextlib.contextmanager
def only_one_set_up(root: Path) -> Iterator[None]:
    """Hold a lock on the checkout's folder itself: nothing to clean up, gone with the process."""
    if sys.platform == "win32":
        yield
        return
    folder = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("Another set-up of this checkout is running; waiting for it.")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def set_up(root: Path, venv: Path) -> None:
    """Make or update the environment, and stamp it last, so that a half-made one is never used."""
    started = time.monotonic()
    tell(f"Setting up {venv} (a minute or so the first time) …")
    (venv / STAMP).unlink(missing_ok=True)
    if not is_same_kind_of_python(venv):
        shutil.rmtree(venv, ignore_errors=True)
        make_bare(venv)
    log = venv / LOG
    log.write_bytes(b"")
    if not (install_with_uv(root, venv, log) or install_with_pip(root, venv, log)):
        raise SetupFailed(
            "the dependencies could not be installed.\n"
            f"{tail(log)}\n"
            f"Everything that was said is in {log}. Check that this machine reaches the Python "
            "package index (or set PIP_INDEX_URL to a mirror), then run the command again."
        )
    (venv / STAMP).write_text(stamp(root, venv), encoding="ascii")
    tell(f"Ready after {time.monotonic() - started:.0f} s.")


def is_same_kind_of_python(venv: Path) -> bool:
    """Whether the environment runs, at its own place, with this minor release of Python."""
    question = "import sys; print(sys.implementation.cache_tag, sys.prefix)"
    try:
        answer = subprocess.run(
            [str(script(venv, "python")), "-I", "-c", question],
            capture_output=True,
            text=True,
            check=True,
            env=clean_environment(),
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return False
    return answer.strip() == f"{sys.implementation.cache_tag} {venv}"


def make_bare(venv: Path) -> None:
    """Make an environment without pip: Debian leaves ensurepip out, and it saves seconds."""
    made = subprocess.run(
        [base_python(), "-I", "-m", "venv", "--without-pip", str(venv)],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(),
    )
    if made.returncode != 0:
        raise SetupFailed(
            f"a virtual environment could not be made in {venv}.\n{made.stderr or made.stdout}"
            "On Debian: apt-get install python3-venv"
        )


def install_with_uv(root: Path, venv: Path, log: Path) -> bool:
    """Install with uv, in seconds. False if uv can't be had or fails.

    uv reads neither pip.conf nor, unless told, the system's certificates, so behind a mirror or
    a proxy of one's own it may fail where pip works.
    """
    uv = script(venv, "uv")
    if not uv.exists() and not run([*pip_command(venv, log), "install", "--quiet", "uv"], log):
        return False
    environment = clean_environment()
    environment.setdefault("UV_SYSTEM_CERTS", "true")
    environment.setdefault("UV_LINK_MODE", "copy")
    python = str(script(venv, "python"))
    return run(
        [str(uv), "pip", "install", "--python", python, "--editable", f"{root}[test]"],
        log,
        environment,
    )


def install_with_pip(root: Path, venv: Path, log: Path) -> bool:
    """Install with plain pip: slower, but it knows pip.conf, PIP_… and their certificates."""
    tell("uv could not install everything; trying with pip, which takes a minute …")
    return run([*pip_command(venv, log), "install", "--editable", f"{root}[test]"], log)


def pip_command(venv: Path, log: Path) -> list[str]:
    """A pip that installs into the environment: the system's, otherwise one put into it."""
    python = str(script(venv, "python"))
    quietly = ["--disable-pip-version-check", "--no-input"]
    if run([base_python(), "-I", "-m", "pip", "--python", python, "--version"], log):
        return [base_python(), "-I", "-m", "pip", "--python", python, *quietly]
    inside = [python, "-I", "-m", "pip"]
    if run([*inside, "--version"], log) or run([python, "-I", "-m", "ensurepip"], log):
        return [*inside, *quietly]
    raise SetupFailed(
        "this Python has neither pip (22.3 or newer) nor ensurepip, so nothing can be installed. "
        "On Debian: apt-get install python3-pip"
    )


def run(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> bool:
    """Run a command into the log, saying on a terminal now and then that it goes on."""
    started = time.monotonic()
    with log.open("ab") as output:
        output.write(f"\n$ {' '.join(command)}\n".encode())
        output.flush()
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(clean_environment() if environment is None else environment),
            )
        except OSError as failure:
            output.write(f"{failure}\n".encode())
            return False
        try:
            while True:
                try:
                    return process.wait(timeout=HEARTBEAT_SECONDS) == 0
                except subprocess.TimeoutExpired:
                    if sys.stderr.isatty():
                        tell(f"… still installing ({time.monotonic() - started:.0f} s)")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def clean_environment() -> dict[str, str]:
    """Our environment without what would mislead an installer, and with a PATH in any case."""
    kept = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    kept.setdefault("PATH", os.defpath)
    return kept


def base_python() -> str:
    """The Python to build with: never the one inside the environment about to be replaced."""
    return str(getattr(sys, "_base_executable", "") or sys.executable)


def script(venv: Path, name: str) -> Path:
    """Where the environment keeps a program."""
    if sys.platform == "win32":
        return venv / "Scripts" / f"{name}.exe"
    return venv / "bin" / name


def tail(log: Path) -> str:
    """The last lines of what the installers said."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LOG_LINES_SHOWN:])


def tell(sentence: str) -> None:
    """Say progress where it can't get between the lines of a program that reads our output."""
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
