"""The web's reading session: Flask-SQLAlchemy on the core's own metadata and engine.

It reads only. It is closed before anything is written, by `close`, and at the end of the request;
whatever somebody wrote in it would be rolled back.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine

from core.db.models import Base
from core.runtime import Core

_CORE = "ixrs"


class _Reading(SQLAlchemy):
    def _make_engine(self, *args: Any, **options: Any) -> Engine:
        """The core's engine: its pragmas and its pool are the ones that hold."""
        app = args[2] if len(args) > 2 else options["app"]
        engine: Engine = app.extensions[_CORE].engine
        return engine


db = _Reading(model_class=Base)


def init_app(app: Flask, core: Core) -> None:
    """Put the core and the reading session into the application."""
    app.extensions[_CORE] = core
    # Flask-SQLAlchemy wants an address before it asks for the engine; this one is never opened.
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db.init_app(app)


def the_core() -> Core:
    """The core of the application that answers this request."""
    core: Core = current_app.extensions[_CORE]
    return core


def connection() -> Connection:
    """The request's reading connection."""
    return db.session.connection()


def close() -> None:
    """Let go of it, before anything is written."""
    db.session.remove()
