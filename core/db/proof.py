"""Tables of proof: heads of chains noted outside the database, and keys taken out of use."""

from __future__ import annotations

from sqlalchemy import Column, Date, Integer, Text

from core.db.base import table
from core.db.types import UTCDateTime

# The heads of all chains as they stood at one moment, and which places outside have them.
anchor = table(
    "anchor",
    Column("id", Integer, primary_key=True),
    Column("night", Date, unique=True),  # none: noted by hand
    Column("at", UTCDateTime, nullable=False),
    Column("text", Text, nullable=False),  # as it stands in the file, in the e-mail, in the stamp
    Column("sequence", Integer, nullable=False),  # the entry in the installation's chain
    Column("filed_at", UTCDateTime),
    Column("mailed_at", UTCDateTime),
    Column("stamp", Text),  # RFC 3161, base64
    Column("lease_until", UTCDateTime),
    Column("attempts", Integer, nullable=False, default=0),
)
