"""What doors do for people without an account, the same through each: let them in by an invitation, bring back who left, and count how often codes are tried. Whose account at the
platform it is, the door has verified."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any
from uuid import UUID

from bots.dialogs.invitations import described, taken
from bots.kit.screen import Block
from bots.kit.words import Say
from core.identity.invite import speak_for, who_invites
from core.identity.models import Provider
from core.identity.register import add_link, register
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Invalid
from core.kernel.ids import new_id
from core.messaging.models import InboundEvent
from core.privacy.leave import come_back, who_left

CODES_AN_HOUR = 10


@dataclass(frozen=True)
class Newcomer:
    """Somebody without an account, as their door vouches for them: an account at a provider, and what it calls them. `email` is one of ours (RFC 2606), by which they are found again."""

    provider: Provider
    subject: str
    address: str
    email: str
    name: str
    language: str
    tenant: str = ""
    timezone: str = "UTC"
    user_id: UUID = field(default_factory=new_id)


def let_in(
    storage: Any, code: str, who: Newcomer, also: Callable[[Any, UUID], None] = lambda work, user_id: None
) -> Actor:
    """They have an account of their own from now on, and are a member where they were invited, for which their chat speaks; `also` belongs to the same transaction. Raises Invalid
    `identity.invitation_refused`; Conflict when somebody was quicker, or their account at the provider is of somebody else's."""
    invitation = who_invites(storage.directory, code)
    user_id = _own_account(storage, who)
    with storage.work(invitation.workspace_id, user_id) as work:
        taken(work, user_id, invitation, who.name)
        link = speak_for(work, user_id, who.provider, who.tenant, who.subject, who.address, True)
        role = work.people.membership(user_id).role
        also(work, user_id)
        work.commit()
    return Actor(user_id, invitation.workspace_id, role, who.provider, link_id=link.id)


def _own_account(storage: Any, who: Newcomer) -> UUID:
    """Made in a workspace that is just theirs, whose row is the plain one. Who had one already (they were in a workspace of their team's, and left it) gets that."""
    known = storage.directory.by_email(who.email)
    if known is None:
        with storage.work(new_id(), who.user_id) as work:
            register(work, who.user_id, who.email, who.name, who.timezone, who.language)
            add_link(work, who.user_id, who.provider, who.subject, who.address, who.tenant)
            work.commit()
        return who.user_id
    with suppress(Conflict), storage.work(known.workspace_id, known.user_id) as work:
        add_link(work, known.user_id, who.provider, who.subject, who.address, who.tenant)
        work.commit()
        return known.user_id
    with storage.work(known.workspace_id, known.user_id) as work:
        speak_for(work, known.user_id, who.provider, who.tenant, who.subject, who.address, False)
        work.commit()
    theirs = storage.directory.links_of_account(who.provider, who.tenant, who.subject)
    if not any(one.user_id == known.user_id for one in theirs):
        raise Conflict("identity.account_not_linked", provider=who.provider)
    return known.user_id


def invited_to(storage: Any, code: str, say: Say) -> tuple[Block, ...]:
    """Who invites to what, as what, and what that means. Raises Invalid `identity.invitation_refused`."""
    known = who_invites(storage.directory, code)
    with storage.work(known.workspace_id, known.user_id) as work:
        return described(say, work, known)


def is_back(storage: Any, code: str, provider: Provider, tenant: str, subject: str) -> bool:
    """Whether it is the code of somebody who left, sent by their own account: then they are back."""
    try:
        known = who_left(storage.directory, code)
        with storage.work(known.workspace_id, known.user_id) as work:
            theirs = {(one.provider, one.tenant, one.provider_subject) for one in work.people.links(known.user_id)}
            if (provider, tenant, subject) not in theirs:
                return False
            come_back(work, known, provider)
            work.commit()
    except (Invalid, Conflict):
        return False
    return True


def may_try(inbox: Any, channel: str, who: str, event: InboundEvent) -> bool:
    """Ten codes in an hour of the clock: each takes one of ten rows, of which there is one each in the database. `who` is an account at the platform."""
    hour = event.received_at.astimezone(UTC).strftime("%Y%m%d%H")
    if not any(inbox.store(channel, f"{who}:{hour}:{nth}", {}) for nth in range(CODES_AN_HOUR)):
        return False
    inbox.done(inbox.claim(channel, 10, CODES_AN_HOUR))
    return True
