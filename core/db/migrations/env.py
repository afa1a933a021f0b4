"""Alembic's environment: migrations run on the connection that `core.db.migrate` opened."""

from __future__ import annotations

from alembic import context

from core.db import blind, drawing, faces, factors, models, proof, records, stock
from core.db.base import Base

# Every table has to be known before the metadata is compared.
TABLES = (blind, drawing, faces, factors, models, proof, records, stock)

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
