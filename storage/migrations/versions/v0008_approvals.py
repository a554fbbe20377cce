"""Suggestions, revisions, decisions and executions."""

from storage.migrations.sql import run

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run(
        """
        CREATE TABLE nod.suggestions (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            run_id UUID NOT NULL,
            agent_id UUID NOT NULL,
            type TEXT NOT NULL,
            kind TEXT NOT NULL,
            priority TEXT NOT NULL,
            why JSONB NOT NULL,
            evidence JSONB NOT NULL,
            influenced_by TEXT[] NOT NULL,
            dedupe_key TEXT NOT NULL,
            status TEXT NOT NULL,
            revision INTEGER NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE,
            snoozed_until TIMESTAMP WITH TIME ZONE,
            reminded_at TIMESTAMP WITH TIME ZONE,
            decided_at TIMESTAMP WITH TIME ZONE,
            assignees UUID[] NOT NULL,
            trace TEXT,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT suggestions_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT suggestions_agent_id_dedupe_key_once UNIQUE (workspace_id, agent_id, dedupe_key),
            CONSTRAINT suggestions_run_id_there FOREIGN KEY(workspace_id, run_id) REFERENCES nod.runs (workspace_id, id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT suggestions_agent_id_there FOREIGN KEY(workspace_id, agent_id) REFERENCES nod.agents (workspace_id, id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT suggestions_type_known CHECK (type IN ('email', 'calendar', 'task', 'shopping_list', 'file', 'message', 'http', 'other')),
            CONSTRAINT suggestions_priority_known CHECK (priority IN ('low', 'medium', 'high')),
            CONSTRAINT suggestions_status_known CHECK (status IN ('pending', 'snoozed', 'approved', 'rejected', 'expired', 'withdrawn')),
            CONSTRAINT suggestions_snoozed_until_when CHECK (status <> 'snoozed' OR snoozed_until IS NOT NULL)
        )""",
        """CREATE INDEX suggestions_by_status ON nod.suggestions (workspace_id, status, id)""",
        """CREATE INDEX suggestions_expiring ON nod.suggestions (expires_at) WHERE status = 'pending'""",
        """CREATE INDEX suggestions_of_run ON nod.suggestions (workspace_id, run_id)""",
        """CREATE INDEX suggestions_snoozed ON nod.suggestions (snoozed_until) WHERE status = 'snoozed'""",
        """ALTER TABLE nod.suggestions ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.suggestions FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.suggestions TO nod_app""",
        """CREATE POLICY seen ON nod.suggestions FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.suggestions FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (type, kind, priority, why, evidence, influenced_by, status, revision, expires_at, snoozed_until, reminded_at, decided_at, assignees, trace, version) ON nod.suggestions TO nod_app""",
        """CREATE POLICY changed ON nod.suggestions FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT SELECT (id, workspace_id, user_id, status, expires_at, snoozed_until, reminded_at) ON nod.suggestions TO nod_doors""",
        """CREATE POLICY doors ON nod.suggestions FOR SELECT TO nod_doors USING (status IN ('pending', 'snoozed') AND (SELECT nod.at_the_door()))""",
    )
    run(
        """
        CREATE TABLE nod.suggestion_revisions (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            suggestion_id UUID NOT NULL,
            number INTEGER NOT NULL,
            action BYTEA NOT NULL,
            payload_sha256 TEXT NOT NULL,
            author TEXT NOT NULL,
            author_id UUID NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT suggestion_revisions_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT suggestion_revisions_suggestion_id_number_once UNIQUE (workspace_id, suggestion_id, number),
            CONSTRAINT suggestion_revisions_suggestion_id_number_payload_sha256_once UNIQUE (workspace_id, suggestion_id, number, payload_sha256),
            CONSTRAINT suggestion_revisions_suggestion_id_there FOREIGN KEY(workspace_id, suggestion_id) REFERENCES nod.suggestions (workspace_id, id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT suggestion_revisions_author_known CHECK (author IN ('agent', 'user')),
            CONSTRAINT suggestion_revisions_payload_sha256_is_one CHECK (payload_sha256 ~ '^[0-9a-f]{64}$')
        )""",
        """ALTER TABLE nod.suggestion_revisions ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.suggestion_revisions FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.suggestion_revisions TO nod_app""",
        """CREATE POLICY seen ON nod.suggestion_revisions FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.suggestion_revisions FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """
        CREATE TABLE nod.approvals (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            suggestion_id UUID NOT NULL,
            revision INTEGER NOT NULL,
            payload_sha256 TEXT NOT NULL,
            user_id UUID NOT NULL,
            decision TEXT NOT NULL,
            decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
            surface TEXT NOT NULL,
            reason TEXT,
            delivery_id UUID,
            CONSTRAINT approvals_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT approvals_id_suggestion_id_decision_once UNIQUE (workspace_id, id, suggestion_id, decision),
            CONSTRAINT approvals_suggestion_id_there FOREIGN KEY(workspace_id, suggestion_id, revision, payload_sha256) REFERENCES nod.suggestion_revisions (workspace_id, suggestion_id, number, payload_sha256) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT approvals_user_id_there FOREIGN KEY(workspace_id, user_id) REFERENCES nod.memberships (workspace_id, user_id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT approvals_decision_known CHECK (decision IN ('approve', 'reject', 'edit'))
        )""",
        """CREATE INDEX approvals_of_suggestion ON nod.approvals (workspace_id, suggestion_id, id)""",
        """ALTER TABLE nod.approvals ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.approvals FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.approvals TO nod_app""",
        """CREATE POLICY seen ON nod.approvals FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.approvals FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT SELECT (id, workspace_id, user_id, decision) ON nod.approvals TO nod_doors""",
        """CREATE POLICY doors ON nod.approvals FOR SELECT TO nod_doors USING (decision = 'approve' AND (SELECT nod.at_the_door()))""",
    )
    run(
        """
        CREATE TABLE nod.action_executions (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            suggestion_id UUID NOT NULL,
            approval_id UUID NOT NULL,
            decision TEXT GENERATED ALWAYS AS ('approve') STORED NOT NULL,
            connection_id UUID NOT NULL,
            key TEXT NOT NULL,
            status TEXT NOT NULL,
            fence INTEGER NOT NULL,
            due_at TIMESTAMP WITH TIME ZONE NOT NULL,
            lease_until TIMESTAMP WITH TIME ZONE,
            attempts INTEGER NOT NULL,
            lookups INTEGER NOT NULL,
            external_ref TEXT,
            result JSONB NOT NULL,
            error JSONB,
            executed_at TIMESTAMP WITH TIME ZONE,
            trace TEXT,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT action_executions_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT action_executions_key_once UNIQUE (workspace_id, key),
            CONSTRAINT action_executions_approval_id_once UNIQUE (workspace_id, approval_id),
            CONSTRAINT action_executions_approval_id_there FOREIGN KEY(workspace_id, approval_id, suggestion_id, decision) REFERENCES nod.approvals (workspace_id, id, suggestion_id, decision) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT action_executions_connection_id_there FOREIGN KEY(workspace_id, connection_id) REFERENCES nod.connections (workspace_id, id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT action_executions_status_known CHECK (status IN ('held', 'ready', 'claimed', 'sending', 'succeeded', 'failed', 'unknown', 'undone', 'withdrawn')),
            CONSTRAINT action_executions_taken_under_lease CHECK (status NOT IN ('claimed', 'sending') OR lease_until IS NOT NULL)
        )""",
        """CREATE INDEX action_executions_due ON nod.action_executions (due_at) WHERE status IN ('held', 'ready', 'unknown')""",
        """CREATE INDEX action_executions_of_suggestion ON nod.action_executions (workspace_id, suggestion_id)""",
        """CREATE INDEX action_executions_taken ON nod.action_executions (lease_until) WHERE status IN ('claimed', 'sending')""",
        """ALTER TABLE nod.action_executions ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.action_executions FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.action_executions TO nod_app""",
        """CREATE POLICY seen ON nod.action_executions FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.action_executions FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (status, fence, due_at, lease_until, attempts, lookups, external_ref, result, error, executed_at, trace, version) ON nod.action_executions TO nod_app""",
        """CREATE POLICY changed ON nod.action_executions FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT SELECT (id, workspace_id, suggestion_id, approval_id, status, due_at, lease_until) ON nod.action_executions TO nod_doors""",
        """CREATE POLICY doors ON nod.action_executions FOR SELECT TO nod_doors USING (status IN ('held', 'ready', 'claimed', 'sending', 'unknown') AND (SELECT nod.at_the_door()))""",
    )
    run(
        """
        CREATE TABLE nod.execution_attempts (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            execution_id UUID NOT NULL,
            fence INTEGER NOT NULL,
            outcome TEXT NOT NULL,
            detail JSONB NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT execution_attempts_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT execution_attempts_execution_id_there FOREIGN KEY(workspace_id, execution_id) REFERENCES nod.action_executions (workspace_id, id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT execution_attempts_outcome_known CHECK (outcome IN ('succeeded', 'failed', 'unknown', 'refused', 'zombie', 'looked_up'))
        )""",
        """CREATE INDEX execution_attempts_of_execution ON nod.execution_attempts (workspace_id, execution_id)""",
        """ALTER TABLE nod.execution_attempts ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.execution_attempts FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.execution_attempts TO nod_app""",
        """CREATE POLICY seen ON nod.execution_attempts FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.execution_attempts FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """
        CREATE TABLE nod.approval_policies (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            operation TEXT NOT NULL,
            quorum INTEGER NOT NULL,
            allowed_roles TEXT[] NOT NULL,
            own_request BOOLEAN NOT NULL,
            undo_seconds INTEGER,
            expiry_seconds INTEGER NOT NULL,
            reminder_seconds INTEGER,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT approval_policies_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT approval_policies_operation_once UNIQUE (workspace_id, operation),
            CONSTRAINT approval_policies_workspace_id_there FOREIGN KEY(workspace_id) REFERENCES nod.workspaces (id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT approval_policies_quorum_is_someone CHECK (quorum >= 1)
        )""",
        """ALTER TABLE nod.approval_policies ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.approval_policies FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.approval_policies TO nod_app""",
        """CREATE POLICY seen ON nod.approval_policies FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.approval_policies FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (operation, quorum, allowed_roles, own_request, undo_seconds, expiry_seconds, reminder_seconds, version) ON nod.approval_policies TO nod_app""",
        """CREATE POLICY changed ON nod.approval_policies FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT SELECT (workspace_id, reminder_seconds) ON nod.approval_policies TO nod_doors""",
        """CREATE POLICY doors ON nod.approval_policies FOR SELECT TO nod_doors USING ((SELECT nod.at_the_door()))""",
    )
    run(
        """ALTER TABLE nod.suggestions ADD CONSTRAINT suggestions_id_there FOREIGN KEY(workspace_id, id, revision) REFERENCES nod.suggestion_revisions (workspace_id, suggestion_id, number) DEFERRABLE INITIALLY DEFERRED"""
    )
