"""The second signature: another person reads what was proposed, signs, and it is done."""

from __future__ import annotations

import json
from dataclasses import replace

from sqlalchemy import update

from core.access.roles import Permission
from core.context import Context
from core.db.models import proposal
from core.errors import InvalidInput, NotAllowed, ProposalClosed, SameSigner
from core.facts import Facts
from core.interview import Complete, walk
from core.messages import Digits, Message
from core.register import find
from core.study.schema import StudyConfig
from core.subjects.screen import EVERYWHERE
from core.transaction import Answers, Kind, Outcome, Question, Transaction


def _check_open(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    found = facts.proposal(value)
    if found is None or found.decided_at is not None:
        raise ProposalClosed(proposal=Digits(value))
    if found.proposer == facts.actor.user_id:
        raise SameSigner
    proposed = find(found.transaction)
    if not facts.actor.may(proposed.signers[0], facts.study, found.site):
        raise NotAllowed
    return None


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which proposal."""
    return (Question("proposal", Kind.PROPOSAL, check=_check_open, digits=(1, 16)),)


def what_is_proposed(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Message, ...]:
    """The proposed deed and its warnings, read back to the person who is about to sign it."""
    found = facts.proposal(str(answers["proposal"]))
    if found is None:
        return ()
    proposed = find(found.transaction)
    complete = walk(proposed, facts, json.loads(found.answers))
    told = (*complete.read_back, *complete.warnings) if isinstance(complete, Complete) else ()
    return (Message(f"menu.{proposed.name}"), *told)


def run(context: Context, answers: Answers) -> Outcome:
    """Check the proposed deed against what is on record now, and do it."""
    number = str(answers["proposal"])
    found = context.facts.proposal(number)
    if found is None or found.decided_at is not None:
        raise ProposalClosed(proposal=Digits(number))
    proposed = find(found.transaction)
    complete = walk(proposed, context.facts, json.loads(found.answers))
    if not isinstance(complete, Complete):
        raise InvalidInput("proposal", Message("error.proposal_stale", {"number": Digits(number)}))
    outcome = proposed.run(context, complete.answers)
    context.db.execute(
        update(proposal).where(proposal.c.id == found.id).values(decided_at=context.now)
    )
    facts = {
        **outcome.facts,
        "proposal": number,
        "approved": proposed.name,
        "proposed_by": found.proposer,
    }
    return replace(outcome, facts=facts)


APPROVE = Transaction(
    "approve",
    "6664",
    Permission.APPROVE,
    questions,
    run,
    EVERYWHERE,
    signed=True,
    site=False,
    warns=what_is_proposed,
)
