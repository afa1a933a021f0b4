"""Tables of the faces: signed-in browsers, forms being filled in, API tokens, SMS that came in."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Text

from core.db.base import table
from core.db.models import person, receipt
from core.db.types import UTCDateTime

# Signed-in browsers: the cookie's token is kept hashed, so that a copy of the table opens nothing.
web_session = table(
    "web_session",
    Column("token", String(64), primary_key=True),
    Column("user_id", ForeignKey(person.c.user_id), nullable=False, index=True),
    Column("study", String(40)),
    Column("site", String(11)),
    Column("created_at", UTCDateTime, nullable=False),
    Column("seen_at", UTCDateTime, nullable=False),
    Column("ended_at", UTCDateTime),
)

# A deed being filled in on a page; its id is the request id, so that a form sent twice is one deed.
web_draft = table(
    "web_draft",
    Column("id", String(64), primary_key=True),
    Column("session", ForeignKey(web_session.c.token), nullable=False, index=True),
    Column("study", String(40), nullable=False),
    Column("site", String(11)),
    Column("transaction", String(40), nullable=False),
    Column("given", Text, nullable=False),  # raw answers, sealed; none once done
    Column("receipt_id", ForeignKey(receipt.c.id)),
    Column("created_at", UTCDateTime, nullable=False),
)

api_token = table(
    "api_token",
    Column("id", Integer, primary_key=True),
    Column("token", String(64), nullable=False, unique=True),  # hashed
    Column("user_id", ForeignKey(person.c.user_id), nullable=False, index=True),
    Column("name", String(80), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False),
    Column("used_at", UTCDateTime),
    Column("revoked_at", UTCDateTime),
)

sms_inbound = table(
    "sms_inbound",
    Column("sid", String(40), primary_key=True),
    Column("sender", String(64), nullable=False),  # a keyed digest of the number
    Column("word", String(16), nullable=False),  # given, resend, other
    Column("reply", Text),  # the message told and its language, as JSON; null: nothing was said
    Column("receipt_id", ForeignKey(receipt.c.id)),
    Column("at", UTCDateTime, nullable=False),
    Index("ix_sms_inbound_sender", "sender", "word", "at"),
)

# Every report of the provider about a message that was sent, in the order in which they came.
sms_event = table(
    "sms_event",
    Column("id", Integer, primary_key=True),
    Column("outbox_id", Integer, nullable=False),
    Column("sid", String(40), nullable=False),
    Column("status", String(20), nullable=False),
    Column("error", String(8)),
    Column("at", UTCDateTime, nullable=False),
)
