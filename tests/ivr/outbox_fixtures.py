"""An outbox with people to write to, and the provider that takes the messages."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from core.access.contacts import mobile_token, seal_mobile
from core.context import SetClock
from core.db.models import grant, person, telephone
from core.db.models import outbox as table
from core.db.models import study as study_table
from core.messages import Message
from core.outbox import enqueue
from core.runtime import Core
from core.settings import Settings
from core.text import Catalogue
from core.transaction import Notice
from ivr.simulator.rest import Provider
from ivr.sms_out import Courier

ACCOUNT = "AC" + "0" * 32
TOKEN = "a-token-of-the-line"
NOON = dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)
ADA, BO = "10012", "10023"
NUMBERS = {ADA: "+12025550142", BO: "+34600000001"}
LINE = "+12025550100"
ORDERS = list(itertools.permutations(("sent", "delivered", "undelivered")))
SETTINGS = Settings(
    database_url="",
    secret_key="s" * 32,
    encryption_keys=(b"k" * 32,),
    twilio_account_sid=ACCOUNT,
    twilio_auth_token=TOKEN,
)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider(ACCOUNT, TOKEN, statuses=()) as running:
        yield running


@pytest.fixture
def core(sqlite_url: str, provider: Provider) -> Iterator[Core]:
    settings = dataclasses.replace(
        SETTINGS, database_url=sqlite_url, twilio_api_url=provider.url, public_url=provider.url
    )
    made = Core.from_settings(settings)
    made.clock = SetClock(NOON)
    people(made)
    yield made
    made.engine.dispose()


@functools.cache
def texts() -> Catalogue:
    """Words of our own, so that the wording of the real ones is free."""
    with tempfile.TemporaryDirectory() as folder:
        for language, words in (("en", "Code {code}"), ("es", "Código {code}")):
            head = f'msgid ""\nmsgstr "Language: {language}\\n"\n\n'
            text = f'msgid "sms.code"\nmsgstr "{words}"\n'
            marks = """
msgid "sms.training"
msgstr "TRAINING. {text}"

msgid "sms.in_study"
msgstr "{study}: {text}"

msgid "sms.suppressed"
msgstr "{user_id} is not reached"
"""
            (Path(folder) / f"{language}.po").write_text(head + text + marks)
        return Catalogue(Path(folder))


def courier_of(core: Core) -> Courier:
    return Courier(core, texts())


def people(core: Core) -> None:
    with core.writing() as db:
        db.execute(
            insert(study_table).values(code="HT", number="1", training=True, published_at=NOON)
        )
        db.execute(insert(telephone).values(number=LINE, study="HT", line="main"))
        for user_id, language in ((ADA, "en"), (BO, "es")):
            number = NUMBERS[user_id]
            db.execute(
                insert(person).values(
                    user_id=user_id, name=user_id, language=language, status="active",
                    mobile=seal_mobile(core.keys, user_id, number),
                    mobile_token=mobile_token(core.keys, number), created_at=NOON,
                )
            )  # fmt: skip
            db.execute(
                insert(grant).values(
                    user_id=user_id, role="pharmacist", study="HT",
                    site="101" if user_id == BO else "102", starts_at=NOON,
                )
            )  # fmt: skip


def queue_code(core: Core, user_id: str = ADA, code: str = "123456789012") -> None:
    notice = Notice(Message("sms.code", {"hours": 72}), people=(user_id,))
    with core.writing() as db:
        sealed = core.keys.seal(f"outbox|{user_id}", code)
        enqueue(db, core, notice, None, None, sealed)


def rows(core: Core) -> list[dict[str, object]]:
    with core.reading() as db:
        return [dict(row._mapping) for row in db.execute(select(table).order_by(table.c.id))]


def only_row(core: Core) -> dict[str, object]:
    (row,) = rows(core)
    return row


def later(core: Core, **by: float) -> None:
    assert isinstance(core.clock, SetClock)
    core.clock.at += dt.timedelta(**by)
