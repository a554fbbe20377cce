"""What an agent, a pack or a workflow carries out, as a graph that people can read."""

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from bots.dialogs import targets
from bots.dialogs.run_steps import node_name
from bots.dialogs.values import named
from bots.kit.dialog import Chat, Reply, action
from bots.kit.picture import Box, Look, lines, svg
from bots.kit.screen import Bullets, Heading, Paragraph, Picture, Screen, row
from core.catalog.graph import Graph, Node, order
from core.catalog.versions import current as current_version
from core.workflows.compile import compile_pack, compile_steps
from core.workflows.flows import current as current_flow

STEPS = 60
LOOKS: dict[str, Look] = {"agent": "agent", "ask": "ask", "aggregate": "join", "summarise": "join"}


@action("graph.open")
def open_graph(chat: Chat, kind: str, id: str) -> Reply:
    """Every step with what follows it."""
    drawn = boxes(chat, kind, id)
    title, told = chat.say("graph.heading", what=targets.named(chat, kind, id)), lines(drawn)[:STEPS]
    blocks = [Heading(text=title), Bullets(items=told)]
    said = "; ".join(told)
    drawing = Picture(blob=chat.blobs.put(svg(drawn[:STEPS], title, said)), alt=f"{title}: {said}", kind="drawing")
    if len(drawn) > STEPS:
        blocks.append(Paragraph(text=chat.say("flow.more", n=len(drawn) - STEPS), muted=True))
    back = row(targets.back(chat, kind, id))
    return Reply(Screen(blocks=tuple(blocks), buttons=(back,), picture=drawing), mode=chat.in_place)


def boxes(chat: Chat, kind: str, id: str) -> list[Box]:
    """The graph as it is drawn: agents by their names, conditions as notes. A way that another one contains is left out."""
    ordered = order(graph_of(chat, kind, id))
    names = _names(chat, ordered.nodes)
    above: dict[str, set[str]] = {}
    made = []
    for node in ordered.nodes:
        before = ordered.before[node.id]
        far = {other for one in before for other in above[one]}
        above[node.id] = far | set(before)
        near = tuple(one.id for one in ordered.nodes if one.id in before and one.id not in far)
        made.append(Box(node.id, names[node.id], _note(chat, node), LOOKS.get(node.skill, "step"), near))
    return made


def _names(chat: Chat, nodes: Iterable[Node]) -> dict[str, str]:
    """What each node is called; an agent that stands in several steps is told apart by theirs."""
    names = {node.id: node_name(chat, node) for node in nodes}
    often = Counter(names.values())
    return {
        id: chat.say("graph.same", label=name, step=named(id)) if often[name] > 1 else name
        for id, name in names.items()
    }


def graph_of(chat: Chat, kind: str, id: str) -> Graph:
    """What new runs carry out."""
    targets.named(chat, kind, id)
    if kind == "pack":
        pack = chat.work.packs.get(UUID(id))
        return compile_pack(pack.agent_ids, pack.mode)
    if kind == "flow":
        version = current_flow(chat.work, chat.work.workflows.get(UUID(id)))
        return compile_steps(version.steps, version.type)
    return current_version(chat.work, chat.work.agents.get(UUID(id))).graph


def _note(chat: Chat, node: Node) -> str:
    if node.when is not None:
        return chat.say("graph.if", condition=node.when)
    if node.for_each is not None:
        return chat.say("graph.each")
    return chat.say("graph.asks") if node.skill == "ask" else ""
