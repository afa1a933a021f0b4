"""What the installation is told by its environment, read once at start and checked as a whole.

Nothing here is read at import. Every setting `NAME` may instead be given as `NAME_FILE`, the path
of a file that holds the value (as container secrets are), so that keys need not stand in a
process's environment.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

TWILIO_API_URL: Final = "https://api.twilio.com"
SECRET_KEY_CHARACTERS_MIN: Final = 32
ENCRYPTION_KEY_BYTES: Final = 32
SECRET_DAYS: Final = 365
SECRET_DAYS_RANGE: Final = (30, 730)
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
MAKE_SECRET: Final = "python3 -c 'import secrets; print(secrets.token_hex(32))'"  # noqa: S105


class SettingsError(Exception):
    """Settings are missing or malformed; `problems` has a sentence for each, all at once."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class Malformed(Exception):
    """One value is not what it should be; the text goes on from the setting's name."""


@dataclass(frozen=True)
class Settings:
    """The installation's settings. Secrets never appear in `repr`.

    `encryption_keys` are 32 bytes each: the first one seals, all of them open. `public_url` has no
    trailing slash. The Twilio fields and `public_url` are empty where only the database is needed.
    """

    database_url: str = field(repr=False)  # may hold a password
    secret_key: str = field(repr=False)
    encryption_keys: tuple[bytes, ...] = field(repr=False)
    public_url: str = ""
    twilio_account_sid: str = ""
    twilio_auth_token: str = field(default="", repr=False)
    twilio_auth_token_secondary: str = field(default="", repr=False)
    twilio_api_url: str = TWILIO_API_URL
    helpdesk_number: str = ""
    sms_number: str = ""  # what messages come from where no study's number is meant
    smtp_url: str = field(default="", repr=False)  # may hold a password; empty: no e-mail is sent
    mail_from: str = ""
    anchor_file: str = ""  # where the heads of chains are noted outside the database …
    anchor_mail: str = ""  # … to whom they are sent …
    tsa_url: str = ""  # … and who stamps them with the time
    tsa_certificates: str = ""  # PEM file of the authorities that its stamps are held against
    secret_days: int = SECRET_DAYS  # the age at which a PIN or password has to be a new one

    @property
    def encryption_key(self) -> bytes:
        """The current key, which seals."""
        return self.encryption_keys[0]

    @property
    def twilio_auth_tokens(self) -> tuple[str, ...]:
        """The tokens with which a webhook may be signed: primary, then secondary."""
        return tuple(t for t in (self.twilio_auth_token, self.twilio_auth_token_secondary) if t)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a SQLite file, which one process at a time serves best."""
        return self.database_url.startswith("sqlite")

    @property
    def is_simulated(self) -> bool:
        """Whether the provider is the simulator on this machine: a demo or a training."""
        return urlsplit(self.twilio_api_url).hostname in LOOPBACK

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] | None = None, *, serving: bool = False
    ) -> Settings:
        """Read IXRS_… settings. `serving` also requires what answering calls and sending needs.

        Raises SettingsError naming every setting that is missing or malformed.
        """
        read = _Reader(os.environ if environ is None else environ)
        keys = read("IXRS_ENCRYPTION_KEY", _encryption_keys, KEY_HELP)
        settings = cls(
            database_url=read("IXRS_DATABASE_URL", _database_url) or _default_database(),
            secret_key=read("IXRS_SECRET_KEY", _secret_key, SECRET_KEY_HELP) or "",
            encryption_keys=keys or (),
            public_url=read("IXRS_PUBLIC_URL", _url, PUBLIC_URL_HELP, serving) or "",
            twilio_account_sid=read("IXRS_TWILIO_ACCOUNT_SID", _account, ACCOUNT_HELP, serving)
            or "",
            twilio_auth_token=read("IXRS_TWILIO_AUTH_TOKEN", _token, TOKEN_HELP, serving) or "",
            twilio_auth_token_secondary=read("IXRS_TWILIO_AUTH_TOKEN_SECONDARY", _token) or "",
            twilio_api_url=read("IXRS_TWILIO_API_URL", _url) or TWILIO_API_URL,
            helpdesk_number=read("IXRS_HELPDESK_NUMBER", _telephone) or "",
            sms_number=read("IXRS_SMS_NUMBER", _telephone) or "",
            smtp_url=(smtp_url := read("IXRS_SMTP_URL", _smtp) or ""),
            mail_from=read("IXRS_MAIL_FROM", _address, MAIL_FROM_HELP, bool(smtp_url)) or "",
            anchor_file=read("IXRS_ANCHOR_FILE", _place) or "",
            anchor_mail=read("IXRS_ANCHOR_MAIL", partial(_anchor_mail, smtp_url)) or "",
            tsa_url=read("IXRS_TSA_URL", _authority) or "",
            tsa_certificates=read("IXRS_TSA_CERTIFICATES", _existing) or "",
            secret_days=read("IXRS_SECRET_DAYS", _secret_days) or SECRET_DAYS,
        )
        if read.problems:
            raise SettingsError(tuple(read.problems))
        return settings


SECRET_KEY_HELP: Final = (
    f"set it to at least {SECRET_KEY_CHARACTERS_MIN} random characters "
    f"(made by: {MAKE_SECRET}), and keep it: changing it makes every PIN invalid"
)
KEY_HELP: Final = (
    f"set it to 32 random bytes in hexadecimal or base64 (made by: {MAKE_SECRET}), "
    "and keep it safe: without it treatments cannot be read"
)
PUBLIC_URL_HELP: Final = (
    "set it to the address under which Twilio and people reach this server, "
    "for example https://ixrs.example.org"
)
ACCOUNT_HELP: Final = "set it to the account SID of Twilio's console (AC and 32 hexadecimal digits)"
TOKEN_HELP: Final = "set it to the auth token of Twilio's console"  # noqa: S105
MAIL_FROM_HELP: Final = (
    "set it to the address that orders to depots come from, for example ixrs@example.org"
)


T = TypeVar("T")


class _Reader:
    """Reads settings one by one and gathers what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def __call__(
        self, name: str, parse: Callable[[str], T], help_: str = "", required: bool = True
    ) -> T | None:
        """The parsed value, or None. A setting without `help_` may be absent."""
        try:
            text = self.text(name)
            if text:
                return parse(text)
        except Malformed as wrong:
            self.problems.append(f"{name} {wrong}.")
            return None
        if help_ and required:
            self.problems.append(f"{name} is missing: {help_}.")
        return None

    def text(self, name: str) -> str:
        """The setting as given, directly or through a file; empty where it isn't."""
        path = self.environ.get(f"{name}_FILE", "").strip()
        value = self.environ.get(name, "").strip()
        if not path:
            return value
        if value:
            raise Malformed(f"and {name}_FILE are both set: set only one of them")
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError, ValueError) as failure:
            why = failure.strerror if isinstance(failure, OSError) else "it isn't a text file"
            raise Malformed(
                f"cannot be read: {name}_FILE names {path} ({why}); "
                "set it to a file that this user may read"
            ) from None


def _default_database() -> str:
    return f"sqlite:///{Path('var').resolve() / 'ixrs.db'}"


def _database_url(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if separator and scheme == "sqlite" and len(rest) > 1:
        return text
    if separator and scheme in ("postgresql", "postgres", "postgresql+psycopg") and rest:
        return f"postgresql+psycopg://{rest}"
    raise Malformed(
        "isn't a database that IxRS knows: set it to postgresql://user:password@host/name "
        "or sqlite:////path/to/file.db"
    )


def _secret_key(text: str) -> str:
    if len(text) < SECRET_KEY_CHARACTERS_MIN:
        raise Malformed(f"is too short: {SECRET_KEY_HELP}")
    return text


def _secret_days(text: str) -> int:
    least, most = SECRET_DAYS_RANGE
    if not (re.fullmatch("[0-9]{1,4}", text) and least <= int(text) <= most):
        raise Malformed(f"isn't a number of days from {least} to {most}")
    return int(text)


def _encryption_keys(text: str) -> tuple[bytes, ...]:
    return tuple(_encryption_key(part.strip()) for part in text.split(","))


def _encryption_key(text: str) -> bytes:
    if re.fullmatch(r"[0-9A-Fa-f]{64}", text):
        return bytes.fromhex(text)
    try:
        key = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != ENCRYPTION_KEY_BYTES:
        raise Malformed(f"is malformed: {KEY_HELP}; several, parted by commas, while rotating")
    return key


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https"):
        raise Malformed("isn't a web address: set it to https://host, without a path of its own")
    if parts.query or parts.fragment or parts.username is not None:
        raise Malformed("has more than an address in it: set it to https://host only")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise Malformed("must begin with https:// (only this machine itself may use http://)")
    return text.rstrip("/")


def _smtp(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("smtp", "smtps") or parts.path not in ("", "/"):
        raise Malformed(
            "isn't a mail server: set it to smtps://user:password@host, or smtp://… where the "
            "server begins TLS when asked to"
        )
    return text


def _address(text: str) -> str:
    if not re.fullmatch(r"[^@\s,;<>\"]{1,64}@[A-Za-z0-9.-]{1,190}", text):
        raise Malformed(f"isn't an e-mail address: {MAIL_FROM_HELP}")
    return text


def _place(text: str) -> str:
    if not Path(text).is_absolute() or Path(text).is_dir():
        raise Malformed("isn't a file: set it to the whole path of one, as /var/lib/anchors/ixrs")
    return text


def _existing(text: str) -> str:
    if not Path(text).is_file():
        raise Malformed("isn't a file: set it to the PEM file of the authority's certificates")
    return text


def _anchor_mail(smtp_url: str, text: str) -> str:
    if not smtp_url:
        raise Malformed("needs a mail server: set IXRS_SMTP_URL too")
    if not re.fullmatch(r"[^@\s,;<>\"]{1,64}@[A-Za-z0-9.-]{1,190}", text):
        raise Malformed("isn't an e-mail address: set it to one, as proof@example.org")
    return text


def _authority(text: str) -> str:
    # Many are reached by http: their answer is signed, and tells them a digest only.
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Malformed("isn't a web address: set it to that of an RFC 3161 authority")
    return text


def _account(text: str) -> str:
    if not re.fullmatch(r"AC[0-9a-fA-F]{32}", text):
        raise Malformed(f"is malformed: {ACCOUNT_HELP}")
    return text


def _token(text: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]{16,}", text):
        raise Malformed(f"is malformed: {TOKEN_HELP}")
    return text


def _telephone(text: str) -> str:
    number = re.sub(r"[ ().-]", "", text)
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", number):
        raise Malformed(
            "isn't a telephone number: set it to + and the country code, as +12025550100"
        )
    return number
