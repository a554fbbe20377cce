"""Who may do what, read from the catalogue: for every table, also for the next one."""

import psycopg
import pytest

from storage.tables import declared, metadata

TABLES = sorted(declared)
UNIQUE_ACROSS_WORKSPACES = {
    "users_key": "ids are random",
    "users_email_once": "a person is one person",
    "user_profiles_key": "begins with the user",
    "user_profiles_user_id_once": "begins with the user",
    "data_keys_key": "begins with the user",
    "workspaces_key": "ids are random",
    "workspaces_personal_once": "begins with the owner, who is the current user",
    "invitations_code_hash_once": "a code works once, anywhere",
    "identity_links_provider_provider_tenant_provider_subject_once": "an account stands for one person",
    "link_codes_code_hash_once": "a hash of something random",
    "sign_ins_token_hash_once": "a hash of something random",
    "sign_ins_code_hash_once": "a hash of something random, for a quarter of an hour at most",
    "sessions_sid_once": "a hash of something random",
    "api_keys_prefix_once": "random",
    "inbound_events_key": "outside of workspaces",
    "inbound_events_channel_external_id_once": "outside of workspaces",
    "workspaces_slack_team_once": "a team has one workspace",
    "slack_installations_key": "outside of workspaces",
    "slack_installations_enterprise_id_team_id_once": "outside of workspaces",
    "oauth_states_key": "outside of workspaces",
    "oauth_states_state_hash_once": "a hash of something random",
    "rooms_once": "a shared chat belongs to one workspace",
}


@pytest.mark.parametrize("table", TABLES)
def test_every_table_enforces_row_level_security_with_using_and_with_check(owner_url: str, table: str) -> None:
    with psycopg.connect(owner_url) as owner:
        assert owner.execute(
            "SELECT relrowsecurity, relforcerowsecurity, pg_get_userbyid(relowner) FROM pg_class WHERE oid = %s::regclass",
            (f"nod.{table}",),
        ).fetchone() == (True, True, "nod_owner")
        policies = owner.execute(
            "SELECT cmd, qual, with_check FROM pg_policies WHERE schemaname = 'nod' AND tablename = %s AND 'nod_app' = ANY(roles)",
            (table,),
        ).fetchall()
    rules = {cmd: (using, check) for cmd, using, check in policies}
    assert rules["SELECT"][0] and "nod." in rules["SELECT"][0]
    assert rules["INSERT"][1] and "nod." in rules["INSERT"][1]
    if "UPDATE" in rules:
        assert rules["UPDATE"][0] and rules["UPDATE"][1]
    assert set(rules) <= {"SELECT", "INSERT", "UPDATE", "DELETE"}, "no policy for ALL"


def test_there_is_no_table_without_rules(owner_url: str) -> None:
    with psycopg.connect(owner_url) as owner:
        found = owner.execute(
            "SELECT relname FROM pg_class "
            "WHERE relnamespace = 'nod'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') AND NOT relispartition"
        ).fetchall()
    assert {name for (name,) in found} == set(TABLES) | {"alembic_version", "context_keys"}


def test_a_part_of_a_table_is_open_to_nobody(owner_url: str) -> None:
    """Rows are reached through the whole table and its rules only."""
    with psycopg.connect(owner_url) as owner:
        parts = owner.execute(
            "SELECT relname, relrowsecurity, relforcerowsecurity, relacl::text FROM pg_class "
            "WHERE relnamespace = 'nod'::regnamespace AND relkind = 'r' AND relispartition"
        ).fetchall()
    assert len(parts) >= 5 * 4
    assert {part[1:] for part in parts} == {(True, True, None)}


@pytest.mark.parametrize("table", [*TABLES, "alembic_version", "context_keys"])
def test_the_app_role_may_never_truncate_reference_or_trigger(owner_url: str, table: str) -> None:
    with psycopg.connect(owner_url) as owner:
        for privilege in ("TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"):
            assert owner.execute(
                "SELECT has_table_privilege('nod_app', %s, %s)", (f"nod.{table}", privilege)
            ).fetchone() == (False,)


def test_the_app_role_has_no_power_of_its_own(owner_url: str) -> None:
    with psycopg.connect(owner_url) as owner:
        for role in ("nod_app", "nod_doors", "nod_owner", "nod_batches"):
            assert owner.execute(
                "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = %s", (role,)
            ).fetchone() == (False,) * 5  # fmt: skip
        memberships = owner.execute(
            "SELECT count(*) FROM pg_auth_members WHERE member IN ('nod_app'::regrole, 'nod_doors'::regrole, 'nod_batches'::regrole)"
        ).fetchone()
        assert memberships == (0,)
        for schema in ("nod", "public"):
            assert owner.execute("SELECT has_schema_privilege('nod_app', %s, 'CREATE')", (schema,)).fetchone() == (
                False,
            )
        for privilege in ("CREATE", "TEMPORARY"):
            assert owner.execute(
                "SELECT has_database_privilege('nod_app', current_database(), %s)", (privilege,)
            ).fetchone() == (False,)


def test_doors_see_only_ids_states_and_times(owner_url: str) -> None:
    with psycopg.connect(owner_url) as owner:
        seen = owner.execute(
            "SELECT table_name, column_name FROM information_schema.column_privileges "
            "WHERE grantee = 'nod_doors' AND table_schema = 'nod' AND table_name <> 'context_keys'"
        ).fetchall()
        tables = owner.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'nod'::regnamespace AND relkind = 'r' "
            "AND has_table_privilege('nod_doors', oid, 'SELECT') AND relname <> 'context_keys'"
        ).fetchall()
    assert tables == []
    content = {
        "payload",
        "action",
        "ciphertext",
        "wrapped",
        "evidence",
        "config",
        "input",
        "output",
        "state",
        "name",
        "address",
    }
    by_which_it_is_found = {("rooms", "address")}
    assert not {column for table, column in set(seen) - by_which_it_is_found if column in content}


def test_only_named_uniqueness_reaches_across_workspaces(owner_url: str) -> None:
    with psycopg.connect(owner_url) as owner:
        found = owner.execute(
            "SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
            "WHERE i.indisunique AND c.relnamespace = 'nod'::regnamespace AND c.relname NOT IN ('alembic_version', 'context_keys') "
            "AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY(i.indkey::int2[]) "
            "AND a.attname = 'workspace_id')"
        ).fetchall()
    assert {name.removeprefix("nod.") for (name,) in found} == set(UNIQUE_ACROSS_WORKSPACES)


def test_references_between_tenant_tables_carry_the_workspace() -> None:
    above = {"users", "workspaces"}
    for table in metadata.tables.values():
        for reference in table.foreign_key_constraints:
            target = reference.referred_table.name
            if target not in above:
                assert reference.column_keys[0] == "workspace_id", reference.name
