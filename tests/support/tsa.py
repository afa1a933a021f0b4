"""A time stamping authority on this machine, as RFC 3161 has it, with a root of its own."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_SHA256 = {"algorithm": "sha256"}
_REFUSED = bytes.fromhex("3005 3003 020102")  # a response of status 2, without a token


class Authority:
    """Stamps whatever it is asked to, or refuses if `refuses`."""

    def __init__(self) -> None:
        self.refuses = False
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        root = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.root = _certificate("Root", root, None, root)
        self._own = _certificate("Authority", self._key, self.root, root)

    def pem(self) -> bytes:
        """The certificate that its stamps are held against."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    def answer(self, query: bytes) -> bytes:
        """The response to a query, DER."""
        if self.refuses:
            return _REFUSED
        asked = tsp.TimeStampReq.load(query)
        info = {
            "version": "v1",
            "policy": "1.2.3.4.1",
            "message_imprint": asked["message_imprint"],
            "serial_number": 1,
            "gen_time": dt.datetime.now(dt.UTC).replace(microsecond=0),
            "nonce": asked["nonce"],
        }
        token = self._signed(tsp.TSTInfo(info))
        return bytes(tsp.TimeStampResp({"status": {"status": "granted"}, **token}).dump())

    def _signed(self, info: Any) -> dict[str, Any]:
        own = asn1.Certificate.load(self._own.public_bytes(serialization.Encoding.DER))
        content = info.dump()
        attributes = cms.CMSAttributes(
            [
                {"type": "content_type", "values": ["tst_info"]},
                {"type": "message_digest", "values": [hashlib.sha256(content).digest()]},
            ]
        )
        signature = self._key.sign(attributes.dump(), padding.PKCS1v15(), hashes.SHA256())
        by = {"issuer": own.issuer, "serial_number": own.serial_number}
        signer = {
            "version": "v1",
            "sid": {"issuer_and_serial_number": by},
            "digest_algorithm": algos.DigestAlgorithm(_SHA256),
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "sha256_rsa"},
            "signature": signature,
        }
        data = {
            "version": "v3",
            "digest_algorithms": [algos.DigestAlgorithm(_SHA256)],
            "encap_content_info": {
                "content_type": "tst_info",
                "content": core.ParsableOctetString(content),
            },
            "certificates": [own],
            "signer_infos": [signer],
        }
        signed = {"content_type": "signed_data", "content": cms.SignedData(data)}
        return {"time_stamp_token": signed}


def _certificate(name: str, key: Any, issuer: x509.Certificate | None, by: Any) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(issuer is None, None), critical=True)
    )
    if issuer is not None:
        stamping = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        made = made.add_extension(stamping, critical=True)
    return made.sign(by, hashes.SHA256())


@contextmanager
def listening(authority: Authority) -> Iterator[str]:
    """The authority behind an address on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            answer = authority.answer(query)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsa"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
