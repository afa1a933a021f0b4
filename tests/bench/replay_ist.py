"""`python -m tests.bench.replay_ist`: the International Stroke Trial's calls, by telephone.

Each call is a whole signed webhook dialogue (language, ID, PIN, menu, questions, read-back,
confirm, result, hang-up) with the real server, several callers at once from a process of their
own, on a new database. In the same run the same callers ring a floor (tests/bench/phone_floor.py)
before and after. Prints one line of JSON; exits 0 if all is as it should be, 1 if not, 2 without
the data file.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ivr.simulator.rest import Provider
from tests.bench.callers import Callers, Dialogue, Exchange, Result
from tests.bench.databases import KINDS, Databases, fsync_microseconds, running_databases
from tests.bench.ist import DEFAULT, Call, DataMissing, balance, read_calls
from tests.bench.ist_trial import dialogues, found_ist, look_at, read_study
from tests.bench.progress import Progress
from tests.bench.seeds import run_seeds
from tests.bench.trial import open_core, settings
from web.demo.history import environment
from web.serving import THREADS, WORKERS_POSTGRESQL

RATIO_MIN = 0.25
FLOOR_SHARE = 10  # the floor takes a tenth of the calls before, and a tenth after
FLOOR_CALLS_MIN = 40
START_SECONDS_MAX = 60


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay and print; see the module."""
    options = _options(arguments)
    try:
        every = read_calls(options.data)
    except DataMissing as missing:
        print(missing, file=sys.stderr)
        return 2
    calls = every[: options.calls]
    out: dict[str, Any] = {
        "bench": "replay_ist",
        "calls": len(calls),
        "callers": options.callers,
        "ratio_min": RATIO_MIN,
        "real_trial": balance((call.levels, call.arm) for call in calls),
        "fsync_us": fsync_microseconds(),
    }
    kinds = KINDS if options.database == "both" else (options.database,)
    with Progress() as progress:
        out["off_phone"] = run_seeds(read_study(), every, options.seeds, progress)
        out["results"] = [_replay(kind, calls, options.callers, progress) for kind in kinds]
    out["sound"] = out["off_phone"]["balanced"] and all(map(_is_sound, out["results"]))
    out["fast_enough"] = all(one["ratio"] >= RATIO_MIN for one in out["results"])
    print(json.dumps(out))
    return 0 if out["sound"] and out["fast_enough"] else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.replay_ist", description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT, help="the calls, as CSV")
    parser.add_argument("--calls", type=int, help="only the first so many")
    parser.add_argument("--callers", type=int, default=8, help="telephones at once")
    parser.add_argument("--database", choices=(*KINDS, "both"), default="both")
    parser.add_argument("--seeds", type=int, default=20, help="off the phone, all calls each")
    return parser.parse_args(arguments)


def _replay(kind: str, calls: Sequence[Call], callers: int, progress: Progress) -> dict[str, Any]:
    workers = 1 if kind == "sqlite" else WORKERS_POSTGRESQL
    planned = dialogues(read_study(), calls)
    rings = _floor_rings(planned)
    with running_databases(kind) as databases:
        before = _ring_floor(rings, workers, callers, progress)
        result, seen = _ring_ours(databases, calls, planned, callers, progress)
        after = _ring_floor(rings, workers, callers, progress)
    floor_rate = (len(before.milliseconds) + len(after.milliseconds)) / (
        before.seconds + after.seconds
    )
    return {
        "database": kind,
        "server": {"workers": workers, "threads": THREADS},
        **_told(result),
        **seen,
        "floor": {
            "before": _told(before),
            "after": _told(after),
            "webhooks_per_second": round(floor_rate, 1),
        },
        "ratio": round(result.per_second / floor_rate, 3),
    }


def _ring_ours(
    databases: Databases,
    calls: Sequence[Call],
    planned: Sequence[Dialogue],
    callers: int,
    progress: Progress,
) -> tuple[Result, dict[str, Any]]:
    url = databases.create("replay")
    core = open_core(url)
    found_ist(core, calls, progress)
    core.engine.dispose()
    exchange = Exchange(
        f"http://127.0.0.1:{_free_port()}", f"AC{secrets.token_hex(16)}", secrets.token_hex(16)
    )
    with Provider(exchange.account_sid, exchange.auth_token) as provider:
        complete = replace(
            settings(url),
            public_url=exchange.url,
            twilio_account_sid=exchange.account_sid,
            twilio_auth_token=exchange.auth_token,
            twilio_api_url=provider.url,
        )
        port = exchange.url.rpartition(":")[2]
        command = ["-c", "from web.cli import main; main()", "serve", "--port", port]
        with _server(command, exchange.url, environment(complete)):
            result = _ring(exchange, planned, callers, "calls", progress)
    core = open_core(url)
    seen = look_at(core)
    core.engine.dispose()
    return result, seen


def _ring_floor(
    rings: Sequence[Dialogue], workers: int, callers: int, progress: Progress
) -> Result:
    exchange = Exchange(f"http://127.0.0.1:{_free_port()}", "AC0", secrets.token_hex(16))
    port = exchange.url.rpartition(":")[2]
    turns = len(rings[0].keys)
    command = ["-m", "tests.bench.phone_floor", port, str(workers), str(turns)]
    with _server([*command, exchange.auth_token], exchange.url, {}):
        return _ring(exchange, rings, callers, "floor", progress)


def _floor_rings(planned: Sequence[Dialogue]) -> list[Dialogue]:
    """Calls to the floor: as many turns as ours have, a key for each."""
    turns = len(planned[0].keys)
    count = max(len(planned) // FLOOR_SHARE, FLOOR_CALLS_MIN)
    return [
        Dialogue(str(place), "+12025550142", "+12025550100", ("1",) * turns, "Goodbye")
        for place in range(count)
    ]


def _ring(
    exchange: Exchange, rings: Sequence[Dialogue], callers: int, what: str, progress: Progress
) -> Result:
    with Callers(exchange, callers) as process:
        progress.say(f"{len(rings)} calls ({what})")
        return process.ring(rings, progress.show)


@contextlib.contextmanager
def _server(command: Sequence[str], url: str, variables: Mapping[str, str]) -> Iterator[None]:
    """A server in a process of its own, ready; stopped at the end. Its log is shown if it fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IXRS_")}
    with tempfile.TemporaryFile("w+") as log:
        server = subprocess.Popen(
            [sys.executable, *command],
            env={**kept, **variables},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait_until_ready(url, server, log)
            yield
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Any) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/readyz")
            if connection.getresponse().status == http.client.OK:
                return
        connection.close()
        if server.poll() is not None or time.monotonic() > deadline:
            log.seek(0)
            raise SystemExit(f"the server did not start:\n{log.read()[-2000:]}")
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _told(result: Result) -> dict[str, Any]:
    took = sorted(result.milliseconds)

    def percentile(share: float) -> float:
        return round(took[min(int(len(took) * share), len(took) - 1)], 1)

    return {
        "seconds": round(result.seconds, 2),
        "webhooks": len(took),
        "webhooks_per_second": round(result.per_second, 1),
        "p50_ms": percentile(0.5),
        "p95_ms": percentile(0.95),
        "p99_ms": percentile(0.99),
        "calls_failed": len(result.failed),
        "failures": result.failed[:3],
        "calls_made": result.calls,
    }


def _is_sound(one: dict[str, Any]) -> bool:
    counts = {one["calls_made"], one["randomizations"], one["ledger_randomizations"]}
    floor_failed = sum(one["floor"][name]["calls_failed"] for name in ("before", "after"))
    wrong = one["calls_failed"] or one["refusals"] or floor_failed
    return len(counts) == 1 and not wrong and bool(one["verified"])


if __name__ == "__main__":
    sys.exit(main())
