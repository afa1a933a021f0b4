"""What a running demo tells: addresses, telephone numbers, who can sign in."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Final

from core.db.models import ledger
from web.demo.history import DemoStudy, environment
from web.demo.running import Running

ENVIRONMENT: Final = "environment"


def as_json(running: Running) -> dict[str, Any]:
    """What `--json` prints in one line; `users` are those who can sign in."""
    settings = running.demo.settings
    return {
        "url": running.url,
        "public_url": settings.public_url,
        "twilio_account_sid": settings.twilio_account_sid,
        "twilio_auth_token": settings.twilio_auth_token,
        "database_url": settings.database_url,
        "ledger_table": ledger.name,
        "environment": environment(settings),
        "studies": [_study(study) for study in running.demo.studies],
    }


def _study(study: DemoStudy) -> dict[str, Any]:
    return {
        "code": study.code,
        "number": study.number,
        "telephone": study.telephone,
        "emergency_telephone": study.emergency_telephone,
        "users": [
            {
                "user_id": user.user_id,
                "name": user.name,
                "pin": user.pin,
                "password": user.password,
                "role": user.role,
                "sites": list(user.sites),
            }
            for user in study.users
        ],
    }


def write_environment(running: Running) -> Path:
    """A file to be sourced by a shell, so that `ixrs` works on this demo."""
    file = running.folder / ENVIRONMENT
    file.touch(mode=0o600)
    lines = [
        f"export {name}={shlex.quote(value)}"
        for name, value in environment(running.demo.settings).items()
    ]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def as_text(running: Running, environment_file: Path) -> str:
    """The same for people."""
    lines = [
        "IxRS demo. TRAINING: everybody and everything in it is invented.",
        "",
        f"Web       {running.url}/",
        f"Telephone {running.url}/simulator   (in the browser: sign in to the web in another tab)",
        f"Database  {running.demo.settings.database_url}",
        f"Log       {running.folder / 'server.log'}",
    ]
    for study in running.demo.studies:
        lines += ["", *_study_lines(study)]
    ixrs = Path(".venv") / "bin" / "ixrs"
    lines += [
        "",
        "Ring up in the browser at the address above, or from another terminal:",
        f"  . {environment_file}",
        f"  {ixrs} call",
        "SMS appear here as they arrive. Ctrl-C stops the demo.",
    ]
    return "\n".join(lines)


def _study_lines(study: DemoStudy) -> list[str]:
    lines = [
        f"Study {study.number} ({study.code}): {study.title}",
        f"  main line {study.telephone}, emergency line {study.emergency_telephone}",
        f"  {'user ID':8}{'PIN':8}{'password':24}{'role':22}{'sites':13}name",
    ]
    for user in study.users:
        sites = " ".join(user.sites)
        lines.append(
            f"  {user.user_id:8}{user.pin:8}{user.password:24}{user.role:22}{sites:13}{user.name}"
        )
    return lines
