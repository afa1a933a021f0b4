"""RFC 3161: asking an authority to stamp a text with the time, and holding a stamp against it.

The library is imported where it is used: most installations have no authority.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

_SECONDS_MAX = 20
_BYTES_MAX = 100_000


class NotStamped(Exception):
    """Why there is no stamp, or why it is not one of this text."""


def ask(url: str, text: str) -> str:
    """The authority's response for the text, base64. Raises NotStamped.

    The authority learns a digest, nothing of the text.
    """
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    builder = TimestampRequestBuilder().data(text.encode()).hash_algorithm(HashAlgorithm.SHA256)
    query = Request(  # noqa: S310 - the settings took http and https only
        url,
        data=builder.build().as_bytes(),
        headers={"Content-Type": "application/timestamp-query"},
    )
    try:
        with urlopen(query, timeout=_SECONDS_MAX) as answer:  # noqa: S310
            given = answer.read(_BYTES_MAX)
    except (OSError, ValueError, HTTPException) as failure:
        raise NotStamped(f"the authority does not answer ({type(failure).__name__})") from failure
    stamp = base64.b64encode(given).decode()
    check(text, stamp)
    return stamp


def check(text: str, stamp: str, certificates: str = "") -> None:
    """Hold a stamp against the text. Raises NotStamped.

    `certificates`: a PEM file; given, the stamp also has to be signed under one of its authorities.
    """
    import rfc3161_client as rfc3161

    try:
        response = rfc3161.decode_timestamp_response(base64.b64decode(stamp, validate=True))
        granted = response.status in (0, 1)
        imprint = response.tst_info.message_imprint.message if granted else b""
    except (binascii.Error, ValueError) as broken:
        raise NotStamped("the stamp cannot be read") from broken
    if not granted:
        raise NotStamped("the authority refused")
    if imprint != hashlib.sha256(text.encode()).digest():
        raise NotStamped("the stamp is of another text")
    if certificates:
        _check_signed(response, text, certificates)


def _check_signed(response: object, text: str, certificates: str) -> None:
    import rfc3161_client as rfc3161
    from cryptography import x509

    builder = rfc3161.VerifierBuilder()
    try:
        for one in x509.load_pem_x509_certificates(Path(certificates).read_bytes()):
            builder = builder.add_root_certificate(one)
        builder.build().verify_message(response, text.encode())  # type: ignore[arg-type]
    except (OSError, ValueError, rfc3161.VerificationError) as wrong:
        raise NotStamped("the stamp is not signed by a known authority") from wrong
