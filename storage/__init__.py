"""PostgreSQL: tables, policies, mapping, repositories, vault and the embedded servers. Storage never decides."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storage.opening import Storage, open_storage

__all__ = ["Storage", "open_storage"]


def __getattr__(name: str) -> Any:
    """Loads the front when it is asked for: the supervisor wants only the embedded servers, at once."""
    if name in __all__:
        from storage import opening

        return getattr(opening, name)
    raise AttributeError(name)
