"""The declarative base whose metadata every table belongs to, and how constraints are named."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKeyConstraint, Index, MetaData, Table, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """The declarative base whose metadata these tables belong to."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def table(
    name: str, *items: Column[object] | UniqueConstraint | Index | ForeignKeyConstraint
) -> Table:
    return Table(name, Base.metadata, *items)
