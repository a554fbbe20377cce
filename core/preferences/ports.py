"""What the preferences context needs of storage."""

from typing import Protocol
from uuid import UUID

from core.kernel.unit_of_work import UnitOfWork
from core.preferences.models import UserConsent, UserContext, UserPreference


class Preferences(Protocol):
    """Rows of one person's preferences, consents and contexts."""

    def add(self, row: UserPreference | UserConsent | UserContext) -> None: ...

    def preference(self, user_id: UUID, scope: str, key: str) -> UserPreference | None: ...

    def preferences(self, user_id: UUID, scope: str) -> list[UserPreference]: ...

    def consent(self, user_id: UUID, key: str) -> UserConsent | None:
        """The newest consent of that key, also when it was revoked."""
        ...

    def consents(self, user_id: UUID) -> list[UserConsent]: ...

    def contexts(self, user_id: UUID) -> list[UserContext]: ...

    def context(self, context_id: UUID) -> UserContext:
        """Locked for this transaction. Raises NotFound `preferences.context_unknown`."""
        ...

    def remove(self, row: UserPreference | UserContext) -> None: ...


class PreferencesWork(UnitOfWork, Protocol):
    @property
    def preferences(self) -> Preferences: ...
