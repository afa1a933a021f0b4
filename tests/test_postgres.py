"""The PostgreSQL launcher: alone on its socket, gone with whoever started it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.support import postgres
from tests.support.postgres import PostgresServer, PostgresUnavailable, running_postgres

ROOT = Path(__file__).resolve().parent.parent
START_A_SERVER_AND_WAIT = """
import time
from tests.support.postgres import running_postgres
with running_postgres(fsync=False) as server:
    print(server.folder, flush=True)
    time.sleep(600)
"""


def _ask(server: PostgresServer, question: str, database: str = "postgres") -> str:
    with psycopg.connect(host=str(server.folder), user="ixrs", dbname=database) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return str(row[0])


def _wait_until_gone(folder: Path) -> bool:
    deadline = time.monotonic() + 30
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not folder.exists()


def test_listens_on_its_socket_only(postgres_server: PostgresServer) -> None:
    assert _ask(postgres_server, "SHOW listen_addresses") == ""


def test_keeps_its_socket_path_short_enough_for_the_system(postgres_server: PostgresServer) -> None:
    assert len(str(postgres_server.folder / ".s.PGSQL.5432")) < 100


def test_works_in_utc_and_utf8(postgres_server: PostgresServer) -> None:
    assert _ask(postgres_server, "SHOW timezone") == "UTC"
    assert _ask(postgres_server, "SHOW server_encoding") == "UTF8"


def test_copies_a_template_with_what_is_in_it(postgres_server: PostgresServer) -> None:
    postgres_server.create_database("launcher_source")
    with psycopg.connect(
        host=str(postgres_server.folder), user="ixrs", dbname="launcher_source"
    ) as connection:
        connection.execute("CREATE TABLE site AS SELECT 101 AS number")
    postgres_server.create_database("launcher_copy", template="launcher_source")
    try:
        assert _ask(postgres_server, "SELECT number FROM site", "launcher_copy") == "101"
    finally:
        postgres_server.drop_database("launcher_copy")
        postgres_server.drop_database("launcher_source")


def test_a_template_is_closed_even_while_somebody_holds_it_open(
    postgres_server: PostgresServer,
) -> None:
    postgres_server.create_database("launcher_held")
    with psycopg.connect(
        host=str(postgres_server.folder), user="ixrs", dbname="launcher_held"
    ) as held:
        postgres_server.close_for_copying("launcher_held")
        with pytest.raises(psycopg.OperationalError):
            held.execute("SELECT 1")
    postgres_server.create_database("launcher_from_held", template="launcher_held")
    postgres_server.drop_database("launcher_from_held")


@pytest.mark.parametrize(("wanted", "shown"), [(True, "on"), (False, "off")])
def test_reaches_the_disk_only_if_asked_and_leaves_nothing(wanted: bool, shown: str) -> None:
    with running_postgres(fsync=wanted) as server:
        assert _ask(server, "SHOW fsync") == shown
    assert not server.folder.exists()


@pytest.mark.parametrize(("setting", "expected"), [(None, True), ("on", True), ("off", False)])
def test_fsync_is_on_unless_switched_off(
    setting: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IXRS_PG_FSYNC", raising=False)
    if setting is not None:
        monkeypatch.setenv("IXRS_PG_FSYNC", setting)
    assert postgres.wants_fsync() is expected


def test_goes_away_when_the_tests_are_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", START_A_SERVER_AND_WAIT], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as tests:
        assert tests.stdout is not None
        folder = Path(tests.stdout.readline().strip())
        pid = int((folder / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0])
        tests.kill()
    assert _wait_until_gone(folder)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_server_stops_even_if_its_keeper_is_killed() -> None:
    with running_postgres(fsync=False) as server:
        pid = int((server.folder / "data/postmaster.pid").read_text(encoding="ascii").split()[0])
        keeper = int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split()[3])
        os.kill(keeper, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while (server.folder / "data/postmaster.pid").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        stopped = not (server.folder / "data/postmaster.pid").exists()
    shutil.rmtree(server.folder)
    assert stopped


def test_says_where_it_searched_when_there_is_no_postgres(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("IXRS_PG_BIN", str(tmp_path))
    with pytest.raises(PostgresUnavailable, match=str(tmp_path)), running_postgres():
        pass


def test_says_what_the_server_said_when_it_does_not_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    binaries = tmp_path / "bin"
    binaries.mkdir()
    for program in postgres.NEEDED:
        broken = binaries / program
        broken.write_text("#!/bin/sh\necho 'the disk is on fire'; exit 1\n")
        broken.chmod(0o755)
    monkeypatch.setenv("IXRS_PG_BIN", str(binaries))
    with pytest.raises(PostgresUnavailable, match="the disk is on fire"), running_postgres():
        pass


def test_starts_from_a_folder_that_only_its_owner_may_enter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    binaries = postgres._in_wheel()[0]
    package = binaries.parents[1]
    private = tmp_path / "private"
    shutil.copytree(binaries.parent, private / package.name / binaries.parent.name, symlinks=True)
    shutil.copytree(package.with_name(f"{package.name}.libs"), private / f"{package.name}.libs")
    private.chmod(0o700)
    monkeypatch.setenv("IXRS_PG_BIN", str(private / binaries.relative_to(package.parent)))
    with running_postgres(fsync=False) as server:
        assert _ask(server, "SELECT 1") == "1"


def test_prefers_the_newest_version(tmp_path: Path) -> None:
    places = [tmp_path / name / "bin" for name in ("9", "18", "16")]
    assert [p.parent.name for p in postgres._newest_first(iter(places))] == ["18", "16", "9"]
