"""Processes that randomize when told: through `perform`, or on the bare driver."""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Protocol

from sqlalchemy import event

from core.perform import perform
from core.register import find
from core.transaction import Channel
from tests.bench.floor import Floor
from tests.bench.trial import INVESTIGATORS, Trial, open_core

Task = tuple[str, str]
"""A subject's number and site."""
OURS, FLOOR = "ours", "floor"


class Randomize(Protocol):
    """Randomizes the subject of a number at a site, under a request id."""

    def __call__(self, subject: str, site: str, request: str) -> object:
        """Raises whatever goes wrong."""
        ...


Hook = Callable[[Any], None]
"""Is handed each driver connection that a randomizer opens."""


def randomizer(side: str, url: str, study: str, hook: Hook | None = None) -> Randomize:
    """One process's way to randomize."""
    if side == FLOOR:
        floor = Floor(url, study)
        if hook:
            hook(floor.driver.connection)
        return floor.randomize
    core = open_core(url, threads=1)
    if hook:
        heard = hook
        event.listen(core.engine, "connect", lambda made, _: heard(made))
    trial = Trial(core, study)
    actors = {site: trial.actor(user) for site, user in INVESTIGATORS.items()}
    transaction = find("randomize")

    def randomize(subject: str, site: str, request: str) -> object:
        return perform(
            core,
            transaction,
            {"subject": subject, "consent": "yes", "eligible": "yes"},
            actor=actors[site],
            study=study,
            site=site,
            channel=Channel.COMMAND,
            request_id=request,
        )

    return randomize


def _work(pipe: Connection, side: str, url: str, study: str) -> None:
    """The life of a worker: a list of tasks in, what failed out, until None comes."""
    randomize = randomizer(side, url, study)
    gc.freeze()  # as the server does
    pipe.send([])
    while (tasks := pipe.recv()) is not None:
        failed = []
        for subject, site in tasks:
            try:
                randomize(subject, site, f"bench-{subject}")
            except Exception as error:
                failed.append(f"{type(error).__name__}: {error}"[:200])
        pipe.send(failed)


class Crew:
    """So many processes, all on the same side and database."""

    def __init__(self, pipes: Sequence[Connection]) -> None:
        self._pipes = pipes
        self.failed: list[str] = []
        self.seconds = 0.0
        self.done = 0

    def run(self, tasks: Sequence[Task], *, counted: bool = True) -> float:
        """Share the tasks out, wait for all; returns the seconds that it took."""
        start = time.perf_counter()
        for place, pipe in enumerate(self._pipes):
            pipe.send(tasks[place :: len(self._pipes)])
        for pipe in self._pipes:
            self.failed += pipe.recv()
        took = time.perf_counter() - start
        if counted:
            self.seconds += took
            self.done += len(tasks)
        return took

    @property
    def rate(self) -> float:
        """Randomizations per second over what was counted."""
        return self.done / self.seconds


@contextmanager
def crew(side: str, url: str, study: str, processes: int) -> Iterator[Crew]:
    """A crew at work, gone at the end."""
    context = multiprocessing.get_context("spawn")
    pipes, running = [], []
    start: Callable[..., None] = _work
    for _ in range(processes):
        mine, theirs = context.Pipe()
        process = context.Process(target=start, args=(theirs, side, url, study), daemon=True)
        process.start()
        theirs.close()
        pipes.append(mine)
        running.append(process)
    try:
        for pipe in pipes:
            pipe.recv()  # ready
        yield Crew(pipes)
        for pipe in pipes:
            pipe.send(None)
    finally:
        for process in running:
            process.join(5)
            process.kill()
