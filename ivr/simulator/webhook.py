"""Signed webhooks over one kept-alive HTTP connection, as the provider sends them."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from urllib.parse import quote_plus, urljoin, urlsplit

from ivr.signature import Pairs, sign

FORM = "application/x-www-form-urlencoded"
WEBHOOK_SECONDS_MAX = 15.0
_BROKEN = (http.client.HTTPException, ConnectionError)


@dataclass(frozen=True, slots=True)
class Webhook:
    """One POST: the path (and query) on the server, and the parameters in the order sent."""

    path: str
    pairs: Pairs


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered."""

    status: int
    content_type: str
    body: bytes


class Sender:
    """Posts webhooks to the server at `url`, signed for `public_url` (the same unless told).

    Keeps its connection, so it belongs to one thread at a time.
    """

    def __init__(
        self,
        url: str,
        auth_token: str,
        *,
        public_url: str | None = None,
        timeout: float = WEBHOOK_SECONDS_MAX,
    ) -> None:
        self.public_url = (public_url or url).rstrip("/")
        self.auth_token = auth_token
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=timeout)

    def post(self, webhook: Webhook, *, signature: str | None = None) -> Reply:
        """Send it, and once more if the connection fails, as the provider does.

        `signature` replaces the right one; an empty one leaves the header out. Raises OSError or
        http.client.HTTPException when there is no answer to the second attempt either.
        """
        if signature is None:
            signature = sign(self.auth_token, self.public_url + webhook.path, webhook.pairs)
        headers = {"Content-Type": FORM, "User-Agent": "TwilioProxy/1.1"}
        if signature:
            headers["X-Twilio-Signature"] = signature
        body = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in webhook.pairs)
        try:
            return self._send("POST", webhook.path, body, headers)
        except _BROKEN:
            self.close()
            return self._send("POST", webhook.path, body, headers)

    def get(self, path: str) -> Reply:
        """Fetch a recording; nothing is signed or tried again. Raises OSError or
        http.client.HTTPException."""
        return self._send("GET", path, None, {"User-Agent": "TwilioProxy/1.1"})

    def path_of(self, link: str, base: str) -> str:
        """The path and query on our server of a link in a document that came from `base`.

        Raises ValueError for a link to another server.
        """
        if link.startswith("/") and not link.startswith("//"):
            return link
        absolute = urljoin(self.public_url + base, link)
        if not absolute.startswith(self.public_url + "/"):
            raise ValueError(f"a link to another server: {absolute}")
        return absolute[len(self.public_url) :]

    def close(self) -> None:
        """Close the connection; the next webhook opens another."""
        self._connection.close()

    def _send(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Reply:
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except BaseException:
            self.close()  # otherwise a later answer could be taken for the next one's
            raise
        return Reply(answer.status, answer.headers.get("Content-Type", ""), content)
