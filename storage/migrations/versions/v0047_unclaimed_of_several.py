"""Runs that their rings told of are taken, counted and ended by the dozen, of several workspaces (docs/adr/0025)."""

from storage.migrations.sql import run
from storage.migrations.versions.v0044_batches import BEGUN, DOOR, RECORDED

revision = "0047"
down_revision = "0046"

# What is taken and counted is taken back by the exception where a limit is reached: then the runs are claimed, and the one that is too many is refused.
END = f"""
CREATE FUNCTION nod.end_unclaimed(said text, told uuid[], believed json, taken json, limits json, steps json, ledger json, events json, hurried boolean)
RETURNS TABLE (won json, matched json, shown json)
{DOOR}
#variable_conflict use_column
DECLARE
    lowest uuid := told[1];
    highest uuid := told[cardinality(told)];
    of_place uuid[];
    ids uuid[];
    agents uuid[];
    over boolean;{BEGUN}
    WITH so AS (
        SELECT g.workspace_id, g.user_id, g.agent_id
        FROM json_to_recordset(believed) AS g (workspace_id uuid, user_id uuid, agent_id uuid, called text, name text, email text, timezone text, language text,
            wrapped text, tier text)
        JOIN nod.agents a ON a.workspace_id = g.workspace_id AND a.id = g.agent_id AND a.name = g.called AND a.status <> 'paused'
        JOIN nod.users u ON u.id = g.user_id AND coalesce(u.preferred_name, u.name) IS NOT DISTINCT FROM g.name AND u.email IS NOT DISTINCT FROM g.email
        JOIN nod.user_profiles p ON p.user_id = g.user_id AND p.timezone = g.timezone AND p.language = g.language
        JOIN nod.data_keys k ON k.user_id = g.user_id AND k.wrapped = decode(g.wrapped, 'hex')
        WHERE (SELECT s.tier FROM nod.subscriptions s WHERE s.workspace_id = g.workspace_id AND s.status = 'active') IS NOT DISTINCT FROM g.tier
    ), won AS (
        UPDATE nod.runs r SET status = 'succeeded', fence = r.fence + 1, attempt = r.attempt + 1, version = r.version + 1, output = g.output,
            started_at = least(g.began, clock_timestamp()), finished_at = clock_timestamp()
        FROM json_to_recordset(taken) AS g (workspace_id uuid, id uuid, user_id uuid, agent_id uuid, agent_version_id uuid, began timestamptz, output jsonb)
        JOIN so ON so.workspace_id = g.workspace_id AND so.user_id = g.user_id AND so.agent_id = g.agent_id
        -- From the first to the last: parts of other months are not even opened.
        WHERE r.workspace_id = ANY (places) AND r.id BETWEEN lowest AND highest AND r.id = ANY (told) AND r.workspace_id = g.workspace_id AND r.id = g.id
            AND r.user_id = g.user_id AND r.agent_id = g.agent_id AND r.agent_version_id = g.agent_version_id
            AND r.light AND r.status = 'queued' AND r.attempt = 0 AND r.fence = 0 AND r.input = '{{}}' AND r.due_at <= now()
        RETURNING r.workspace_id, r.id, r.agent_id
    ), counted AS (
        INSERT INTO nod.usage_counters AS c (workspace_id, scope, day, runs, tokens, cost, told)
        SELECT s.workspace_id, s.scope, (now() AT TIME ZONE 'UTC')::date, s.runs, 0, 0, '{{}}' FROM (
            SELECT w.workspace_id, 'workspace' AS scope, count(*) AS runs FROM won w GROUP BY w.workspace_id
            UNION ALL
            SELECT w.workspace_id, w.agent_id::text, count(*) FROM won w GROUP BY w.workspace_id, w.agent_id
        ) s ORDER BY s.workspace_id, s.scope <> 'workspace', s.scope
        ON CONFLICT (workspace_id, scope, day) DO UPDATE SET runs = c.runs + EXCLUDED.runs
        RETURNING c.workspace_id, c.scope, c.runs, c.tokens, c.cost
    )
    SELECT (SELECT array_agg(w.workspace_id) FROM won w), (SELECT array_agg(w.id) FROM won w), (SELECT array_agg(w.agent_id) FROM won w),
        (SELECT bool_or(c.runs > l.runs OR c.tokens >= l.tokens OR c.cost >= l.cost)
         FROM counted c JOIN json_to_recordset(limits) AS l (workspace_id uuid, scope text, runs bigint, tokens bigint, cost numeric)
            ON l.workspace_id = c.workspace_id AND l.scope = c.scope)
    INTO of_place, ids, agents, over;
    IF ids IS NULL THEN
        RETURN;
    END IF;
    IF over THEN
        RAISE 'a limit is reached' USING ERRCODE = 'check_violation', CONSTRAINT = 'usage_counters_within_limits';
    END IF;
    RETURN QUERY WITH won AS (
        SELECT * FROM unnest(of_place, ids, agents) AS w (workspace_id, id, agent_id)
{RECORDED}
END $$"""
NAME = "nod.end_unclaimed(text, uuid[], json, json, json, json, json, json, boolean)"


def upgrade() -> None:
    run(
        "GRANT CREATE ON SCHEMA nod TO nod_batches",
        "SET LOCAL ROLE nod_batches",
        END,
        f"REVOKE ALL ON FUNCTION {NAME} FROM PUBLIC",
        f"GRANT EXECUTE ON FUNCTION {NAME} TO nod_app",
        "DROP FUNCTION nod.end_unclaimed(text, uuid, json, json, json, json)",
        "SET LOCAL ROLE nod_owner",
        "REVOKE CREATE ON SCHEMA nod FROM nod_batches",
    )
