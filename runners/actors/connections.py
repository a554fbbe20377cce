"""Connections that want to be tried."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog

from core.connectors.connect import found, troubled
from core.connectors.kinds import integration
from core.connectors.models import ConnectorExecution
from core.connectors.ports import Report
from core.kernel.errors import Failure
from core.kernel.ids import new_id
from core.messaging.post import refresh
from runners.engine.tools import access, opened
from runners.wiring import storage

log = structlog.get_logger()


def check(workspace_id: UUID, user_id: UUID, connection_id: UUID) -> None:
    """Tries a connection, keeps what was found, and shows its card anew."""
    report: Report | None = None
    result: dict[str, Any] = {}
    with storage().work(workspace_id, user_id) as work:
        connection = work.connections.get(connection_id)
        if connection.status == "revoked":
            return
        connection.status = "active"
        given = access(work, connection_id)
    if not any(o.effect != "local" for o in integration(connection.integration).operations):
        report = Report(account="", permissions=tuple(connection.permissions))
    else:
        try:
            with opened(given) as client:
                report = client.check()
        except Failure as why:
            result = {"code": why.code, "data": why.data}
        except Exception:
            log.exception("connection.check_broken")
            result = {"code": "connectors.check_broken", "data": {}}
    with storage().work(workspace_id, user_id) as work:
        if report is not None:
            found(work, connection_id, report)
            result = {"account": report.account}
        elif result.get("code") != "connectors.login_refused":
            troubled(work, connection_id, str(result["code"]), result.get("data", {}))
        work.connections.add(
            ConnectorExecution(
                id=new_id(),
                workspace_id=workspace_id,
                connection_id=connection_id,
                operation="connection.check",
                status="success" if report else "failed",
                executed_at=datetime.now(UTC),
                result=result,
            )
        )
        refresh(work, "connection", connection_id)
        work.commit()
