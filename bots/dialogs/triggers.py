"""When an agent runs by itself: offered as buttons, taken in words, echoed back with the next time before anybody relies on it."""

from uuid import UUID

from bots.dialogs import talk, ways
from bots.dialogs.schedule_words import cron_in, in_words
from bots.kit.dialog import Chat, Reply, action, step
from bots.kit.screen import Block, Bullets, Button, Heading, Paragraph, Screen, row
from core.catalog.kinds import template
from core.catalog.models import Agent
from core.kernel.errors import Invalid, NotFound
from core.messaging.models import Conversation
from core.workflows.cron import preview
from core.workflows.models import Trigger
from core.workflows.schedule import schedule

DIALOG = "schedule"
OFFERED = ("0 * * * *", "0 8 * * 1-5", "0 8 * * *")
NEVER = "never"
AHEAD = 5


def of(chat: Chat, agent_id: UUID) -> Trigger | None:
    """The agent's schedule, if it has one that is on."""
    return next(
        (t for t in chat.work.triggers.of_agent(agent_id) if t.type == "schedule" and t.status == "active" and t.cron),
        None,
    )


def echo(chat: Chat, trigger: Trigger | None) -> str:
    """`every weekday at 08:00, Europe/Berlin, next Mon 23 Nov 08:00`; or that it runs only when asked."""
    if trigger is None or trigger.cron is None:
        return chat.say("schedule.never")
    words = in_words(chat.say, chat.place, trigger.cron)
    if trigger.next_fire_at is None:
        return words
    at = trigger.next_fire_at
    return chat.say(
        "schedule.echo", words=words, zone=trigger.timezone, day=chat.place.day(at), time=chat.place.clock(at)
    )


@action("schedule.open")
def open_schedule(chat: Chat, agent_id: str) -> Reply:
    """What it is now, and what it could be."""
    agent = chat.work.agents.get(UUID(agent_id))
    talk.begin(chat, DIALOG, "choose", {"agent_id": agent_id})
    return Reply(_ask(chat, agent))


def _ask(chat: Chat, agent: Agent, problem: str = "") -> Screen:
    blocks: list[Block] = [Heading(text=chat.say("schedule.heading", agent=agent.name))]
    if problem:
        blocks.append(Paragraph(text=problem))
    blocks.append(Paragraph(text=chat.say("schedule.now", words=echo(chat, of(chat, agent.id)))))
    blocks.append(Paragraph(text=chat.say("schedule.ask"), muted=True))
    buttons = [
        Button(label=_capital(in_words(chat.say, chat.place, cron)), action="schedule.set", args=(str(agent.id), cron))
        for cron in dict.fromkeys(cron for cron in (_suggested(agent), *OFFERED) if cron)
    ]
    rows = [tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2)]
    never = Button(label=chat.say("schedule.only_asked"), action="schedule.set", args=(str(agent.id), NEVER))
    return Screen(blocks=tuple(blocks), buttons=(*rows, row(never), row(talk.cancel(chat))), tone="ask")


def _suggested(agent: Agent) -> str | None:
    try:
        return template(agent.template).manifest.schedule
    except NotFound:
        return None


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


@action("schedule.set")
def chosen(chat: Chat, agent_id: str, cron: str) -> Reply:
    """A schedule was tapped."""
    return _set(chat, UUID(agent_id), None if cron == NEVER else cron, replace=True)


@step(DIALOG)
def words(chat: Chat, conversation: Conversation) -> Reply:
    """A schedule was written. What is not understood is asked again, never guessed."""
    agent = chat.work.agents.get(UUID(conversation.state["agent_id"]))
    text = getattr(chat.input, "text", "")
    try:
        cron = cron_in(chat.profile.language, text)
        return _set(chat, agent.id, cron, replace=False)
    except Invalid as unclear:
        if unclear.code not in ("workflows.words_unclear", "workflows.cron_invalid", "workflows.cron_never"):
            raise
        return Reply(_ask(chat, agent, chat.say(unclear.code, words=text[:100], cron=text[:100])))


def _set(chat: Chat, agent_id: UUID, cron: str | None, replace: bool) -> Reply:
    agent = chat.work.agents.get(agent_id)
    trigger = schedule(chat.work, chat.actor, agent_id, cron, chat.profile.timezone)
    talk.end(chat, DIALOG)
    blocks: list[Block] = [Heading(text=chat.say("schedule.heading", agent=agent.name))]
    if trigger is None:
        blocks.append(Paragraph(text=chat.say("schedule.off", agent=agent.name)))
    else:
        blocks.append(Paragraph(text=chat.say("schedule.on", words=echo(chat, trigger))))
        blocks.append(Paragraph(text=chat.say("schedule.clock_change"), muted=True))
        if agent.status == "paused":
            blocks.append(Paragraph(text=chat.say("schedule.paused", agent=agent.name)))
    run = Button(label=chat.say("agent.run"), action="agent.run", args=(str(agent_id),), style="primary")
    ahead = (
        Button(label=chat.say("schedule.ahead", n=AHEAD), action="schedule.ahead", args=(str(agent_id),))
        if trigger
        else None
    )
    change = Button(label=chat.say("schedule.change"), action="schedule.open", args=(str(agent_id),))
    screen = Screen(
        blocks=tuple(blocks),
        buttons=(row(run, ahead), row(change, ways.agent(chat, agent_id, agent.name))),
        tone="done",
    )
    return Reply(screen, mode="replace" if replace else "new", understood=not replace)


@action("schedule.ahead")
def ahead(chat: Chat, agent_id: str) -> Reply:
    """The next times, each as the clock there will show it."""
    agent = chat.work.agents.get(UUID(agent_id))
    trigger = of(chat, agent.id)
    if trigger is None or trigger.cron is None:
        return Reply(toast=chat.say("schedule.never"))
    times = preview(trigger.cron, trigger.timezone, chat.work.now, AHEAD)
    items = tuple(f"{chat.place.day(at)}, {chat.place.clock(at)}" for at in times)
    screen = Screen(
        blocks=(
            Heading(text=chat.say("schedule.next", agent=agent.name)),
            Bullets(items=items),
            Paragraph(text=chat.say("schedule.missed"), muted=True),
        ),
        buttons=(row(Button(label=chat.say("schedule.change"), action="schedule.open", args=(agent_id,)), ways.agent(chat, agent_id, agent.name)),),
    )  # fmt: skip
    return Reply(screen)
