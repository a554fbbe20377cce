"""Putting agents together by tapping them in order: a pack, or a simple workflow. Everything beyond that is written in YAML."""

from typing import Any
from uuid import UUID

from bots.dialogs import packs, talk, ways, workflows
from bots.kit import clean
from bots.kit.contracts import contracts
from bots.kit.dialog import Chat, Reply, action, step
from bots.kit.screen import Block, Bullets, Button, Heading, Paragraph, Screen, row
from core.messaging.models import Conversation
from core.workflows.flows import make_workflow
from core.workflows.packs import make_pack

DIALOG = "compose"
PAGE = 8
MOST = 200
MOST_STEPS = 40
MODES = ("sequential", "parallel")


@action("compose.begin")
def begin(chat: Chat, kind: str) -> Reply:
    """Asks for the first agent. `kind` is `pack` or `flow`."""
    if not chat.work.agents.page(chat.user.id, None, 1):
        told = Paragraph(text=chat.say("compose.no_agents"))
        return Reply(Screen(blocks=(told,), buttons=(row(ways.catalog(chat)),)))
    talk.begin(chat, DIALOG, "choose", {"kind": "pack" if kind == "pack" else "flow", "agents": []})
    return Reply(_choosing(chat, _now(chat), 1))


def _now(chat: Chat) -> Conversation | None:
    return talk.current(chat, DIALOG)


def _lapsed(chat: Chat) -> Reply:
    return Reply(toast=chat.say("trigger.lapsed"), alert=True)


def _choosing(chat: Chat, conversation: Conversation | None, page: int) -> Screen:
    assert conversation is not None
    kind, chosen = conversation.state["kind"], conversation.state["agents"]
    mine = chat.work.agents.page(chat.user.id, None, MOST)
    names = {str(agent.id): agent.name for agent in mine}
    blocks: list[Block] = [Heading(text=chat.say(f"compose.heading.{kind}"))]
    if chosen:
        blocks.append(
            Bullets(items=tuple(chat.say("compose.place", n=n, agent=names.get(id, "?")) for n, id in enumerate(chosen, 1)))
        )  # fmt: skip
    blocks.append(Paragraph(text=chat.say("compose.more" if chosen else "compose.first"), muted=True))
    pages = -(-len(mine) // PAGE)
    page = min(max(page, 1), pages)
    agents = [
        row(Button(label=chat.say("compose.add", agent=agent.name), action="compose.add", args=(str(agent.id), str(page))))
        for agent in mine[(page - 1) * PAGE : page * PAGE]
        if len(chosen) < MOST_STEPS
    ]  # fmt: skip
    done = [
        Button(label=chat.say(f"compose.{mode}"), action="compose.mode", args=(mode,), style="primary") for mode in MODES
    ]  # fmt: skip
    undo = Button(label=chat.say("compose.undo"), action="compose.undo", args=(str(page),)) if chosen else None
    return Screen(
        blocks=tuple(blocks),
        buttons=ways.rows(
            *agents,
            ways.turn(chat, "compose.page", page, pages),
            done if chosen else (),
            row(undo, talk.cancel(chat)),
        ),
        tone="ask",
    )


@action("compose.page")
def turn(chat: Chat, page: str) -> Reply:
    """More agents to choose from."""
    conversation = _now(chat)
    return _lapsed(chat) if conversation is None else Reply(_choosing(chat, conversation, int(page)), mode="replace")


@action("compose.add")
def add(chat: Chat, agent_id: str, page: str) -> Reply:
    """One agent more, behind those that are chosen."""
    conversation = _now(chat)
    if conversation is None:
        return _lapsed(chat)
    agent = chat.work.agents.get(UUID(agent_id))
    talk.keep(chat, conversation, "choose", agents=[*conversation.state["agents"], str(agent.id)][:MOST_STEPS])
    return Reply(_choosing(chat, conversation, int(page)), mode="replace")


@action("compose.undo")
def undo(chat: Chat, page: str) -> Reply:
    """The last one is taken out again."""
    conversation = _now(chat)
    if conversation is None:
        return _lapsed(chat)
    talk.keep(chat, conversation, "choose", agents=conversation.state["agents"][:-1])
    return Reply(_choosing(chat, conversation, int(page)), mode="replace")


@action("compose.mode")
def mode(chat: Chat, mode: str) -> Reply:
    """How they work together is said; now it needs a name."""
    conversation = _now(chat)
    if conversation is None or not conversation.state["agents"] or mode not in MODES:
        return _lapsed(chat)
    talk.keep(chat, conversation, "name", mode=mode, name=_suggested(chat, conversation.state["agents"]))
    offered = Button(
        label=chat.say("compose.take", name=conversation.state["name"]), action="compose.take", style="primary"
    )
    heading = Heading(text=chat.say(f"compose.heading.{conversation.state['kind']}"))
    asked = Paragraph(text=chat.say("compose.name"))
    return Reply(
        Screen(blocks=(heading, asked), buttons=(row(offered), row(talk.cancel(chat))), tone="ask"), mode="replace"
    )


def _suggested(chat: Chat, agent_ids: list[str]) -> str:
    names = dict.fromkeys(chat.work.agents.get(UUID(id)).name for id in agent_ids)
    return clean.line(chat.place.listed(list(names)[:4]))[:80]


@action("compose.take")
def take(chat: Chat) -> Reply:
    """The name that was offered."""
    conversation = _now(chat)
    if conversation is None or "name" not in conversation.state:
        return _lapsed(chat)
    return _make(chat, conversation.state, conversation.state["name"], "replace")


@step(DIALOG)
def words(chat: Chat, conversation: Conversation) -> Reply:
    """A name was written; before that, words choose nothing."""
    said = getattr(chat.input, "text", "").strip()
    if conversation.step != "name" or not said:
        return Reply(_choosing(chat, conversation, 1))
    return _make(chat, conversation.state, said[:80], "new")


def _make(chat: Chat, state: dict[str, Any], name: str, how: Any) -> Reply:
    ids = [UUID(id) for id in state["agents"]]
    talk.end(chat, DIALOG)
    if state["kind"] == "pack":
        pack = make_pack(chat.work, chat.actor, name, ids, mode=state["mode"])
        return Reply(packs.page(chat, pack, chat.say("compose.made")), mode=how)
    steps = [{"id": f"step_{n}", "kind": "agent", "agent": str(id)} for n, id in enumerate(ids, 1)]
    flow = make_workflow(chat.work, chat.actor, contracts(), name, state["mode"], steps)
    return Reply(workflows.page(chat, flow, chat.say("compose.made")), mode=how)
