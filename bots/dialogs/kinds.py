"""How many of which kind, in words: `5 replies, 2 events and 1 bill`."""

from collections import Counter
from collections.abc import Iterable

from bots.kit.dialog import Chat

ORDER = ("reply", "nudge", "event", "task", "unsubscribe")


def counted(chat: Chat, kinds: Iterable[str]) -> str:
    """The kinds with their numbers, as a list of the person's language; kinds without words count together."""
    numbers = Counter(kind if chat.say.knows(f"kind.{kind}") else "other" for kind in kinds)
    ranked = sorted(numbers, key=lambda kind: (ORDER.index(kind) if kind in ORDER else len(ORDER), kind))
    return chat.place.listed([chat.say(f"kind.{kind}", n=numbers[kind]) for kind in ranked])
