"""Tables of drug supply beside kits, lots and shipments: releases, and nightly jobs."""

from __future__ import annotations

from sqlalchemy import Column, Date, ForeignKey, Integer, String

from core.db.base import table
from core.db.models import lot, study
from core.db.types import UTCDateTime

# A lot is released country by country, each with the number of its certificate.
lot_release = table(
    "lot_release",
    Column("lot_id", ForeignKey(lot.c.id), primary_key=True),
    Column("country", String(8), primary_key=True),
    Column("certificate", String(80), nullable=False),
    Column("released_at", UTCDateTime, nullable=False),
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
