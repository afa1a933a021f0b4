"""Ways to tamper with the records beside the ledger, in the database file."""

from __future__ import annotations

from dataclasses import dataclass

from tests.tampering.story import STUDY

_OF = "study = :study AND number = :number"


@dataclass(frozen=True)
class Kind:
    """A way to tamper: what is done in the file, and what says so. `at` names the story's entry
    that is the first bad one, in the study's chain or another; none: no entry tells of the record.
    `number` is a name of the story that stands for `:number`."""

    name: str
    does: str
    says: str
    at: str | None = None
    number: str = ""
    chain: str = STUDY

    def __str__(self) -> str:
        return self.name.replace(" ", "_")


SUBJECTS = [
    Kind(
        "an ended subject goes on",
        f"UPDATE subject SET status = 'randomized', ended_on = NULL WHERE {_OF}",
        "subject 101003 says something else (ended_on, status)",
        "end",
        "subject 2",
    ),
    Kind(
        "treatment goes on after a code break",
        f"UPDATE subject SET status = 'randomized', treatment = 'on' WHERE {_OF}",
        "subject 101004 says something else (status, treatment)",
        "code_break",
        "subject 3",
    ),
    Kind(
        "a broken code is forgotten",
        f"UPDATE subject SET code_broken_at = NULL WHERE {_OF}",
        "subject 101004 says something else (code_broken_at)",
        "code_break",
        "subject 3",
    ),
    Kind(
        "a code broken on another day",
        f"UPDATE subject SET code_broken_at = '2026-11-01 15:00:00.000000' WHERE {_OF}",
        "subject 101004 says something else (code_broken_at)",
        "code_break",
        "subject 3",
    ),
    Kind(
        "a correction undone",
        f"UPDATE subject SET year_of_birth = 1961 WHERE {_OF}",
        "subject 101005 says something else (year_of_birth)",
        "approved",
        "subject 4",
    ),
    Kind(
        "a day of consent put back",
        f"UPDATE subject SET consent_on = '2026-11-01' WHERE {_OF}",
        "subject 101001 says something else (consent_on)",
        "randomize 0",
        "subject 0",
    ),
    Kind(
        "a subject moved to another site",
        f"UPDATE subject SET site = '102' WHERE {_OF}",
        "subject 101002 says something else (site)",
        "randomize 1",
        "subject 1",
    ),
    Kind(
        "a subject nobody screened",
        "INSERT INTO subject (study, number, site, status, version, treatment) "
        "VALUES (:study, '101099', '101', 'screened', 1, 'none')",
        "no entry tells of subject 101099",
    ),
    Kind(
        "a screened subject deleted",
        f"DELETE FROM subject WHERE {_OF}",
        "subject 101007 is gone",
        "randomize 5 + 5",
        "screened",
    ),
    Kind(
        "a visit put back",
        "UPDATE visit SET \"on\" = '2026-11-10' WHERE status = 'dispensed'",
        "visit 101001 V1 says something else (on)",
        "dispense",
    ),
    Kind(
        "a missed visit taken out",
        "DELETE FROM visit WHERE status = 'missed'",
        "visit 101002 V1 is gone",
        "missed",
    ),
    Kind(
        "a visit that never was",
        'INSERT INTO visit (subject_id, code, status, "on", deviation_days) '
        f"SELECT id, 'V1', 'dispensed', '2026-11-20', 0 FROM subject WHERE {_OF}",
        "no entry tells of visit 101006 V1",
        None,
        "subject 5",
    ),
    Kind(
        "a status that is a number",
        f"UPDATE subject SET status = 7 WHERE {_OF}",
        "subject 101003 says something else (status)",
        "end",
        "subject 2",
    ),
]
DRAWS = [
    Kind(
        "arms of two subjects exchanged",
        "UPDATE subject SET arm = (SELECT o.arm FROM subject o WHERE o.study = :study AND "
        "o.number = CASE subject.number WHEN '101001' THEN '101002' ELSE '101001' END) "
        "WHERE study = :study AND number IN ('101001', '101002')",
        "the subject's arm does not open",
        "randomize 0",
    ),
    Kind(
        "a draw bound to another subject",
        "UPDATE draw SET subject_id = (SELECT id FROM subject WHERE study = :study AND "
        "number = '101007') WHERE subject_id = (SELECT id FROM subject WHERE study = :study AND "
        "number = '101002')",
        "the subject is missing, or the draw is not bound to it",
        "randomize 1",
    ),
    Kind(
        "the arms of a list exchanged",
        "UPDATE list_row SET arm = (SELECT o.arm FROM list_row o WHERE o.study = :study AND "
        "o.domain = list_row.domain AND o.sequence = 3 - list_row.sequence) "
        "WHERE study = :study AND sequence IN (1, 2)",
        "is not the one that the seed gives",
        "randomize 0",
    ),
    Kind(
        "a draw not counted",
        "UPDATE allocator SET draws = draws - 1 WHERE study = :study",
        "the count of draws in",
    ),
    Kind(
        "another seed",
        "UPDATE study SET seed = (SELECT o.seed FROM study o WHERE o.code = 'mini') "
        "WHERE code = :study",
        "",
        "publish",
    ),
    Kind(
        "another study file",
        "UPDATE study_version SET source = source || '# ' WHERE study = :study",
        "the study file is not the one that was published",
        "publish",
    ),
    Kind(
        "a hold lifted",
        "UPDATE hold SET lifted_at = '2026-11-20 15:00:00.000000' WHERE study = :study",
        "holds stand, or are lifted, other than the entries tell",
    ),
]
SUPPLY = [
    Kind(
        "a kit given to another subject",
        "UPDATE kit SET subject_id = (SELECT id FROM subject WHERE study = :study AND "
        f"number = '101002') WHERE {_OF}",
        "says something else (subject)",
        "hand_over",
        "kit",
    ),
    Kind(
        "a kit back on the shelf",
        f"UPDATE kit SET disposition = 'available' WHERE {_OF}",
        "says something else (disposition)",
        "hand_over",
        "kit",
    ),
    Kind(
        "a hand-over undone",
        f"UPDATE kit SET confirmed_at = NULL WHERE {_OF}",
        "says something else (confirmed)",
        "hand_over",
        "kit",
    ),
    Kind(
        "a kit dispensed that was not",
        "UPDATE kit SET disposition = 'dispensed' WHERE id = (SELECT max(id) FROM kit WHERE "
        "study = :study AND disposition = 'available' AND site IS NULL)",
        "came to stand where it does",
    ),
    Kind(
        "a kit from nowhere",
        "INSERT INTO kit (study, number, sequence, kit_type, lot_id, disposition, custody, "
        "quality, depot) SELECT study, '99999990', 999, kit_type, lot_id, disposition, custody, "
        "quality, depot FROM kit WHERE study = :study AND site IS NULL LIMIT 1",
        "there are 49 kits, and entries tell of 48",
    ),
    Kind(
        "a later expiry",
        "UPDATE lot SET expiry = '2030-01-31' WHERE study = :study AND number = '5001'",
        "lot 5001 says something else (expiry)",
        "release_lot",
    ),
    Kind(
        "another day of receipt",
        "UPDATE shipment SET received_on = '2026-11-21' WHERE study = :study AND site = '101'",
        "says something else (received_on)",
        "receive",
    ),
    Kind(
        "a kit put into a shipment",
        "INSERT INTO shipment_kit (shipment_id, kit_id) SELECT min(s.id), max(k.id) "
        "FROM shipment s, kit k WHERE s.study = :study AND k.study = :study AND k.site IS NULL",
        "has other kits than it was made with",
        "receive",
    ),
    Kind(
        "a paused site opened",
        "UPDATE site SET status = 'active' WHERE study = :study AND number = '102'",
        "site 102 says something else (status)",
        "pause",
    ),
]
PEOPLE = [
    Kind(
        "a role written in",
        "INSERT INTO grant_role (user_id, role, study, starts_at) "
        "VALUES ('11', 'safety', :study, '2026-11-20 15:00:00.000000')",
        "no entry gives the role safety to 11",
    ),
    Kind(
        "a role turned into another",
        "UPDATE grant_role SET role = 'statistician' WHERE study = :study AND user_id = '2'",
        "the role study_manager to 2 is gone, or says something else",
        "import_users",
    ),
    Kind(
        "an ended role going on",
        "UPDATE grant_role SET ends_at = NULL WHERE study = :study AND user_id = '16'",
        "the role investigator at 102 to 16 is gone, or says something else",
        "end_role",
    ),
    Kind(
        "an administrator more",
        "INSERT INTO grant_role (user_id, role, starts_at) "
        "VALUES ('11', 'administrator', '2026-11-20 15:00:00.000000')",
        "no entry gives the role administrator to 11",
    ),
    Kind(
        "a person from nowhere",
        "INSERT INTO person (user_id, name, language, status, created_at) "
        "VALUES ('99', 'Nobody', 'en', 'active', '2026-11-20 15:00:00.000000')",
        "no entry tells of person 99",
    ),
    Kind(
        "a disabled person active",
        "UPDATE person SET status = 'invited' WHERE user_id = '18'",
        "person 18 says something else (status)",
        "activated",
        chain="installation",
    ),
    Kind(
        "a session given to another person",
        "UPDATE web_session SET user_id = '2'",
        "nobody signed in for a session of person 2",
    ),
    Kind(
        "a session of somebody who did sign in, opened by another cookie",
        "UPDATE web_session SET token = replace(token, substr(token, 1, 8), 'deadbeef')",
        "nobody signed in for a session of person 14",
    ),
    Kind(
        "a token whose text another person knows",
        "UPDATE api_token SET token = replace(token, substr(token, 1, 8), 'deadbeef')",
        "token 1 says something else (token)",
        "token_made",
        chain="installation",
    ),
    Kind(
        "a token given to another person",
        "UPDATE api_token SET user_id = '11'",
        "token 1 says something else (user_id)",
        "token_made",
        chain="installation",
    ),
]
BLIND = [
    Kind(
        "a treatment opened by hand",
        "INSERT INTO opening (study, subject, user_id, basis, sequence, opened_at, told) "
        "VALUES (:study, '101001', '14', 'code_view', 30, '2026-11-20 15:00:00.000000', 0)",
        "no entry tells of opening 30 101001 None 14",
    ),
    Kind(
        "a treatment opened to somebody else",
        "UPDATE opening SET user_id = '14' WHERE study = :study",
        "opening 37 101004 None 12 is gone",
        "treatment_read",
    ),
    Kind(
        "a treatment opened once more beside the opening there is",
        "INSERT INTO opening (id, study, subject, user_id, basis, sequence, opened_at, told) "
        "SELECT -1, study, subject, user_id, 'analysis', sequence, opened_at, 0 FROM opening "
        "WHERE study = :study",
        "no entry tells of opening 37 101004 None 12 again",
        "treatment_read",
    ),
    Kind(
        "a reading not counted",
        "UPDATE opening SET told = 0 WHERE study = :study",
        "says something else (told)",
        "treatment_read",
    ),
    Kind(
        "an emergency call as if it had been answered",
        "UPDATE emergency_call SET outcome = 'revealed' WHERE study = :study",
        "says something else (outcome)",
        "declined",
    ),
    Kind(
        "other words of an assessment",
        "UPDATE assessment SET text = 'No effect at all' WHERE study = :study",
        "is gone",
        "assessed",
    ),
    Kind(
        "a review put back", "UPDATE review SET done_at = '2026-11-01 15:00'", "done_at", "review"
    ),
    Kind("day of a review", "UPDATE review SET done_on = '2027-03-01'", "another day", "review"),
]
TOLD = [
    Kind(
        "other words on a receipt",
        "UPDATE receipt SET result = replace(result, '\"consent\": true', '\"consent\": false') "
        "WHERE study = :study AND sequence = 23",
        "a receipt says other than the entry",
        "randomize 1",
    ),
    Kind(
        "a receipt taken out",
        "DELETE FROM receipt WHERE study = :study AND sequence = 34",
        "the receipt of the entry is gone",
        "missed",
    ),
    Kind(
        "a receipt of nothing",
        'INSERT INTO receipt (study, actor, channel, "transaction", request_id, digest, sequence, '
        "outcome, confirmation, result, at) VALUES (:study, '11', 'web', 'end', 'x', 'x', 999, "
        "'done', '1', '{}', '2026-11-20 15:00:00.000000')",
        "a receipt says other than the entry",
        "999",
    ),
    Kind(
        "other answers in a proposal that waits",
        f"UPDATE proposal SET answers = replace(answers, '1962', '1972') WHERE {_OF}",
        "has other answers",
        "waiting",
        "waiting",
    ),
    Kind(
        "a proposal as if it had been approved",
        f"UPDATE proposal SET decided_at = '2026-11-20 15:00:00.000000' WHERE {_OF}",
        "says something else (decided_at)",
        "waiting",
        "waiting",
    ),
    Kind(
        "a turn of a call taken out",
        "DELETE FROM call_turn WHERE turn = 2",
        "are not those sealed",
        "call_ended",
    ),
    Kind(
        "what was heard in a call altered",
        "UPDATE call_turn SET heard = replace(heard, 'a', 'b')",
        "are not those sealed",
        "call_ended",
    ),
    Kind(
        "a reading taken out",
        "DELETE FROM page_view WHERE what = 'ledger'",
        "what was read in a session is not what was sealed",
        "pages_read",
    ),
    Kind(
        "a reading by somebody else",
        "UPDATE page_view SET user_id = '11'",
        "what was read in a session is not what was sealed",
        "pages_read",
    ),
]
