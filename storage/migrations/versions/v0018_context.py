"""The signed context is verified in one step, by functions that are bound to what they use when they are made: half the time of before (docs/adr/0002)."""

from storage.migrations.sql import run

revision = "0018"
down_revision = "0017"

# workspace (32 hex digits) | user (32) | expiry (10 decimal digits, Unix seconds) | HMAC-SHA256 (64 hex digits)
# Compared by hash, so that time says nothing about the proof. Only what is proved is parsed: nobody else writes it. CASE keeps the order.
VERIFIED = """
    SELECT CASE WHEN octet_length(c.said) = 141 THEN
        CASE WHEN sha256(convert_to(encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to(left(c.said, 76), 'UTF8'))), 'hex'), 'UTF8'))
                = sha256(convert_to(right(c.said, 64), 'UTF8')) THEN
            CASE WHEN substr(c.said, 67, 10)::bigint >= extract(epoch FROM clock_timestamp()) THEN {answer} END
        END
    END
    FROM (SELECT current_setting('nod.context', true)) AS c (said) CROSS JOIN nod.context_keys AS k;"""
FUNCTIONS = {
    "current_workspace": ("uuid", "left(c.said, 32)::uuid"),
    "current_user_id": ("uuid", "substr(c.said, 34, 32)::uuid"),
    "at_the_door": ("boolean", "left(c.said, 32) = repeat('0', 32)"),
}


def upgrade() -> None:
    run("GRANT CREATE ON SCHEMA nod TO nod_doors", "SET LOCAL ROLE nod_doors")
    for name, (kind, answer) in FUNCTIONS.items():
        body = VERIFIED.format(answer=answer)
        if kind == "boolean":
            body = body.replace("SELECT CASE", "SELECT coalesce(CASE", 1).replace("    END\n    FROM", "    END, false)\n    FROM", 1)
        run(
            f"CREATE OR REPLACE FUNCTION nod.{name}() RETURNS {kind} LANGUAGE sql STABLE SECURITY DEFINER "
            f"BEGIN ATOMIC{body}\nEND"
        )
    run(
        "DROP FUNCTION nod.verified_context()",
        "SET LOCAL ROLE nod_owner",
        "REVOKE CREATE ON SCHEMA nod FROM nod_doors",
    )
