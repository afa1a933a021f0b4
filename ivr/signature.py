"""Twilio's webhook signature: HMAC-SHA1 over the public URL and the sorted parameters.

The parameters are joined without delimiters, so the same signature fits them split elsewhere; and
nothing expires. Hence whoever accepts a webhook also checks each field by a strict pattern and
makes each turn single-use. A parameter given twice is never genuine. There is no off switch.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

from core.settings import Settings

Pairs = Sequence[tuple[str, str]]


def sign(token: str, url: str, pairs: Pairs) -> str:
    """The X-Twilio-Signature of a POST of these parameters to this URL."""
    text = url + "".join(f"{name}{value}" for name, value in sorted(pairs))
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), hashlib.sha1)).decode()


def is_genuine(settings: Settings, path: str, pairs: Pairs, header: str | None) -> bool:
    """Whether the provider signed this POST, with the primary or the secondary token.

    `path` is the path and query as requested; scheme and host always come from the configured
    public URL, never from the request. `pairs` are all parameters, in any order.
    """
    names = [name for name, _ in pairs]
    if not header or len(set(names)) != len(names):
        return False
    given = header.encode("utf-8", "replace")
    url = settings.public_url + path
    # Every token and form of the URL is tried, so that the time taken says nothing.
    matches = [
        hmac.compare_digest(sign(token, form, pairs).encode(), given)
        for token in settings.twilio_auth_tokens
        for form in _forms(url)
    ]
    return any(matches)


def _forms(url: str) -> tuple[str, ...]:
    """The URL as configured and, where it names a port, without it: Twilio signs either."""
    parts = urlsplit(url)
    if parts.port is None or parts.hostname is None:
        return (url,)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return (url, urlunsplit(parts._replace(netloc=host)))
