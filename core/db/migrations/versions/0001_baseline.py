"""The first release's tables."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
)

from core.db.types import UTCDateTime

revision = "0001"
down_revision = branch_labels = depends_on = None


# fmt: off
def upgrade() -> None:
    """Create every table."""
    op.create_table('allocator',
        Column('study', String(length=40), nullable=False), Column('domain', String(length=200), nullable=False), Column('draws', Integer(), nullable=False), Column('rows', Integer(), nullable=False),
        Column('state', LargeBinary(), nullable=True), PrimaryKeyConstraint('study', 'domain', name='pk_allocator'))
    op.create_table('anchor',
        Column('id', Integer(), nullable=False), Column('night', Date(), nullable=True), Column('at', UTCDateTime(timezone=True), nullable=False), Column('text', Text(), nullable=False),
        Column('sequence', Integer(), nullable=False), Column('filed_at', UTCDateTime(timezone=True), nullable=True), Column('mailed_at', UTCDateTime(timezone=True), nullable=True),
        Column('stamp', Text(), nullable=True), Column('lease_until', UTCDateTime(timezone=True), nullable=True), Column('attempts', Integer(), nullable=False),
        PrimaryKeyConstraint('id', name='pk_anchor'), UniqueConstraint('night', name='uq_anchor_night'))
    op.create_table('call',
        Column('sid', String(length=40), nullable=False), Column('line', String(length=16), nullable=False), Column('study', String(length=40), nullable=True),
        Column('language', String(length=8), nullable=True), Column('user_id', String(length=11), nullable=True), Column('caller_token', String(length=64), nullable=True),
        Column('started_at', UTCDateTime(timezone=True), nullable=False), Column('ended_at', UTCDateTime(timezone=True), nullable=True), Column('status', String(length=16), nullable=True),
        PrimaryKeyConstraint('sid', name='pk_call'))
    op.create_index('ix_call_open', 'call', ['ended_at', 'started_at'], unique=False)
    op.create_table('chain',
        Column('study', String(length=40), nullable=False), Column('sequence', Integer(), nullable=False), Column('hash', String(length=64), nullable=False),
        Column('seal', String(length=64), nullable=True), Column('holds', Integer(), nullable=False), PrimaryKeyConstraint('study', name='pk_chain'))
    op.create_table('counter',
        Column('study', String(length=40), nullable=False), Column('scope', String(length=80), nullable=False), Column('count', Integer(), nullable=False),
        PrimaryKeyConstraint('study', 'scope', name='pk_counter'))
    op.create_table('ledger',
        Column('study', String(length=40), nullable=False), Column('sequence', Integer(), nullable=False), Column('at', UTCDateTime(timezone=True), nullable=False),
        Column('transaction', String(length=40), nullable=False), Column('outcome', String(length=16), nullable=False), Column('actor', String(length=11), nullable=True),
        Column('channel', String(length=16), nullable=False), Column('site', String(length=11), nullable=True), Column('subject', String(length=16), nullable=True),
        Column('confirmation', String(length=16), nullable=True), Column('body', Text(), nullable=False), Column('secret', LargeBinary(), nullable=True),
        Column('hash', String(length=64), nullable=False), Column('seal', String(length=64), nullable=True), PrimaryKeyConstraint('study', 'sequence', name='pk_ledger'))
    op.create_index('ix_ledger_study_actor_sequence', 'ledger', ['study', 'actor', 'sequence'], unique=False)
    op.create_index('ix_ledger_study_at', 'ledger', ['study', 'at'], unique=False)
    op.create_index('ix_ledger_study_site_sequence', 'ledger', ['study', 'site', 'sequence'], unique=False)
    op.create_index('ix_ledger_study_subject_sequence', 'ledger', ['study', 'subject', 'sequence'], unique=False)
    op.create_index('ix_ledger_study_transaction_sequence', 'ledger', ['study', 'transaction', 'sequence'], unique=False)
    op.create_table('ledger_kit',
        Column('study', String(length=40), nullable=False), Column('kit', String(length=8), nullable=False), Column('sequence', Integer(), nullable=False),
        PrimaryKeyConstraint('study', 'kit', 'sequence', name='pk_ledger_kit'))
    op.create_table('list_row',
        Column('study', String(length=40), nullable=False), Column('domain', String(length=200), nullable=False), Column('sequence', Integer(), nullable=False),
        Column('block', Integer(), nullable=True), Column('number', String(length=16), nullable=False), Column('arm', LargeBinary(), nullable=False), Column('list_version', Integer(), nullable=True),
        PrimaryKeyConstraint('study', 'domain', 'sequence', name='pk_list_row'), UniqueConstraint('study', 'number', name='uq_list_row_study_number'))
    op.create_table('outbox',
        Column('id', Integer(), nullable=False), Column('study', String(length=40), nullable=True), Column('site', String(length=11), nullable=True),
        Column('user_id', String(length=11), nullable=True), Column('roles', String(length=200), nullable=True), Column('depot', String(length=20), nullable=True),
        Column('by', String(length=8), nullable=False), Column('message', Text(), nullable=False), Column('secret', LargeBinary(), nullable=True), Column('to', LargeBinary(), nullable=True),
        Column('status', String(length=16), nullable=False), Column('rank', Integer(), nullable=False), Column('attempts', Integer(), nullable=False),
        Column('due_at', UTCDateTime(timezone=True), nullable=False), Column('lease_until', UTCDateTime(timezone=True), nullable=True), Column('provider_sid', String(length=40), nullable=True),
        Column('error', String(length=40), nullable=True), Column('created_at', UTCDateTime(timezone=True), nullable=False), PrimaryKeyConstraint('id', name='pk_outbox'))
    op.create_index('ix_outbox_due', 'outbox', ['status', 'due_at'], unique=False)
    op.create_index('ix_outbox_provider_sid', 'outbox', ['provider_sid'], unique=False)
    op.create_table('page_view',
        Column('id', Integer(), nullable=False), Column('session', String(length=64), nullable=False), Column('at', UTCDateTime(timezone=True), nullable=False),
        Column('user_id', String(length=11), nullable=False), Column('channel', String(length=16), nullable=False), Column('study', String(length=40), nullable=True),
        Column('what', String(length=60), nullable=False), Column('of', String(length=40), nullable=True), Column('subject', String(length=16), nullable=True),
        Column('sealed', Integer(), nullable=True), PrimaryKeyConstraint('id', name='pk_page_view'))
    op.create_index('ix_page_view_sealed_session', 'page_view', ['sealed', 'session'], unique=False)
    op.create_index('ix_page_view_study_subject_id', 'page_view', ['study', 'subject', 'id'], unique=False)
    op.create_index('ix_page_view_study_user_id_id', 'page_view', ['study', 'user_id', 'id'], unique=False)
    op.create_table('person',
        Column('user_id', String(length=11), nullable=False), Column('name', String(length=200), nullable=False), Column('email', LargeBinary(), nullable=True),
        Column('mobile', LargeBinary(), nullable=True), Column('mobile_token', String(length=64), nullable=True), Column('language', String(length=8), nullable=False),
        Column('status', String(length=16), nullable=False), Column('pin_hash', String(length=200), nullable=True), Column('pin_set_at', UTCDateTime(timezone=True), nullable=True),
        Column('password_hash', String(length=200), nullable=True), Column('password_set_at', UTCDateTime(timezone=True), nullable=True),
        Column('mobile_set_at', UTCDateTime(timezone=True), nullable=True), Column('signed_in_at', UTCDateTime(timezone=True), nullable=True), Column('code_token', String(length=64), nullable=True),
        Column('code_expires_at', UTCDateTime(timezone=True), nullable=True), Column('created_at', UTCDateTime(timezone=True), nullable=False), PrimaryKeyConstraint('user_id', name='pk_person'),
        UniqueConstraint('code_token', name='uq_person_code_token'))
    op.create_index('ix_person_mobile_token', 'person', ['mobile_token'], unique=False)
    op.create_table('proposal',
        Column('id', Integer(), nullable=False), Column('study', String(length=40), nullable=False), Column('number', String(length=16), nullable=False),
        Column('transaction', String(length=40), nullable=False), Column('site', String(length=11), nullable=True), Column('answers', Text(), nullable=False),
        Column('proposer', String(length=11), nullable=False), Column('proposed_at', UTCDateTime(timezone=True), nullable=False), Column('decided_at', UTCDateTime(timezone=True), nullable=True),
        PrimaryKeyConstraint('id', name='pk_proposal'), UniqueConstraint('study', 'number', name='uq_proposal_study_number'))
    op.create_table('receipt',
        Column('id', Integer(), nullable=False), Column('study', String(length=40), nullable=False), Column('actor', String(length=11), nullable=False),
        Column('channel', String(length=16), nullable=False), Column('transaction', String(length=40), nullable=False), Column('request_id', String(length=120), nullable=False),
        Column('digest', String(length=64), nullable=False), Column('sequence', Integer(), nullable=True), Column('outcome', String(length=16), nullable=True),
        Column('confirmation', String(length=16), nullable=True), Column('site', String(length=11), nullable=True), Column('subject', String(length=16), nullable=True),
        Column('result', Text(), nullable=True), Column('at', UTCDateTime(timezone=True), nullable=False), Column('told_at', UTCDateTime(timezone=True), nullable=True),
        PrimaryKeyConstraint('id', name='pk_receipt'), UniqueConstraint('confirmation', name='uq_receipt_confirmation'),
        UniqueConstraint('study', 'actor', 'channel', 'transaction', 'request_id', name='uq_receipt_study_actor_channel_transaction_request_id'))
    op.create_index('ix_receipt_subject', 'receipt', ['study', 'subject'], unique=False)
    op.create_index('ix_receipt_untold', 'receipt', ['actor', 'channel', 'told_at'], unique=False)
    op.create_table('sms_event',
        Column('id', Integer(), nullable=False), Column('outbox_id', Integer(), nullable=False), Column('sid', String(length=40), nullable=False), Column('status', String(length=20), nullable=False),
        Column('error', String(length=8), nullable=True), Column('at', UTCDateTime(timezone=True), nullable=False), PrimaryKeyConstraint('id', name='pk_sms_event'))
    op.create_table('study',
        Column('code', String(length=40), nullable=False), Column('number', String(length=11), nullable=False), Column('seed', LargeBinary(), nullable=True),
        Column('commitment', String(length=64), nullable=True), Column('training', Boolean(), nullable=False), Column('published_at', UTCDateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint('code', name='pk_study'), UniqueConstraint('number', name='uq_study_number'))
    op.create_table('throttle',
        Column('token', String(length=64), nullable=False), Column('failures', Integer(), nullable=False), Column('until', UTCDateTime(timezone=True), nullable=True),
        Column('at', UTCDateTime(timezone=True), nullable=False), PrimaryKeyConstraint('token', name='pk_throttle'))
    op.create_table('api_token',
        Column('id', Integer(), nullable=False), Column('token', String(length=64), nullable=False), Column('user_id', String(length=11), nullable=False),
        Column('name', String(length=80), nullable=False), Column('created_at', UTCDateTime(timezone=True), nullable=False), Column('expires_at', UTCDateTime(timezone=True), nullable=False),
        Column('used_at', UTCDateTime(timezone=True), nullable=True), Column('revoked_at', UTCDateTime(timezone=True), nullable=True),
        ForeignKeyConstraint(['user_id'], ['person.user_id'], name='fk_api_token_user_id'), PrimaryKeyConstraint('id', name='pk_api_token'), UniqueConstraint('token', name='uq_api_token_token'))
    op.create_index('ix_api_token_user_id', 'api_token', ['user_id'], unique=False)
    op.create_table('assessment',
        Column('id', Integer(), nullable=False), Column('study', String(length=40), nullable=False), Column('of', Integer(), nullable=False), Column('by', String(length=11), nullable=False),
        Column('assessed_at', UTCDateTime(timezone=True), nullable=False), Column('text', String(length=400), nullable=False),
        ForeignKeyConstraint(['by'], ['person.user_id'], name='fk_assessment_by'), ForeignKeyConstraint(['study'], ['study.code'], name='fk_assessment_study'),
        PrimaryKeyConstraint('id', name='pk_assessment'))
    op.create_index('ix_assessment_study_of', 'assessment', ['study', 'of'], unique=False)
    op.create_table('call_turn',
        Column('call_sid', String(length=40), nullable=False), Column('turn', Integer(), nullable=False), Column('heard', String(length=64), nullable=False), Column('state', Text(), nullable=False),
        Column('receipt_id', Integer(), nullable=True), Column('at', UTCDateTime(timezone=True), nullable=False), ForeignKeyConstraint(['call_sid'], ['call.sid'], name='fk_call_turn_call_sid'),
        ForeignKeyConstraint(['receipt_id'], ['receipt.id'], name='fk_call_turn_receipt_id'), PrimaryKeyConstraint('call_sid', 'turn', name='pk_call_turn'))
    op.create_table('cohort',
        Column('study', String(length=40), nullable=False), Column('number', Integer(), nullable=False), Column('dose', String(length=16), nullable=False),
        Column('randomized', Integer(), nullable=False), Column('opened_at', UTCDateTime(timezone=True), nullable=False), Column('opened_by', String(length=11), nullable=False),
        Column('closed_at', UTCDateTime(timezone=True), nullable=True), Column('decision', String(length=16), nullable=True), ForeignKeyConstraint(['study'], ['study.code'], name='fk_cohort_study'),
        PrimaryKeyConstraint('study', 'number', name='pk_cohort'))
    op.create_table('emergency_call',
        Column('id', Integer(), nullable=False), Column('study', String(length=40), nullable=False), Column('number', String(length=16), nullable=False),
        Column('subject', String(length=16), nullable=False), Column('site', String(length=11), nullable=False), Column('caller', LargeBinary(), nullable=False),
        Column('position', String(length=24), nullable=False), Column('card_code', LargeBinary(), nullable=True), Column('operator', String(length=11), nullable=False),
        Column('taken_at', UTCDateTime(timezone=True), nullable=False), Column('outcome', String(length=16), nullable=True), Column('closed_at', UTCDateTime(timezone=True), nullable=True),
        ForeignKeyConstraint(['operator'], ['person.user_id'], name='fk_emergency_call_operator'), ForeignKeyConstraint(['study'], ['study.code'], name='fk_emergency_call_study'),
        PrimaryKeyConstraint('id', name='pk_emergency_call'))
    op.create_index('ix_emergency_call_study_number', 'emergency_call', ['study', 'number'], unique=True)
    op.create_table('grant_role',
        Column('id', Integer(), nullable=False), Column('user_id', String(length=11), nullable=False), Column('role', String(length=32), nullable=False),
        Column('study', String(length=40), nullable=True), Column('site', String(length=11), nullable=True), Column('depot', String(length=20), nullable=True),
        Column('starts_at', UTCDateTime(timezone=True), nullable=False), Column('ends_at', UTCDateTime(timezone=True), nullable=True),
        ForeignKeyConstraint(['user_id'], ['person.user_id'], name='fk_grant_role_user_id'), PrimaryKeyConstraint('id', name='pk_grant_role'))
    op.create_index('ix_grant_role_study_user_id', 'grant_role', ['study', 'user_id'], unique=False)
    op.create_index('ix_grant_role_user_id', 'grant_role', ['user_id'], unique=False)
    op.create_table('half_signed_in',
        Column('token', String(length=64), nullable=False), Column('user_id', String(length=11), nullable=False), Column('purpose', String(length=16), nullable=False),
        Column('challenge', String(length=64), nullable=False), Column('renews', String(length=8), nullable=False), Column('proven', Boolean(), nullable=False),
        Column('failures', Integer(), nullable=False), Column('expires_at', UTCDateTime(timezone=True), nullable=False),
        ForeignKeyConstraint(['user_id'], ['person.user_id'], name='fk_half_signed_in_user_id'), PrimaryKeyConstraint('token', name='pk_half_signed_in'))
    op.create_table('hold',
        Column('id', Integer(), nullable=False), Column('study', String(length=40), nullable=False), Column('number', String(length=16), nullable=False),
        Column('scope', String(length=16), nullable=False), Column('value', Text(), nullable=True), Column('arm', LargeBinary(), nullable=True), Column('stops', String(length=60), nullable=False),
        Column('placed_at', UTCDateTime(timezone=True), nullable=False), Column('placed_by', String(length=11), nullable=False), Column('lifted_at', UTCDateTime(timezone=True), nullable=True),
        Column('lifted_by', String(length=11), nullable=True), ForeignKeyConstraint(['study'], ['study.code'], name='fk_hold_study'), PrimaryKeyConstraint('id', name='pk_hold'),
        UniqueConstraint('study', 'number', name='uq_hold_study_number'))
    op.create_index('ix_hold_study_lifted_at', 'hold', ['study', 'lifted_at'], unique=False)
    op.create_table('job',
        Column('name', String(length=40), nullable=False), Column('study', String(length=40), nullable=False), Column('done_for', Date(), nullable=True),
        Column('lease_until', UTCDateTime(timezone=True), nullable=True), Column('lease', String(length=32), nullable=True), Column('attempts', Integer(), nullable=False),
        ForeignKeyConstraint(['study'], ['study.code'], name='fk_job_study'), PrimaryKeyConstraint('name', 'study', name='pk_job'))
    op.create_table('list_version',
        Column('study', String(length=40), nullable=False), Column('version', Integer(), nullable=False), Column('epoch', Integer(), nullable=False), Column('rows', Integer(), nullable=False),
        Column('digest', String(length=64), nullable=False), Column('commitment', String(length=64), nullable=False), Column('nonce', LargeBinary(), nullable=False),
        Column('test', Boolean(), nullable=False), Column('imported_at', UTCDateTime(timezone=True), nullable=False), Column('imported_by', String(length=11), nullable=False),
        Column('activated_at', UTCDateTime(timezone=True), nullable=True), Column('activated_by', String(length=11), nullable=True),
        ForeignKeyConstraint(['study'], ['study.code'], name='fk_list_version_study'), PrimaryKeyConstraint('study', 'version', name='pk_list_version'))
    op.create_index('ix_list_version_digest', 'list_version', ['digest'], unique=False)
    op.create_table('lot',
        Column('id', Integer(), nullable=False), Column('study', String(length=40), nullable=False), Column('number', String(length=40), nullable=False),
        Column('kit_type', LargeBinary(), nullable=False), Column('expiry', Date(), nullable=False), Column('stable_until', Date(), nullable=False),
        Column('label_lot', String(length=40), nullable=False), Column('countries', String(length=400), nullable=False), Column('status', String(length=16), nullable=False),
        ForeignKeyConstraint(['study'], ['study.code'], name='fk_lot_study'), PrimaryKeyConstraint('id', name='pk_lot'), UniqueConstraint('study', 'number', name='uq_lot_study_number'))
    op.create_index('ix_lot_study_label_lot', 'lot', ['study', 'label_lot'], unique=False)
    op.create_table('opening',
        Column('id', Integer(), nullable=False), Column('study', String(length=40), nullable=False), Column('subject', String(length=16), nullable=True),
        Column('kit', String(length=8), nullable=True), Column('user_id', String(length=11), nullable=True), Column('basis', String(length=16), nullable=False),
        Column('sequence', Integer(), nullable=False), Column('opened_at', UTCDateTime(timezone=True), nullable=False), Column('ends_at', UTCDateTime(timezone=True), nullable=True),
        Column('told', Integer(), nullable=False), ForeignKeyConstraint(['study'], ['study.code'], name='fk_opening_study'),
        ForeignKeyConstraint(['user_id'], ['person.user_id'], name='fk_opening_user_id'), PrimaryKeyConstraint('id', name='pk_opening'))
    op.create_index('ix_opening_study_kit', 'opening', ['study', 'kit'], unique=False)
    op.create_index('ix_opening_study_subject_user_id', 'opening', ['study', 'subject', 'user_id'], unique=False)
    op.create_table('passkey',
        Column('credential', String(length=344), nullable=False), Column('user_id', String(length=11), nullable=False), Column('name', String(length=80), nullable=False),
        Column('public_key', LargeBinary(), nullable=False), Column('counter', Integer(), nullable=False), Column('added_at', UTCDateTime(timezone=True), nullable=False),
        Column('used_at', UTCDateTime(timezone=True), nullable=True), ForeignKeyConstraint(['user_id'], ['person.user_id'], name='fk_passkey_user_id'),
        PrimaryKeyConstraint('credential', name='pk_passkey'))
    op.create_index('ix_passkey_user_id', 'passkey', ['user_id'], unique=False)
    op.create_table('review',
        Column('id', Integer(), nullable=False), Column('study', String(length=40), nullable=False), Column('kind', String(length=16), nullable=False),
        Column('site', String(length=11), nullable=True), Column('by', String(length=11), nullable=False), Column('done_on', Date(), nullable=False),
        Column('done_at', UTCDateTime(timezone=True), nullable=False), Column('upto', Integer(), nullable=False), Column('sequence', Integer(), nullable=False),
        ForeignKeyConstraint(['by'], ['person.user_id'], name='fk_review_by'), ForeignKeyConstraint(['study'], ['study.code'], name='fk_review_study'), PrimaryKeyConstraint('id', name='pk_review'))
    op.create_index('ix_review_study_kind_site_done_at', 'review', ['study', 'kind', 'site', 'done_at'], unique=False)
    op.create_table('seed_share',
        Column('study', String(length=40), nullable=False), Column('share', Integer(), nullable=False), Column('user_id', String(length=11), nullable=False),
        Column('given_at', UTCDateTime(timezone=True), nullable=False), Column('told_at', UTCDateTime(timezone=True), nullable=True),
        ForeignKeyConstraint(['study'], ['study.code'], name='fk_seed_share_study'), PrimaryKeyConstraint('study', 'share', name='pk_seed_share'),
        UniqueConstraint('study', 'user_id', name='uq_seed_share_study_user_id'))
    op.create_table('site',
        Column('study', String(length=40), nullable=False), Column('number', String(length=11), nullable=False), Column('name', String(length=200), nullable=False),
        Column('country', String(length=8), nullable=False), Column('timezone', String(length=64), nullable=False), Column('language', String(length=8), nullable=False),
        Column('phone', LargeBinary(), nullable=True), Column('depot', String(length=20), nullable=True), Column('status', String(length=16), nullable=False),
        Column('status_on', Date(), nullable=True), Column('subjects', Integer(), nullable=False), Column('randomized', Integer(), nullable=False),
        ForeignKeyConstraint(['study'], ['study.code'], name='fk_site_study'), PrimaryKeyConstraint('study', 'number', name='pk_site'))
    op.create_table('sms_inbound',
        Column('sid', String(length=40), nullable=False), Column('sender', String(length=64), nullable=False), Column('word', String(length=16), nullable=False),
        Column('reply', Text(), nullable=True), Column('receipt_id', Integer(), nullable=True), Column('at', UTCDateTime(timezone=True), nullable=False),
        ForeignKeyConstraint(['receipt_id'], ['receipt.id'], name='fk_sms_inbound_receipt_id'), PrimaryKeyConstraint('sid', name='pk_sms_inbound'))
    op.create_index('ix_sms_inbound_sender', 'sms_inbound', ['sender', 'word', 'at'], unique=False)
    op.create_table('study_version',
        Column('study', String(length=40), nullable=False), Column('version', Integer(), nullable=False), Column('epoch', Integer(), nullable=False),
        Column('digest', String(length=64), nullable=False), Column('source', Text(), nullable=False), Column('published_at', UTCDateTime(timezone=True), nullable=False),
        Column('published_by', String(length=11), nullable=False), Column('activated_at', UTCDateTime(timezone=True), nullable=True), Column('activated_by', String(length=11), nullable=True),
        ForeignKeyConstraint(['study'], ['study.code'], name='fk_study_version_study'), PrimaryKeyConstraint('study', 'version', name='pk_study_version'))
    op.create_table('telephone',
        Column('number', String(length=20), nullable=False), Column('study', String(length=40), nullable=False), Column('line', String(length=16), nullable=False),
        ForeignKeyConstraint(['study'], ['study.code'], name='fk_telephone_study'), PrimaryKeyConstraint('number', 'study', name='pk_telephone'))
    op.create_table('totp',
        Column('user_id', String(length=11), nullable=False), Column('secret', LargeBinary(), nullable=False), Column('confirmed_at', UTCDateTime(timezone=True), nullable=True),
        Column('last_step', Integer(), nullable=False), ForeignKeyConstraint(['user_id'], ['person.user_id'], name='fk_totp_user_id'), PrimaryKeyConstraint('user_id', name='pk_totp'))
    op.create_table('web_session',
        Column('token', String(length=64), nullable=False), Column('user_id', String(length=11), nullable=False), Column('study', String(length=40), nullable=True),
        Column('site', String(length=11), nullable=True), Column('created_at', UTCDateTime(timezone=True), nullable=False), Column('seen_at', UTCDateTime(timezone=True), nullable=False),
        Column('ended_at', UTCDateTime(timezone=True), nullable=True), ForeignKeyConstraint(['user_id'], ['person.user_id'], name='fk_web_session_user_id'),
        PrimaryKeyConstraint('token', name='pk_web_session'))
    op.create_index('ix_web_session_user_id', 'web_session', ['user_id'], unique=False)
    op.create_table('lot_release',
        Column('lot_id', Integer(), nullable=False), Column('country', String(length=8), nullable=False), Column('certificate', String(length=80), nullable=False),
        Column('released_at', UTCDateTime(timezone=True), nullable=False), ForeignKeyConstraint(['lot_id'], ['lot.id'], name='fk_lot_release_lot_id'),
        PrimaryKeyConstraint('lot_id', 'country', name='pk_lot_release'))
    op.create_table('reveal',
        Column('token', String(length=64), nullable=False), Column('opening_id', Integer(), nullable=False), Column('call_sid', String(length=40), nullable=False),
        Column('turn', Integer(), nullable=False), Column('language', String(length=8), nullable=False), Column('created_at', UTCDateTime(timezone=True), nullable=False),
        Column('expires_at', UTCDateTime(timezone=True), nullable=False), Column('fetched_at', UTCDateTime(timezone=True), nullable=True),
        ForeignKeyConstraint(['opening_id'], ['opening.id'], name='fk_reveal_opening_id'), PrimaryKeyConstraint('token', name='pk_reveal'))
    op.create_table('shipment',
        Column('id', Integer(), nullable=False), Column('study', String(length=40), nullable=False), Column('number', String(length=16), nullable=False),
        Column('kind', String(length=16), nullable=False), Column('depot', String(length=20), nullable=True), Column('from_site', String(length=11), nullable=True),
        Column('site', String(length=11), nullable=True), Column('to_depot', String(length=20), nullable=True), Column('status', String(length=20), nullable=False),
        Column('created_at', UTCDateTime(timezone=True), nullable=False), Column('confirmed_at', UTCDateTime(timezone=True), nullable=True),
        Column('remind_at', UTCDateTime(timezone=True), nullable=True), Column('leaves_on', Date(), nullable=True), Column('due_on', Date(), nullable=True),
        Column('courier', String(length=80), nullable=True), Column('waybill', String(length=80), nullable=True), Column('loggers', String(length=400), nullable=True),
        Column('why', Text(), nullable=True), Column('reasons', LargeBinary(), nullable=True), Column('dispatched_on', Date(), nullable=True), Column('received_on', Date(), nullable=True),
        Column('logger', String(length=8), nullable=True), ForeignKeyConstraint(['study', 'site'], ['site.study', 'site.number'], name='fk_shipment_study_site'),
        PrimaryKeyConstraint('id', name='pk_shipment'), UniqueConstraint('study', 'number', name='uq_shipment_study_number'))
    op.create_index('ix_shipment_remind_at', 'shipment', ['remind_at'], unique=False)
    op.create_index('ix_shipment_study_id', 'shipment', ['study', 'id'], unique=False)
    op.create_index('ix_shipment_study_site_id', 'shipment', ['study', 'site', 'id'], unique=False)
    op.create_index('ix_shipment_study_status_site_id', 'shipment', ['study', 'status', 'site', 'id'], unique=False)
    op.create_table('site_version',
        Column('study', String(length=40), nullable=False), Column('site', String(length=11), nullable=False), Column('version', Integer(), nullable=False),
        Column('effective_on', Date(), nullable=False), ForeignKeyConstraint(['study', 'site'], ['site.study', 'site.number'], name='fk_site_version_study_site'),
        ForeignKeyConstraint(['study', 'version'], ['study_version.study', 'study_version.version'], name='fk_site_version_study_version'),
        PrimaryKeyConstraint('study', 'site', 'version', name='pk_site_version'))
    op.create_table('subject',
        Column('id', Integer(), nullable=False), Column('study', String(length=40), nullable=False), Column('number', String(length=16), nullable=False),
        Column('site', String(length=11), nullable=False), Column('status', String(length=24), nullable=False), Column('version', Integer(), nullable=False),
        Column('consent_on', Date(), nullable=True), Column('year_of_birth', Integer(), nullable=True), Column('rescreen_of', String(length=16), nullable=True),
        Column('screened_at', UTCDateTime(timezone=True), nullable=True), Column('randomized_at', UTCDateTime(timezone=True), nullable=True), Column('randomized_on', Date(), nullable=True),
        Column('randomization_number', String(length=16), nullable=True), Column('domain', String(length=200), nullable=True), Column('levels', Text(), nullable=True),
        Column('arm', LargeBinary(), nullable=True), Column('corrected', Text(), nullable=True), Column('in_error_at', UTCDateTime(timezone=True), nullable=True),
        Column('code_broken_at', UTCDateTime(timezone=True), nullable=True), Column('cohort', Integer(), nullable=True), Column('phase', String(length=16), nullable=True),
        Column('phase_on', Date(), nullable=True), Column('phase_arm', LargeBinary(), nullable=True), Column('treatment', String(length=16), nullable=False),
        Column('dose', String(length=16), nullable=True), Column('dose_held_on', Date(), nullable=True), Column('ended_on', Date(), nullable=True),
        ForeignKeyConstraint(['study', 'site'], ['site.study', 'site.number'], name='fk_subject_study_site'), PrimaryKeyConstraint('id', name='pk_subject'),
        UniqueConstraint('study', 'number', name='uq_subject_study_number'), UniqueConstraint('study', 'randomization_number', name='uq_subject_study_randomization_number'))
    op.create_index('ix_subject_study_site_number', 'subject', ['study', 'site', 'number'], unique=False)
    op.create_index('ix_subject_study_status_site_number', 'subject', ['study', 'status', 'site', 'number'], unique=False)
    op.create_table('web_draft',
        Column('id', String(length=64), nullable=False), Column('session', String(length=64), nullable=False), Column('study', String(length=40), nullable=False),
        Column('site', String(length=11), nullable=True), Column('transaction', String(length=40), nullable=False), Column('given', Text(), nullable=False),
        Column('receipt_id', Integer(), nullable=True), Column('created_at', UTCDateTime(timezone=True), nullable=False),
        ForeignKeyConstraint(['receipt_id'], ['receipt.id'], name='fk_web_draft_receipt_id'), ForeignKeyConstraint(['session'], ['web_session.token'], name='fk_web_draft_session'),
        PrimaryKeyConstraint('id', name='pk_web_draft'))
    op.create_index('ix_web_draft_session', 'web_draft', ['session'], unique=False)
    op.create_table('assignment',
        Column('subject_id', Integer(), nullable=False), Column('phase', String(length=16), nullable=False), Column('entered_on', Date(), nullable=False),
        Column('at', UTCDateTime(timezone=True), nullable=False), Column('arm', LargeBinary(), nullable=True), Column('levels', Text(), nullable=True),
        ForeignKeyConstraint(['subject_id'], ['subject.id'], name='fk_assignment_subject_id'), PrimaryKeyConstraint('subject_id', 'phase', name='pk_assignment'))
    op.create_table('draw',
        Column('study', String(length=40), nullable=False), Column('domain', String(length=200), nullable=False), Column('number', Integer(), nullable=False),
        Column('subject_id', Integer(), nullable=False), Column('stage', String(length=16), nullable=False), Column('row', Integer(), nullable=True), Column('original', LargeBinary(), nullable=True),
        ForeignKeyConstraint(['subject_id'], ['subject.id'], name='fk_draw_subject_id'), PrimaryKeyConstraint('study', 'domain', 'number', name='pk_draw'),
        UniqueConstraint('subject_id', 'stage', name='uq_draw_subject_id_stage'))
    op.create_table('response',
        Column('subject_id', Integer(), nullable=False), Column('answer', Boolean(), nullable=False), Column('on', Date(), nullable=False), Column('at', UTCDateTime(timezone=True), nullable=False),
        ForeignKeyConstraint(['subject_id'], ['subject.id'], name='fk_response_subject_id'), PrimaryKeyConstraint('subject_id', name='pk_response'))
    op.create_table('visit',
        Column('id', Integer(), nullable=False), Column('subject_id', Integer(), nullable=False), Column('code', String(length=20), nullable=False),
        Column('status', String(length=16), nullable=False), Column('on', Date(), nullable=False), Column('deviation_days', Integer(), nullable=False),
        Column('dose', String(length=16), nullable=True), ForeignKeyConstraint(['subject_id'], ['subject.id'], name='fk_visit_subject_id'), PrimaryKeyConstraint('id', name='pk_visit'),
        UniqueConstraint('subject_id', 'code', name='uq_visit_subject_id_code'))
    op.create_table('kit',
        Column('id', Integer(), nullable=False), Column('study', String(length=40), nullable=False), Column('number', String(length=8), nullable=False), Column('sequence', Integer(), nullable=False),
        Column('kit_type', LargeBinary(), nullable=False), Column('lot_id', Integer(), nullable=False), Column('disposition', String(length=16), nullable=False),
        Column('custody', String(length=16), nullable=False), Column('quality', String(length=16), nullable=False), Column('depot', String(length=20), nullable=True),
        Column('site', String(length=11), nullable=True), Column('shipment_id', Integer(), nullable=True), Column('subject_id', Integer(), nullable=True), Column('visit_id', Integer(), nullable=True),
        Column('dispensed_at', UTCDateTime(timezone=True), nullable=True), Column('confirmed_at', UTCDateTime(timezone=True), nullable=True), Column('replaced_by', String(length=8), nullable=True),
        Column('labelled_until', Date(), nullable=True), Column('units_used', Integer(), nullable=True), Column('units_unused', Integer(), nullable=True),
        Column('units_missing', Integer(), nullable=True), ForeignKeyConstraint(['lot_id'], ['lot.id'], name='fk_kit_lot_id'),
        ForeignKeyConstraint(['shipment_id'], ['shipment.id'], name='fk_kit_shipment_id'), ForeignKeyConstraint(['subject_id'], ['subject.id'], name='fk_kit_subject_id'),
        ForeignKeyConstraint(['visit_id'], ['visit.id'], name='fk_kit_visit_id'), PrimaryKeyConstraint('id', name='pk_kit'), UniqueConstraint('study', 'number', name='uq_kit_study_number'))
    op.create_index('ix_kit_depot', 'kit', ['study', 'depot', 'disposition', 'lot_id', 'id'], unique=False)
    op.create_index('ix_kit_shelf', 'kit', ['study', 'site', 'disposition', 'quality', 'custody'], unique=False)
    op.create_index('ix_kit_shipment_id', 'kit', ['shipment_id'], unique=False)
    op.create_index('ix_kit_study_site_number', 'kit', ['study', 'site', 'number'], unique=False)
    op.create_index('ix_kit_subject_id', 'kit', ['subject_id'], unique=False)
    op.create_table('not_given',
        Column('id', Integer(), nullable=False), Column('subject_id', Integer(), nullable=False), Column('kit_id', Integer(), nullable=False), Column('visit_id', Integer(), nullable=True),
        Column('at', UTCDateTime(timezone=True), nullable=False), Column('replaced_by', String(length=8), nullable=True), ForeignKeyConstraint(['kit_id'], ['kit.id'], name='fk_not_given_kit_id'),
        ForeignKeyConstraint(['subject_id'], ['subject.id'], name='fk_not_given_subject_id'), ForeignKeyConstraint(['visit_id'], ['visit.id'], name='fk_not_given_visit_id'),
        PrimaryKeyConstraint('id', name='pk_not_given'))
    op.create_index('ix_not_given_kit_id', 'not_given', ['kit_id'], unique=False)
    op.create_index('ix_not_given_subject_id', 'not_given', ['subject_id'], unique=False)
    op.create_table('shipment_kit',
        Column('shipment_id', Integer(), nullable=False), Column('kit_id', Integer(), nullable=False), ForeignKeyConstraint(['kit_id'], ['kit.id'], name='fk_shipment_kit_kit_id'),
        ForeignKeyConstraint(['shipment_id'], ['shipment.id'], name='fk_shipment_kit_shipment_id'), PrimaryKeyConstraint('shipment_id', 'kit_id', name='pk_shipment_kit'))
    op.create_index('ix_shipment_kit_kit_id', 'shipment_kit', ['kit_id'], unique=False)

# fmt: on


def downgrade() -> None:
    """There is nothing before the baseline."""
    raise RuntimeError("the baseline is not undone: restore a backup instead")
