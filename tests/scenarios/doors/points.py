"""Everything that the chat promises, by name: the numbered points of the suggestion card, the conversations, and how conversations behave. A scenario names the
point that it shows (`marking.point`); `docs/doors.md` lists them all, also those that nothing shows yet."""

from typing import NamedTuple


class Point(NamedTuple):
    """`id` is what a scenario names; `group` a heading of the table."""

    id: str
    group: str
    words: str


CARD, CONVERSATION, MANNERS = "The suggestion card", "Conversations", "How conversations behave"

_CARD = {
    "card.1": "It shows exactly what will happen; what is shown is what is approved",
    "card.1.long": "What does not fit has *Read all* instead of Approve, which stands under the last part",
    "card.1.place": "Where its person is in several workspaces, a card says from which it is",
    "card.2": "A tap is answered at once with the truth, before any slow work",
    "card.2.late": "A tap that comes too late hears what was decided, by whom and when",
    "card.2.edited": "A tap on an older version hears of the newer card",
    "card.2.expired": "A tap after the deadline hears that nothing was done",
    "card.3": "The decision replaces the buttons on every copy, on every surface",
    "card.3.sent": "Then the outcome: done, with the provider's reference",
    "card.3.failed": "A failure says what was not done and what to do now",
    "card.3.unknown": "An outcome that nobody can know is put to the person: *It was done · Do it again · Drop*",
    "card.4": "Undo: a countdown with a button that takes the yes back",
    "card.4.inverse": "Undo of what was done, where a stored inverse exists",
    "card.4.twice": "What is irreversible and risky is confirmed twice",
    "card.5.reply": "Edit by an answer to the card, with a visible difference and its own tap",
    "card.5.form": "Edit field by field",
    "card.5.words": "Free words ask the agent for a new version, where a model is configured",
    "card.6.reject": "Reject in one tap, then reasons as buttons and words",
    "card.6.snooze": "Snooze by a tap; a snoozed card comes back as a new message",
    "card.6.words": "Snooze until a time in words",
    "card.6.context": "Snooze until a context (“when I'm at work”)",
    "card.7.reminder": "One reminder before expiry",
    "card.7.channel": "No answer: the other channel",
    "card.7.delegate": "No answer: the delegate whom a rule names",
    "card.7.expiry": "Expiry, with a note of what was not done",
    "card.8.digest": "A digest with ticks: untick one, approve the rest",
    "card.8.brake": "At most six cards an hour from one agent, then a digest",
    "card.8.quiet": "Quiet hours hold everything but what is urgent",
    "card.9.group": "In a group or channel only those who may decide can; others get a private refusal that says who can",
    "card.9.stub": "Private content: a neutral stub in the group, the card to the one who decides",
    "card.9.quorum": "Quorum n of m",
    "card.9.self": "No approval of one's own request, where a rule says so",
    "card.9.roles": "Roles: who may not decide is refused, and told who can",
    "card.9.delegation": "Delegation with an end date",
    "card.10": "Text from outside stays text; previews are off",
    "card.10.words": "No meaning by colour or emoji alone",
}
_CONVERSATIONS = {
    "start": "`/start`: greets, asks the timezone, offers first steps",
    "agents": "`/agents`: what they do, run, pause, resume",
    "new": "`/new`: what it does, needs and never does → form → consents → a trial that keeps nothing",
    "new.run": "… and its first run, from the card to the effect",
    "inbox": "`/inbox`: what waits; empty, it says what to do",
    "runs": "`/runs`: what ran, what it cost, each step",
    "runs.failed": "`/runs`: a failed run says why and offers to try again",
    "failed": "`/failed`: what was given up, why, and trying it again or dropping it, for who leads the workspace",
    "packs": "`/packs`",
    "workflows": "`/workflows`",
    "connect": "`/connect`: a tool is connected and checked",
    "usage": "`/usage`: what is used, and which limit is near",
    "brief": "`/brief`: the day's tip and brief",
    "settings": "`/settings`: timezone, language, tone, quiet hours",
    "settings.consents": "`/settings`: consents that bite when they are taken back",
    "settings.contexts": "`/settings`: contexts",
    "settings.history": "`/settings`: how long history is kept",
    "settings.privacy": "`/settings`: export, delete",
    "stop": "`/stop`: holds everything at once",
    "help": "`/help`",
    "cancel": "`/cancel`, everywhere",
    "link": "Linking a second surface by a one-time code, shown with the account, told to both",
    "signin": "Signing in, or coming in as a stranger",
    "join": "An invitation: who invites to what and as what is shown; joined by a tap",
    "join.stranger": "… also by somebody without an account, who gets one by it",
    "workspace": "`/workspace`: what waits in each of one's workspaces; the chat changes between them, cards stay where they belong",
    "comeback": "Who left comes back by the code that they were shown",
    "home": "A home of one's own: pending, agents, settings",
    "ask": "“Ask an agent about this” on a message",
    "shortcut": "A new agent from a global shortcut",
    "assistant": "An assistant's thread: status, streaming, suggested prompts",
    "commands": "Commands are registered in every language",
}
_MANNERS = {
    "lapsed": "A conversation that lapsed says so",
    "process": "Any process goes on with a conversation",
    "lists": "Lists and settings move by editing one message",
    "empty": "Empty states teach, and end with a next step",
    "error": "An error says what happened, what was not done, what to do now",
    "schedule": "Time in words is echoed back, with the next times and what happens to a missed one",
    "progress": "Progress is one message that is edited in place",
    "login": "An expired login is said in the chat, with the button that mends it",
    "blocked": "A person who cannot be reached: agents stop, another channel tells",
    "free": "Free text: never a guessed action, but buttons",
    "files": "A file that is sent",
    "once": "The same input twice has one effect",
    "language": "The chat speaks the language of the person's client",
    "forged": "A button that was made up, or is somebody else's, does nothing and says so",
}

POINTS = {
    id: Point(id, group, words)
    for group, listed in ((CARD, _CARD), (CONVERSATION, _CONVERSATIONS), (MANNERS, _MANNERS))
    for id, words in listed.items()
}
