"""One person's preferences, consents and contexts."""

from uuid import UUID

from core.preferences.models import UserConsent, UserContext, UserPreference
from storage.repositories.base import Repository


class SqlPreferences(Repository):
    """core.preferences.ports.Preferences."""

    def add(self, row: UserPreference | UserConsent | UserContext) -> None:
        self._t.session.add(row)

    def preference(self, user_id: UUID, scope: str, key: str) -> UserPreference | None:
        return self._one(UserPreference, user_id=user_id, scope=scope, key=key)

    def preferences(self, user_id: UUID, scope: str) -> list[UserPreference]:
        return self._those(UserPreference, "key", user_id=user_id, scope=scope)

    def consent(self, user_id: UUID, key: str) -> UserConsent | None:
        return self._newest(UserConsent, user_id=user_id, key=key)

    def consents(self, user_id: UUID) -> list[UserConsent]:
        return self._those(UserConsent, user_id=user_id)

    def contexts(self, user_id: UUID) -> list[UserContext]:
        return self._those(UserContext, user_id=user_id)

    def context(self, context_id: UUID) -> UserContext:
        return self._lock(UserContext, context_id, "preferences.context_unknown")

    def remove(self, row: UserPreference | UserContext) -> None:
        self._t.flush()
        self._t.session.delete(row)
