"""What waits for a decision or an answer, as far as it is the reader's business."""

from bots.dialogs import questions, ways
from bots.dialogs.card.action import title
from bots.dialogs.kinds import counted
from bots.kit import clean
from bots.kit.dialog import Chat, Reply, Tap, action, command
from bots.kit.screen import Block, Button, Heading, Paragraph, Screen, row
from core.approvals.deciders import seen_by
from core.approvals.models import Suggestion, SuggestionRevision

PAGE = 6
MOST = 300
LABEL = 60
RANK = {"high": 0, "medium": 1, "low": 2}


@command("inbox")
def inbox(chat: Chat, rest: str = "") -> Reply:
    """The first page, as a new message."""
    return Reply(_list(chat, 1))


@action("inbox.open")
def open_inbox(chat: Chat, page: str = "1") -> Reply:
    """A page; turning it edits the message that holds the list."""
    return Reply(_list(chat, int(page)), mode="replace" if _turned(chat) else "new")


def _turned(chat: Chat) -> bool:
    """Whether the tap had a page: then it came from the list itself."""
    return isinstance(chat.input, Tap) and bool(chat.input.args)


def _list(chat: Chat, page: int) -> Screen:
    pending = chat.work.suggestions.page(None, MOST, status="pending")
    waiting = ranked(seen_by(chat.work, chat.actor, pending))
    asked = questions.open_questions(chat)
    snoozed = chat.work.suggestions.count("snoozed")
    if not waiting and not asked:
        return _empty(chat, snoozed)
    total = how_many(chat, pending, waiting) + len(asked)
    pages = -(-(len(asked) + len(waiting)) // PAGE)
    page = min(max(page, 1), pages)
    blocks: list[Block] = [
        Heading(text=chat.say("inbox.heading_all" if asked else "inbox.heading", n=total)),
        Paragraph(text=counted(chat, (*("question" for _ in asked), *(s.kind for s in waiting)))),
    ]
    if snoozed:
        blocks.append(Paragraph(text=chat.say("inbox.snoozed", n=snoozed), muted=True))
    first, last = (page - 1) * PAGE, page * PAGE
    listed = waiting[max(0, first - len(asked)) : max(0, last - len(asked))]
    current = chat.work.suggestions.newest(listed)
    rows = [(questions.entry(chat, question),) for question in asked[first:last]]
    rows += [(_entry(chat, suggestion, current[suggestion.id]),) for suggestion in listed]
    alike = len({(one.agent_id, one.kind) for one in waiting}) < len(waiting)
    several = Button(label=chat.say("inbox.several"), action="inbox.several") if alike else None
    return Screen(blocks=tuple(blocks), buttons=(*rows, *_turning(chat, page, pages), row(several, ways.agents(chat))))


def _turning(chat: Chat, page: int, pages: int) -> tuple[tuple[Button, ...], ...]:
    turning = ways.turn(chat, "inbox.open", page, pages)
    return (turning,) if turning else ()


def how_many(chat: Chat, pending: list[Suggestion], waiting: list[Suggestion]) -> int:
    """How many wait for this person; where there are more than are looked at, and all are theirs to see, as many as are counted."""
    return chat.work.suggestions.count("pending") if len(waiting) == len(pending) == MOST else len(waiting)


def ranked(suggestions: list[Suggestion]) -> list[Suggestion]:
    """High priority first, then what expires first."""
    return sorted(suggestions, key=lambda s: (RANK[s.priority], s.expires_at is None, s.expires_at or s.created_at))


def _entry(chat: Chat, suggestion: Suggestion, revision: SuggestionRevision) -> Button:
    words = title(chat, suggestion.kind, revision.action)
    if suggestion.priority == "high":
        words = chat.say("inbox.urgent", title=words)
    return Button(label=clean.line(words, LABEL), action="suggestion.open", args=(str(suggestion.id),))


def _empty(chat: Chat, snoozed: int) -> Screen:
    blocks: list[Block] = [Heading(text=chat.say("inbox.empty"))]
    if snoozed:
        blocks.append(Paragraph(text=chat.say("inbox.snoozed", n=snoozed)))
    if not chat.work.agents.page(chat.user.id, None, 1):
        blocks.append(Paragraph(text=chat.say("inbox.empty.no_agent")))
        return Screen(blocks=tuple(blocks), buttons=(row(ways.catalog(chat)),))
    blocks.append(Paragraph(text=chat.say("inbox.empty.how")))
    return Screen(blocks=tuple(blocks), buttons=(row(ways.agents(chat), ways.catalog(chat)),))
