"""Subjects: the list, each of them with visits and kits, and each visit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, url_for

from core.access.roles import Permission
from core.errors import NotFound
from core.ledger.listing import LedgerListing, Wanted
from core.listing import Listing
from core.unblinding.reading import may_read
from web.db import connection, the_core
from web.reading.common import (
    SUBJECT_STATES,
    VISIT_STATES,
    Link,
    after,
    chosen,
    deeds,
    first,
    kit_words,
    look,
    reader,
    show,
    status_words,
    zones,
)
from web.reading.entries import Told, told
from web.reading.signed import signed_words
from web.session import current, signed_in
from web.words import t

LATEST = 10
"""So many entries of the ledger are on a subject's own page."""


def add_to(pages: Blueprint) -> None:
    """Put the pages at their addresses."""
    pages.add_url_rule("/subjects", "subjects", signed_in(all_subjects))
    pages.add_url_rule("/subjects/<number>", "subject", signed_in(one_subject))
    pages.add_url_rule("/subjects/<number>/visits/<code>", "visit", signed_in(one_visit))


def _list_link() -> Link:
    return Link(t("web.menu.subjects"), url_for("reading.subjects"))


def all_subjects() -> str:
    """The subjects, by site and state."""
    lists = look(Listing)
    page = lists.list_subjects(site=chosen("site"), status=chosen("status"), after=chosen("after"))
    return show(
        "subjects",
        t("web.menu.subjects"),
        page=page,
        after=after(page),
        first=first(),
        state=status_words,
        states=SUBJECT_STATES,
        chosen=chosen,
    )


def one_subject(number: str) -> str:
    """A subject: state, visits done and planned, kits, what may be done now, what was done."""
    found = reader().subject(number)
    lists, me = look(Listing), current()
    entries: tuple[Told, ...] = ()
    if look(LedgerListing).may(Permission.SEE_LEDGER):
        page = look(LedgerListing).list_entries(Wanted(subject=number), limit=LATEST)
        entries = told(page.rows)
    return show(
        "subject",
        t("web.subject.title", number=number),
        _list_link(),
        subject=found,
        state=status_words(found["status"]),
        levels=_levels(found),
        phase=_phase(found),
        dose=_dose(found),
        visits=lists.list_visits(number),
        visit_states=VISIT_STATES,
        kits=lists.list_kits_of(number),
        kit_words=kit_words,
        zone=zones([found["site"]])[found["site"]],
        deeds=deeds(found["site"], {"subject": number}),
        opened=found["randomized_on"] is not None
        and may_read(the_core(), connection(), me.actor, me.study.code, subject=number),
        elsewhere=me.site is not None and me.site.number != found["site"],
        entries=entries,
        signatures=signed_words(found["signatures"]),
        today=me.now,
    )


def _phase(found: Mapping[str, Any]) -> str | None:
    """The phase that the subject is in, in words."""
    config = the_core().config(connection(), current().study.code, found["study_version"])
    code: str | None = found["phase"]
    names = {phase.code: phase.labels.text(current().language) for phase in config.phases}
    return names.get(code, code) if code else None


def _dose(found: Mapping[str, Any]) -> str | None:
    """The dose that the subject is on, in the words of every arm; none before there is one."""
    config = the_core().config(connection(), current().study.code, found["study_version"])
    if config.dosing is None or found["dose"] is None:
        return None
    return config.dosing.level(found["dose"]).labels.text(current().language)


def _levels(found: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Each factor with its level in words: where it was corrected, the one randomized with too."""
    config = the_core().config(connection(), current().study.code, found["study_version"])
    language, rows = current().language, []
    for factor in config.factors:
        if factor.name not in found["levels"]:
            continue
        before, after = (
            level.labels.text(language) if (level := factor.find_level(value)) else value
            for value in (
                found["levels"][factor.name],
                found["corrected"].get(factor.name, found["levels"][factor.name]),
            )
        )
        if before != after:
            after = t("web.subject.randomized_as", now=after, before=before)
        rows.append((factor.labels.text(language), after))
    return tuple(rows)


def one_visit(number: str, code: str) -> str:
    """A visit of a subject: when it was or should be, and the kits given at it."""
    found = reader().subject(number)
    lists = look(Listing)
    visit = next((one for one in lists.list_visits(number) if one.visit == code), None)
    if visit is None:
        raise NotFound
    name = visit.name.text(current().language)
    return show(
        "visit",
        t("web.visit.title", visit=name, number=number),
        _list_link(),
        Link(t("web.subject.title", number=number), url_for("reading.subject", number=number)),
        subject=found,
        visit=visit,
        state=t(VISIT_STATES[visit.status]),
        kits=lists.list_kits_of(number, code),
        signatures=signed_words(one for one in found["signatures"] if one["visit"] == code),
        kit_words=kit_words,
        zone=zones([found["site"]])[found["site"]],
    )
