"""Style sheet and icon: served under a name with their digest in it, so kept for ever."""

from __future__ import annotations

import functools
import hashlib
import mimetypes
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, abort, url_for

from web.session import open_to_all

FOLDER: Final = Path(__file__).parent / "static"
FOREVER: Final = "public, max-age=31536000, immutable"


@functools.cache
def _files() -> dict[str, tuple[bytes, str]]:
    """Content and type of each file by its name with the digest in it."""
    found = {}
    for path in sorted(FOLDER.iterdir()):
        content = path.read_bytes()
        mark = hashlib.sha256(content).hexdigest()[:12]
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        found[f"{path.stem}.{mark}{path.suffix}"] = (content, kind)
    return found


@functools.cache
def _name(name: str) -> str:
    stem, _, suffix = name.rpartition(".")
    return next(
        one for one in _files() if one.startswith(f"{stem}.") and one.endswith(f".{suffix}")
    )


def asset(name: str) -> str:
    """The address of a static file: asset("ixrs.css")."""
    return url_for("assets.file", name=_name(name))


files = Blueprint("assets", __name__)


@files.get("/static/<name>")
@open_to_all
def file(name: str) -> Response:
    """A static file by its name with the digest in it."""
    if name not in _files():
        abort(404)
    content, kind = _files()[name]
    response = Response(content, mimetype=kind)
    response.headers["Cache-Control"] = FOREVER
    return response
