"""One person's preferences, consents and contexts."""

from uuid import UUID

from core.preferences.models import UserConsent, UserContext, UserPreference
from storage.repositories.base import Repository
from storage.tables.preferences import user_consents as consents
from storage.tables.preferences import user_contexts as contexts
from storage.tables.preferences import user_preferences as preferences


class SqlPreferences(Repository):
    """core.preferences.ports.Preferences."""

    def add(self, row: UserPreference | UserConsent | UserContext) -> None:
        self._t.session.add(row)

    def preference(self, user_id: UUID, scope: str, key: str) -> UserPreference | None:
        c = preferences.c
        return self._first(UserPreference, c.user_id == user_id, c.scope == scope, c.key == key)

    def preferences(self, user_id: UUID, scope: str) -> list[UserPreference]:
        c = preferences.c
        return self._all(UserPreference, c.user_id == user_id, c.scope == scope, order=(c.key,))

    def consent(self, user_id: UUID, key: str) -> UserConsent | None:
        c = consents.c
        return self._first(UserConsent, c.user_id == user_id, c.key == key, order=(c.id.desc(),))

    def consents(self, user_id: UUID) -> list[UserConsent]:
        return self._all(UserConsent, consents.c.user_id == user_id, order=(consents.c.id,))

    def contexts(self, user_id: UUID) -> list[UserContext]:
        return self._all(UserContext, contexts.c.user_id == user_id, order=(contexts.c.id,))

    def context(self, context_id: UUID) -> UserContext:
        return self._lock(UserContext, context_id, "preferences.context_unknown")

    def remove(self, row: UserPreference | UserContext) -> None:
        self._t.flush()
        self._t.session.delete(row)
