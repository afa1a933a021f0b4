"""What is shown and sent: words for every message in each language, and SMS that tell little."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator

import pytest

import core
import ivr
import locales
import web
from core.messages import Digits, Message, Param, message_from_json
from core.register import transactions
from core.study import read
from core.study.fields import PATTERNS
from core.subjects.holds import STOPS
from core.text import MOMENT, Catalogue
from tests.support import catalogue as source
from tests.support import templates
from tests.support.world import World

FACES = ("core", "web")
"""The telephone's own texts are spoken, and in prompts/."""
FINDERS = ("core/study", "core/randomization", "core/supply/demand")
"""Where files are read, and what is wrong with them is found."""
_PAGES = (r"web\.", r"simulator\.")
_FINDINGS = ("error", "warning", "blocks_publishing")
_KIT_FIELDS = ("description", "group", "unblinded", "pack_size")
_BY_TRANSACTION = ("menu.", "deed.", "meaning.", "sms.deed.")
_BUILT = {
    "said": ("activate_site", "pause_site", "close_site", "dispense", "unscheduled", "replace",
             "give_rest", "change_password", "change_pin"),
    "sms": ("dispense", "unscheduled", "replace", "give_rest",
            "activated", "pin_reset", "person_locked", "source_waits", "many_locks",
            "emergency_sign_in_failed", "secret_renewed", "factor_added", "factor_removed",
            "change_password", "change_pin"),
}  # fmt: skip
"""Ids put together of a family and the name of a deed or an event."""
_CONFIRMED = {
    "sms.change_password", "sms.locked_by_hand", "sms.you_are_locked", "sms.reset_factors",
    "sms.change_pin", "sms.randomize", "sms.dispense", "sms.unscheduled", "sms.replace",
    "sms.receive", "sms.receive_held", "sms.receipt_problem", "sms.report_stock",
    "sms.likely_duplicate", "sms.soft_cap",
    "sms.resupply_short",
    "sms.on_its_way", "sms.depot_receipt_problem",
    "sms.quarantined", "sms.put_aside", "sms.cleared", "sms.rejected", "sms.shipment_lost",
    "sms.relabel", "sms.relabel_depot",
    "sms.recall_subjects", "sms.lot_recalled_at", "sms.lot_recalled",
    "sms.wrong_kit", "sms.give_rest", "sms.to_destroy", "sms.to_destroy_depot",
}  # fmt: skip
"""Notices of a deed: `perform` adds its confirmation number."""
_GSM_7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_RESERVED = re.compile(
    r"\b(stop|stopall|unsubscribe|cancel|end|quit|revoke|optout|help|info|start|yes|unstop)\b", re.I
)
_TREATMENT = {"arm", "arms", "treatment", "kit_type", "type", "block", "list", "stratum"}
_SAMPLES: dict[str, Param] = {
    "code": "123456789012",
    "hours": 72,
    "user_id": Digits("10012"),
    "study": "cordavin-2",
    "site": Digits("101"),
    "depot": Digits("900"),
    "due": dt.date(2026, 11, 27),
    "date": dt.date(2026, 11, 27),
    "day": dt.date(2026, 11, 27),
    "subject": Digits("101001"),
    "lot": Digits("5001"),
    "subjects": (Digits("101001"), Digits("101002")),
    "others": (Digits("101002"), Digits("101003")),
    "number": Digits("4711"),
    "kits": (Digits("1234"), Digits("5678")),
    "shipment": Digits("12345614"),
    "confirmation": Digits("123456789"),
    "text": "IxRS: and so on",
    "what": tuple(Message(f"sms.held_{one}") for one in STOPS),
    "why": Message("word.break_failed_subject_unknown"),
    "times": 12,
    "caps": (Message("word.cap_country"), Message("word.cap_stratum")),
}


@pytest.fixture(scope="module")
def shown() -> Catalogue:
    return locales.catalogue()


def _study_findings() -> Iterator[source.Made]:
    """The messages of study and case files, made by functions that take a shortened id."""
    made = dict.fromkeys(_FINDINGS, "study.")
    for name, prefix in {**made, "what": "study.what.", "word": "study.value."}.items():
        for place, call, scope in source.calls(name, *FINDERS):
            params = {keyword.arg for keyword in call.keywords}
            for id_ in source.written(call.args[0], scope):
                known = frozenset(one for one in params if one)
                yield source.Made(place, prefix + id_, None if None in params else known)


def _study_built() -> Iterator[str]:
    yield from (f"study.{id_}" for id_ in read._MESSAGES.values())
    yield from (f"study.{id_}" for id_, _ in read._WITH_LIMIT.values())
    yield from PATTERNS.values()
    yield from ("study.must_be_one_of", "study.not_understood")
    fields = ("description", "group", "unblinded", "pack_size", "size")
    yield from (f"study.what.kit_{field}" for field in fields)
    for name in ("changed_named", "_items", "_reasons", "_kits"):
        for _, call, scope in source.calls(name, "core/study"):
            for names in source.written(call.args[0], scope):
                yield from (f"study.what.{one}" for one in names.split())


def _needed() -> set[str]:
    """Every id that core and the web can make."""
    made = {one.id for one in (*source.messages(*FACES), *_study_findings())}
    made |= {one.id for one in templates.messages()}
    families = {id_.partition(".")[0] for id_ in made} - {"study"}  # there are columns study.code
    constants = {*source.constants(*FACES), *templates.constants()}
    made |= {id_ for id_ in constants if id_.partition(".")[0] in families and not _is_module(id_)}
    made |= {f"error.{kind.code}" for kind in source.error_kinds(core, ivr, web)}
    made |= {prefix + each.name for prefix in _BY_TRANSACTION for each in transactions()}
    made |= {f"{family}.{name}" for family, names in _BUILT.items() for name in names}
    return {*made, MOMENT, *_study_built(), *source.asked(transactions()), *source.closed()}


def _is_module(id_: str) -> bool:
    """Whether this names a module of ours and no text (a logger is called "web.background")."""
    path = source.ROOT.joinpath(*id_.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def _of_pages(shown: Catalogue) -> set[str]:
    """The ids of pages that are put together there, of a stem and a state or a role."""
    built = (*templates.patterns(), *source.patterns("web"))
    of_pages = [one for one in built if one.pattern.startswith(_PAGES)]
    return {id_ for id_ in shown.ids("en") for one in of_pages if one.fullmatch(id_)}


def test_everything_that_can_be_shown_has_words_in_each_language(shown: Catalogue) -> None:
    needed = _needed()
    missing = {lang: sorted(needed - shown.ids(lang)) for lang in shown.languages}
    assert missing == {"en": [], "es": []}


def test_ids_put_together_at_run_time_are_of_a_known_set(shown: Catalogue) -> None:
    needed = _needed()
    families = {id_.partition(".")[0] for id_ in needed}
    known = {*needed, *_of_pages(shown)}
    unknown = [
        one.pattern
        for one in (*source.patterns(*FACES), *templates.patterns())
        if one.pattern.partition("\\.")[0] in families
        and not any(one.fullmatch(id_) for id_ in known)
    ]
    assert unknown == []


def test_no_text_is_left_over(shown: Catalogue) -> None:
    assert sorted(shown.ids("en") - _needed() - _of_pages(shown)) == []


def test_languages_have_the_same_texts_with_the_same_parameters(shown: Catalogue) -> None:
    assert shown.ids("en") == shown.ids("es")
    differ = [id_ for id_ in shown.ids("en") if shown.names(id_, "en") != shown.names(id_, "es")]
    assert differ == []


def _added(id_: str) -> frozenset[str]:
    """What is put into a message after it is made."""
    added = {"confirmation"} if id_ in _CONFIRMED else set[str]()
    return frozenset(added | ({"code"} if id_ == "sms.code" else set()))


def test_texts_take_only_what_the_code_gives_them(shown: Catalogue) -> None:
    wrong = [
        f"{one.place}: {one.id} takes {sorted(lacking)}"
        for one in (*source.messages(*FACES), *_study_findings(), *templates.messages())
        if one.params is not None and one.id in shown.ids("en")
        and (lacking := shown.names(one.id, "en") - one.params - _added(one.id))
    ]  # fmt: skip
    assert wrong == []


def test_errors_take_only_what_they_are_raised_with(shown: Catalogue) -> None:
    wrong = []
    for kind in source.error_kinds(core, ivr, web):
        names = shown.names(f"error.{kind.code}", "en")
        for place, call, _ in source.calls(kind.__name__, "core", "ivr", "web"):
            given = {keyword.arg for keyword in call.keywords}
            if not call.args and None not in given and names - given:
                wrong.append(f"{place}: {kind.__name__} takes {sorted(names)}")
    assert wrong == []


def test_a_count_of_one_has_its_own_form(shown: Catalogue) -> None:
    for language in shown.languages:
        for id_ in shown.ids(language):
            if "count" in shown.names(id_, language):
                params = dict.fromkeys(shown.names(id_, language), "x")
                one, two = (
                    shown.render(Message(id_, {**params, "count": count}), language, spoken=False)
                    for count in (1, 2)
                )
                assert one != two.replace("2", "1"), f"{language}: {id_}"


def test_every_text_renders_with_its_parameters(shown: Catalogue) -> None:
    for language in shown.languages:
        for id_ in shown.ids(language):
            params: dict[str, Param] = {
                name: _SAMPLES.get(name, f"<{name}>") for name in shown.names(id_, language)
            }
            text = shown.render(Message(id_, params), language, spoken=False)
            assert text.strip() == text != "", id_
            assert "{" not in text, id_


def test_no_text_outside_the_study_file_names_a_treatment(shown: Catalogue) -> None:
    open_texts = [id_ for id_ in shown.ids("en") if not id_.startswith("study.")]
    assert {id_ for id_ in open_texts if shown.names(id_, "en") & _TREATMENT} == set()


def _sms(shown: Catalogue, language: str) -> Iterator[tuple[str, str]]:
    """Each SMS with typical values; notices once for each transaction that they may tell."""
    for id_ in sorted(shown.ids(language)):
        if not id_.startswith("sms.") or id_.startswith("sms.deed."):
            continue
        names = shown.names(id_, language)
        deeds = [each.name for each in transactions()] if "deed" in names else [""]
        for deed in deeds:
            for count in (1, 24) if "count" in names else (1,):
                extra: dict[str, Param] = {"count": count, "deed": Message(f"sms.deed.{deed}")}
                message = Message(id_, {**_SAMPLES, **extra})
                yield id_, shown.render(message, language, spoken=False)


@pytest.mark.parametrize("language", ["en", "es"])
def test_an_sms_is_one_segment_of_gsm_7(shown: Catalogue, language: str) -> None:
    for id_, text in _sms(shown, language):
        assert set(text) <= _GSM_7, f"{id_}: {sorted(set(text) - _GSM_7)}"
        assert len(text) <= 160, f"{id_}: {len(text)}"


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_confirmation_with_all_its_marks_is_still_one_segment(
    shown: Catalogue, language: str
) -> None:
    repeats = ("randomize", "dispense", "unscheduled", "replace", "receive", "receive_held")
    for name in (*repeats, "given", "given_already", "do_not_give", "given_incomplete"):
        text = Message(f"sms.{name}", {**_SAMPLES, "count": 2})
        if name in repeats:
            text = Message("sms.repeat", {"text": text})
        text = Message("sms.in_study", {"study": "cordavin-2", "text": text})
        body = shown.render(Message("sms.training", {"text": text}), language, spoken=False)
        assert len(body) <= 160, body


@pytest.mark.parametrize("language", ["en", "es"])
def test_an_sms_has_no_word_that_carriers_keep_to_themselves(
    shown: Catalogue, language: str
) -> None:
    for id_, text in _sms(shown, language):
        assert not _RESERVED.search(text), f"{id_}: {text}"


@pytest.mark.req("R6")
def test_sms_of_real_deeds_tell_no_end_of_a_kit_number_and_no_treatment(
    shown: Catalogue, quick_world: World
) -> None:
    _act(quick_world)
    bodies = list(_queued(shown, quick_world))
    ends = quick_world.rows("SELECT number FROM kit WHERE subject_id IS NOT NULL")
    assert len(ends) >= 3
    ids = {id_ for id_, _ in bodies}
    assert ids >= {"sms.dispense", "sms.replace", "sms.unscheduled", "sms.randomize",
                   "sms.wrong_carton", "sms.notice_subject", "sms.receive_held",
                   "sms.receipt_problem", "sms.report_stock", "sms.likely_duplicate"}  # fmt: skip
    for id_, body in bodies:
        assert set(body) <= _GSM_7, id_
        assert len(body) <= 160, body
        assert not re.search(r"\b(active|placebo|capsules)\b", body, re.I), body
        assert not [row.number for row in ends if row.number in body], body
        if id_ in ("sms.dispense", "sms.replace", "sms.unscheduled"):
            assert not [row.number for row in ends if re.search(rf"\b{row.number[4:]}\b", body)]


def _act(here: World) -> None:
    """A day of Ada's and Ivy's at site 101 that sends every kind of SMS about a subject."""
    number = here.randomized()
    here.screen()
    (given,) = here.dispense(number)
    here.refused("wrong_carton", "hand_over", "Ada", subject=number, carton_1="0000")
    here.do("replace", "Ada", subject=number, kit=given, reason="damaged")
    here.do("unscheduled", "Ada", subject=number)
    here.receive(here.ship(1, receive=None), logger="alarm")
    query = "SELECT number FROM kit WHERE study = :study AND site = '101' AND quality = 'none'"
    on_shelf = here.rows(query + " AND disposition = 'available' AND custody = 'at_rest'")
    here.do("report_stock", "Ada", kit=on_shelf[0].number, condition="damaged")


def _queued(shown: Catalogue, here: World) -> Iterator[tuple[str, str]]:
    rows = here.rows("SELECT message, secret FROM outbox ORDER BY id")
    for row in rows:
        message = message_from_json(json.loads(row.message))
        params = {**message.params, "code": "123456789012"} if row.secret else message.params
        for language in shown.languages:
            text = shown.render(Message(message.id, params), language, spoken=False)
            yield message.id, text
