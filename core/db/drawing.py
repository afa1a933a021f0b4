"""Tables of randomization: lists, the rows that are locked before a draw, draws, holds, cohorts."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)

from core.db.base import table
from core.db.models import study, subject
from core.db.types import UTCDateTime

# A list made elsewhere: append-only versions, each drawn from only once a second person opened it.
list_version = table(
    "list_version",
    Column("study", ForeignKey(study.c.code), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("digest", String(64), nullable=False, index=True),  # of the canonical list, keyed
    Column("commitment", String(64), nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("test", Boolean, nullable=False),
    Column("imported_at", UTCDateTime, nullable=False),
    Column("imported_by", String(11), nullable=False),
    Column("activated_at", UTCDateTime),
    Column("activated_by", String(11)),
)

list_row = table(
    "list_row",
    Column("study", String(40), primary_key=True),
    Column("domain", String(200), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("block", Integer),
    Column("number", String(16), nullable=False),
    Column("arm", LargeBinary, nullable=False),
    Column("list_version", Integer),  # none: written from the study's seed
    UniqueConstraint("study", "number"),
)

# The parent row that is locked before a draw: one a stratum, or one a minimisation.
allocator = table(
    "allocator",
    Column("study", String(40), primary_key=True),
    Column("domain", String(200), primary_key=True),
    Column("draws", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("state", LargeBinary),
)

# `row` is the place in the list where it is not the draw's own number (blocks bound to sites, a
# place passed over for stock); `original` the arm that was due where another one was given.
draw = table(
    "draw",
    Column("study", String(40), primary_key=True),
    Column("domain", String(200), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("subject_id", ForeignKey(subject.c.id), nullable=False),
    Column("stage", String(16), nullable=False, default=""),  # the phase of a later draw
    Column("row", Integer),
    Column("original", LargeBinary),
    UniqueConstraint("subject_id", "stage"),
)

# Counted against caps; locked after the subject and before the allocator.
counter = table(
    "counter",
    Column("study", String(40), primary_key=True),
    Column("scope", String(80), primary_key=True),
    Column("count", Integer, nullable=False),
)

# Who holds which half of a study's seed.
seed_share = table(
    "seed_share",
    Column("study", ForeignKey(study.c.code), primary_key=True),
    Column("share", Integer, primary_key=True),
    Column("user_id", String(11), nullable=False),
    Column("given_at", UTCDateTime, nullable=False),
    Column("told_at", UTCDateTime),  # told once: none until then
    UniqueConstraint("study", "user_id"),
)

hold = table(
    "hold",
    Column("id", Integer, primary_key=True),
    Column("study", ForeignKey(study.c.code), nullable=False),
    Column("number", String(16), nullable=False),
    Column("scope", String(16), nullable=False),  # study, country, site, stratum, cohort, arm
    Column("value", Text),  # none for the study; an arm's is sealed
    Column("arm", LargeBinary),
    Column("stops", String(60), nullable=False),  # words between spaces, " screening dispensing "
    Column("placed_at", UTCDateTime, nullable=False),
    Column("placed_by", String(11), nullable=False),
    Column("lifted_at", UTCDateTime),
    Column("lifted_by", String(11)),
    UniqueConstraint("study", "number"),
    Index(None, "study", "lifted_at"),
)

# What a subject was given on entering a phase; the draw, where there was one, names the same stage.
assignment = table(
    "assignment",
    Column("subject_id", ForeignKey(subject.c.id), primary_key=True),
    Column("phase", String(16), primary_key=True),
    Column("entered_on", Date, nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("arm", LargeBinary),
    Column("levels", Text),
)

response = table(
    "response",
    Column("subject_id", ForeignKey(subject.c.id), primary_key=True),
    Column("answer", Boolean, nullable=False),
    Column("on", Date, nullable=False),
    Column("at", UTCDateTime, nullable=False),
)

cohort = table(
    "cohort",
    Column("study", ForeignKey(study.c.code), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("dose", String(16), nullable=False),
    Column("randomized", Integer, nullable=False),
    Column("opened_at", UTCDateTime, nullable=False),
    Column("opened_by", String(11), nullable=False),
    Column("closed_at", UTCDateTime),
    Column("decision", String(16)),  # what followed: escalate, stay, de_escalate, stop
)
