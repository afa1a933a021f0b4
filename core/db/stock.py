"""Tables of drug supply beside kits, lots and shipments: releases, and nightly jobs."""

from __future__ import annotations

from sqlalchemy import Column, Date, ForeignKey, Integer, String

from core.db.base import table
from core.db.models import kit, lot, shipment, study, subject, visit
from core.db.types import UTCDateTime

# A lot is released country by country, each with the number of its certificate.
lot_release = table(
    "lot_release",
    Column("lot_id", ForeignKey(lot.c.id), primary_key=True),
    Column("country", String(8), primary_key=True),
    Column("certificate", String(80), nullable=False),
    Column("released_at", UTCDateTime, nullable=False),
)

# What each shipment was made with: a kit itself only knows the last one that it was in.
shipment_kit = table(
    "shipment_kit",
    Column("shipment_id", ForeignKey(shipment.c.id), primary_key=True),
    Column("kit_id", ForeignKey(kit.c.id), primary_key=True, index=True),
)

# Kits that were assigned to a subject who never got them, and what was given instead, if anything.
not_given = table(
    "not_given",
    Column("id", Integer, primary_key=True),
    Column("subject_id", ForeignKey(subject.c.id), nullable=False, index=True),
    Column("kit_id", ForeignKey(kit.c.id), nullable=False, index=True),
    Column("visit_id", ForeignKey(visit.c.id)),
    Column("at", UTCDateTime, nullable=False),
    Column("replaced_by", String(8)),
)

# A job that is done once a night for each study: whoever holds the lease does it.
job = table(
    "job",
    Column("name", String(40), primary_key=True),
    Column("study", ForeignKey(study.c.code), primary_key=True),
    Column("done_for", Date),  # the last night that is finished
    Column("lease_until", UTCDateTime),
    Column("lease", String(32)),  # whose it is
    Column("attempts", Integer, nullable=False, default=0),
)
