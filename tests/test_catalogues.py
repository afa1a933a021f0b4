"""Every message has its words, in every language, with the same parameters; none is left over."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

import core
import prompts
from core.register import transactions
from core.text import Catalogue
from core.transaction import Channel
from ivr.twiml import _VOICES
from tests.support import catalogue as source

# Texts of channels with a screen or a file, which nobody hears on the telephone.
_NOT_SPOKEN = re.compile(
    r"sms\..*|word\.(role|cap|break_failed)_.*|word\.nobody_known|study\..*|outbox\..*|said\.(import_.*|publish|send_code|grant_role|end_role|take_seed_share)|error\.(import_.*|list_refused|share_taken|password_.*"
    r"|study_.*|case_file_refused|other_study|same_version|already_set_up|file_empty|own_role|role_.*|grant_unknown|no_example|page|responses_missing|escalation_stopped)"
    r"|choice\.(hold.*|any_level|as_it_is)|error\.hold_.*|said\.(place|lift)_hold"
    r"|choice\.cohort_.*|warn\.cohort_.*|said\.(cohort_opened|escalation_stopped)"
)


_OF_STOCK = re.compile(
    r"choice\.(chosen|event|verdict)_.*|error\.(no_kits?(_of_it)?|expiry_same)"
    r"|note\.(kits_alike|labels_tell)|error\.numbers_used_up|said\.(generate_kits|extend_lot|extend_lot_same|recall_lot|quarantined|cleared|rejected|kit_found|cancel_shipment|shipment_lost|verify_kits)"
    r"|said\.resupply(_draft|_none)?|warn\.(shortage|(depot_)?expiring|too_close|unacknowledged|shipment_.*)"
    r"|said\.(authorise_destruction|destroy_kits)|choice\.destroyed_.*|error\.certificate_digest"
    r"|said\.(review_audit(_at)?|close_out_site)|error\.review_upto|warn\.(review_.*|open_.*|nothing_open)"
    r"|said\.(approve|acknowledge|pack)_shipment|said\.ship_to_depot|choice\.depot|mail\..*"
)
"""The same of kits put aside and judged, which is done at a desk."""
_OF_DOSES = re.compile(
    r"choice\.because_.*|said\.(change|hold|resume)_dose|error\.(dose_not_held|stored_elsewhere|kit_is_own|nothing_lacking)"
)
"""The same of doses moved or held between visits, and of what went wrong with a kit."""
_OF_THE_BLIND = re.compile(
    r"choice\.((view|position|declined)_.*|a_break|a_kit_break|open_call|call_.*|none_reachable)"
    r"|warn\.none_reachable|error\.kit_of_a_subject"
    r"|said\.(code_view|unblind_kit|take_emergency_call|break_for_caller|decline_caller|assess_break)"
)
"""The same of what opens a treatment at a desk, and of what is said about that."""


_OF_ACCESS = re.compile(
    r"choice\.(lock|access)_.*|said\.(lock_person|reset_factors|review_access|change_(password|mobile)"
    r"|change_mobile)|word\.unknown|warn\.(identity|access|access_overdue)"
    r"|error\.(ends_before|mobile_too_new|locked_already|no_factors|factor_code|passkey)"
)
"""The same of accounts: who looks after them, and second factors, which are the web's."""


def _made() -> Iterator[str]:
    """Ids that are put together at run time: of transactions, questions, errors and choices."""
    yield from (f"error.{kind.code}" for kind in source.error_kinds(core))
    spoken = [one for one in transactions() if Channel.PHONE in one.channels]
    for prefix in ("menu", "deed", "meaning"):
        yield from (f"{prefix}.{transaction.name}" for transaction in spoken)
    # Proposed elsewhere, and read back by telephone to who approves.
    proposed = [one for one in transactions() if one.signers and Channel.PHONE not in one.channels]
    yield from (f"menu.{transaction.name}" for transaction in proposed)
    yield from source.asked([*spoken, *proposed])
    yield from source.closed()


@pytest.fixture(scope="module")
def spoken() -> Catalogue:
    return prompts.catalogue()


def test_everything_that_can_be_said_has_words_in_each_language(spoken: Catalogue) -> None:
    prefixes = {id_.partition(".")[0] for id_ in spoken.ids("en") if "." in id_}
    used = {id_ for id_ in source.constants("core", "ivr") if id_.partition(".")[0] in prefixes}
    desk = (_NOT_SPOKEN, _OF_STOCK, _OF_DOSES, _OF_THE_BLIND, _OF_ACCESS)
    needed = {id_ for id_ in used | set(_made()) if not any(one.fullmatch(id_) for one in desk)}
    missing = {lang: sorted(needed - spoken.ids(lang)) for lang in spoken.languages}
    assert missing == {lang: [] for lang in spoken.languages}


def test_nothing_is_left_over(spoken: Catalogue) -> None:
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in (source.ROOT / "ivr").rglob("*.py")
    )
    patterns = list(source.patterns("core", "ivr"))
    known = set(source.constants("core", "ivr")) | set(_made())
    unused = [
        id_
        for id_ in sorted(spoken.ids("en") - known)
        if f'"{id_}"' not in text and not any(one.fullmatch(id_) for one in patterns)
    ]
    assert unused == []


def test_languages_have_the_same_texts_with_the_same_parameters(spoken: Catalogue) -> None:
    first, *others = spoken.languages
    for language in others:
        assert spoken.ids(language) == spoken.ids(first)
        differ = [
            id_
            for id_ in spoken.ids(first)
            if spoken.names(id_, language) != spoken.names(id_, first)
        ]
        assert differ == []


def test_each_spoken_language_has_a_voice_that_speaks_it(spoken: Catalogue) -> None:
    assert set(spoken.languages) <= set(_VOICES)
