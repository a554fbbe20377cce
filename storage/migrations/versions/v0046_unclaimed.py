"""A light run that its ring told of is carried out before anybody claimed it: one door takes, counts and ends it, if all that was believed about it is still so (docs/adr/0024)."""

from storage.migrations.sql import run
from storage.migrations.versions.v0044_batches import DOOR, RECORDED

revision = "0046"
down_revision = "0045"

# What is taken and counted is taken back by the exception where a limit is reached: then the run is claimed and refused as any other.
END = f"""
CREATE FUNCTION nod.end_unclaimed(said text, run uuid, taken json, steps json, ledger json, events json)
RETURNS TABLE (won json, matched json, shown json)
{DOOR}
#variable_conflict use_column
DECLARE
    places uuid[] := nod.proved_places(said);
    ids uuid[] := ARRAY[run];
    agent uuid;
    over boolean;
    unused text;
BEGIN
    IF places IS NULL OR cardinality(places) <> 1 THEN
        RAISE 'the context is refused' USING ERRCODE = 'invalid_authorization_specification';
    END IF;
    unused := set_config('nod.places', places::text, true);
    unused := set_config('plan_cache_mode', 'force_generic_plan', true);
    unused := set_config('enable_seqscan', 'off', true);
    WITH given AS (
        SELECT * FROM json_to_record(taken) AS g (user_id uuid, agent_id uuid, agent_version_id uuid, began timestamptz, output jsonb,
            called text, name text, email text, timezone text, language text, wrapped text, tier text, limits json)
    ), so AS (
        SELECT g.* FROM given g
        JOIN nod.agents a ON a.workspace_id = places[1] AND a.id = g.agent_id AND a.name = g.called AND a.status <> 'paused'
        JOIN nod.users u ON u.id = g.user_id AND coalesce(u.preferred_name, u.name) IS NOT DISTINCT FROM g.name AND u.email IS NOT DISTINCT FROM g.email
        JOIN nod.user_profiles p ON p.user_id = g.user_id AND p.timezone = g.timezone AND p.language = g.language
        JOIN nod.data_keys k ON k.user_id = g.user_id AND k.wrapped = decode(g.wrapped, 'hex')
        WHERE (SELECT s.tier FROM nod.subscriptions s WHERE s.workspace_id = places[1] AND s.status = 'active') IS NOT DISTINCT FROM g.tier
    ), won AS (
        UPDATE nod.runs r SET status = 'succeeded', fence = r.fence + 1, attempt = r.attempt + 1, version = r.version + 1, output = so.output,
            started_at = least(so.began, clock_timestamp()), finished_at = clock_timestamp()
        FROM so
        WHERE r.workspace_id = places[1] AND r.id = run AND r.user_id = so.user_id AND r.agent_id = so.agent_id AND r.agent_version_id = so.agent_version_id
            AND r.light AND r.status = 'queued' AND r.attempt = 0 AND r.fence = 0 AND r.input = '{{}}' AND r.due_at <= now()
        RETURNING r.workspace_id, r.agent_id
    ), counted AS (
        INSERT INTO nod.usage_counters AS c (workspace_id, scope, day, runs, tokens, cost, told)
        SELECT w.workspace_id, s.scope, (now() AT TIME ZONE 'UTC')::date, 1, 0, 0, '{{}}'
        FROM won w CROSS JOIN LATERAL (VALUES (1, 'workspace'), (2, w.agent_id::text)) AS s (number, scope) ORDER BY s.number
        ON CONFLICT (workspace_id, scope, day) DO UPDATE SET runs = c.runs + EXCLUDED.runs
        RETURNING c.scope, c.runs, c.tokens, c.cost
    )
    SELECT (SELECT w.agent_id FROM won w),
        (SELECT bool_or(c.runs > l.runs OR c.tokens >= l.tokens OR c.cost >= l.cost)
         FROM counted c JOIN json_to_recordset((SELECT g.limits FROM given g)) AS l (scope text, runs bigint, tokens bigint, cost numeric) ON l.scope = c.scope)
    INTO agent, over;
    IF agent IS NULL THEN
        RETURN;
    END IF;
    IF over THEN
        RAISE 'a limit is reached' USING ERRCODE = 'check_violation', CONSTRAINT = 'usage_counters_within_limits';
    END IF;
    RETURN QUERY WITH won AS (
        SELECT places[1] AS workspace_id, run AS id, agent AS agent_id
{RECORDED}
END $$"""
NAME = "nod.end_unclaimed(text, uuid, json, json, json, json)"


def upgrade() -> None:
    run(
        "GRANT CREATE ON SCHEMA nod TO nod_batches",
        "SET LOCAL ROLE nod_batches",
        END,
        f"REVOKE ALL ON FUNCTION {NAME} FROM PUBLIC",
        f"GRANT EXECUTE ON FUNCTION {NAME} TO nod_app",
        "SET LOCAL ROLE nod_owner",
        "REVOKE CREATE ON SCHEMA nod FROM nod_batches",
    )
