"""Tables of what is looked at and looked over: pages read, and periodic signed reviews."""

from __future__ import annotations

from sqlalchemy import Column, Date, ForeignKey, Index, Integer, String

from core.db.base import table
from core.db.models import person, study
from core.db.types import UTCDateTime

# What a signed-in person has looked at: a stream of its own, sealed in the ledger by one entry
# when the session ends, so that reading never waits for the chain.
page_view = table(
    "page_view",
    Column("id", Integer, primary_key=True),
    Column("session", String(64), nullable=False),  # digest of the browser's, or of the API's token
    Column("at", UTCDateTime, nullable=False),
    Column("user_id", String(11), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("study", String(40)),
    Column("what", String(60), nullable=False),  # the page: subject, kits, ledger …
    Column("of", String(40)),  # the number of what was looked at
    Column("subject", String(16)),
    Column("sealed", Integer),  # the entry that seals it
    Index(None, "sealed", "session"),
    Index(None, "study", "subject", "id"),
    Index(None, "study", "user_id", "id"),
)

# Signed looks over what went on: of the audit trail, of who has access, of a site at its end.
review = table(
    "review",
    Column("id", Integer, primary_key=True),
    Column("study", ForeignKey(study.c.code), nullable=False),
    Column("kind", String(16), nullable=False),  # audit_trail, access, close_out
    Column("site", String(11)),
    Column("by", ForeignKey(person.c.user_id), nullable=False),
    Column("done_on", Date, nullable=False),
    Column("done_at", UTCDateTime, nullable=False),
    Column("upto", Integer, nullable=False),  # the last entry of the chain that was looked at
    Column("sequence", Integer, nullable=False),  # the entry of the review itself
    Index(None, "study", "kind", "site", "done_at"),
)
