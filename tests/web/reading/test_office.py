"""People and roles, study versions and publishing, one's own account: on pages."""

from __future__ import annotations

import html
import io
import re

from core.access import tokens
from tests.support.studies import COMBI
from tests.support.world import PIN, World
from tests.web.reading.conftest import Known
from tests.web.reading.pages import Pages, words

AMENDED = COMBI.replace("rescreens_max = 1", "rescreens_max = 2")


def upload(pages: Pages, text: str, who: str = "Mia") -> str:
    """Send a study file; returns the address of the difference."""
    answer = pages.post(who, "/publish", file=(io.BytesIO(text.encode()), "combi.toml"))
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_people_are_listed_with_their_roles_and_no_contact(pages: Pages, known: Known) -> None:
    text = pages.text("Hal", "/people")
    assert "Ada 11 active Coordinator, Site 101" in text
    assert "Mia 2 active Study manager" in text
    assert "@" not in text
    assert "+1" not in text
    only = pages.text("Mia", "/people?site=102")
    assert "Di 15" in only
    assert "Ada 11" not in only


def test_a_role_given_and_taken_back_has_a_start_and_an_end(pages: Pages, known: Known) -> None:
    world = pages.world
    world.do("grant_role", "Mia", user_id="15", role="monitor", to_site="101")
    assert "/do/end_role?grant=" in pages.get("Mia", "/people/15").text
    assert pages.get("Di", f"/subjects/{known.subject}").status_code == 200
    world.days_later(1)
    grant = world.one("SELECT max(id) FROM grant_role WHERE user_id = '15'")
    world.do("end_role", "Mia", grant=str(grant))
    assert pages.get("Hal", "/people/15").status_code == 200
    text = pages.text("Hal", "/people/15")
    assert re.search(r"Monitor Site 101 November 20, 2026, .* November 21, 2026", text)
    with world.core.reading():
        assert world.last_entry()["facts"] == {
            **{"role": "monitor", "site": "101", "user_id": "15"},
            "depot": None,
            "starts_at": "2026-11-20T15:00:00+00:00",
        }


def test_nobody_gives_a_role_to_themselves(quick_world: World) -> None:
    quick_world.refused("own_role", "grant_role", "Mia", user_id="2", role="auditor")
    quick_world.refused("role_held", "grant_role", "Mia", user_id="11", role="coordinator",
                        to_site="101")  # fmt: skip
    own = quick_world.one("SELECT id FROM grant_role WHERE user_id = '2' AND study = :study")
    quick_world.refused("own_role", "end_role", "Mia", grant=str(own))
    quick_world.wrong("role", "grant_role", "Mia", user_id="11", role="administrator")
    quick_world.wrong("user_id", "grant_role", "Mia", user_id="999", role="auditor")


def test_the_role_of_another_study_is_no_role_here(quick_world: World) -> None:
    other = quick_world.of("drug").one(
        "SELECT id FROM grant_role WHERE user_id = '11' AND study = :study"
    )
    quick_world.wrong("grant", "end_role", "Mia", grant=str(other))


def test_a_version_shows_its_text_hash_publisher_and_sites(pages: Pages) -> None:
    text = pages.text("Aud", "/versions/1")
    digest = pages.world.one("SELECT digest FROM study_version WHERE study = :study")
    assert digest in text
    assert "Mia 2" in text
    assert "101 Boston active November 20, 2026" in text
    assert "rescreens_max = 1" in text
    assert pages.get("Aud", "/versions/2").status_code == 404
    assert pages.get("Aud", "/versions/x").status_code == 404
    assert "/publish" not in pages.get("Aud", "/versions").text


def test_the_difference_is_told_in_plain_words_before_signing(pages: Pages) -> None:
    where = upload(pages, AMENDED)
    text = pages.text("Mia", where)
    assert "Changes to version 1" in text
    assert "rises from 1 to 2" in text
    assert "Go on to sign" in text
    assert pages.world.one("SELECT count(*) FROM study_version WHERE study = :study") == 1
    assert pages.get("Aud", where).status_code == 404


def test_a_file_that_cannot_be_published_says_why_and_offers_no_signature(pages: Pages) -> None:
    for broken, why in (
        (AMENDED.replace("ratio = 2", "ratio = 0"), "arms[0].ratio"),
        (AMENDED.replace('code = "combi"', 'code = "other"'), "other"),
        ("[study]\ncode = ?", "line 2"),
    ):
        text = pages.text("Mia", upload(pages, broken))
        assert "This file cannot be published" in text
        assert why in text
        assert "Go on to sign" not in text
    assert "letter for letter" in pages.text("Mia", upload(pages, COMBI))


def test_the_deed_from_the_home_page_leads_to_the_same_difference(pages: Pages) -> None:
    sent = (io.BytesIO(AMENDED.encode()), "combi.toml")
    start = pages.get("Mia", "/do/publish").headers["Location"]
    answer = pages.post("Mia", start, **{"answer-file": sent})
    assert answer.status_code == 303, words(answer.text)
    answer = pages.get("Mia", answer.headers["Location"])
    assert "rises from 1 to 2" in pages.text("Mia", answer.headers["Location"])


def test_pasted_text_is_the_same_file_as_an_uploaded_one(pages: Pages) -> None:
    answer = pages.post("Mia", "/publish", text=AMENDED.replace("\n", "\r\n"))
    pasted = pages.text("Mia", answer.headers["Location"])
    uploaded = pages.text("Mia", upload(pages, AMENDED))
    digest = re.compile(r"[0-9a-f]{64}")
    assert digest.findall(pasted) == digest.findall(uploaded) != []
    empty = pages.post("Mia", "/publish", text=" ")
    assert "Choose a study file" in pages.text("Mia", empty.headers["Location"])


def test_publishing_on_pages_leaves_the_facts_that_the_command_leaves(pages: Pages) -> None:
    where = upload(pages, AMENDED)
    page = html.unescape(pages.get("Mia", where).text)
    sign = re.search(r'href="(/draft/\w+/sign)"', page)
    assert sign
    form = pages.get("Mia", sign[1]).text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    answer = pages.post("Mia", sign[1], **{**hidden, "secret": PIN})
    assert answer.status_code == 303, words(answer.text)
    done = pages.world.last_entry()
    assert (done["transaction"], done["channel"]) == ("publish", "web")
    assert done["signatures"][0]["meaning"] == "publish"
    other = World.at(str(pages.world.core.engine.url))
    assert done["facts"]["version"] == 2
    assert done["facts"] == {**done["facts"], "changes": 1}
    again = AMENDED.replace("rescreens_max = 2", "rescreens_max = 3")
    other.do("publish", "Mia", file=again)
    command = other.last_entry()
    assert set(command["facts"]) == set(done["facts"])
    assert "Version 2" in pages.text("Mia", "/versions")
    other.close()


def test_a_token_is_shown_once_and_revoked_by_its_owner(pages: Pages) -> None:
    answer = pages.post("Ada", "/account/tokens", name="tablet", days="30")
    assert answer.status_code == 303
    assert "ixrs_" not in str(answer.headers)
    text = pages.get("Ada", "/account").text
    (shown,) = re.findall(r"ixrs_[\w-]+", text)
    actor, number = tokens.authenticate(pages.world.core, shown)
    assert actor.user_id == "11"
    assert shown not in pages.get("Ada", "/account").text
    assert pages.post("Di", f"/account/tokens/{number}/revoke").status_code == 404
    assert pages.post("Ada", f"/account/tokens/{number}/revoke").status_code == 303
    assert "tablet" in pages.text("Ada", "/account")
    assert "revoked" in pages.text("Ada", "/account")


def test_a_token_that_cannot_be_made_says_what_is_wrong(pages: Pages) -> None:
    for form in (
        {"name": "", "days": "30"},
        {"name": "x", "days": "0"},
        {"name": "x", "days": "a"},
    ):
        answer = pages.post("Ada", "/account/tokens", **form)
        assert answer.status_code == 422
        assert "There is a problem" in answer.text


def test_a_form_without_its_token_does_nothing(pages: Pages) -> None:
    client = pages.browser("Ada")
    assert client.post("/account/tokens", data={"name": "x", "days": "9"}).status_code == 400
    assert "You have no tokens." in pages.text("Ada", "/account")
