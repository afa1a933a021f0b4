"""The server killed with signal 9 in the middle of an emergency: the caller is told all the same.

The provider sends the webhook again, to another worker; a recording it does not fetch again, but
the caller asks to hear it once more.
"""

from __future__ import annotations

import random
import re
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from core.ledger.verify import verify
from ivr import turns
from ivr.simulator.webhook import Reply, Webhook
from tests.kills.killer import Killer, in_a_child
from tests.support.emergencies import LINE, events, head, heard_in
from tests.support.telephone import ACCOUNT, TOKEN, AppSender, make_app
from tests.support.world import PEOPLE, PIN, World
from tests.support.world_fixtures import copy_sqlite

SID: Final = "CA" + "5" * 32
RECORDING: Final = re.compile(
    rb"<Play>https://ixrs\.example\.org(/ivr/recording/[0-9a-f]{64})</Play>"
)
FETCH: Final = "fetch"
KILLS: Final = {PIN: 3, "confirm": 6, FETCH: 4}
KILLS_ELSEWHERE: Final = 1


def post(world: World, turn: int, keys: str | None) -> Reply:
    """The webhook of a turn; None: the call has just come in."""
    pairs = {
        "CallSid": SID,
        "AccountSid": ACCOUNT,
        "From": "+12025550142",
        "To": LINE,
        "CallStatus": "in-progress",
        **({} if keys is None else {"Digits": keys}),
    }
    query = f"?turn={turn}" if turn else ""
    return sender(world).post(Webhook(f"/ivr/unblinding{query}", tuple(pairs.items())))


def sender(world: World) -> AppSender:
    return AppSender(make_app(world.core).test_client(), TOKEN)


class Call:
    """One call, step by step, each step on a database of its own."""

    def __init__(self, template: Path, folder: Path) -> None:
        self._folder, self._copies = folder, 0
        url = self.copy(f"sqlite:///{template}")
        world = World.at(url)
        self.number = world.randomized("Dan")
        self.before = head(world)
        self.arm = world.arm(self.number)
        world.close()
        keys = [None, PEOPLE["Dan"], PIN, self.number, "1", "1"]
        self.names = ["dial", "id", PIN, "subject", "reason", "confirm", FETCH, "written down"]
        self.keys: dict[str, str | None] = dict(zip(self.names, keys, strict=False))
        self.keys["written down"] = "1"
        self.bases = list(self._play(url))

    def copy(self, url: str) -> str:
        self._copies += 1
        file = self._folder / f"emergency_{self._copies}.db"
        copy_sqlite(Path(url.removeprefix("sqlite:///")), file)
        return f"sqlite:///{file}"

    def _play(self, url: str) -> Iterator[str]:
        """The database before each step."""
        for name in self.names:
            yield self.copy(url)
            world = World.at(url)
            self.do(world, name)
            world.close()

    def do(self, world: World, name: str) -> Reply:
        """One step, as the provider does it."""
        turn = self.names.index(name)
        if name == FETCH:
            again = post(world, turn - 1, self.keys["confirm"])
            found = RECORDING.search(again.body)
            assert found
            return sender(world).get(found[1].decode())
        return post(world, turn - (turn > self.names.index(FETCH)), self.keys[name])

    def die(self, url: str, name: str, at: int | None) -> int:
        """What the child does: the number of points passed."""
        world = World.at(url)
        killer = Killer(world.core.engine, at)
        self.do(world, name)
        return killer.passed

    def check_killed(self, name: str, point: int) -> None:
        """Kill it there, send it again, and hold the call to its end."""
        url = self.copy(self.bases[self.names.index(name)])
        assert in_a_child(partial(self.die, url, name, point)) == (-1, signal.SIGKILL)
        world = World.at(url)
        assert verify(world.core).ok, (name, point)
        told = b""
        for one in self.names[self.names.index(name) :]:
            reply = self.do(world, one)
            if one == FETCH:
                told = reply.body if reply.status == 200 else self._once_more(world)
            else:
                assert reply.status == 200
        if told:
            assert heard_in(world, told) == self.arm
        entries = [event for event, _ in events(world, self.before)]
        assert entries.count("code_break") == 1, (name, point)
        assert entries.index("code_break") < entries.index("treatment_read")
        assert len(world.rows("SELECT * FROM opening")) == 1
        assert verify(world.core).ok
        world.close()

    def _once_more(self, world: World) -> bytes:
        """2: hear it again, as a call of its own branch of this one."""
        url = str(world.core.engine.url)
        branch = World.at(self.copy(url))
        turn = self.names.index(FETCH)
        found = RECORDING.search(post(branch, turn, "2").body)
        assert found
        told = sender(branch).get(found[1].decode())
        assert told.status == 200
        assert heard_in(branch, told.body) == self.arm
        branch.close()
        return told.body


@pytest.fixture(scope="module")
def call(sqlite_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Call:
    return Call(sqlite_world, tmp_path_factory.mktemp("emergency"))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever died at a turn is not waited for as long as in earnest."""
    monkeypatch.setattr(turns, "WAIT_SECONDS", 0.1)


@pytest.mark.req("R3", "R5")
@pytest.mark.parametrize("step", range(8))
def test_killed_at_any_step_of_an_emergency_the_caller_is_told_and_it_is_on_record_once(
    call: Call, step: int
) -> None:
    name = call.names[step]
    url = call.copy(call.bases[step])
    points, died = in_a_child(lambda: call.die(url, name, None))
    assert died == 0
    count = min(KILLS.get(name, KILLS_ELSEWHERE), points)
    chosen = random.Random(name).sample(range(points - 1), count - 1)
    for point in (*chosen, points - 1):  # the last one: right after COMMIT
        call.check_killed(name, point)
