"""What a load balancer and a monitor ask: alive, ready, how much work."""

from __future__ import annotations

import os

from flask import Blueprint, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from core.db import migrate
from core.errors import Unavailable
from core.ledger import triggers
from core.runtime import Core


def problems(core: Core) -> tuple[str, ...]:
    """Why this installation can't serve now, a sentence each; empty if it can."""
    try:
        with core.reading() as db:
            if not migrate.is_current(db):
                return ("the database is not at this program's version: run ixrs db upgrade",)
            return tuple(
                f"the trigger {name} that protects the ledger is missing: run ixrs db upgrade"
                for name in triggers.missing(db)
            )
    except (Unavailable, SQLAlchemyError):
        return ("the database cannot be reached: check IXRS_DATABASE_URL and that it is running",)


def blueprint(core: Core) -> Blueprint:
    """GET /healthz, /readyz, /metrics."""
    pages = Blueprint("health", __name__)

    @pages.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @pages.get("/readyz")
    def readyz() -> tuple[Response, int]:
        found = problems(core)
        return jsonify(ready=not found, problems=found), 503 if found else 200

    @pages.get("/metrics")
    def metrics() -> Response:
        body, content_type = _metrics()
        return Response(body, content_type=content_type)

    return pages


def _metrics() -> tuple[bytes, str]:
    from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):  # several worker processes count together
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST
