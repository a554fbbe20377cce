"""Groups mails into conversations by their Message-IDs, and by subject where a mail program left those out."""

import re
from collections.abc import Sequence

from runners.mail.facts import MailFacts

_ANSWER = re.compile(r"^\s*(?:re|aw|antw|sv|odp|r|res)\s*(?:\[\d+\])?\s*[:：]\s*", re.IGNORECASE)


def threads(mails: Sequence[MailFacts]) -> list[list[MailFacts]]:
    """The conversations, each oldest first. A mail that is there twice (same Message-ID) counts once."""
    groups = _Groups()
    seen: dict[str, MailFacts] = {}
    for mail in mails:
        key = mail.message_id or mail.ref.id
        seen.setdefault(key, mail)
        groups.join(key, *mail.answers)
    openings: dict[tuple[str, frozenset[str]], str] = {}
    for key, mail in sorted(seen.items(), key=lambda entry: (entry[1].date, entry[0])):
        match = _ANSWER.match(mail.subject)
        topic = (mail.subject[match.end() :] if match else mail.subject).strip().casefold()
        for other in mail.to if mail.outgoing else (mail.sender,):
            known = (topic, frozenset((other.address,)))
            if match and not mail.answers and known in openings:
                groups.join(key, openings[known])
            openings[known] = key
    found: dict[str, list[MailFacts]] = {}
    for key, mail in seen.items():
        found.setdefault(groups.root(key), []).append(mail)
    return [sorted(group, key=lambda mail: (mail.date, mail.ref.id)) for group in found.values()]


class _Groups:
    """Disjoint sets of ids."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def root(self, key: str) -> str:
        """The id that stands for the set of `key`."""
        path = []
        while self._above.setdefault(key, key) != key:
            path.append(key)
            key = self._above[key]
        for each in path:
            self._above[each] = key
        return key

    def join(self, first: str, *others: str) -> None:
        """Makes one set of the sets of all these."""
        for other in others:
            self._above[self.root(other)] = self.root(first)
