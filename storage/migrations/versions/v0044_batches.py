"""Light runs of several workspaces are claimed through one door and ended through another: each verifies a signed context that names all of them, once, and then sees these workspaces and nothing else (docs/adr/0020)."""

from storage.migrations.sql import run

revision = "0044"
down_revision = "0043"

# {workspace,…} | expiry (10 decimal digits, Unix seconds) | HMAC-SHA256 (64 hex digits): as the context of one workspace (migration 0028), which never begins with a brace.
PROVED = """
CREATE FUNCTION nod.proved_places(said text) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pads record;
    proof text;
BEGIN
    IF said IS NULL OR left(said, 1) <> '{' OR octet_length(said) < 78 THEN
        RETURN NULL;
    END IF;
    SELECT inner_pad, outer_pad INTO pads FROM nod.context_keys;
    proof := encode(sha256(pads.outer_pad || sha256(pads.inner_pad || convert_to(left(said, -65), 'UTF8'))), 'hex');
    -- Compared by hash, so that time says nothing about the proof. Only what is proved is parsed: nobody else writes it.
    IF proof IS NULL OR sha256(convert_to(proof, 'UTF8')) <> sha256(convert_to(right(said, 64), 'UTF8')) THEN
        RETURN NULL;
    END IF;
    IF left(right(said, 75), 10)::bigint < extract(epoch FROM clock_timestamp()) THEN
        RETURN NULL;
    END IF;
    RETURN left(said, -76)::uuid[];
END $$"""

# What the rules below compare with is set here and nowhere else: the app role can set it too, but no rule of the app role reads it, and nobody but these two doors is nod_batches.
# Plans as for everything that is asked all the time: one a connection, and through an index whatever the tables were like when it was made.
# Assigned, not performed: an assignment is evaluated without the machinery of a query.
BEGUN = """
    places uuid[] := nod.proved_places(said);
    unused text;
BEGIN
    IF places IS NULL THEN
        RAISE 'the context is refused' USING ERRCODE = 'invalid_authorization_specification';
    END IF;
    unused := set_config('nod.places', places::text, true);
    unused := set_config('plan_cache_mode', 'force_generic_plan', true);
    unused := set_config('enable_seqscan', 'off', true);
    IF hurried THEN
        unused := set_config('lock_timeout', '250ms', true);
    END IF;"""
DOOR = "LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$"
CLAIM = f"""
CREATE FUNCTION nod.claim_batches(said text, most integer, lease double precision, hurried boolean, durable boolean)
RETURNS TABLE (place uuid, due bigint, single uuid, tries integer, runs json, counters json, tier text, at timestamptz, owners json, names json)
{DOOR}
#variable_conflict use_column
DECLARE
    found_in uuid[];
    dues bigint[];
    singles uuid[];
    tried integer[];
    ids uuid[];
    lowest uuid;
    highest uuid;{BEGUN}
    IF NOT durable THEN
        unused := set_config('synchronous_commit', 'off', true);
    END IF;

    -- What is due, and whose worker died: of each workspace the oldest says whether light ones are taken.
    WITH wanted AS (
        SELECT w.id FROM unnest(places) AS w (id)
    ), queued AS (
        SELECT q.* FROM wanted w CROSS JOIN LATERAL (
            SELECT r.workspace_id, r.id, r.light AND r.attempt = 0 AND r.status = 'queued' AS light, r.due_at, 0 AS tries FROM nod.runs r
            WHERE r.workspace_id = w.id AND r.status IN ('queued', 'waiting') AND r.due_at <= now()
            ORDER BY r.due_at LIMIT most FOR UPDATE SKIP LOCKED) q
    ), lost AS (
        SELECT l.* FROM wanted w CROSS JOIN LATERAL (
            SELECT r.workspace_id, r.id, false AS light, r.lease_until AS due_at, r.attempt AS tries FROM nod.runs r
            WHERE r.workspace_id = w.id AND r.status = 'running' AND r.lease_until <= now()
            ORDER BY r.lease_until LIMIT 2 FOR UPDATE SKIP LOCKED) l
    ), found AS (
        SELECT f.*, row_number() OVER oldest AS number, first_value(f.light) OVER oldest AS together, count(*) OVER (PARTITION BY f.workspace_id) AS due
        FROM (SELECT * FROM lost UNION ALL SELECT * FROM queued) f
        WINDOW oldest AS (PARTITION BY f.workspace_id ORDER BY f.due_at, f.id)
    )
    SELECT array_agg(f.workspace_id) FILTER (WHERE f.number = 1), array_agg(f.due) FILTER (WHERE f.number = 1),
        array_agg(CASE WHEN NOT f.together THEN f.id END) FILTER (WHERE f.number = 1), array_agg(f.tries) FILTER (WHERE f.number = 1),
        array_agg(f.id ORDER BY f.id) FILTER (WHERE f.light AND f.together)
    INTO found_in, dues, singles, tried, ids FROM found f;
    IF ids IS NULL THEN
        RETURN QUERY SELECT f.place, f.due, f.single, f.tries, NULL::json, NULL::json, NULL::text, now(), NULL::json, NULL::json
            FROM unnest(found_in, dues, singles, tried) AS f (place, due, single, tries);
        RETURN;
    END IF;

    lowest := ids[1];
    highest := ids[cardinality(ids)];
    RETURN QUERY WITH taken AS (
        UPDATE nod.runs r SET status = 'running', fence = r.fence + 1, attempt = r.attempt + 1, version = r.version + 1,
            lease_until = clock_timestamp() + make_interval(secs => lease), started_at = clock_timestamp()
        -- From the first to the last: parts of other months are not even opened.
        WHERE r.workspace_id = ANY (places) AND r.id BETWEEN lowest AND highest AND r.id = ANY (ids)
        RETURNING r.workspace_id, r.id, r.user_id, r.agent_id, r.agent_version_id, r.trigger_id, r.trigger_type, r.fence, r.input, r.due_at, r.started_at, r.trace
    ), counted AS (
        INSERT INTO nod.usage_counters AS c (workspace_id, scope, day, runs, tokens, cost, told)
        SELECT s.workspace_id, s.scope, (now() AT TIME ZONE 'UTC')::date, s.runs, 0, 0, '{{}}' FROM (
            SELECT t.workspace_id, 'workspace' AS scope, count(*) AS runs FROM taken t GROUP BY t.workspace_id
            UNION ALL
            SELECT t.workspace_id, t.agent_id::text, count(*) FROM taken t GROUP BY t.workspace_id, t.agent_id
        ) s ORDER BY s.workspace_id, s.scope <> 'workspace', s.scope
        ON CONFLICT (workspace_id, scope, day) DO UPDATE SET runs = c.runs + EXCLUDED.runs
        RETURNING c.workspace_id, c.scope, c.runs, c.tokens, c.cost
    ), whose AS (
        SELECT DISTINCT t.workspace_id, t.user_id FROM taken t
    )
    SELECT f.place, f.due, f.single, f.tries,
        (SELECT json_agg(t ORDER BY t.due_at, t.id) FROM taken t WHERE t.workspace_id = f.place),
        (SELECT json_agg(c) FROM counted c WHERE c.workspace_id = f.place),
        (SELECT s.tier FROM nod.subscriptions s WHERE s.workspace_id = f.place AND s.status = 'active'), now(),
        (SELECT json_agg(json_build_object('id', u.id, 'name', coalesce(u.preferred_name, u.name), 'email', u.email, 'timezone', p.timezone,
            'language', p.language, 'wrapped', encode(k.wrapped, 'hex')))
         FROM whose w JOIN nod.users u ON u.id = w.user_id JOIN nod.user_profiles p ON p.user_id = w.user_id JOIN nod.data_keys k ON k.user_id = w.user_id
         WHERE w.workspace_id = f.place),
        (SELECT json_object_agg(a.id, a.name) FROM nod.agents a WHERE a.workspace_id = f.place
            AND a.id IN (SELECT t.agent_id FROM taken t WHERE t.workspace_id = f.place) AND a.status <> 'paused')
    FROM unnest(found_in, dues, singles, tried) AS f (place, due, single, tries);
END $$"""
# What is written of the runs `won` (workspace_id, id, agent_id) when they end.
RECORDED = """    ), stepped AS (
        INSERT INTO nod.run_steps (id, workspace_id, run_id, node_id, index, skill, status, inputs, outputs, usage, started_at, finished_at, attempt)
        SELECT s.id, w.workspace_id, s.run_id, s.node_id, s.index, s.skill, s.status, s.inputs, s.outputs, '{}', s.started_at, s.finished_at, s.attempt
        FROM json_to_recordset(steps) AS s (id uuid, run_id uuid, node_id text, index integer, skill text, status text, inputs jsonb, outputs jsonb,
            started_at timestamptz, finished_at timestamptz, attempt integer)
        JOIN won w ON w.id = s.run_id
    ), metered AS (
        INSERT INTO nod.usage_ledger (id, workspace_id, user_id, run_id, agent_id, kind, tokens_prompt, tokens_completion, cost, at)
        SELECT l.id, w.workspace_id, l.user_id, l.run_id, l.agent_id, 'run', 0, 0, 0, l.at
        FROM json_to_recordset(ledger) AS l (id uuid, user_id uuid, run_id uuid, agent_id uuid, at timestamptz)
        JOIN won w ON w.id = l.run_id
        ON CONFLICT (workspace_id, id) DO NOTHING
    ), happened AS (
        INSERT INTO nod.events (id, workspace_id, user_id, kind, schema_version, payload, occurred_at, ingested_at)
        SELECT e.id, w.workspace_id, e.user_id, e.kind, 1, decode(e.payload, 'hex'), clock_timestamp(), clock_timestamp()
        FROM json_to_recordset(events) AS e (id uuid, run_id uuid, user_id uuid, kind text, payload text)
        JOIN won w ON w.id = e.run_id
        RETURNING id, workspace_id, kind
    ), matches AS (
        INSERT INTO nod.event_matches (workspace_id, trigger_id, event_id, user_id, created_at)
        SELECT h.workspace_id, t.id, h.id, t.owner_id, now()
        FROM happened h JOIN nod.triggers t ON t.workspace_id = h.workspace_id AND t.type = 'event' AND t.status = 'active'
            AND t.event_kind IN (h.kind, split_part(h.kind, '.', 1) || '.*', '*')
        RETURNING workspace_id, trigger_id
    ), shown AS (
        UPDATE nod.deliveries d SET wanted = d.wanted + 1, status = CASE d.status WHEN 'sending' THEN 'sending' ELSE 'pending' END, version = d.version + 1
        FROM won w WHERE d.workspace_id = ANY (places) AND d.subject_id = ANY (ids) AND d.subject_id = w.id AND d.subject_kind = 'run'
            AND d.workspace_id = w.workspace_id AND d.status <> 'failed'
        RETURNING d.workspace_id, d.id, d.channel, d.link_id
    ), touched AS (
        -- Not for every run: all runs of an agent would wait for each other on its row.
        UPDATE nod.agents a SET last_run_at = now(), failures = 0
        WHERE a.workspace_id = ANY (places) AND a.id IN (SELECT w.agent_id FROM won w)
            AND (a.last_run_at IS NULL OR a.last_run_at < now() - interval '10 seconds' OR a.failures > 0)
    )
    SELECT (SELECT json_agg(w) FROM won w), (SELECT json_agg(m) FROM matches m), (SELECT json_agg(s) FROM shown s);"""
END = f"""
CREATE FUNCTION nod.end_batches(said text, ids uuid[], ended json, steps json, ledger json, events json, hurried boolean)
RETURNS TABLE (won json, matched json, shown json)
{DOOR}
#variable_conflict use_column
DECLARE
    lowest uuid;
    highest uuid;{BEGUN}
    -- Ids are given in their order.
    lowest := ids[1];
    highest := ids[cardinality(ids)];
    RETURN QUERY WITH won AS (
        UPDATE nod.runs r SET status = 'succeeded', finished_at = clock_timestamp(), lease_until = NULL, output = g.output, error = NULL, version = r.version + 1
        FROM json_to_recordset(ended) AS g (id uuid, fence integer, output jsonb)
        WHERE r.workspace_id = ANY (places) AND r.id BETWEEN lowest AND highest AND r.id = ANY (ids) AND r.id = g.id AND r.fence = g.fence AND r.status = 'running'
        RETURNING r.workspace_id, r.id, r.agent_id
{RECORDED}
END $$"""
HERE = "workspace_id = ANY ((SELECT current_setting('nod.places', true)::uuid[])::uuid[])"
COLLEAGUES = f"(SELECT m.user_id FROM nod.memberships m WHERE m.{HERE})"
DOORS = (
    "nod.claim_batches(text, integer, double precision, boolean, boolean)",
    "nod.end_batches(text, uuid[], json, json, json, json, boolean)",
)


def upgrade() -> None:
    run(
        "GRANT CREATE ON SCHEMA nod TO nod_doors, nod_batches",
        "SET LOCAL ROLE nod_doors",
        PROVED,
        "REVOKE ALL ON FUNCTION nod.proved_places(text) FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION nod.proved_places(text) TO nod_batches",
        "SET LOCAL ROLE nod_batches",
        CLAIM,
        END,
        *(f"REVOKE ALL ON FUNCTION {door} FROM PUBLIC" for door in DOORS),
        *(f"GRANT EXECUTE ON FUNCTION {door} TO nod_app" for door in DOORS),
        "SET LOCAL ROLE nod_owner",
        "REVOKE CREATE ON SCHEMA nod FROM nod_doors, nod_batches",
    )
    run(
        f"CREATE POLICY batches_see ON nod.usage_ledger FOR SELECT TO nod_batches USING ({HERE})",
        f"CREATE POLICY batches_make ON nod.usage_ledger FOR INSERT TO nod_batches WITH CHECK ({HERE})",
        "GRANT SELECT (id, workspace_id) ON nod.usage_ledger TO nod_batches",
        "GRANT INSERT (id, workspace_id, user_id, run_id, agent_id, kind, tokens_prompt, tokens_completion, cost, at) ON nod.usage_ledger TO nod_batches",
    )
    run(
        f"CREATE POLICY batches_see ON nod.usage_counters FOR SELECT TO nod_batches USING ({HERE})",
        f"CREATE POLICY batches_make ON nod.usage_counters FOR INSERT TO nod_batches WITH CHECK ({HERE})",
        f"CREATE POLICY batches_change ON nod.usage_counters FOR UPDATE TO nod_batches USING ({HERE}) WITH CHECK ({HERE})",
        "GRANT SELECT (workspace_id, scope, day, runs, tokens, cost) ON nod.usage_counters TO nod_batches",
        "GRANT INSERT (workspace_id, scope, day, runs, tokens, cost, told) ON nod.usage_counters TO nod_batches",
        "GRANT UPDATE (runs) ON nod.usage_counters TO nod_batches",
    )
    run(
        f"CREATE POLICY batches_see ON nod.agents FOR SELECT TO nod_batches USING ({HERE})",
        f"CREATE POLICY batches_change ON nod.agents FOR UPDATE TO nod_batches USING ({HERE}) WITH CHECK ({HERE})",
        "GRANT SELECT (id, workspace_id, name, status, last_run_at, failures) ON nod.agents TO nod_batches",
        "GRANT UPDATE (last_run_at, failures) ON nod.agents TO nod_batches",
    )
    run(
        f"CREATE POLICY batches_see ON nod.users FOR SELECT TO nod_batches USING (id IN {COLLEAGUES})",
        "GRANT SELECT (id, name, preferred_name, email) ON nod.users TO nod_batches",
    )
    run(
        f"CREATE POLICY batches_see ON nod.user_profiles FOR SELECT TO nod_batches USING (user_id IN {COLLEAGUES})",
        "GRANT SELECT (user_id, timezone, language) ON nod.user_profiles TO nod_batches",
    )
    run(
        f"CREATE POLICY batches_see ON nod.data_keys FOR SELECT TO nod_batches USING (user_id IN {COLLEAGUES})",
        "GRANT SELECT (user_id, wrapped) ON nod.data_keys TO nod_batches",
    )
    run(
        f"CREATE POLICY batches_see ON nod.memberships FOR SELECT TO nod_batches USING ({HERE})",
        "GRANT SELECT (workspace_id, user_id) ON nod.memberships TO nod_batches",
    )
    run(
        f"CREATE POLICY batches_see ON nod.subscriptions FOR SELECT TO nod_batches USING ({HERE})",
        "GRANT SELECT (workspace_id, tier, status) ON nod.subscriptions TO nod_batches",
    )
    run(
        f"CREATE POLICY batches_see ON nod.events FOR SELECT TO nod_batches USING ({HERE})",
        f"CREATE POLICY batches_make ON nod.events FOR INSERT TO nod_batches WITH CHECK ({HERE})",
        "GRANT SELECT (id, workspace_id, kind) ON nod.events TO nod_batches",
        "GRANT INSERT (id, workspace_id, user_id, kind, schema_version, payload, occurred_at, ingested_at) ON nod.events TO nod_batches",
    )
    run(
        f"CREATE POLICY batches_see ON nod.deliveries FOR SELECT TO nod_batches USING ({HERE})",
        f"CREATE POLICY batches_change ON nod.deliveries FOR UPDATE TO nod_batches USING ({HERE}) WITH CHECK ({HERE})",
        "GRANT SELECT (id, workspace_id, link_id, channel, subject_kind, subject_id, status, wanted, version) ON nod.deliveries TO nod_batches",
        "GRANT UPDATE (status, wanted, version) ON nod.deliveries TO nod_batches",
    )
    run(
        f"CREATE POLICY batches_see ON nod.runs FOR SELECT TO nod_batches USING ({HERE})",
        f"CREATE POLICY batches_change ON nod.runs FOR UPDATE TO nod_batches USING ({HERE}) WITH CHECK ({HERE})",
        "GRANT SELECT (id, workspace_id, user_id, agent_id, agent_version_id, trigger_id, trigger_type, status, light, attempt, fence, input, due_at, lease_until, started_at, trace, version) ON nod.runs TO nod_batches",
        "GRANT UPDATE (status, attempt, fence, lease_until, started_at, finished_at, output, error, version) ON nod.runs TO nod_batches",
    )
    run(
        f"CREATE POLICY batches_make ON nod.run_steps FOR INSERT TO nod_batches WITH CHECK ({HERE})",
        "GRANT INSERT (id, workspace_id, run_id, node_id, index, skill, status, inputs, outputs, usage, started_at, finished_at, attempt) ON nod.run_steps TO nod_batches",
    )
    run(
        f"CREATE POLICY batches_see ON nod.triggers FOR SELECT TO nod_batches USING ({HERE})",
        "GRANT SELECT (id, workspace_id, type, status, event_kind, owner_id) ON nod.triggers TO nod_batches",
    )
    run(
        f"CREATE POLICY batches_see ON nod.event_matches FOR SELECT TO nod_batches USING ({HERE})",
        f"CREATE POLICY batches_make ON nod.event_matches FOR INSERT TO nod_batches WITH CHECK ({HERE})",
        "GRANT SELECT (workspace_id, trigger_id) ON nod.event_matches TO nod_batches",
        "GRANT INSERT (workspace_id, trigger_id, event_id, user_id, created_at) ON nod.event_matches TO nod_batches",
    )
