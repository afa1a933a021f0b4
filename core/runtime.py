"""The core as one object: database, clock, entropy, keys. The one place that opens sessions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError, OperationalError

from core.context import Clock, Entropy, SystemClock, SystemEntropy
from core.db.engine import begin_writing, make_engine, queue_for
from core.db.models import study_version
from core.errors import NotFound, Unavailable
from core.randomization.design import Design
from core.sealed import Keys
from core.settings import Settings
from core.study.read import read_published
from core.study.schema import StudyConfig, unpublished
from core.study.versions import UNPUBLISHED

RETRY_STATES = frozenset({"40001", "40P01"})


class Core:
    """What every face holds: open sessions, the time, chance, keys and published study versions."""

    def __init__(
        self,
        engine: Engine,
        keys: Keys,
        settings: Settings,
        *,
        clock: Clock | None = None,
        entropy: Entropy | None = None,
        simulated: bool = False,
    ) -> None:
        self.engine = engine
        self.keys = keys
        self.settings = settings
        self.clock = clock or SystemClock()
        self.entropy = entropy or SystemEntropy()
        self.simulated = simulated
        self._queue = queue_for(engine)
        self._configs: dict[tuple[str, int], StudyConfig] = {}
        # Read once: what never changes after it was published.
        self.designs: dict[tuple[str, int, str], Design] = {}
        self.seeds: dict[str, bytes] = {}

    @classmethod
    def from_settings(cls, settings: Settings, *, threads: int = 8) -> Core:
        """The core that these settings describe."""
        keys = Keys(settings.secret_key.encode(), settings.encryption_keys)
        return cls(make_engine(settings.database_url, threads=threads), keys, settings)

    def now(self) -> dt.datetime:
        """The present moment, UTC; taken once for each request."""
        return self.clock.now()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read session; whatever is written in it is rolled back."""
        with _unavailable(), self.engine.connect() as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A write session: committed at the end, rolled back on any exception."""
        with _unavailable():
            if self._queue is None:
                with self.engine.begin() as db:
                    yield db
            else:
                with self.engine.connect() as db, self._queue.turn(), begin_writing(db):
                    yield db

    def config(self, db: Connection, study: str, version: int) -> StudyConfig:
        """A published version of a study file, read once in this process. Raises NotFound.

        Before the first version it is an empty study, in which only the deeds that lead to one
        can be done.
        """
        if version == UNPUBLISHED:
            return unpublished(study)
        found = self._configs.get((study, version))
        if found is None:
            source = db.scalar(
                select(study_version.c.source).where(
                    study_version.c.study == study, study_version.c.version == version
                )
            )
            if source is None:
                raise NotFound
            found = self._configs[study, version] = read_published(source)
        return found


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if is_retryable(error) or _is_mistake(error):
            raise
        raise Unavailable from error


def _is_mistake(error: DBAPIError) -> bool:
    """Whether SQLite complains of the statement: a bug of ours, which waiting does not mend."""
    told = str(error.orig)
    return told.startswith("no such ") or "syntax error" in told


def is_retryable(error: DBAPIError) -> bool:
    """Whether the database asks for the transaction to be tried again (serialization, deadlock)."""
    return getattr(error.orig, "sqlstate", None) in RETRY_STATES
