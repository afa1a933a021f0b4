"""Answers squeezed with gzip where the reader takes it: sites with thin lines are many.

The forms' tokens travel in compressed pages; cookies are SameSite=Strict, so nobody else's page
can make a browser ask for one again and again and watch its length.
"""

from __future__ import annotations

import gzip
from typing import Final

from flask import Response, request

BYTES_MIN: Final = 600
_KINDS: Final = ("text/", "application/json", "application/problem+json", "image/svg+xml")


def squeeze(response: Response) -> Response:
    """Compress this response if that is worth it."""
    if (
        response.direct_passthrough
        or response.status_code in (204, 304)
        or "Content-Encoding" in response.headers
        or not (response.mimetype or "").startswith(_KINDS)
    ):
        return response
    response.vary.add("Accept-Encoding")
    if "gzip" not in request.headers.get("Accept-Encoding", "").lower():
        return response
    content = response.get_data()
    if len(content) >= BYTES_MIN:
        response.set_data(gzip.compress(content, 6, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response
