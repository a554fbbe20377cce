"""Ways into the page that work once: a link and a code from a chat that is linked already, or from the person's mailbox. Also how a mail address is proved to
be theirs. Only hashes are kept; a code from a mailbox holds only in the browser that asked for it."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from core.identity.models import IdentityLink, SignIn
from core.identity.ports import Directory, IdentityWork, Known
from core.identity.prove import CODE_MINUTES, digest, letters_of, new_code, open_session, spelled
from core.identity.register import add_link
from core.kernel.actor import Actor
from core.kernel.errors import Invalid, LimitReached
from core.kernel.events import Event
from core.kernel.ids import new_id

MAIL_MINUTES = 15
MAILS_AN_HOUR = 5
TRIES = 5
_LOCAL = "local"


@dataclass(frozen=True)
class Way:
    """What is shown once: the `token` of a link, and a `code` to type. Nobody can be told them again."""

    id: UUID
    token: str
    code: str


@dataclass(frozen=True)
class Entered:
    """Who signed in: `secret` is for the browser alone."""

    user_id: UUID
    workspace_id: UUID
    secret: str


def offer(work: IdentityWork, actor: Actor) -> Way:
    """A way into the page for the person who asks in one of their chats. The one before works no more."""
    actor.need("write")
    _end(work, actor.user_id, "chat")
    letters = new_code()
    return _made(work, actor.user_id, "chat", letters, digest(letters), CODE_MINUTES)


def offer_by_mail(work: IdentityWork, user_id: UUID, address: str, asker: str) -> Way | None:
    """A way in that goes to the person's mailbox; its code holds only with `asker`, the secret of the browser that asked. None when their mailbox was
    written to often enough within the hour: whoever asks is not told, for they may be nobody we know."""
    if _mails(work, user_id) >= MAILS_AN_HOUR:
        return None
    letters = new_code()
    return _made(work, user_id, "mail", letters, _bound(letters, asker), MAIL_MINUTES, address)


def offer_to_verify(work: IdentityWork, actor: Actor, address: str) -> Way:
    """A code that goes to an address which the person says is theirs. Raises Invalid `identity.email_invalid`, LimitReached `identity.mails_enough`."""
    actor.need("write")
    if not is_address(address):
        raise Invalid("identity.email_invalid")
    if _mails(work, actor.user_id) >= MAILS_AN_HOUR:
        raise LimitReached("identity.mails_enough", n=MAILS_AN_HOUR)
    _end(work, actor.user_id, "verify")
    letters = new_code()
    return _made(
        work, actor.user_id, "verify", letters, _bound(letters, str(actor.user_id)), MAIL_MINUTES, address.strip()
    )


def verify(work: IdentityWork, actor: Actor, code: str) -> Literal["proved", "wrong", "over"]:
    """The person types the code that went to their address: it is theirs from now on. `wrong` counts, and after five the code is `over`, as it is when its time is.
    At the commit Conflict `kernel.version_stale`, rule `users_email_once`, when the address is somebody else's account."""
    waiting = [one for one in work.people.sign_ins(actor.user_id) if one.way == "verify" and _works(work, one)]
    if not waiting:
        return "over"
    row = waiting[0]
    if not secrets.compare_digest(row.code_hash, _bound(letters_of(code), str(actor.user_id))):
        row.tries += 1
        if row.tries >= TRIES:
            row.used_at = work.now
            return "over"
        return "wrong"
    row.used_at = work.now
    user = work.people.user(actor.user_id)
    assert row.address is not None
    user.email, user.email_verified_at = row.address, work.now
    work.record(Event("user.email_verified", actor.workspace_id, actor.user_id, {"email": row.address}))
    return "proved"


def vouch(work: IdentityWork, user_id: UUID) -> str:
    """Whoever runs the installation says that the person's address is theirs; answers it. A second time changes nothing."""
    user = work.people.user(user_id)
    if user.email_verified_at is None:
        user.email_verified_at = work.now
        work.record(Event("user.email_verified", work.workspace_id, user_id, {"email": user.email, "by": "operator"}))
    return user.email


def who_may_enter(directory: Directory, secret: str, asker: str = "") -> Known:
    """Whom a link's token or a typed code would sign in. Raises Invalid `identity.sign_in_refused`, the same for unknown, used and expired ones."""
    letters = letters_of(secret)
    hashes = [digest(letters), _bound(letters, asker)] if len(letters) == 8 else [digest(secret)]
    for hash in hashes:
        if (known := directory.by_sign_in(hash)) is not None:
            return known
    raise Invalid("identity.sign_in_refused")


def enter(work: IdentityWork, known: Known, browser: str) -> Entered:
    """Uses the way in and opens a session. `work` is of its workspace and person. An address that a mail went to is proved by that.
    Raises Invalid `identity.sign_in_refused` when somebody was quicker."""
    row = work.people.sign_in(known.id)
    if not _works(work, row) or row.way == "verify":
        raise Invalid("identity.sign_in_refused")
    _end(work, row.user_id, row.way)
    user = work.people.user(row.user_id)
    if row.way == "mail":
        if (row.address or "").lower() != user.email.lower():
            raise Invalid("identity.sign_in_refused")
        user.email_verified_at = user.email_verified_at or work.now
    secret = open_session(work, row.user_id, browser, "mail" if row.way == "mail" else "chat")
    work.record(Event("session.opened", row.workspace_id, row.user_id, {"way": row.way, "browser": browser}))
    return Entered(row.user_id, row.workspace_id, secret)


def mailbox(work: IdentityWork, user_id: UUID) -> IdentityLink:
    """Where mails to the person are kept as deliveries. It has no address of its own: nothing but what they asked for goes there."""
    for link in work.people.links(user_id):
        if link.provider == "email":
            return link
    return add_link(work, user_id, "email", str(user_id), None, str(work.workspace_id))


def local_person(directory: Directory, email: str) -> Known | None:
    """The person of that address, also when they have proved another one since: an installation's own person stays who they are."""
    return directory.by_link("web", _LOCAL, email.strip().lower()) or directory.by_email(email)


def stays_local(work: IdentityWork, user_id: UUID, email: str) -> None:
    """Keeps that this person is the one of the installation."""
    name = email.strip().lower()
    if not any((link.provider_tenant, link.provider_subject) == (_LOCAL, name) for link in work.people.links(user_id)):
        add_link(work, user_id, "web", name, None, _LOCAL)


def is_address(text: str) -> bool:
    """Whether it looks like an address that a mail can go to. Only a mail proves more."""
    address = text.strip()
    local, _, host = address.rpartition("@")
    if not local or "." not in host.strip(".") or len(address) > 254 or not address.isprintable():
        return False
    return not set(local + host) & set(' @<>,;:"()[]\\')


def _made(
    work: IdentityWork, user_id: UUID, way: Literal["chat", "mail", "verify"], letters: str, code_hash: str, minutes: int,
    address: str | None = None,
) -> Way:  # fmt: skip
    token = secrets.token_urlsafe(32)
    row = SignIn(
        id=new_id(), user_id=user_id, workspace_id=work.workspace_id, way=way, token_hash=digest(token), code_hash=code_hash,
        created_at=work.now, expires_at=work.now + timedelta(minutes=minutes), address=address,
    )  # fmt: skip
    work.people.add(row)
    return Way(row.id, token, spelled(letters))


def _bound(letters: str, to: str) -> str:
    return digest(f"{letters}:{to}")


def _end(work: IdentityWork, user_id: UUID, way: str) -> None:
    for one in work.people.sign_ins(user_id):
        if one.way == way and one.used_at is None:
            one.used_at = work.now


def _mails(work: IdentityWork, user_id: UUID) -> int:
    hour_ago = work.now - timedelta(hours=1)
    return sum(one.way != "chat" and one.created_at > hour_ago for one in work.people.sign_ins(user_id))


def _works(work: IdentityWork, row: SignIn) -> bool:
    return row.used_at is None and row.expires_at > work.now
