"""Who sees which page, where: what one may not see answers as if it did not exist."""

from __future__ import annotations

import re

import pytest

from core.access.roles import ROLES
from core.study.read import read_published
from tests.support.studies import COMBI
from tests.web.reading.conftest import OFFICE, Known
from tests.web.reading.pages import WHOLE, Pages, words

ROLE_OF = {
    "Ivy": "investigator",
    "Ada": "coordinator",
    "Pat": "pharmacist",
    "Bo": "unblinded_pharmacist",
    "Cy": "monitor",
    "Mia": "study_manager",
    "Sam": "supply_manager",
    "Quinn": "quality",
    "Hal": "helpdesk",
    "Admin": "administrator",
    **{who: role for who, (_, role) in OFFICE.items()},
}
SITE_PAGES = {"sites", "site", "subjects", "subject", "visit", "kit", "shipments", "shipment"}
SITE_PAGES |= {"stock", "ledger", "account"}
OFFICE_PAGES = {"people", "person", "versions", "version"}
SUPPLY_PAGES = {"sites", "site", "kit", "shipments", "shipment", "stock", "account"}
SUPPLY_PAGES |= {"lots", "lot", "stock_lots"}
SEEN = {
    **dict.fromkeys(("Ivy", "Ada", "Pat", "Cy"), SITE_PAGES),
    "Bo": SITE_PAGES | {"stock_lots"},
    "Mia": SITE_PAGES | OFFICE_PAGES | {"publish"},
    "Aud": SITE_PAGES | OFFICE_PAGES,
    "Sam": SUPPLY_PAGES,
    "Quinn": SUPPLY_PAGES,
    "Dep": {"sites", "site", "shipments", "shipment", "account"},
    "Stat": {"sites", "site", "versions", "version", "account"},
    "Saf": {"sites", "site", "account"},
    "Opal": {"sites", "site", "account"},
    "Hal": {"sites", "site", "people", "person", "account"},
    "Admin": {"sites", "site", "people", "person", "account"},
}
SITE_STAFF = ("Ivy", "Ada", "Pat", "Bo")


def addresses(known: Known) -> dict[str, str]:
    return {
        "sites": "/sites",
        "site": "/sites/101",
        "subjects": "/subjects",
        "subject": f"/subjects/{known.subject}",
        "visit": f"/subjects/{known.subject}/visits/V1",
        "kit": f"/kits/{known.kit}",
        "shipments": "/shipments",
        "shipment": f"/shipments/{known.shipment}",
        "stock": "/stock",
        "ledger": "/ledger",
        "people": "/people",
        "person": "/people/11",
        "versions": "/versions",
        "version": "/versions/1",
        "publish": "/publish",
        "account": "/account",
        "lots": "/lots",
        "lot": "/lots/5001",
        "stock_lots": "/stock/lots?site=101",
    }


TYPED = {"lots", "lot", "stock_lots"}
"""Pages that show kit types, each reading of them on record."""


def elsewhere(known: Known) -> tuple[str, ...]:
    return (
        "/sites/102",
        "/subjects?site=102",
        f"/subjects/{known.other_subject}",
        f"/subjects/{known.other_subject}/visits/V1",
        f"/kits/{known.other_kit}",
        "/shipments?site=102",
        f"/shipments/{known.other_shipment}",
        "/stock?site=102",
    )


def test_the_cast_has_every_role() -> None:
    assert set(ROLE_OF.values()) == set(ROLES)


def test_each_role_sees_exactly_its_pages(pages: Pages, known: Known) -> None:
    for who, seen in SEEN.items():
        found = {name: pages.get(who, path).status_code for name, path in addresses(known).items()}
        assert found == {name: 200 if name in seen else 404 for name in found}, who


def test_what_is_at_another_site_does_not_exist(pages: Pages, known: Known) -> None:
    for who in SITE_STAFF:
        for path in elsewhere(known):
            assert pages.get(who, path).status_code == 404, (who, path)
    for path in elsewhere(known):  # and it does for those who work there
        assert pages.get("Di", path).status_code == 200, path


def test_a_monitor_reads_the_sites_of_the_grant_and_no_other(pages: Pages, known: Known) -> None:
    for path in (*addresses(known).values(), *elsewhere(known)):
        if not path.startswith(("/people", "/versions", "/publish", "/lots", "/stock/lots")):
            assert pages.get("Cy", path).status_code == 200, path
    for path in ("/sites/103", "/stock?site=103", "/subjects?site=103"):
        assert pages.get("Cy", path).status_code == 404, path


def test_another_site_answers_as_what_was_never_there(pages: Pages, known: Known) -> None:
    def text(path: str, number: str) -> str:
        return re.sub(r"csrf_token.*?>", "", pages.get("Ada", path + number).text)

    for path, number in (
        ("/subjects/", known.other_subject),
        ("/kits/", known.other_kit),
        ("/shipments/", known.other_shipment),
    ):
        assert text(path, number) == text(path, "99999999")
    hidden = words(pages.get("Ada", f"/ledger?subject={known.other_subject}").text)
    absent = words(pages.get("Ada", "/ledger?subject=999999").text)
    assert "Nothing on record fits." in hidden
    assert hidden == absent


def test_another_study_does_not_exist(pages: Pages, known: Known) -> None:
    numbers = (f"/subjects/{known.subject}", f"/kits/{known.kit}", f"/shipments/{known.shipment}")
    for path in numbers:
        assert pages.get("Ada", path, study="drug").status_code == 404
    there = pages.world.of("drug").one(
        "SELECT number FROM shipment WHERE study = :study AND site = '101'"
    )
    assert pages.get("Ada", f"/shipments/{there}", study="drug").status_code == 200
    for study in ("combi", "drug"):  # Di works in combi only, whatever the session says
        assert pages.get("Di", f"/shipments/{there}", study=study).status_code == 404


def test_lists_and_ledger_hold_nothing_of_another_site(pages: Pages, known: Known) -> None:
    theirs = (known.other_subject, known.other_kit, known.other_shipment)
    for path in ("/subjects", "/stock", "/shipments", "/ledger", "/sites", "/"):
        text = pages.get("Ada", path).text
        assert not any(number in text for number in theirs), path


def test_nobody_without_a_session_reads_anything(pages: Pages, known: Known) -> None:
    client = pages.app.test_client()
    for path in addresses(known).values():
        answer = client.get(path)
        assert answer.status_code == 303, path
        assert "/sign-in" in answer.headers["Location"]


def test_whose_kit_it_is_is_told_only_to_those_who_see_subjects(pages: Pages, known: Known) -> None:
    for path in (f"/kits/{known.kit}", "/stock?site=101"):
        assert known.subject in pages.get("Mia", path).text
        assert known.subject not in pages.get("Sam", path).text


@pytest.mark.parametrize("who", [*SITE_STAFF, "Cy", "Di", *WHOLE])
def test_no_other_page_tells_a_type_a_lot_or_an_arm(pages: Pages, known: Known, who: str) -> None:
    lots = [row.number for row in pages.world.rows("SELECT number FROM lot WHERE study = :study")]
    config = read_published(COMBI)
    telling = {*lots, "Placebo", "placebo", "kit_type", "domain"}
    telling |= {arm.code for arm in config.arms}
    for name, path in addresses(known).items():
        # the file itself names the arms
        if name not in TYPED and name not in ("version", "account", "person"):
            page = words(pages.get(who, path).text).replace("Account active", "")
            found = {one for one in telling if re.search(rf"(?<!\w){one}(?!\w)", page)}
            assert found <= {"active"}, (who, path, found)
            assert "active" not in found or name in ("site", "sites", "people"), (who, path)


def test_blinded_and_unblinded_read_the_same(pages: Pages, known: Known) -> None:
    paths = ("/subjects", f"/subjects/{known.subject}/visits/V1", "/stock", "/shipments")
    for path in paths:
        pat, bo = (words(pages.get(who, path).text) for who in ("Pat", "Bo"))
        bo = bo.replace(" By kit type and lot", "")  # the way to a page of its own
        assert pat.replace("Pat Sign out", "") == bo.replace("Bo Sign out", ""), path
