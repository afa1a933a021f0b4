"""The tables: what happens. What the protocol says lives in the study file.

Statements are written in SQLAlchemy Core on these tables; `Base` shares their metadata with the
read-only web session. Sealed columns hold ciphertext, contact details, arms and kit types alike.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)

from core.db.base import Base, table
from core.db.types import UTCDateTime

person = table(
    "person",
    Column("user_id", String(11), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("email", LargeBinary),
    Column("mobile", LargeBinary),
    Column("mobile_token", String(64), index=True),
    Column("language", String(8), nullable=False),
    Column("status", String(16), nullable=False),  # invited, active, locked, disabled
    Column("pin_hash", String(200)),
    Column("pin_set_at", UTCDateTime),
    Column("password_hash", String(200)),
    Column("password_set_at", UTCDateTime),
    Column("mobile_set_at", UTCDateTime),  # no code goes to a number before it is a day old
    Column("signed_in_at", UTCDateTime),  # the last time, on any channel
    Column("code_token", String(64), unique=True),
    Column("code_expires_at", UTCDateTime),
    Column("created_at", UTCDateTime, nullable=False),
)

grant = table(
    "grant_role",
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("person.user_id"), nullable=False, index=True),
    Column("role", String(32), nullable=False),
    Column("study", String(40)),  # empty: the whole installation
    Column("site", String(11)),  # empty: every site of the study
    Column("depot", String(20)),  # of those who work at a depot: empty: every depot
    Column("starts_at", UTCDateTime, nullable=False),
    Column("ends_at", UTCDateTime),
    Index(None, "study", "user_id"),
)

# Wrong secrets by person (known or not) and by source; keys are keyed digests.
throttle = table(
    "throttle",
    Column("token", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("until", UTCDateTime),
    Column("at", UTCDateTime, nullable=False),
)

study = table(
    "study",
    Column("code", String(40), primary_key=True),
    Column("number", String(11), nullable=False, unique=True),
    Column("seed", LargeBinary),
    Column("commitment", String(64)),
    Column("training", Boolean, nullable=False),
    Column("published_at", UTCDateTime, nullable=False),
)

study_version = table(
    "study_version",
    Column("study", ForeignKey("study.code"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),  # the version whose randomization still holds
    Column("digest", String(64), nullable=False),
    Column("source", Text, nullable=False),
    Column("published_at", UTCDateTime, nullable=False),
    Column("published_by", String(11), nullable=False),
    # Where two persons open an epoch: when the second one did, on the row that began it.
    Column("activated_at", UTCDateTime),
    Column("activated_by", String(11)),
)

telephone = table(
    "telephone",
    Column("number", String(20), primary_key=True),
    Column("study", ForeignKey("study.code"), primary_key=True),
    Column("line", String(16), nullable=False),  # main, unblinding
)

site = table(
    "site",
    Column("study", ForeignKey("study.code"), primary_key=True),
    Column("number", String(11), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("country", String(8), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("language", String(8), nullable=False),
    Column("phone", LargeBinary),
    Column("depot", String(20)),
    Column("status", String(16), nullable=False),  # pending, active, paused, closed
    Column("status_on", Date),
    Column("subjects", Integer, nullable=False, default=0),  # running number of the last one
    Column("randomized", Integer, nullable=False, default=0),
)

site_version = table(
    "site_version",
    Column("study", String(40), primary_key=True),
    Column("site", String(11), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("effective_on", Date, nullable=False),
    ForeignKeyConstraint(["study", "site"], ["site.study", "site.number"]),
    ForeignKeyConstraint(["study", "version"], ["study_version.study", "study_version.version"]),
)

subject = table(
    "subject",
    Column("id", Integer, primary_key=True),
    Column("study", String(40), nullable=False),
    Column("number", String(16), nullable=False),
    Column("site", String(11), nullable=False),
    Column("status", String(24), nullable=False),
    Column("version", Integer, nullable=False),
    Column("consent_on", Date),
    Column("year_of_birth", Integer),
    Column("rescreen_of", String(16)),
    Column("screened_at", UTCDateTime),
    Column("randomized_at", UTCDateTime),
    Column("randomized_on", Date),  # in the site's own time zone
    Column("randomization_number", String(16)),
    Column("domain", String(200)),
    Column("levels", Text),  # JSON object: factor → level, as randomized
    Column("arm", LargeBinary),
    Column("corrected", Text),  # JSON object: factor → level, where it is not as randomized
    Column("in_error_at", UTCDateTime),  # found to have been randomized in error
    Column("code_broken_at", UTCDateTime),
    Column("cohort", Integer),
    Column("phase", String(16)),  # entered by a deed of its own; none: what randomization opened
    Column("phase_on", Date),
    Column("phase_arm", LargeBinary),
    Column("treatment", String(16), nullable=False),  # none, on, stopped
    Column("dose", String(16)),  # the level that the subject is on
    Column("dose_held_on", Date),  # nothing is given until it is resumed
    Column("ended_on", Date),
    UniqueConstraint("study", "number"),
    UniqueConstraint("study", "randomization_number"),
    ForeignKeyConstraint(["study", "site"], ["site.study", "site.number"]),
    Index(None, "study", "site", "number"),
    Index(None, "study", "status", "site", "number"),
)

visit = table(
    "visit",
    Column("id", Integer, primary_key=True),
    Column("subject_id", ForeignKey("subject.id"), nullable=False),
    Column("code", String(20), nullable=False),
    Column("status", String(16), nullable=False),  # dispensed, without_drug, missed, elsewhere
    Column("on", Date, nullable=False),
    Column("deviation_days", Integer, nullable=False, default=0),
    Column("dose", String(16)),
    UniqueConstraint("subject_id", "code"),
)

lot = table(
    "lot",
    Column("id", Integer, primary_key=True),
    Column("study", ForeignKey("study.code"), nullable=False),
    Column("number", String(40), nullable=False),
    Column("kit_type", LargeBinary, nullable=False),
    # What everybody goes by: the earliest of the lots that share a label, so that it tells nothing.
    Column("expiry", Date, nullable=False),
    Column("stable_until", Date, nullable=False),  # the lot's own
    Column("label_lot", String(40), nullable=False),  # what is printed; one for all that look alike
    Column("countries", String(400), nullable=False),  # labelled for, " ES US "
    Column("status", String(16), nullable=False),  # new, released, recalled
    UniqueConstraint("study", "number"),
    Index(None, "study", "label_lot"),
)

shipment = table(
    "shipment",
    Column("id", Integer, primary_key=True),
    Column("study", String(40), nullable=False),
    Column("number", String(16), nullable=False),
    Column("kind", String(16), nullable=False),  # seed, resupply, manual, depot, transfer
    Column("depot", String(20)),  # from a depot …
    Column("from_site", String(11)),  # … or from a site
    Column("site", String(11)),  # to a site …
    Column("to_depot", String(20)),  # … or to a depot
    Column("status", String(20), nullable=False),  # draft, requested, confirmed, packed …
    Column("created_at", UTCDateTime, nullable=False),
    Column("confirmed_at", UTCDateTime),  # acknowledged by the depot
    Column("remind_at", UTCDateTime, index=True),  # when to ask for that again
    Column("leaves_on", Date),  # planned
    Column("due_on", Date),  # expected where it goes
    Column("courier", String(80)),
    Column("waybill", String(80)),
    Column("loggers", String(400)),  # serial numbers between spaces
    Column("why", Text),  # JSON message: why this shipment, for blinded readers
    Column("reasons", LargeBinary),  # the same by kit type, sealed
    Column("dispatched_on", Date),
    Column("received_on", Date),
    Column("logger", String(8)),
    UniqueConstraint("study", "number"),
    ForeignKeyConstraint(["study", "site"], ["site.study", "site.number"]),
    Index(None, "study", "id"),
    Index(None, "study", "site", "id"),
    Index(None, "study", "status", "site", "id"),
)

# Orthogonal facts, not one status; "expired" is derived from the lot at the moment of the deed.
kit = table(
    "kit",
    Column("id", Integer, primary_key=True),
    Column("study", String(40), nullable=False),
    Column("number", String(8), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("kit_type", LargeBinary, nullable=False),
    Column("lot_id", ForeignKey("lot.id"), nullable=False),
    Column("disposition", String(16), nullable=False),  # new, available, reserved, dispensed …
    Column("custody", String(16), nullable=False),  # at_rest, in_transit
    Column("quality", String(16), nullable=False),  # none, pre_quarantined, quarantined, rejected
    Column("depot", String(20)),
    Column("site", String(11)),
    Column("shipment_id", ForeignKey("shipment.id"), index=True),
    Column("subject_id", ForeignKey("subject.id"), index=True),
    Column("visit_id", ForeignKey("visit.id")),
    Column("dispensed_at", UTCDateTime),
    Column("confirmed_at", UTCDateTime),
    Column("replaced_by", String(8)),
    # The date on the label, where it is not (yet) the lot's: not to be used until relabelled.
    Column("labelled_until", Date),
    Column("units_used", Integer),  # as counted when the kit was returned
    Column("units_unused", Integer),
    Column("units_missing", Integer),
    UniqueConstraint("study", "number"),
    Index("ix_kit_shelf", "study", "site", "disposition", "quality", "custody"),
    Index(None, "study", "site", "number"),
    Index("ix_kit_depot", "study", "depot", "disposition", "lot_id", "id"),
)

chain = table(
    "chain",
    Column("study", String(40), primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("seal", String(64)),  # keyed digest of the two
    Column("holds", Integer, nullable=False, default=0),  # placed and lifted ones, ever
)

ledger = table(
    "ledger",
    Column("study", String(40), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("at", UTCDateTime, nullable=False),
    Column("transaction", String(40), nullable=False),
    Column("outcome", String(16), nullable=False),  # done, refused, proposed
    Column("actor", String(11)),
    Column("channel", String(16), nullable=False),
    Column("site", String(11)),
    Column("subject", String(16)),
    Column("confirmation", String(16)),
    Column("body", Text, nullable=False),
    Column("secret", LargeBinary),
    Column("hash", String(64), nullable=False),
    Column("seal", String(64)),  # keyed digest of the hash in its place
    Index(None, "study", "subject", "sequence"),
    Index(None, "study", "actor", "sequence"),
    Index(None, "study", "site", "sequence"),
    Index(None, "study", "transaction", "sequence"),
    Index(None, "study", "at"),
)

# Where a kit is named in the ledger: a register to look entries up by, no part of the proof.
ledger_kit = table(
    "ledger_kit",
    Column("study", String(40), primary_key=True),
    Column("kit", String(8), primary_key=True),
    Column("sequence", Integer, primary_key=True),
)

receipt = table(
    "receipt",
    Column("id", Integer, primary_key=True),
    Column("study", String(40), nullable=False),
    Column("actor", String(11), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("transaction", String(40), nullable=False),
    Column("request_id", String(120), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("sequence", Integer),
    Column("outcome", String(16)),
    Column("confirmation", String(16), unique=True),
    Column("site", String(11)),
    Column("subject", String(16)),
    Column("result", Text),  # JSON: said, notes, facts, or the refusal
    Column("at", UTCDateTime, nullable=False),
    Column("told_at", UTCDateTime),
    UniqueConstraint("study", "actor", "channel", "transaction", "request_id"),
    Index("ix_receipt_untold", "actor", "channel", "told_at"),
    Index("ix_receipt_subject", "study", "subject"),
)

proposal = table(
    "proposal",
    Column("id", Integer, primary_key=True),
    Column("study", String(40), nullable=False),
    Column("number", String(16), nullable=False),
    Column("transaction", String(40), nullable=False),
    Column("site", String(11)),
    Column("answers", Text, nullable=False),
    Column("proposer", String(11), nullable=False),
    Column("proposed_at", UTCDateTime, nullable=False),
    Column("decided_at", UTCDateTime),
    UniqueConstraint("study", "number"),
)

outbox = table(
    "outbox",
    Column("id", Integer, primary_key=True),
    Column("study", String(40)),
    Column("site", String(11)),
    Column("user_id", String(11)),  # one person …
    Column("roles", String(200)),  # … or the holders of these roles, found when sent
    Column("depot", String(20)),  # those of them who work at this depot
    Column("by", String(8), nullable=False, default="sms"),  # sms, email
    Column("message", Text, nullable=False),
    Column("secret", LargeBinary),  # a code: sealed, dropped when the message is done with
    Column("to", LargeBinary),  # sealed: a number that is the person's no more
    Column("status", String(16), nullable=False),
    Column("rank", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", UTCDateTime, nullable=False),
    Column("lease_until", UTCDateTime),
    Column("provider_sid", String(40), index=True),
    Column("error", String(40)),
    Column("created_at", UTCDateTime, nullable=False),
    Index("ix_outbox_due", "status", "due_at"),
)

call = table(
    "call",
    Column("sid", String(40), primary_key=True),
    Column("line", String(16), nullable=False),
    Column("study", String(40)),
    Column("language", String(8)),
    Column("user_id", String(11)),
    Column("caller_token", String(64)),
    Column("started_at", UTCDateTime, nullable=False),
    Column("ended_at", UTCDateTime),
    Column("status", String(16)),
    Index("ix_call_open", "ended_at", "started_at"),
)

call_turn = table(
    "call_turn",
    Column("call_sid", ForeignKey("call.sid"), primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("heard", String(64), nullable=False),
    Column("state", Text, nullable=False),
    Column("receipt_id", ForeignKey("receipt.id")),
    Column("at", UTCDateTime, nullable=False),
)

__all__ = [
    "Base",
    "call",
    "call_turn",
    "chain",
    "grant",
    "kit",
    "ledger",
    "ledger_kit",
    "lot",
    "outbox",
    "person",
    "proposal",
    "receipt",
    "shipment",
    "site",
    "site_version",
    "study",
    "study_version",
    "subject",
    "telephone",
    "throttle",
    "visit",
]
