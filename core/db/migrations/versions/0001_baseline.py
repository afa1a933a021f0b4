"""The first release's tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.types import UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "allocator",
        sa.Column("study", sa.String(length=40), nullable=False),
        sa.Column("domain", sa.String(length=200), nullable=False),
        sa.Column("draws", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("study", "domain", name=op.f("pk_allocator")),
    )
    op.create_table(
        "call",
        sa.Column("sid", sa.String(length=40), nullable=False),
        sa.Column("line", sa.String(length=16), nullable=False),
        sa.Column("study", sa.String(length=40), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("user_id", sa.String(length=11), nullable=True),
        sa.Column("caller_token", sa.String(length=64), nullable=True),
        sa.Column("started_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("sid", name=op.f("pk_call")),
    )
    op.create_index("ix_call_open", "call", ["ended_at", "started_at"], unique=False)
    op.create_table(
        "chain",
        sa.Column("study", sa.String(length=40), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("study", name=op.f("pk_chain")),
    )
    op.create_table(
        "counter",
        sa.Column("study", sa.String(length=40), nullable=False),
        sa.Column("scope", sa.String(length=80), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("study", "scope", name=op.f("pk_counter")),
    )
    op.create_table(
        "ledger",
        sa.Column("study", sa.String(length=40), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("transaction", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=11), nullable=True),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("site", sa.String(length=11), nullable=True),
        sa.Column("subject", sa.String(length=16), nullable=True),
        sa.Column("confirmation", sa.String(length=16), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("study", "sequence", name=op.f("pk_ledger")),
    )
    op.create_index(
        op.f("ix_ledger_study_actor_sequence"),
        "ledger",
        ["study", "actor", "sequence"],
        unique=False,
    )
    op.create_index(
        op.f("ix_ledger_study_subject_sequence"),
        "ledger",
        ["study", "subject", "sequence"],
        unique=False,
    )
    op.create_table(
        "list_row",
        sa.Column("study", sa.String(length=40), nullable=False),
        sa.Column("domain", sa.String(length=200), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=True),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("arm", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("study", "domain", "sequence", name=op.f("pk_list_row")),
        sa.UniqueConstraint("study", "number", name=op.f("uq_list_row_study_number")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(length=40), nullable=True),
        sa.Column("site", sa.String(length=11), nullable=True),
        sa.Column("user_id", sa.String(length=11), nullable=True),
        sa.Column("roles", sa.String(length=200), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("lease_until", UTCDateTime(timezone=True), nullable=True),
        sa.Column("provider_sid", sa.String(length=40), nullable=True),
        sa.Column("error", sa.String(length=40), nullable=True),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_due", "outbox", ["status", "due_at"], unique=False)
    op.create_index(op.f("ix_outbox_provider_sid"), "outbox", ["provider_sid"], unique=False)
    op.create_table(
        "person",
        sa.Column("user_id", sa.String(length=11), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.LargeBinary(), nullable=True),
        sa.Column("mobile", sa.LargeBinary(), nullable=True),
        sa.Column("mobile_token", sa.String(length=64), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("pin_hash", sa.String(length=200), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("code_token", sa.String(length=64), nullable=True),
        sa.Column("code_expires_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_person")),
        sa.UniqueConstraint("code_token", name=op.f("uq_person_code_token")),
    )
    op.create_index(op.f("ix_person_mobile_token"), "person", ["mobile_token"], unique=False)
    op.create_table(
        "proposal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("transaction", sa.String(length=40), nullable=False),
        sa.Column("site", sa.String(length=11), nullable=True),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("proposer", sa.String(length=11), nullable=False),
        sa.Column("proposed_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("decided_at", UTCDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
        sa.UniqueConstraint("study", "number", name=op.f("uq_proposal_study_number")),
    )
    op.create_table(
        "receipt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(length=40), nullable=False),
        sa.Column("actor", sa.String(length=11), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("transaction", sa.String(length=40), nullable=False),
        sa.Column("request_id", sa.String(length=120), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("confirmation", sa.String(length=16), nullable=True),
        sa.Column("site", sa.String(length=11), nullable=True),
        sa.Column("subject", sa.String(length=16), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("told_at", UTCDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
        sa.UniqueConstraint("confirmation", name=op.f("uq_receipt_confirmation")),
        sa.UniqueConstraint(
            "study",
            "actor",
            "channel",
            "transaction",
            "request_id",
            name=op.f("uq_receipt_study_actor_channel_transaction_request_id"),
        ),
    )
    op.create_index("ix_receipt_subject", "receipt", ["study", "subject"], unique=False)
    op.create_index("ix_receipt_untold", "receipt", ["actor", "channel", "told_at"], unique=False)
    op.create_table(
        "study",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=11), nullable=False),
        sa.Column("seed", sa.LargeBinary(), nullable=True),
        sa.Column("commitment", sa.String(length=64), nullable=True),
        sa.Column("training", sa.Boolean(), nullable=False),
        sa.Column("published_at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_study")),
        sa.UniqueConstraint("number", name=op.f("uq_study_number")),
    )
    op.create_table(
        "throttle",
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("until", UTCDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_throttle")),
    )
    op.create_table(
        "call_turn",
        sa.Column("call_sid", sa.String(length=40), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("heard", sa.String(length=64), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("receipt_id", sa.Integer(), nullable=True),
        sa.Column("at", UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["call_sid"], ["call.sid"], name=op.f("fk_call_turn_call_sid")),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["receipt.id"], name=op.f("fk_call_turn_receipt_id")
        ),
        sa.PrimaryKeyConstraint("call_sid", "turn", name=op.f("pk_call_turn")),
    )
    op.create_table(
        "grant_role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(length=11), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("study", sa.String(length=40), nullable=True),
        sa.Column("site", sa.String(length=11), nullable=True),
        sa.Column("starts_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["person.user_id"], name=op.f("fk_grant_role_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_role")),
    )
    op.create_index(op.f("ix_grant_role_user_id"), "grant_role", ["user_id"], unique=False)
    op.create_table(
        "lot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("kit_type", sa.LargeBinary(), nullable=False),
        sa.Column("expiry", sa.Date(), nullable=False),
        sa.Column("countries", sa.String(length=400), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("certificate", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(["study"], ["study.code"], name=op.f("fk_lot_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot")),
        sa.UniqueConstraint("study", "number", name=op.f("uq_lot_study_number")),
    )
    op.create_table(
        "site",
        sa.Column("study", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=11), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("country", sa.String(length=8), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("depot", sa.String(length=20), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("status_on", sa.Date(), nullable=True),
        sa.Column("subjects", sa.Integer(), nullable=False),
        sa.Column("randomized", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["study"], ["study.code"], name=op.f("fk_site_study")),
        sa.PrimaryKeyConstraint("study", "number", name=op.f("pk_site")),
    )
    op.create_table(
        "study_version",
        sa.Column("study", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("published_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.String(length=11), nullable=False),
        sa.ForeignKeyConstraint(["study"], ["study.code"], name=op.f("fk_study_version_study")),
        sa.PrimaryKeyConstraint("study", "version", name=op.f("pk_study_version")),
    )
    op.create_table(
        "telephone",
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("study", sa.String(length=40), nullable=False),
        sa.Column("line", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["study"], ["study.code"], name=op.f("fk_telephone_study")),
        sa.PrimaryKeyConstraint("number", "study", name=op.f("pk_telephone")),
    )
    op.create_table(
        "shipment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("depot", sa.String(length=20), nullable=False),
        sa.Column("site", sa.String(length=11), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("dispatched_on", sa.Date(), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.Column("logger", sa.String(length=8), nullable=True),
        sa.ForeignKeyConstraint(
            ["study", "site"], ["site.study", "site.number"], name=op.f("fk_shipment_study_site")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipment")),
        sa.UniqueConstraint("study", "number", name=op.f("uq_shipment_study_number")),
    )
    op.create_index(
        op.f("ix_shipment_study_site_status"), "shipment", ["study", "site", "status"], unique=False
    )
    op.create_table(
        "site_version",
        sa.Column("study", sa.String(length=40), nullable=False),
        sa.Column("site", sa.String(length=11), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["study", "site"],
            ["site.study", "site.number"],
            name=op.f("fk_site_version_study_site"),
        ),
        sa.ForeignKeyConstraint(
            ["study", "version"],
            ["study_version.study", "study_version.version"],
            name=op.f("fk_site_version_study_version"),
        ),
        sa.PrimaryKeyConstraint("study", "site", "version", name=op.f("pk_site_version")),
    )
    op.create_table(
        "subject",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("site", sa.String(length=11), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("consent_on", sa.Date(), nullable=True),
        sa.Column("year_of_birth", sa.Integer(), nullable=True),
        sa.Column("rescreen_of", sa.String(length=16), nullable=True),
        sa.Column("screened_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("randomized_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("randomized_on", sa.Date(), nullable=True),
        sa.Column("randomization_number", sa.String(length=16), nullable=True),
        sa.Column("domain", sa.String(length=200), nullable=True),
        sa.Column("levels", sa.Text(), nullable=True),
        sa.Column("arm", sa.LargeBinary(), nullable=True),
        sa.Column("treatment", sa.String(length=16), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["study", "site"], ["site.study", "site.number"], name=op.f("fk_subject_study_site")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subject")),
        sa.UniqueConstraint("study", "number", name=op.f("uq_subject_study_number")),
        sa.UniqueConstraint(
            "study", "randomization_number", name=op.f("uq_subject_study_randomization_number")
        ),
    )
    op.create_index(
        op.f("ix_subject_study_site_status"), "subject", ["study", "site", "status"], unique=False
    )
    op.create_table(
        "draw",
        sa.Column("study", sa.String(length=40), nullable=False),
        sa.Column("domain", sa.String(length=200), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name=op.f("fk_draw_subject_id")),
        sa.PrimaryKeyConstraint("study", "domain", "number", name=op.f("pk_draw")),
        sa.UniqueConstraint("subject_id", name=op.f("uq_draw_subject_id")),
    )
    op.create_table(
        "visit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("deviation_days", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name=op.f("fk_visit_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
        sa.UniqueConstraint("subject_id", "code", name=op.f("uq_visit_subject_id_code")),
    )
    op.create_table(
        "kit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=8), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kit_type", sa.LargeBinary(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("disposition", sa.String(length=16), nullable=False),
        sa.Column("custody", sa.String(length=16), nullable=False),
        sa.Column("quality", sa.String(length=16), nullable=False),
        sa.Column("depot", sa.String(length=20), nullable=True),
        sa.Column("site", sa.String(length=11), nullable=True),
        sa.Column("shipment_id", sa.Integer(), nullable=True),
        sa.Column("subject_id", sa.Integer(), nullable=True),
        sa.Column("visit_id", sa.Integer(), nullable=True),
        sa.Column("dispensed_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("replaced_by", sa.String(length=8), nullable=True),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_kit_lot_id")),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipment.id"], name=op.f("fk_kit_shipment_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name=op.f("fk_kit_subject_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_kit_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kit")),
        sa.UniqueConstraint("study", "number", name=op.f("uq_kit_study_number")),
    )
    op.create_index(
        "ix_kit_depot", "kit", ["study", "depot", "disposition", "lot_id"], unique=False
    )
    op.create_index(
        "ix_kit_shelf", "kit", ["study", "site", "disposition", "quality", "custody"], unique=False
    )
    op.create_index(op.f("ix_kit_shipment_id"), "kit", ["shipment_id"], unique=False)
    op.create_index(op.f("ix_kit_subject_id"), "kit", ["subject_id"], unique=False)


def downgrade() -> None:
    """There is nothing before the baseline."""
    raise RuntimeError("the baseline is not undone: restore a backup instead")
