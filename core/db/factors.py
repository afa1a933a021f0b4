"""Tables of the second factor on the web: codes of an app (TOTP), passkeys (WebAuthn)."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Integer, LargeBinary, String

from core.db.base import table
from core.db.models import person
from core.db.types import UTCDateTime

# The key of a person's app; `last_step` is the last time step that was used: none is used twice.
totp = table(
    "totp",
    Column("user_id", ForeignKey(person.c.user_id), primary_key=True),
    Column("secret", LargeBinary, nullable=False),  # sealed
    Column("confirmed_at", UTCDateTime),  # empty: set up, and never used yet
    Column("last_step", Integer, nullable=False, default=0),
)

passkey = table(
    "passkey",
    Column("credential", String(344), primary_key=True),  # base64url of the credential's id
    Column("user_id", ForeignKey(person.c.user_id), nullable=False, index=True),
    Column("name", String(80), nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("counter", Integer, nullable=False),
    Column("added_at", UTCDateTime, nullable=False),
    Column("used_at", UTCDateTime),
)

# Somebody who is between two steps: has given the first factor and not yet the second, or a secret
# that is too old; or is adding a passkey. Found by a keyed digest of the cookie's token.
half_signed_in = table(
    "half_signed_in",
    Column("token", String(64), primary_key=True),
    Column("user_id", ForeignKey(person.c.user_id), nullable=False),
    Column("purpose", String(16), nullable=False),  # sign_in, add_app, add_passkey
    Column("challenge", String(64), nullable=False),
    Column("renews", String(8), nullable=False),  # pin, password: to be replaced; empty: neither
    Column("proven", Boolean, nullable=False),  # the second factor was given, or there is none
    Column("failures", Integer, nullable=False, default=0),
    Column("expires_at", UTCDateTime, nullable=False),
)
