"""Takes the heads of chains outside: into the file, by e-mail, to a time stamping authority."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

import structlog

from core.ledger import anchors, stamps
from core.ledger.anchors import Anchor
from core.runtime import Core
from web.mail_out import MailServer

_log = structlog.get_logger("web.anchoring")
_WORDS: Final = """These are the last entries of every chain of the ledger at that moment. Keep this
message: a chain that no longer contains one of them has been cut off or written anew, which

    ixrs verify --head STUDY:SEQUENCE:HASH

finds. The text between the lines is what a time stamp is of.

----
{text}----
"""


@dataclass(frozen=True, slots=True)
class Delivered:
    """Where heads have arrived, and a sentence for each place where they have not."""

    anchor: Anchor
    filed: bool
    mailed: bool
    stamped: bool
    problems: tuple[str, ...]


def run_due(core: Core) -> bool:
    """Note tonight's heads wherever the settings ask for it; whether there was anything to do.
    What fails is tried again as soon as the lease has lapsed."""
    claimed = anchors.claim_due(core)
    if claimed is None:
        return False
    for problem in deliver(core, claimed).problems:
        _log.error("heads_not_noted", problem=problem)
    return True


def note_now(core: Core) -> Delivered:
    """Note the heads as they stand, whatever the night has."""
    made = anchors.note_heads(core)
    assert made is not None  # noqa: S101 - only a night can have them already
    return deliver(core, made)


def deliver(core: Core, one: Anchor) -> Delivered:
    """Take the heads to every place that the settings name and that does not have them yet."""
    places, problems = anchors.wants(core), []
    filed, mailed, stamp = one.filed, one.mailed, one.stamp
    if "file" in places and not filed:
        try:
            anchors.append_text(core.settings.anchor_file, one.text)
            anchors.mark_filed(core, one)
            filed = True
        except OSError as error:
            path = core.settings.anchor_file
            problems.append(f"{path} cannot be written: {error.strerror}.")
    if "stamp" in places and stamp is None:
        try:
            stamp = _stamp(core, one)
        except (stamps.NotStamped, OSError) as error:
            problems.append(f"There is no time stamp: {error}.")
    if "mail" in places and not mailed:
        answer = MailServer(core.settings.smtp_url).send(_letter(core, one))
        if answer is None:
            anchors.mark_mailed(core, one)
            mailed = True
        else:
            problems.append(f"The e-mail was not sent: {answer.error}.")
    return Delivered(one, filed, mailed, stamp is not None, tuple(problems))


def _stamp(core: Core, one: Anchor) -> str:
    """Have the heads stamped. The stamp goes into the file too, which is all that a proof needs."""
    stamp = stamps.ask(core.settings.tsa_url, one.text)
    if core.settings.anchor_file:
        anchors.append_text(core.settings.anchor_file, anchors.stamp_line(one, stamp))
    anchors.mark_stamped(core, one, stamp)
    return stamp


def _letter(core: Core, one: Anchor) -> EmailMessage:
    settings = core.settings
    mail = EmailMessage()
    mail["From"], mail["To"] = settings.mail_from, settings.anchor_mail
    mail["Subject"] = f"IxRS: heads of the ledger, {one.at:%Y-%m-%d}"
    mail["Date"] = format_datetime(core.now())
    mail["Message-ID"] = f"<ixrs-heads-{one.id}@{settings.mail_from.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(_WORDS.format(text=one.text))
    return mail
