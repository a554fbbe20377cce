"""What was given up in a workspace, for its owners and admins: what it was, when and why, and trying it again or dropping it where that can do no harm."""

from collections.abc import Callable
from uuid import UUID

from bots.dialogs import ways
from bots.dialogs.card.action import title
from bots.dialogs.people import who
from bots.dialogs.run_facts import name_of
from bots.kit import clean
from bots.kit.dialog import Chat, Reply, Tap, action, command
from bots.kit.screen import Block, Button, Facts, Heading, Paragraph, Screen, row
from bots.kit.speak import speak
from core.approvals.deciders import may_see
from core.kernel.errors import NotFound
from core.workflows.given_up import GivenUp, drop, given_up, leads, one, try_again

PAGE = 6
LABEL = 60


@command("failed")
def failed(chat: Chat, rest: str = "") -> Reply:
    """The newest first, as a new message."""
    return Reply(_list(chat, 1))


@action("given_up.open")
def open_list(chat: Chat, page: str = "") -> Reply:
    """A page of the list; turning it edits the message that holds it."""
    return Reply(_list(chat, int(page or 1)), mode="replace" if isinstance(chat.input, Tap) and page else "new")


def way(chat: Chat) -> Button | None:
    """To it, where something was given up and it is their business."""
    if not leads(chat.actor) or not (found := given_up(chat.work, chat.actor)):
        return None
    return Button(label=chat.say("given_up.way", n=len(found)), action="given_up.open")


def _list(chat: Chat, page: int, told: str = "") -> Screen:
    found = given_up(chat.work, chat.actor)
    said = [Paragraph(text=told)] if told else []
    if not found:
        blocks = (Heading(text=chat.say("given_up.none")), *said, Paragraph(text=chat.say("given_up.none.how")))
        return Screen(blocks=blocks, buttons=(row(_runs(chat), ways.agents(chat), ways.inbox(chat)),))
    pages = -(-len(found) // PAGE)
    page = min(max(page, 1), pages)
    shown = found[(page - 1) * PAGE : page * PAGE]
    rows = [row(_entry(chat, each)) for each in shown]
    blocks = (
        Heading(text=chat.say("given_up.heading", n=len(found))),
        *said,
        Paragraph(text=chat.say("given_up.none.how"), muted=True),
    )
    turning = ways.turn(chat, "given_up.open", page, pages)
    return Screen(blocks=blocks, buttons=ways.rows(*rows, turning, row(_runs(chat), ways.inbox(chat))))


def _runs(chat: Chat) -> Button:
    return Button(label=chat.say("command.runs"), action="runs.open")


def _entry(chat: Chat, found: GivenUp) -> Button:
    words = chat.say("given_up.line", what=what(chat, found), at=found.at)
    return Button(label=clean.line(words, LABEL), action="given_up.one", args=(str(found.id),))


def what(chat: Chat, found: GivenUp) -> str:
    """What it was, in a few words."""
    match found.kind:
        case "event":
            return chat.say("given_up.event", channel=_channel(chat, found))
        case "delivery":
            return chat.say("given_up.delivery", channel=_channel(chat, found), what=_carried(chat, found))
        case "run":
            name = name_of(chat, chat.work.runs.get(found.id))
            return chat.say("given_up.run.waits" if found.waits else "given_up.run", what=name)
        case "execution":
            state = "waits" if found.waits else found.status
            return chat.say(f"given_up.execution.{state}", what=_action(chat, found))


def _channel(chat: Chat, found: GivenUp) -> str:
    code = f"surface.{(found.channel or '').partition('.')[0]}"
    return chat.say(code) if chat.say.knows(code) else str(found.channel)


def _carried(chat: Chat, found: GivenUp) -> str:
    code = f"given_up.carried.{found.subject_kind}"
    return chat.say(code if chat.say.knows(code) else "given_up.carried.message")


def _action(chat: Chat, found: GivenUp) -> str:
    """Its title, for whose business it is; else whose agent suggested it."""
    suggestion = chat.work.suggestions.get(found.subject_id)
    if not may_see(chat.work, chat.actor, suggestion):
        return chat.say("given_up.private", agent=_agent(chat, found))
    revision = chat.work.suggestions.revision(suggestion.id, suggestion.revision)
    return title(chat, suggestion.kind, revision.action)


def _agent(chat: Chat, found: GivenUp) -> str:
    try:
        return chat.work.agents.get(found.agent_id).name
    except NotFound:
        return chat.say("details.gone")


def why(chat: Chat, found: GivenUp) -> str:
    """The reason in words. What an action failed of may quote what it is about: that is for whose business it is."""
    error = found.error or {}
    if not error.get("code"):
        return chat.say("given_up.why.nobody")
    if found.kind == "execution" and not may_see(chat.work, chat.actor, chat.work.suggestions.get(found.subject_id)):
        return chat.say("given_up.why.private")
    return speak(chat.say, str(error["code"]), error.get("data") or {}).line


@action("given_up.one")
def open_one(chat: Chat, id: str) -> Reply:
    """One of them, with its reason and what can be done."""
    found = _still(chat, id)
    return Reply(_page(chat, found) if found else _gone(chat), mode="replace")


def _still(chat: Chat, id: str) -> GivenUp | None:
    try:
        return one(chat.work, chat.actor, UUID(id))
    except NotFound:
        return None


def _gone(chat: Chat) -> Screen:
    return _list(chat, 1, speak(chat.say, "workflows.given_up_unknown", {}).text)


def _page(chat: Chat, found: GivenUp) -> Screen:
    facts = [
        (chat.say("given_up.whose"), who(chat, found.user_id)),
        (chat.say("given_up.when"), chat.say("given_up.at", at=found.at)),
        (chat.say("given_up.why"), why(chat, found)),
    ]
    how = "waits" if found.waits else "unknown" if found.status == "unknown" else found.kind
    blocks: list[Block] = [
        Heading(text=what(chat, found)), Facts(rows=tuple(facts)), Paragraph(text=chat.say(f"given_up.how.{how}"), muted=True),
    ]  # fmt: skip
    return Screen(blocks=tuple(blocks), buttons=_buttons(chat, found), tone="problem")


def _buttons(chat: Chat, found: GivenUp) -> tuple[tuple[Button, ...], ...]:
    id = str(found.id)
    deciding = [
        Button(label=chat.say("given_up.again"), action="given_up.again", args=(id,), style="primary"),
        Button(label=chat.say("given_up.drop"), action="given_up.drop", args=(id,)),
    ]
    back = Button(label=chat.say("way.back"), action="given_up.open", args=("1",))
    return ways.rows(deciding if found.ways else (), row(_card(chat, found), back))


def _card(chat: Chat, found: GivenUp) -> Button | None:
    """To the run, or to the suggestion's own card, for whose business it is."""
    if found.kind == "run":
        return Button(label=chat.say("given_up.open_run"), action="run.open", args=(str(found.id),))
    if found.kind == "execution" and may_see(chat.work, chat.actor, chat.work.suggestions.get(found.subject_id)):
        label = chat.say("given_up.open_card")
        return Button(label=label, action="suggestion.open", args=(str(found.subject_id),))
    return None


@action("given_up.again")
def again(chat: Chat, id: str) -> Reply:
    """It is tried once more, where that can do no harm."""
    return _settled(chat, id, lambda found: try_again(chat.work, chat.inbox, chat.actor, found.id), "again")


@action("given_up.drop")
def leave(chat: Chat, id: str) -> Reply:
    """It stays as it is."""
    return _settled(chat, id, lambda found: drop(chat.work, chat.inbox, chat.actor, found.id), "drop")


def _settled(chat: Chat, id: str, do: Callable[[GivenUp], GivenUp], what: str) -> Reply:
    found = _still(chat, id)
    if found is None:
        return Reply(_gone(chat), mode="replace")
    do(found)
    told = chat.say("given_up.dropped" if what == "drop" else f"given_up.again.{found.kind}")
    return Reply(_list(chat, 1, told), mode="replace", toast=told)
