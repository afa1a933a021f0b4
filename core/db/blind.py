"""Tables of the blind: whose treatment was opened to whom, and how it is told."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String

from core.db.base import table
from core.db.models import person, study
from core.db.types import UTCDateTime

# To whom a treatment is open, and by which deed. Reading it takes a row here, and leaves an entry.
opening = table(
    "opening",
    Column("id", Integer, primary_key=True),
    Column("study", ForeignKey(study.c.code), nullable=False),
    Column("subject", String(16)),  # empty, with no kit: every subject of the study
    Column("kit", String(8)),  # a kit that belongs to no subject
    Column("user_id", ForeignKey(person.c.user_id)),  # empty: whoever sees the subject
    Column("basis", String(16), nullable=False),  # the kind of deed, as core.unblinding names it
    Column("sequence", Integer, nullable=False),  # the entry of the deed
    Column("opened_at", UTCDateTime, nullable=False),
    Column("ends_at", UTCDateTime),  # empty: for good, as long as the person's role lasts
    Column("told", Integer, nullable=False, default=0),  # how often it was read by this
    Index(None, "study", "subject", "user_id"),
    Index(None, "study", "kit"),
)

# A recording that tells a treatment, fetched once from an address nobody can guess. Its token is
# kept as a keyed digest: a copy of the table opens nothing.
reveal = table(
    "reveal",
    Column("token", String(64), primary_key=True),
    Column("opening_id", ForeignKey(opening.c.id), nullable=False),
    Column("call_sid", String(40), nullable=False),
    Column("turn", Integer, nullable=False),
    Column("language", String(8), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False),
    Column("fetched_at", UTCDateTime),
)

# A caller whom an operator has spoken with: who it was, and what became of it.
emergency_call = table(
    "emergency_call",
    Column("id", Integer, primary_key=True),
    Column("study", ForeignKey(study.c.code), nullable=False),
    Column("number", String(16), nullable=False),
    Column("subject", String(16), nullable=False),
    Column("site", String(11), nullable=False),
    Column("caller", LargeBinary, nullable=False),  # sealed: who is calling, by name
    Column("position", String(24), nullable=False),
    Column("card_code", LargeBinary),  # sealed: as read out by the caller; empty: there was no card
    Column("operator", ForeignKey(person.c.user_id), nullable=False),
    Column("taken_at", UTCDateTime, nullable=False),
    Column("outcome", String(16)),  # revealed, declined, lapsed
    Column("closed_at", UTCDateTime),
    Index(None, "study", "number", unique=True),
)

# What a code break means for the study, as somebody blinded judges it; the words are in the entry.
assessment = table(
    "assessment",
    Column("id", Integer, primary_key=True),
    Column("study", ForeignKey(study.c.code), nullable=False),
    Column("of", Integer, nullable=False),  # the entry of the code break
    Column("by", ForeignKey(person.c.user_id), nullable=False),
    Column("assessed_at", UTCDateTime, nullable=False),
    Column("text", String(400), nullable=False),
    Index(None, "study", "of"),
)
