"""What a study file may name that lies outside it."""

from __future__ import annotations

from dataclasses import dataclass

_TRANSACTIONS = """
    screen screen_failure randomize dispense unscheduled missed_visit visit_without_drug replace
    hand_over report_stock receive end move_subject activate_site pause_site close_site release_lot
    create_shipment dispatch_shipment resupply enter_phase respond
    correct_response decide_cohort
"""
_ROLES = """
    investigator coordinator pharmacist unblinded_pharmacist monitor study_manager supply_manager
    depot quality statistician safety emergency_operator helpdesk auditor administrator
"""

CODE_BREAK = "code_break"

_ASKED_ANYWAY = """
    language user_id pin study site menu subject kit shipment visit confirm sign consent
    consent_date eligible eligibility
"""
RESERVED = frozenset(_ASKED_ANYWAY.split())
"""Questions that are asked anyway: an asked factor can't have their names."""


@dataclass(frozen=True, slots=True)
class Known:
    """Languages with prompts and catalogues, names of transactions, roles."""

    languages: tuple[str, ...] = ("en", "es")
    transactions: tuple[str, ...] = tuple(_TRANSACTIONS.split())
    roles: tuple[str, ...] = tuple(_ROLES.split())
