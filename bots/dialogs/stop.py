"""The emergency brake in a chat: `/stop`, and the way back."""

from bots.dialogs import ways
from bots.kit.dialog import Chat, Reply, action, command
from bots.kit.screen import Block, Button, Heading, Paragraph, Screen, row
from core.workflows.halt import go_on, halt


@command("stop")
def stop_everything(chat: Chat, rest: str = "") -> Reply:
    """Pauses every agent, pack and workflow, stops what runs and takes back what is approved but held, at once and without a question."""
    halted = halt(chat.work, chat.actor)
    stopped = halted.stopped
    blocks: list[Block] = [Heading(text=chat.say("stop.done"))]
    if stopped.agents:
        blocks.append(
            Paragraph(text=chat.say("stop.agents", n=len(stopped.agents), names=[a.name for a in stopped.agents]))
        )
    else:
        blocks.append(Paragraph(text=chat.say("stop.no_agents")))
    if halted.things:
        blocks.append(
            Paragraph(text=chat.say("stop.things", n=len(halted.things), names=[one.name for one in halted.things]))
        )
    if halted.runs:
        blocks.append(Paragraph(text=chat.say("stop.runs", n=halted.runs)))
    if stopped.undone:
        blocks.append(Paragraph(text=chat.say("stop.undone", n=len(stopped.undone))))
    if stopped.too_late:
        blocks.append(Paragraph(text=chat.say("stop.too_late", n=stopped.too_late)))
    resume = Button(label=chat.say("stop.resume"), action="stop.resume", style="primary")
    return Reply(Screen(blocks=tuple(blocks), buttons=(row(resume, ways.agents(chat), ways.inbox(chat)),), tone="done"))


@action("stop.resume")
def resume(chat: Chat) -> Reply:
    """Wakes what /stop paused."""
    resumed = go_on(chat.work, chat.actor)
    woken = [one.name for one in (*resumed.agents, *resumed.things)]
    told = chat.say("stop.resumed", n=len(woken), names=woken) if woken else chat.say("stop.nothing")
    return Reply(
        Screen(blocks=(Paragraph(text=told),), buttons=(row(ways.agents(chat), ways.inbox(chat)),)), mode="replace"
    )
