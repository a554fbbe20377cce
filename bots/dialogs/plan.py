"""What a file would change, entry by entry, in pages that a phone shows at once."""

from collections.abc import Iterator, Sequence

from bots.dialogs import values
from bots.dialogs.versions import Line, lines
from bots.kit import clean
from bots.kit.dialog import Chat
from bots.kit.screen import Block, Bullets, Paragraph
from bots.kit.screen import Change as Difference
from core.workflows.documents import Changed

LINES = 36
"""Lines of changes on a page."""
LONGEST = 140
LISTED = 30


def kind(chat: Chat, of: str) -> str:
    """A kind of entry in words."""
    return chat.say(f"document.kind.{of}") if chat.say.knows(f"document.kind.{of}") else of


def counted(chat: Chat, changes: Sequence[Changed]) -> str:
    """`2 new · 1 changed · 3 as they are`, without what is none."""
    hows = ("added", "changed", "removed", "unchanged")
    count = {how: sum(each.how == how for each in changes) for how in hows}
    return " · ".join(chat.say(f"document.count.{how}", n=n) for how, n in count.items() if n)


def summary(chat: Chat, changes: Sequence[Changed]) -> Block:
    """One line for each thing."""
    items = [_title(chat, each) for each in changes[:LISTED]]
    if len(changes) > LISTED:
        items.append(chat.say("version.more", n=len(changes) - LISTED))
    return Bullets(items=tuple(items))


def pages(chat: Chat, changes: Sequence[Changed]) -> list[list[Block]]:
    """What is new or changed, in pages; an entry that is too long goes on on the next one, under its name again."""
    made: list[list[Block]] = [[]]
    room = LINES
    for each in changes:
        if each.how == "unchanged":
            continue
        left = list(_lines(each))
        title, cost = _title(chat, each), 2
        if room < LINES and room < min(len(left), 6) + cost:
            made.append([])
            room = LINES
        while True:
            taken, left = left[: max(room - cost, 1)], left[max(room - cost, 1) :]
            made[-1].append(Paragraph(text=title))
            made[-1] += [Difference(lines=tuple(taken))] if taken else []
            room -= len(taken) + cost
            if not left:
                break
            made.append([])
            room, title = LINES, chat.say("document.goes_on", what=_title(chat, each))
    return made


def _title(chat: Chat, each: Changed) -> str:
    return chat.say(f"document.{each.how}", kind=kind(chat, each.kind), name=each.name)


def _lines(each: Changed) -> Iterator[Line]:
    """For a new thing a line for each of its fields, else what was and what will be."""
    for change in each.changes:
        if each.how == "added" and (change.place, change.new) == ("status", "active"):
            continue
        if each.how == "added":
            place = " › ".join(values.named(part) for part in change.place.split(".") if part)
            said = change.new if isinstance(change.new, str) else values.flat(change.new)
            yield "add", clean.cut(" ".join(f"{place}: {said}".split()), LONGEST)
        else:
            for sign, line in lines(change):
                yield sign, clean.cut(line, LONGEST)
