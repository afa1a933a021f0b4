"""The bootstrap, `python3 -m core`: what it decides, without installing anything."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core import __main__ as bootstrap

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that has an environment which needs nothing done."""
    (tmp_path / "pyproject.toml").write_text('dependencies = ["flask"]\n')
    python = bootstrap.script(tmp_path / ".venv", "python")
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    _stamp(tmp_path)
    return tmp_path


def _stamp(checkout: Path) -> None:
    venv = checkout / ".venv"
    (venv / bootstrap.STAMP).write_text(bootstrap.stamp(checkout, venv))


def _run(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "core", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("module", ["__main__.py", "__init__.py"])
def test_imports_the_standard_library_only(module: str) -> None:
    tree = ast.parse((ROOT / "core" / module).read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else ["." * node.level + (node.module or "")]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("--port", "8000")])
def test_shows_its_usage_and_exits_with_2_on_an_unknown_command(arguments: tuple[str, ...]) -> None:
    ended = _run(*arguments, environment={})
    assert ended.returncode == 2
    assert ended.stderr == bootstrap.USAGE
    assert ended.stdout == ""


def test_shows_its_usage_when_asked_and_exits_with_0() -> None:
    ended = _run("--help", environment={})
    assert (ended.returncode, ended.stdout) == (0, bootstrap.USAGE)


def test_leaves_a_current_environment_alone(checkout: Path) -> None:
    before = sorted(checkout.rglob("*"))
    assert bootstrap.ready_environment(checkout) == checkout / ".venv"
    assert sorted(checkout.rglob("*")) == before


def test_environment_is_out_of_date_when_the_dependencies_change(checkout: Path) -> None:
    (checkout / "pyproject.toml").write_text('dependencies = ["flask", "click"]\n')
    assert not bootstrap.is_current(checkout, checkout / ".venv")


def test_environment_is_out_of_date_when_the_checkout_was_moved(checkout: Path) -> None:
    moved = checkout.rename(checkout.with_name("moved"))
    assert not bootstrap.is_current(moved, moved / ".venv")


def test_environment_is_out_of_date_when_its_python_was_removed(checkout: Path) -> None:
    python = bootstrap.script(checkout / ".venv", "python")
    python.unlink()
    python.symlink_to(checkout / "removed")
    assert not bootstrap.is_current(checkout, checkout / ".venv")


def test_environment_without_a_stamp_is_out_of_date(checkout: Path) -> None:
    (checkout / ".venv" / bootstrap.STAMP).unlink()
    assert not bootstrap.is_current(checkout, checkout / ".venv")


def test_stamp_differs_between_minor_releases_of_python(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.implementation, "cache_tag", "cpython-399")
    assert not bootstrap.is_current(checkout, checkout / ".venv")


def test_two_set_ups_at_once_do_not_meet(checkout: Path) -> None:
    order: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        waiting.set()
        with bootstrap.only_one_set_up(checkout):
            order.append("second")

    thread = threading.Thread(target=second)
    with bootstrap.only_one_set_up(checkout):
        thread.start()
        waiting.wait()
        thread.join(timeout=0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_demo_becomes_the_ixrs_command_with_its_arguments() -> None:
    command = bootstrap.command_line(Path("/checkout/.venv"), ["demo", "--port", "8001", "--json"])
    assert command == ["/checkout/.venv/bin/ixrs", "demo", "--port", "8001", "--json"]


def test_test_becomes_pytest_with_its_arguments() -> None:
    command = bootstrap.command_line(Path("/checkout/.venv"), ["test", "-k", "two words"])
    assert command == ["/checkout/.venv/bin/python", "-m", "pytest", "-k", "two words"]


@pytest.mark.parametrize("flags", [[], ["-q"], ["-q", "--durations=9"]])
def test_the_whole_suite_is_run_by_two_processes(flags: list[str]) -> None:
    command = bootstrap.command_line(Path("/checkout/.venv"), ["test", *flags])
    assert command[3:] == ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", *flags]


@pytest.mark.parametrize("given", [["tests/ivr"], ["-n4"], ["-q", "tests/ivr/test_sms.py::test_x"]])
def test_what_is_named_is_run_as_it_is_named(given: list[str]) -> None:
    command = bootstrap.command_line(Path("/checkout/.venv"), ["test", *given])
    assert command[3:] == given


@pytest.mark.parametrize(("shell", "code"), [("exit 7", 7), ('test "$PATH"', 0)])
def test_hands_over_the_exit_code_and_a_path_even_from_an_empty_environment(
    shell: str, code: int
) -> None:
    hand_over = f"from core.__main__ import hand_over; hand_over(['/bin/sh', '-c', {shell!r}])"
    ended = subprocess.run([sys.executable, "-c", hand_over], cwd=ROOT, env={}, check=False)
    assert ended.returncode == code


def test_says_what_to_do_when_the_environment_is_broken(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(bootstrap.script(checkout / ".venv", "ixrs"))
    assert bootstrap.hand_over([missing, "demo"]) == 1
    assert f"Delete {checkout / '.venv'} and try again" in capsys.readouterr().err


def test_installers_do_not_hear_what_would_lead_them_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIP_TARGET", "elsewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    monkeypatch.delenv("PATH")
    environment = bootstrap.clean_environment()
    assert "PIP_TARGET" not in environment
    assert environment["PIP_INDEX_URL"] == "https://mirror.example/simple"
    assert environment["PATH"] == os.defpath


def test_a_command_that_fails_or_is_missing_is_logged(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert not bootstrap.run(["/bin/sh", "-c", "echo no room; exit 1"], log)
    assert not bootstrap.run([str(tmp_path / "missing")], log)
    assert "no room" in bootstrap.tail(log)
    assert "No such file" in bootstrap.tail(log)
