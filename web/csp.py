"""What a page of ours may load: our style and our images, and where it is needed our one script."""

from __future__ import annotations

from typing import Final

from flask import Response

HEADER: Final = "Content-Security-Policy"
POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def with_script(response: Response) -> Response:
    """A page for which the browser has to do what only a script can ask of it."""
    response.headers[HEADER] = f"{POLICY}; script-src 'self'"
    return response
