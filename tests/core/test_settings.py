"""Settings: each problem is named with what to set, all at once, and no secret is shown."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from core.settings import Settings, SettingsError

KEY = "11" * 32
OTHER_KEY = base64.b64encode(b"\x22" * 32).decode()
GOOD = {
    "IXRS_DATABASE_URL": "postgresql://ixrs:hush@db/ixrs",
    "IXRS_SECRET_KEY": "s" * 40,
    "IXRS_ENCRYPTION_KEY": KEY,
    "IXRS_PUBLIC_URL": "https://ixrs.example.org/",
    "IXRS_TWILIO_ACCOUNT_SID": "AC" + "a" * 32,
    "IXRS_TWILIO_AUTH_TOKEN": "t" * 32,
}


def problems_of(environ: dict[str, str], *, serving: bool = True) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environ, serving=serving)
    return caught.value.problems


def test_reads_a_whole_environment() -> None:
    settings = Settings.from_environment(GOOD, serving=True)
    assert settings.database_url == "postgresql+psycopg://ixrs:hush@db/ixrs"
    assert settings.public_url == "https://ixrs.example.org"
    assert settings.encryption_key == b"\x11" * 32
    assert settings.twilio_api_url == "https://api.twilio.com"
    assert settings.twilio_auth_tokens == ("t" * 32,)


def test_every_missing_setting_is_named_at_once_with_what_to_set() -> None:
    problems = problems_of({})
    assert [problem.split()[0] for problem in problems] == [
        "IXRS_ENCRYPTION_KEY",
        "IXRS_SECRET_KEY",
        "IXRS_PUBLIC_URL",
        "IXRS_TWILIO_ACCOUNT_SID",
        "IXRS_TWILIO_AUTH_TOKEN",
    ]
    assert all("set it to" in problem for problem in problems)


def test_a_mail_server_needs_an_address_to_come_from() -> None:
    settings = Settings.from_environment(
        {**GOOD, "IXRS_SMTP_URL": "smtps://u:p@mail.example.org", "IXRS_MAIL_FROM": "i@x.example"}
    )
    assert (settings.smtp_url, settings.mail_from) == (
        "smtps://u:p@mail.example.org",
        "i@x.example",
    )
    assert "mail.example.org" not in repr(settings)
    (told,) = problems_of({**GOOD, "IXRS_SMTP_URL": "smtp://mail.example.org"})
    assert told.startswith("IXRS_MAIL_FROM is missing: set it to")
    assert Settings.from_environment(GOOD).smtp_url == ""


def test_the_database_alone_needs_no_provider() -> None:
    environ = {name: GOOD[name] for name in ("IXRS_SECRET_KEY", "IXRS_ENCRYPTION_KEY")}
    settings = Settings.from_environment(environ)
    assert settings.database_url.startswith("sqlite:///")
    assert settings.database_url.endswith("/var/ixrs.db")
    assert settings.is_sqlite


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IXRS_DATABASE_URL", "mysql://db/ixrs"),
        ("IXRS_DATABASE_URL", "ixrs.db"),
        ("IXRS_SECRET_KEY", "hushhush"),
        ("IXRS_ENCRYPTION_KEY", "abc"),
        ("IXRS_ENCRYPTION_KEY", KEY + ","),
        ("IXRS_PUBLIC_URL", "ixrs.example.org"),
        ("IXRS_PUBLIC_URL", "http://ixrs.example.org"),
        ("IXRS_PUBLIC_URL", "https://ixrs.example.org:port"),
        ("IXRS_PUBLIC_URL", "https://me:secret@ixrs.example.org"),
        ("IXRS_TWILIO_ACCOUNT_SID", "SK" + "a" * 32),
        ("IXRS_TWILIO_AUTH_TOKEN", "two words that are long"),
        ("IXRS_TWILIO_AUTH_TOKEN_SECONDARY", "short"),
        ("IXRS_TWILIO_API_URL", "ftp://example.org"),
        ("IXRS_HELPDESK_NUMBER", "0800-HELP"),
        ("IXRS_SMTP_URL", "mail.example.org:25"),
        ("IXRS_SMTP_URL", "smtp://mail.example.org/path"),
    ],
)
def test_a_malformed_setting_is_named_and_its_value_not_repeated(name: str, value: str) -> None:
    (problem,) = problems_of({**GOOD, name: value})
    assert problem.startswith(f"{name} ")
    assert problem.endswith(".")
    assert value not in problem


def test_a_value_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY + "\n")
    environ = {**GOOD, "IXRS_ENCRYPTION_KEY_FILE": str(tmp_path / "key")}
    del environ["IXRS_ENCRYPTION_KEY"]
    assert Settings.from_environment(environ).encryption_key == b"\x11" * 32


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    environ = {**GOOD, "IXRS_SECRET_KEY_FILE": str(tmp_path / "none")}
    del environ["IXRS_SECRET_KEY"]
    (problem,) = problems_of(environ)
    assert "IXRS_SECRET_KEY_FILE" in problem
    assert str(tmp_path / "none") in problem


def test_value_and_file_together_are_refused(tmp_path: Path) -> None:
    (problem,) = problems_of({**GOOD, "IXRS_SECRET_KEY_FILE": str(tmp_path / "key")})
    assert problem.startswith("IXRS_SECRET_KEY ")


def test_the_first_key_is_current_and_the_others_still_open() -> None:
    settings = Settings.from_environment({**GOOD, "IXRS_ENCRYPTION_KEY": f"{OTHER_KEY}, {KEY}"})
    assert settings.encryption_keys == (b"\x22" * 32, b"\x11" * 32)
    assert settings.encryption_key == b"\x22" * 32


def test_repr_shows_no_secret() -> None:
    settings = Settings.from_environment(GOOD, serving=True)
    shown = repr(settings)
    assert "IXRS" not in shown
    for secret in ("hush", "s" * 40, KEY, "\\x11", "t" * 32):
        assert secret not in shown
