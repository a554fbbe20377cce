"""People, their ways in, workspaces and data keys."""

from storage.migrations.sql import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run(
        """
        CREATE TABLE nod.users (
            id UUID NOT NULL,
            email TEXT NOT NULL,
            name TEXT NOT NULL,
            preferred_name TEXT,
            email_verified_at TIMESTAMP WITH TIME ZONE,
            status TEXT NOT NULL,
            last_login_at TIMESTAMP WITH TIME ZONE,
            deleted_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT users_key PRIMARY KEY (id),
            CONSTRAINT users_status_known CHECK (status IN ('active', 'suspended', 'deleted'))
        )""",
        """CREATE UNIQUE INDEX users_email_once ON nod.users (lower(email))""",
    )
    run(
        """
        CREATE TABLE nod.user_profiles (
            id UUID NOT NULL,
            user_id UUID NOT NULL,
            timezone TEXT NOT NULL,
            language TEXT NOT NULL,
            tone TEXT NOT NULL,
            tip_kinds TEXT[] NOT NULL,
            notification_preferences JSONB NOT NULL,
            privacy_settings JSONB NOT NULL,
            settled_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT user_profiles_key PRIMARY KEY (user_id, id),
            CONSTRAINT user_profiles_user_id_once UNIQUE (user_id),
            CONSTRAINT user_profiles_user_id_there FOREIGN KEY(user_id) REFERENCES nod.users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT user_profiles_tone_known CHECK (tone IN ('direct', 'gentle', 'motivational'))
        )""",
    )
    run(
        """
        CREATE TABLE nod.data_keys (
            user_id UUID NOT NULL,
            wrapped BYTEA,
            master_key_id TEXT NOT NULL,
            key_version INTEGER NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            destroyed_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT data_keys_key PRIMARY KEY (user_id),
            CONSTRAINT data_keys_user_id_there FOREIGN KEY(user_id) REFERENCES nod.users (id) DEFERRABLE INITIALLY DEFERRED
        )""",
    )
    run(
        """
        CREATE TABLE nod.workspaces (
            id UUID NOT NULL,
            owner_id UUID NOT NULL,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            status TEXT NOT NULL,
            slack_team_id TEXT,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT workspaces_key PRIMARY KEY (id),
            CONSTRAINT workspaces_owner_id_there FOREIGN KEY(owner_id) REFERENCES nod.users (id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT workspaces_kind_known CHECK (kind IN ('personal', 'family', 'team')),
            CONSTRAINT workspaces_status_known CHECK (status IN ('active', 'suspended', 'cancelled'))
        )""",
        """CREATE UNIQUE INDEX workspaces_personal_once ON nod.workspaces (owner_id) WHERE kind = 'personal'""",
    )
    run(
        """
        CREATE TABLE nod.memberships (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            role TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT memberships_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT memberships_user_id_once UNIQUE (workspace_id, user_id),
            CONSTRAINT memberships_workspace_id_there FOREIGN KEY(workspace_id) REFERENCES nod.workspaces (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT memberships_user_id_there FOREIGN KEY(user_id) REFERENCES nod.users (id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT memberships_role_known CHECK (role IN ('owner', 'admin', 'approver', 'member', 'viewer'))
        )""",
        """CREATE INDEX memberships_of_user ON nod.memberships (user_id)""",
    )
    run(
        """
        CREATE TABLE nod.identity_links (
            id UUID NOT NULL,
            user_id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            provider TEXT NOT NULL,
            provider_subject TEXT NOT NULL,
            provider_tenant TEXT NOT NULL,
            address TEXT,
            reachable BOOLEAN NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT identity_links_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT identity_links_provider_provider_tenant_provider_subject_once UNIQUE (provider, provider_tenant, provider_subject),
            CONSTRAINT identity_links_user_id_there FOREIGN KEY(workspace_id, user_id) REFERENCES nod.memberships (workspace_id, user_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT identity_links_provider_known CHECK (provider IN ('telegram', 'slack', 'google', 'apple', 'email', 'web'))
        )""",
    )
    run(
        """
        CREATE TABLE nod.link_codes (
            id UUID NOT NULL,
            user_id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            code_hash TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            used_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT link_codes_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT link_codes_code_hash_once UNIQUE (code_hash),
            CONSTRAINT link_codes_user_id_there FOREIGN KEY(workspace_id, user_id) REFERENCES nod.memberships (workspace_id, user_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
        )""",
    )
    run(
        """
        CREATE TABLE nod.sessions (
            id UUID NOT NULL,
            user_id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            sid TEXT NOT NULL,
            issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            revoked_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT sessions_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT sessions_sid_once UNIQUE (sid),
            CONSTRAINT sessions_user_id_there FOREIGN KEY(workspace_id, user_id) REFERENCES nod.memberships (workspace_id, user_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
        )""",
    )
    run(
        """
        CREATE TABLE nod.api_keys (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            name TEXT NOT NULL,
            prefix TEXT NOT NULL,
            hash TEXT NOT NULL,
            scopes TEXT[] NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            last_used_at TIMESTAMP WITH TIME ZONE,
            revoked_at TIMESTAMP WITH TIME ZONE,
            version INTEGER NOT NULL,
            CONSTRAINT api_keys_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT api_keys_prefix_once UNIQUE (prefix),
            CONSTRAINT api_keys_user_id_there FOREIGN KEY(workspace_id, user_id) REFERENCES nod.memberships (workspace_id, user_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
        )""",
    )
    run(
        """
        CREATE TABLE nod.subscriptions (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            tier TEXT NOT NULL,
            status TEXT NOT NULL,
            start TIMESTAMP WITH TIME ZONE NOT NULL,
            "end" TIMESTAMP WITH TIME ZONE,
            billing_cycle TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT subscriptions_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT subscriptions_workspace_id_there FOREIGN KEY(workspace_id) REFERENCES nod.workspaces (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT subscriptions_tier_known CHECK (tier IN ('free', 'personal_pro', 'family', 'creator', 'enterprise')),
            CONSTRAINT subscriptions_status_known CHECK (status IN ('active', 'cancelled', 'expired')),
            CONSTRAINT subscriptions_billing_cycle_known CHECK (billing_cycle IN ('monthly', 'annual'))
        )""",
        """CREATE UNIQUE INDEX subscriptions_active_once ON nod.subscriptions (workspace_id) WHERE status = 'active'""",
    )
    run(
        """ALTER TABLE nod.users ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.users FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.users TO nod_app""",
        """CREATE POLICY seen ON nod.users FOR SELECT TO nod_app USING (id = (SELECT nod.current_user_id()) OR id IN (SELECT m.user_id FROM nod.memberships m WHERE m.workspace_id = (SELECT nod.current_workspace())))""",
        """CREATE POLICY made ON nod.users FOR INSERT TO nod_app WITH CHECK (id = (SELECT nod.current_user_id()))""",
        """GRANT UPDATE (email, name, preferred_name, email_verified_at, status, last_login_at, deleted_at, version) ON nod.users TO nod_app""",
        """CREATE POLICY changed ON nod.users FOR UPDATE TO nod_app USING (id = (SELECT nod.current_user_id())) WITH CHECK (id = (SELECT nod.current_user_id()))""",
        """GRANT SELECT (id, email, status) ON nod.users TO nod_doors""",
        """CREATE POLICY doors ON nod.users FOR SELECT TO nod_doors USING ((SELECT nod.at_the_door()))""",
    )
    run(
        """ALTER TABLE nod.user_profiles ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.user_profiles FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.user_profiles TO nod_app""",
        """CREATE POLICY seen ON nod.user_profiles FOR SELECT TO nod_app USING (user_id = (SELECT nod.current_user_id()) OR user_id IN (SELECT m.user_id FROM nod.memberships m WHERE m.workspace_id = (SELECT nod.current_workspace())))""",
        """CREATE POLICY made ON nod.user_profiles FOR INSERT TO nod_app WITH CHECK (user_id = (SELECT nod.current_user_id()))""",
        """GRANT UPDATE (timezone, language, tone, tip_kinds, notification_preferences, privacy_settings, settled_at, version) ON nod.user_profiles TO nod_app""",
        """CREATE POLICY changed ON nod.user_profiles FOR UPDATE TO nod_app USING (user_id = (SELECT nod.current_user_id())) WITH CHECK (user_id = (SELECT nod.current_user_id()))""",
    )
    run(
        """ALTER TABLE nod.data_keys ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.data_keys FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.data_keys TO nod_app""",
        """CREATE POLICY seen ON nod.data_keys FOR SELECT TO nod_app USING (user_id = (SELECT nod.current_user_id()) OR user_id IN (SELECT m.user_id FROM nod.memberships m WHERE m.workspace_id = (SELECT nod.current_workspace())))""",
        """CREATE POLICY made ON nod.data_keys FOR INSERT TO nod_app WITH CHECK (user_id = (SELECT nod.current_user_id()))""",
        """GRANT UPDATE (wrapped, master_key_id, key_version, destroyed_at) ON nod.data_keys TO nod_app""",
        """CREATE POLICY changed ON nod.data_keys FOR UPDATE TO nod_app USING (user_id = (SELECT nod.current_user_id())) WITH CHECK (user_id = (SELECT nod.current_user_id()))""",
        """GRANT SELECT (user_id, master_key_id, destroyed_at) ON nod.data_keys TO nod_doors""",
        """CREATE POLICY doors ON nod.data_keys FOR SELECT TO nod_doors USING (true)""",
    )
    run(
        """ALTER TABLE nod.workspaces ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.workspaces FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.workspaces TO nod_app""",
        """CREATE POLICY seen ON nod.workspaces FOR SELECT TO nod_app USING (id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.workspaces FOR INSERT TO nod_app WITH CHECK (id = (SELECT nod.current_workspace()) AND owner_id = (SELECT nod.current_user_id()))""",
        """GRANT UPDATE (owner_id, kind, name, status, slack_team_id, version) ON nod.workspaces TO nod_app""",
        """CREATE POLICY changed ON nod.workspaces FOR UPDATE TO nod_app USING (id = (SELECT nod.current_workspace())) WITH CHECK (id = (SELECT nod.current_workspace()))""",
        """GRANT SELECT (id, owner_id, kind, status) ON nod.workspaces TO nod_doors""",
        """CREATE POLICY doors ON nod.workspaces FOR SELECT TO nod_doors USING ((SELECT nod.at_the_door()))""",
    )
    run(
        """ALTER TABLE nod.memberships ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.memberships FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.memberships TO nod_app""",
        """CREATE POLICY seen ON nod.memberships FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.memberships FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()) AND user_id = (SELECT nod.current_user_id()))""",
        """GRANT UPDATE (role, version) ON nod.memberships TO nod_app""",
        """CREATE POLICY changed ON nod.memberships FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT SELECT (workspace_id, user_id, role) ON nod.memberships TO nod_doors""",
        """CREATE POLICY doors ON nod.memberships FOR SELECT TO nod_doors USING ((SELECT nod.at_the_door()))""",
    )
    run(
        """ALTER TABLE nod.identity_links ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.identity_links FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.identity_links TO nod_app""",
        """CREATE POLICY seen ON nod.identity_links FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.identity_links FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()) AND user_id = (SELECT nod.current_user_id()))""",
        """GRANT UPDATE (provider, provider_subject, provider_tenant, address, reachable, version) ON nod.identity_links TO nod_app""",
        """CREATE POLICY changed ON nod.identity_links FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT SELECT (id, workspace_id, user_id, provider, provider_tenant, provider_subject) ON nod.identity_links TO nod_doors""",
        """CREATE POLICY doors ON nod.identity_links FOR SELECT TO nod_doors USING ((SELECT nod.at_the_door()))""",
    )
    run(
        """ALTER TABLE nod.link_codes ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.link_codes FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.link_codes TO nod_app""",
        """CREATE POLICY seen ON nod.link_codes FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.link_codes FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()) AND user_id = (SELECT nod.current_user_id()))""",
        """GRANT UPDATE (used_at) ON nod.link_codes TO nod_app""",
        """CREATE POLICY changed ON nod.link_codes FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT SELECT (id, workspace_id, user_id, code_hash, expires_at, used_at) ON nod.link_codes TO nod_doors""",
        """CREATE POLICY doors ON nod.link_codes FOR SELECT TO nod_doors USING ((SELECT nod.at_the_door()))""",
    )
    run(
        """ALTER TABLE nod.sessions ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.sessions FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.sessions TO nod_app""",
        """CREATE POLICY seen ON nod.sessions FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.sessions FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()) AND user_id = (SELECT nod.current_user_id()))""",
        """GRANT UPDATE (expires_at, revoked_at) ON nod.sessions TO nod_app""",
        """CREATE POLICY changed ON nod.sessions FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT SELECT (id, workspace_id, user_id, sid, expires_at, revoked_at) ON nod.sessions TO nod_doors""",
        """CREATE POLICY doors ON nod.sessions FOR SELECT TO nod_doors USING ((SELECT nod.at_the_door()))""",
    )
    run(
        """ALTER TABLE nod.api_keys ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.api_keys FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.api_keys TO nod_app""",
        """CREATE POLICY seen ON nod.api_keys FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.api_keys FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()) AND user_id = (SELECT nod.current_user_id()))""",
        """GRANT UPDATE (name, last_used_at, revoked_at, version) ON nod.api_keys TO nod_app""",
        """CREATE POLICY changed ON nod.api_keys FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT SELECT (id, workspace_id, user_id, prefix, hash, scopes, revoked_at) ON nod.api_keys TO nod_doors""",
        """CREATE POLICY doors ON nod.api_keys FOR SELECT TO nod_doors USING ((SELECT nod.at_the_door()))""",
    )
    run(
        """ALTER TABLE nod.subscriptions ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.subscriptions FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.subscriptions TO nod_app""",
        """CREATE POLICY seen ON nod.subscriptions FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.subscriptions FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (tier, status, start, "end", billing_cycle, version) ON nod.subscriptions TO nod_app""",
        """CREATE POLICY changed ON nod.subscriptions FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
