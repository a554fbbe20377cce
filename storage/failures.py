"""What the database refuses, in the house's terms; never with the values that it refused."""

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import TimeoutError as PoolExhausted

from core.kernel.errors import Conflict, Failure, Invalid, Unavailable

STALE = "kernel.version_stale"
NAMED = {"users_email_once": "identity.email_taken"}
"""Rules that only a person can break, who is told which."""
CONFLICTS = (
    psycopg.errors.UniqueViolation,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
)
RULES = (psycopg.errors.ForeignKeyViolation, psycopg.errors.CheckViolation, psycopg.errors.NotNullViolation)
BUSY = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled, psycopg.errors.TooManyConnections)


def translate(engine: Engine) -> None:
    """Errors of this engine's statements are raised as Failures: Conflict `kernel.version_stale` (or what NAMED says), Invalid `kernel.rule_broken`, Unavailable
    `kernel.database_busy` and `kernel.database_away`. What the code itself got wrong (syntax, privileges) stays as it is."""
    event.listen(engine, "handle_error", _failed)


def failure_of(problem: BaseException | None) -> Failure | None:
    """The Failure that stands for a driver's error; None when it is a fault of ours."""
    if isinstance(problem, psycopg.Error):
        rule = problem.diag.constraint_name
        if isinstance(problem, CONFLICTS):
            return Conflict(NAMED.get(rule or "", STALE), rule=rule)
        if isinstance(problem, RULES):
            return Invalid("kernel.rule_broken", rule=rule or problem.diag.column_name)
        if isinstance(problem, BUSY):
            return Unavailable("kernel.database_busy")
        if isinstance(problem, psycopg.OperationalError):
            return Unavailable("kernel.database_away")
    if isinstance(problem, PoolExhausted):
        return Unavailable("kernel.database_busy")
    return None


def _failed(context: ExceptionContext) -> Failure | None:
    return failure_of(context.original_exception)
