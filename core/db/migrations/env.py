"""Alembic's environment: migrations run on the connection that `core.db.migrate` opened."""

from __future__ import annotations

from alembic import context

from core.db import drawing, faces, models, stock
from core.db.base import Base

# Every table has to be known before the metadata is compared.
TABLES = (drawing, faces, models, stock)

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
