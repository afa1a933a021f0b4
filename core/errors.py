"""What can go wrong, named for the fact; each face turns these into its own kind of answer.

Every error carries a stable `code` (listed in docs/TRANSACTIONS.md) and a `Message` that says what
happened and what to do. Neither ever depends on an arm.
"""

from __future__ import annotations

from typing import ClassVar

from core.messages import Message, Param


class IxrsError(Exception):
    """Any fact that stops a deed; `message` is for the person who asked."""

    code: ClassVar[str] = "error"

    def __init__(self, message: Message | None = None, **params: Param) -> None:
        self.message = message or Message(f"error.{self.code}", params)
        super().__init__(self.message.id)


class InvalidInput(IxrsError):
    """An answer is missing or not what the question asks; nothing was recorded."""

    code = "invalid_input"

    def __init__(self, field: str, message: Message) -> None:
        self.field = field
        super().__init__(message)


class StudyFileRefused(InvalidInput):
    """The study file has errors; nothing was published."""

    code = "study_file_refused"

    def __init__(self, **params: Param) -> None:
        super().__init__("file", Message("error.study_file_refused", params))


class NotAuthenticated(IxrsError):
    """Unknown ID or wrong secret: the same words for both."""

    code = "not_authenticated"


class LockedOut(IxrsError):
    """Too many wrong secrets; `until` is in the message where the person may know it."""

    code = "locked_out"


class MustWait(IxrsError):
    """A source (caller, address) failed too often and waits first."""

    code = "must_wait"


class NotFound(IxrsError):
    """It does not exist, or the asker may not see it: the same answer for both."""

    code = "not_found"


class Refused(IxrsError):
    """A rule forbids the deed now; the refusal itself goes on record.

    `notices` are sent with the refusal (a wrong carton alerts the pharmacist, for example).
    `on_record` are the words that go on record, where the person who asked may be told more than
    a blinded reader of the record.
    """

    code = "refused"

    def __init__(
        self,
        message: Message | None = None,
        *,
        notices: tuple[object, ...] = (),
        on_record: Message | None = None,
        **params: Param,
    ) -> None:
        self.notices = notices
        super().__init__(message, **params)
        self.on_record = on_record or self.message


class NotAllowed(Refused):
    """The person's roles do not cover this deed here."""

    code = "not_allowed"


class RequestReused(Refused):
    """The same request id came with other answers."""

    code = "request_reused"


class SiteNotActive(Refused):
    """Nothing is screened, randomized or shipped at a site that is not active."""

    code = "site_not_active"


class WrongSiteStatus(Refused):
    """The site is not in a state from which this change may be made."""

    code = "wrong_site_status"


class WrongSubjectStatus(Refused):
    """The subject is not in a state in which this may be done."""

    code = "wrong_subject_status"


class AlreadyRandomized(Refused):
    """A subject is randomized once."""

    code = "already_randomized"


class NotRandomized(Refused):
    """Nothing is dispensed before randomization (21 CFR 11.10(f))."""

    code = "not_randomized"


class NotEligible(Refused):
    """Consent or eligibility was not confirmed."""

    code = "not_eligible"


class OnHold(Refused):
    """A hold is in force; the words are the same whatever is held and why."""

    code = "on_hold"


class HoldNotOpen(Refused):
    """There is no such hold in force."""

    code = "hold_not_open"


class InErrorAlready(Refused):
    """The subject is marked as randomized in error already."""

    code = "in_error_already"


class RescreenLimitReached(Refused):
    """The study file permits no further rescreening of this subject."""

    code = "rescreen_limit_reached"


class EnrolmentCapReached(Refused):
    """A cap of the study file is full."""

    code = "enrolment_cap_reached"


class NoKitAvailable(Refused):
    """The site has no kit that may be given now; the words are the same for every arm."""

    code = "no_kit_available"


class NotRandomizable(Refused):
    """The draw cannot be made now; the words never say why in terms of a list."""

    code = "not_randomizable"


class KitNotUsable(Refused):
    """The kit is not in a state in which this may be done."""

    code = "kit_not_usable"


class DoseHeld(Refused):
    """The subject's dose is on hold: nothing is given until it is resumed."""

    code = "dose_held"


class DoseNotHeld(Refused):
    """The subject's dose is not on hold."""

    code = "dose_not_held"


class WrongCarton(Refused):
    """The digits keyed are not those of the kit assigned: do not give it."""

    code = "wrong_carton"


class VisitNotExpected(Refused):
    """The visit is not the next one open for the subject."""

    code = "visit_not_expected"


class OutsideVisitWindow(Refused):
    """The study file makes this window a hard one."""

    code = "outside_visit_window"


class PhaseNotExpected(Refused):
    """The subject cannot enter a phase now, or has not been through the one that comes first."""

    code = "phase_not_expected"


class AlreadyResponded(Refused):
    """The study's question on the response was answered for this subject: it is corrected."""

    code = "already_responded"


class NoResponse(Refused):
    """There is no answer on record that could be corrected."""

    code = "no_response"


class NoCohortOpen(Refused):
    """Nobody is randomized between two cohorts, or after the escalation was stopped."""

    code = "no_cohort_open"


class CohortFull(Refused):
    """The open cohort has all its subjects: a decision comes first."""

    code = "cohort_full"


class ResponsesMissing(Refused):
    """Nothing is decided before the answer of each subject of the cohort is on record."""

    code = "responses_missing"


class WrongShipmentStatus(Refused):
    """The shipment is not in a state in which this may be done."""

    code = "wrong_shipment_status"


class LotNotUsable(Refused):
    """The lot is not in a state in which this may be done."""

    code = "lot_not_usable"


class ListRefused(Refused):
    """The list has errors; nothing was imported. The record says how many of each kind."""

    code = "list_refused"
    field: ClassVar[str] = "file"


class ListMisplaced(Refused):
    """A test list in a study that is none, or a list in use in a study for training."""

    code = "list_misplaced"


class ListNotOpen(Refused):
    """An earlier list version that this one goes on from has not been opened by two persons."""

    code = "list_not_open"


class ShareTaken(Refused):
    """The person holds a half of the seed already, or both halves are with others."""

    code = "share_taken"


class SameSigner(Refused):
    """The second signature must come from another person."""

    code = "same_signer"


class ProposalClosed(Refused):
    """The proposal was decided already, or has lapsed."""

    code = "proposal_closed"


class SignatureMissing(Refused):
    """The transaction is signed: the PIN or password has to be given again."""

    code = "signature_missing"


class NothingToRepeat(Refused):
    """The person has made no transaction in this study yet."""

    code = "nothing_to_repeat"


class NoExample(IxrsError):
    """There is nothing on record just now with which a call sheet's transaction could be done."""

    code = "no_example"


class Unavailable(IxrsError):
    """The database cannot be reached just now; nothing was recorded, try again."""

    code = "unavailable"


class IntegrityBreach(IxrsError):
    """A record is not what it was when it was written."""

    code = "integrity_breach"
