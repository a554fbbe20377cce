"""Inviting into a workspace, and being invited: who invites whom to what and as what is shown before anything is joined."""

from typing import Any, get_args
from uuid import UUID

from bots.dialogs import ways, workspaces
from bots.dialogs.people import called
from bots.dialogs.policy_words import role
from bots.kit import clean, opening
from bots.kit.chatting import TYPED
from bots.kit.dialog import Chat, Reply, action, command
from bots.kit.screen import Block, Bullets, Button, Heading, Paragraph, Quote, Screen, row
from bots.kit.words import Say
from core.identity.invite import DAYS, INVITED, accept, call_off, invite, speak_for, who_invites
from core.identity.models import Invitation
from core.identity.ports import Known
from core.identity.prove import letters_of
from core.kernel.actor import Role
from core.kernel.errors import Invalid, NotFound
from core.messaging.post import notify

SHOWN = 10


@action("invitation.open")
def open_invitations(chat: Chat) -> Reply:
    """As what somebody shall be invited, and which invitations are open."""
    return Reply(_page(chat), mode="replace")


def _page(chat: Chat, told: str = "") -> Screen:
    blocks: list[Block] = [Heading(text=chat.say("invitation.heading"))]
    blocks += [Paragraph(text=told)] if told else []
    blocks += [
        Paragraph(text=chat.say("invitation.what", n=DAYS)),
        Bullets(items=tuple(chat.say(f"team.role.{name}") for name in INVITED)),
    ]
    choices = (
        row(Button(label=chat.say("invitation.as", role=role(chat, name)), action="invitation.make", args=(name,)))
        for name in INVITED
    )
    still = chat.work.people.invitations()[:SHOWN]
    if still:
        blocks += [
            Paragraph(text=chat.say("invitation.still")), Bullets(items=tuple(_line(chat, one) for one in still)),
        ]  # fmt: skip
    ends = (
        row(Button(label=chat.say("invitation.end", n=nth), action="invitation.end", args=(str(one.id),)))
        for nth, one in enumerate(still, 1)
    )
    back = Button(label=chat.say("way.back"), action="team.open")
    return Screen(blocks=tuple(blocks), buttons=ways.rows(*choices, *ends, row(back)), tone="ask")


def _line(chat: Chat, one: Invitation) -> str:
    by = called(chat.work.people.user(one.user_id))
    return chat.say("invitation.line", role=role(chat, one.role), who=by, until=one.expires_at)


@action("invitation.make")
def make(chat: Chat, name: str) -> Reply:
    """The code, and the link where the door has links. Shown once."""
    made, code = invite(chat.work, chat.actor, _role(name))
    base, typed = chat.extra.get(opening.BASE), f"/join {code}"
    blocks: list[Block] = [
        Heading(text=chat.say("invitation.made", role=role(chat, made.role))),
        Paragraph(text=chat.say("invitation.once", until=made.expires_at)),
    ]
    if isinstance(base, str):
        blocks.append(Quote(text=f"{base}{letters_of(code)}", exact=True, source=chat.say("invitation.link")))
    blocks += [
        Quote(text=typed, exact=True, source=chat.say("invitation.code")),
        Quote(text=TYPED["slack"] + typed[1:], exact=True, source=chat.say("invitation.code.slack")),
        Paragraph(text=chat.say("invitation.warning"), muted=True),
    ]
    back = Button(label=chat.say("way.back"), action="invitation.open")
    here = chat.link.provider == "web"
    page = Button(label=chat.say("invitation.page"), url=f"/join/{letters_of(code)}") if here else None
    return Reply(Screen(blocks=tuple(blocks), buttons=(row(page, back),)))


def _role(name: str) -> Role:
    if name not in get_args(Role):
        raise Invalid("identity.role_unknown", role=name[:20])
    return name  # pyright: ignore[reportReturnType]


@action("invitation.end")
def end(chat: Chat, invitation_id: str) -> Reply:
    """It works no more."""
    call_off(chat.work, chat.actor, UUID(invitation_id))
    return Reply(_page(chat, chat.say("invitation.ended")), mode="replace")


@command("join")
def join_by_code(chat: Chat, rest: str = "") -> Reply:
    """Shows what a code invites to; says what is wanted where there is none."""
    if not rest.strip():
        return Reply(
            Screen(
                blocks=(Paragraph(text=chat.say("invitation.which")),), buttons=(row(ways.settings(chat)),), tone="ask"
            )
        )
    return card(chat, rest)


def card(chat: Chat, code: str) -> Reply:
    """Who invites to what and as what. Raises Invalid `identity.invitation_refused`."""
    known = who_invites(chat.directory, code)
    with chat.at(known.workspace_id) as work:
        said = described(chat.say, work, known)
        name, inside = work.people.workspace().name, _is_in(work, chat.user.id)
    if inside:
        go = Button(
            label=chat.say("workspace.go", name=clean.line(name, 40)),
            action="workspace.go",
            args=(str(known.workspace_id),),
        )
        here = known.workspace_id == chat.actor.workspace_id
        blocks = (Paragraph(text=chat.say("invitation.in_already", name=name)),)
        return Reply(Screen(blocks=blocks, buttons=ways.rows(row(None if here else go, ways.inbox(chat)))))
    yes = Button(label=chat.say("invitation.join"), action="invitation.join", args=(letters_of(code),), style="primary")
    no = Button(label=chat.say("invitation.not_now"), action="invitation.leave")
    return Reply(Screen(blocks=(Heading(text=chat.say("invitation.got")), *said), buttons=(row(yes, no),), tone="ask"))


def described(say: Say, work: Any, known: Known) -> tuple[Block, ...]:
    """Who invites to what, as what, and what that means; `work` is of the invitation's workspace."""
    place, row_ = work.people.workspace(), work.people.invitation(known.id)
    who = clean.line(called(work.people.user(known.user_id)), 60)
    asked = say(f"invitation.asks.{place.kind}", who=who, name=place.name, role=say(f"policy.role.{row_.role}"))
    return (
        Paragraph(text=asked), Paragraph(text=say(f"team.role.{row_.role}")), Paragraph(text=say("invitation.means"), muted=True),
    )  # fmt: skip


def _is_in(work: Any, user_id: UUID) -> bool:
    return any(one.user_id == user_id for one in work.people.active_members())


@action("invitation.leave")
def leave_it(chat: Chat) -> Reply:
    """Nothing happens; the invitation stays good."""
    return Reply(
        Screen(blocks=(Paragraph(text=chat.say("invitation.left")),), buttons=(row(ways.inbox(chat)),)), mode="replace"
    )


@action("invitation.join")
def join(chat: Chat, code: str) -> Reply:
    """The person is a member, and is asked whether this chat shall speak for the workspace now."""
    chat.actor.need("write")
    known = who_invites(chat.directory, code)
    with chat.at(known.workspace_id) as work:
        taken(work, chat.user.id, known, clean.line(called(chat.user), 60))
        if chat.link.provider in workspaces.CHANGES:
            link = chat.link
            speak_for(work, chat.user.id, link.provider, link.tenant, link.provider_subject, link.address, False)
        name = work.people.workspace().name
        work.commit()
    go = Button(
        label=chat.say("workspace.go", name=clean.line(name, 40)), action="workspace.go", args=(str(known.workspace_id),), style="primary"
    )  # fmt: skip
    stay = Button(label=chat.say("invitation.stay"), action="workspace.open")
    blocks = (Heading(text=chat.say("invitation.welcome", name=name)), Paragraph(text=chat.say("invitation.speak_now")))
    return Reply(Screen(blocks=blocks, buttons=(row(go, stay),), tone="ask"), mode="replace")


def taken(work: Any, user_id: UUID, known: Known, name: str) -> None:
    """Joins, and tells who invited. Raises Invalid `identity.invitation_refused`."""
    was_in = _is_in(work, user_id)
    member = accept(work, user_id, known)

    if was_in:
        return
    try:
        notify(work, known.user_id, "invitation.taken", {"name": name, "role": member.role})
    except NotFound:
        return
