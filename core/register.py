"""Every transaction there is, in one place, in the order of the telephone menu."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from core.errors import NotFound

if TYPE_CHECKING:
    from core.transaction import Transaction


@cache
def transactions() -> tuple[Transaction, ...]:
    """All transactions, in menu order; the command line's own at the end."""
    from core.access.administer import IMPORT_USERS, SEND_CODE
    from core.access.grants import END_ROLE, GRANT_ROLE
    from core.access.locking import LOCK_PERSON, RESET_FACTORS
    from core.access.mobile import CHANGE_MOBILE, CHANGE_MOBILE_FOR
    from core.access.personal import CHANGE_PASSWORD, CHANGE_PIN, REPEAT
    from core.access.review import REVIEW_ACCESS
    from core.approve import APPROVE
    from core.randomization.lists.activation import ACTIVATE_LIST
    from core.randomization.lists.escrow import TAKE_SEED_SHARE
    from core.randomization.lists.importing import IMPORT_LIST
    from core.records.audit_review import REVIEW_AUDIT
    from core.records.close_out import CLOSE_OUT_SITE
    from core.records.subjects import CORRECT_SUBJECT
    from core.records.supply import CORRECT_SUPPLY
    from core.sites.bulk import IMPORT_SITES
    from core.sites.status import ACTIVATE_SITE, APPROVE_VERSION, CLOSE_SITE, PAUSE_SITE
    from core.study.publish import PUBLISH
    from core.subjects.bulk import IMPORT_SUBJECTS
    from core.subjects.cohorts import DECIDE_COHORT
    from core.subjects.corrections import CORRECT_LEVELS
    from core.subjects.end import END, MOVE_SUBJECT, MOVE_TO_VERSION
    from core.subjects.holds import LIFT_HOLD, PLACE_HOLD
    from core.subjects.in_error import RANDOMIZED_IN_ERROR
    from core.subjects.phases import ENTER_PHASE
    from core.subjects.randomize import RANDOMIZE
    from core.subjects.responses import CORRECT_RESPONSE, RESPOND
    from core.subjects.screen import SCREEN, SCREEN_FAILURE
    from core.subjects.visits import MISSED_VISIT, VISIT_WITHOUT_DRUG
    from core.supply.bulk import IMPORT_KITS
    from core.supply.dispatch import DISPATCH_SHIPMENT
    from core.supply.dispense import DISPENSE, UNSCHEDULED
    from core.supply.handover import HAND_OVER
    from core.supply.lots import RELEASE_LOT
    from core.supply.new_lots import IMPORT_LOTS
    from core.supply.receive import RECEIVE, REPORT_STOCK
    from core.supply.replace import REPLACE
    from core.supply.ship import CREATE_SHIPMENT

    return (
        *(SCREEN, RANDOMIZE, DISPENSE, REPLACE, RECEIVE),
        *(SCREEN_FAILURE, HAND_OVER, REPORT_STOCK, END, REPEAT, UNSCHEDULED, CHANGE_PIN),
        *(MISSED_VISIT, VISIT_WITHOUT_DRUG, MOVE_SUBJECT, ACTIVATE_SITE, PAUSE_SITE),
        *(CLOSE_SITE, APPROVE_VERSION, ENTER_PHASE),
        *(
            RELEASE_LOT,
            CREATE_SHIPMENT,
            DISPATCH_SHIPMENT,
            APPROVE,
            MOVE_TO_VERSION,
            RESPOND,
            CORRECT_RESPONSE,
        ),
        *(CORRECT_LEVELS, CORRECT_SUBJECT, CORRECT_SUPPLY),
        *(RANDOMIZED_IN_ERROR, PLACE_HOLD, LIFT_HOLD),
        *(REVIEW_AUDIT, CLOSE_OUT_SITE),
        *(DECIDE_COHORT, PUBLISH, SEND_CODE, GRANT_ROLE, END_ROLE),
        *(CHANGE_PASSWORD, CHANGE_MOBILE, CHANGE_MOBILE_FOR),
        *(LOCK_PERSON, RESET_FACTORS, REVIEW_ACCESS),
        *_of_the_blind(),
        *_of_stock(),
        *(IMPORT_SITES, IMPORT_USERS, IMPORT_LOTS, IMPORT_KITS),
        *(IMPORT_LIST, ACTIVATE_LIST, TAKE_SEED_SHARE, IMPORT_SUBJECTS),
    )


def _of_the_blind() -> tuple[Transaction, ...]:
    """What opens a treatment, and what is said about that."""
    from core.unblinding.assess import ASSESS_BREAK
    from core.unblinding.code_break import CODE_BREAK
    from core.unblinding.code_view import CODE_VIEW
    from core.unblinding.for_caller import BREAK_FOR_CALLER, DECLINE_CALLER, TAKE_EMERGENCY_CALL
    from core.unblinding.kit import UNBLIND_KIT, VIEW_KIT
    from core.unblinding.planned import UNBLIND_STUDY

    return (
        *(CODE_BREAK, CODE_VIEW, UNBLIND_KIT, VIEW_KIT),
        *(TAKE_EMERGENCY_CALL, BREAK_FOR_CALLER, DECLINE_CALLER),
        *(UNBLIND_STUDY, ASSESS_BREAK),
    )


def _of_stock() -> tuple[Transaction, ...]:
    """What is done with stock, and about doses, at a desk."""
    from core.subjects.doses import CHANGE_DOSE, HOLD_DOSE, RESUME_DOSE
    from core.supply.depots import RECEIVE_AT_DEPOT, SHIP_TO_DEPOT
    from core.supply.destruction import AUTHORISE_DESTRUCTION, DESTROY_KITS, DESTROY_STOCK
    from core.supply.dispatch import (
        ACKNOWLEDGE_SHIPMENT,
        APPROVE_SHIPMENT,
        DISPATCH_TRANSFER,
        PACK_SHIPMENT,
    )
    from core.supply.expiry import EXTEND_LOT
    from core.supply.misgiven import NEVER_GOT_IT, WRONG_KIT
    from core.supply.packaging import GENERATE_KITS
    from core.supply.quality import (
        JUDGE_EXCURSION,
        KIT_FOUND,
        QUARANTINE_KITS,
        QUARANTINE_STOCK,
        REJECT_KITS,
        RELEASE_KITS,
    )
    from core.supply.recall import RECALL_LOT
    from core.supply.relabel import RELABEL_KITS, RELABEL_STOCK
    from core.supply.rest import GIVE_REST
    from core.supply.resupply.run import RESUPPLY
    from core.supply.returns import RETURN_KIT, VERIFY_KITS
    from core.supply.transfer import TRANSFER_KITS
    from core.supply.undo import CANCEL_SHIPMENT, SHIPMENT_LOST

    return (
        *(QUARANTINE_KITS, QUARANTINE_STOCK, JUDGE_EXCURSION, RELEASE_KITS, REJECT_KITS),
        *(APPROVE_SHIPMENT, ACKNOWLEDGE_SHIPMENT, PACK_SHIPMENT, SHIP_TO_DEPOT),
        *(RECEIVE_AT_DEPOT, TRANSFER_KITS, DISPATCH_TRANSFER),
        *(KIT_FOUND, CANCEL_SHIPMENT, SHIPMENT_LOST, RETURN_KIT, VERIFY_KITS),
        *(AUTHORISE_DESTRUCTION, DESTROY_KITS, DESTROY_STOCK),
        *(GENERATE_KITS, EXTEND_LOT, RELABEL_KITS, RELABEL_STOCK, RECALL_LOT),
        *(RESUPPLY,),
        *(CHANGE_DOSE, HOLD_DOSE, RESUME_DOSE, NEVER_GOT_IT, WRONG_KIT, GIVE_REST),
    )


@cache
def _by_name() -> dict[str, Transaction]:
    return {transaction.name: transaction for transaction in transactions()}


def find(name: str) -> Transaction:
    """The transaction of that name. Raises NotFound."""
    try:
        return _by_name()[name]
    except KeyError:
        raise NotFound from None
