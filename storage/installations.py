"""Where Nod is installed at Slack, tokens sealed by the master key: they are a team's, not a person's. Stands outside of every workspace."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from core.identity.models import SlackInstallation
from core.kernel.ids import new_id
from storage.engine import Database
from storage.repositories.base import clock
from storage.rows import from_row
from storage.tables.identity import oauth_states as states
from storage.tables.identity import slack_installations as installed
from storage.values import dumps
from storage.vault import NOWHERE, LocalKeys, sealed_by

# The policy says which: those that ended a day ago.
FORGET = delete(states).where(states.c.expires_at < func.now() - text("interval '1 day'"))


class SqlInstallations:
    """core.identity.ports.Installations."""

    def __init__(self, database: Database, keys: LocalKeys) -> None:
        self._database, self._keys = database, keys

    def save(self, team_id: str, enterprise_id: str, facts: Mapping[str, Any]) -> None:
        """Seals for the row that stays, which may be one of an earlier installation."""
        c = installed.c
        connection, now = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            connection.execute(
                insert(installed)
                .values(id=new_id(), team_id=team_id, enterprise_id=enterprise_id, installed_at=now)
                .on_conflict_do_nothing(index_elements=("enterprise_id", "team_id"))
            )
            where = (c.team_id == team_id, c.enterprise_id == enterprise_id)
            row = connection.execute(select(c.id).where(*where).with_for_update()).one()
            sealed = self._keys.seal_installation(dumps(dict(facts)).encode(), row.id)
            connection.execute(
                update(installed).where(c.id == row.id).values(facts=sealed, installed_at=now, revoked_at=None)
            )
            connection.commit()

    def renew(self, team_id: str, refresh_token: str, facts: Mapping[str, Any], enterprise_id: str = "") -> bool:
        c = installed.c
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            row = connection.execute(
                select(c.id, c.facts)
                .where(
                    c.team_id == team_id, c.enterprise_id == enterprise_id, c.facts.is_not(None), c.revoked_at.is_(None)
                )
                .with_for_update()
            ).one_or_none()
            if (
                row is None
                or json.loads(self._keys.open_installation(row.facts, row.id)).get("refresh_token") != refresh_token
            ):
                return False
            sealed = self._keys.seal_installation(dumps(dict(facts)).encode(), row.id)
            connection.execute(update(installed).where(c.id == row.id).values(facts=sealed))
            connection.commit()
        return True

    def find(self, team_id: str, enterprise_id: str = "") -> SlackInstallation | None:
        return self._newest(installed.c.team_id == team_id, installed.c.enterprise_id == enterprise_id)

    def through(self, team_id: str) -> SlackInstallation | None:
        return self._newest(installed.c.team_id == team_id, installed.c.enterprise_id != "")

    def _newest(self, *which: ColumnElement[bool]) -> SlackInstallation | None:
        c = installed.c
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            row = connection.execute(
                select(installed)
                .where(*which, c.facts.is_not(None), c.revoked_at.is_(None))
                .order_by(c.installed_at.desc())
                .limit(1)
            ).one_or_none()
        if row is None:
            return None
        return from_row(SlackInstallation, row, facts=json.loads(self._keys.open_installation(row.facts, row.id)))

    def orgs(self) -> list[str]:
        c = installed.c
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            where = (c.team_id == "", c.revoked_at.is_(None))
            return list(connection.execute(select(c.enterprise_id).where(*where).order_by(c.id)).scalars())

    def teams_of(self, enterprise_id: str) -> list[str]:
        c = installed.c
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            where = (c.enterprise_id == enterprise_id, c.team_id != "", c.revoked_at.is_(None))
            return list(connection.execute(select(c.team_id).where(*where).order_by(c.team_id)).scalars())

    def revoke(self, team_id: str, enterprise_id: str = "") -> bool:
        c = installed.c
        connection, now = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            gone = connection.execute(
                update(installed)
                .where(c.team_id == team_id, c.enterprise_id == enterprise_id, c.revoked_at.is_(None))
                .values(facts=None, revoked_at=now)
            )
            connection.commit()
        return gone.rowcount == 1

    def issue(self, state_hash: str, seconds: float) -> None:
        connection, now = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            connection.execute(
                insert(states).values(
                    id=new_id(), state_hash=state_hash, created_at=now, expires_at=clock() + timedelta(seconds=seconds)
                )
            )
            connection.commit()

    def consume(self, state_hash: str) -> bool:
        c = states.c
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            used = connection.execute(
                update(states)
                .where(c.state_hash == state_hash, c.used_at.is_(None), c.expires_at > clock())
                .values(used_at=func.now())
            )
            connection.commit()
        return used.rowcount == 1

    def forget(self) -> int:
        """See core.identity.ports.Installations."""
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            gone = connection.execute(FORGET).rowcount
            connection.commit()
        return gone

    def reseal(self) -> int:
        """Seals with the current master key what an older one sealed; answers how many."""
        c, changed = installed.c, 0
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            for row in connection.execute(select(c.id, c.facts).where(c.facts.is_not(None)).with_for_update()).all():
                if sealed_by(row.facts) != self._keys.current:
                    again = self._keys.seal_installation(self._keys.open_installation(row.facts, row.id), row.id)
                    connection.execute(update(installed).where(c.id == row.id).values(facts=again))
                    changed += 1
            connection.commit()
        return changed
