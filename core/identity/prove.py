"""Proofs of who speaks: browser sessions, API keys, one-time link codes. Only hashes are kept (SHA-256 of 128 random bits or more; codes
live ten minutes and work once)."""

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Literal
from uuid import UUID

from core.identity.models import ApiKey, IdentityLink, LinkCode, Provider, Session
from core.identity.ports import Directory, IdentityWork, Known
from core.identity.register import add_link
from core.kernel.actor import Actor, Scope
from core.kernel.errors import Conflict, Invalid, NotFound, Unauthenticated
from core.kernel.events import Event
from core.kernel.ids import new_id

SESSION_DAYS = 30
SEEN_EVERY = timedelta(minutes=15)
CODE_MINUTES = 10
_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def digest(secret: str) -> str:
    """How a random secret is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def open_session(
    work: IdentityWork, user_id: UUID, browser: str = "", way: Literal["address", "chat", "mail"] = "address"
) -> str:
    """A new browser session; answers its secret, which is shown to nobody but the browser."""
    secret = secrets.token_urlsafe(32)
    work.people.add(
        Session(
            id=new_id(),
            user_id=user_id,
            workspace_id=work.workspace_id,
            sid=digest(secret),
            issued_at=work.now,
            expires_at=work.now + timedelta(days=SESSION_DAYS),
            browser=browser,
            way=way,
            seen_at=work.now,
        )
    )
    work.people.user(user_id).last_login_at = work.now
    return secret


def close_session(work: IdentityWork, session_id: UUID) -> None:
    """Revokes a session at once."""
    session = work.people.session(session_id)
    session.revoked_at = session.revoked_at or work.now


def end_session(work: IdentityWork, actor: Actor, session_id: UUID) -> None:
    """A person signs out one of their own browsers. Raises NotFound `identity.session_unknown`, also for somebody else's."""
    actor.need("write")
    if work.people.session(session_id).user_id != actor.user_id:
        raise NotFound("identity.session_unknown", id=str(session_id))
    close_session(work, session_id)
    work.record(Event("session.ended", actor.workspace_id, actor.user_id, {"session_id": str(session_id)}))


def was_here(work: IdentityWork, session_id: UUID) -> None:
    """The session is in use. Kept to the quarter of an hour: nobody needs to know it better."""
    session = work.people.session(session_id)
    if session.seen_at is None or session.seen_at < work.now - SEEN_EVERY:
        session.seen_at = work.now


def make_key(work: IdentityWork, actor: Actor, name: str, scopes: list[Scope]) -> tuple[ApiKey, str]:
    """A new API key and its secret, which cannot be shown again. Raises Invalid `identity.scopes_empty`."""
    actor.need("write")
    if not scopes:
        raise Invalid("identity.scopes_empty")
    prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    full = f"nod_{prefix}_{secret}"
    key = ApiKey(
        id=new_id(), workspace_id=actor.workspace_id, user_id=actor.user_id, name=name, prefix=prefix, hash=digest(full),
        scopes=sorted(set(scopes)), created_at=work.now,
    )  # fmt: skip
    work.people.add(key)
    work.record(Event("api_key.made", actor.workspace_id, actor.user_id, {"prefix": prefix, "scopes": key.scopes}))
    return key, full


def revoke_key(work: IdentityWork, actor: Actor, key_id: UUID) -> None:
    """The key works no more."""
    actor.need("write")
    key = work.people.api_key(key_id)
    key.revoked_at = key.revoked_at or work.now


def by_key(directory: Directory, full: str) -> Actor:
    """Whom an API key stands for. Raises Unauthenticated `identity.key_refused`, the same for each reason."""
    parts = full.split("_", 2)
    known = directory.by_api_key(parts[1]) if len(parts) == 3 and parts[0] == "nod" else None
    if known is None or not hmac.compare_digest(known.secret_hash or "", digest(full)):
        raise Unauthenticated("identity.key_refused")
    return _actor(known, "api")


def by_session(directory: Directory, secret: str) -> Actor:
    """Whom a browser session stands for. Raises Unauthenticated `identity.session_over`."""
    return _actor(session_of(directory, secret), "web")


def session_of(directory: Directory, secret: str) -> Known:
    """The same, with the session's id. Raises Unauthenticated `identity.session_over`."""
    known = directory.by_session(digest(secret)) if secret else None
    if known is None:
        raise Unauthenticated("identity.session_over")
    return known


def by_account(directory: Directory, provider: Provider, tenant: str, subject: str) -> Actor:
    """Whom an account at a provider stands for, as the platform itself vouched for it. Raises Unauthenticated `identity.account_not_linked`."""
    known = directory.by_link(provider, tenant, subject)
    if known is None:
        raise Unauthenticated("identity.account_not_linked", provider=provider)
    return Actor(known.user_id, known.workspace_id, known.role, provider, link_id=known.id)


def make_code(work: IdentityWork, actor: Actor) -> str:
    """A one-time code that links a second surface, e.g. `K7QM-2XHD`."""
    actor.need("write")
    letters = new_code()
    work.people.add(
        LinkCode(
            id=new_id(),
            user_id=actor.user_id,
            workspace_id=actor.workspace_id,
            code_hash=digest(letters),
            created_at=work.now,
            expires_at=work.now + timedelta(minutes=CODE_MINUTES),
        )
    )
    return spelled(letters)


def new_code() -> str:
    """Eight letters and digits that are told apart when they are read aloud: 40 bits."""
    return "".join(secrets.choice(_CODE_LETTERS) for _ in range(8))


def spelled(letters: str) -> str:
    """As a person is shown it: `K7QM-2XHD`."""
    return f"{letters[:4]}-{letters[4:]}"


def letters_of(code: str) -> str:
    """The letters of a code as a person typed it."""
    return "".join(code.upper().split()).replace("-", "")


def who_made(directory: Directory, code: str) -> Known:
    """Whose code it is. Raises Invalid `identity.code_refused`, the same for unknown, used and expired ones."""
    letters = letters_of(code)
    known = directory.by_link_code(digest(letters)) if len(letters) == 8 else None
    if known is None:
        raise Invalid("identity.code_refused")
    return known


def redeem(
    work: IdentityWork, code: Known, provider: Provider, subject: str, address: str, tenant: str = ""
) -> IdentityLink:
    """Uses the code: the account at `provider` is the person's from now on. `work` is of the code's workspace and user.
    Raises Conflict `identity.code_used` when somebody was quicker."""
    row = work.people.link_code(code.id)
    if row.used_at is not None or row.expires_at <= work.now:
        raise Conflict("identity.code_used")
    row.used_at = work.now
    for link in work.people.links(row.user_id):
        if (link.provider, link.provider_tenant, link.provider_subject) == (provider, tenant, subject):
            link.address, link.reachable = address, True
            return link
    return add_link(work, row.user_id, provider, subject, address, tenant)


def _actor(known: Known, surface: str) -> Actor:
    return Actor(known.user_id, known.workspace_id, known.role, surface, frozenset(known.scopes))
