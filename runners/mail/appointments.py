"""Tells which of the times in a text are appointments, and where they take place."""

import re
from collections.abc import Sequence
from functools import cache

from runners.mail.clean import line, quote
from runners.mail.facts import Moment
from runners.mail.lexicon import alternatives, lexicon, plain, spotter
from runners.mail.sentences import Sentence, sentences

_JOINING = "de|la|las|los|del|di|da|do|dos|das|du|des|of|the|am|an|der|dem|den|im|zum|zur|van|het|le|al|e|y|i|and|und|&"
_NAMED = rf"(?:[A-ZÀ-ÞŁŚŻŹĆ0-9][\w'’./-]*(?:\s?,)?|(?:{_JOINING})(?!\w))"
_PLACE = rf"(?:\s*(?:the|den|dem|der|die|das|la|le|el|il|o|a)\s+)?\s*(?P<place>{_NAMED}(?:\s+{_NAMED}){{0,8}})"
_TRAILING = re.compile(rf"(?:[\s,;:-]+|\s+(?:{_JOINING}))+$", re.IGNORECASE)
_JAPANESE_PLACE = re.compile(
    r"(?:から|より|に|、|は)(?P<place>[^、。\s()]{2,20}?)(?:で|にて)(?:行|開催|お会|お待|実施|集合)"
)


def appointments(text: str, subject: str, language: str, moments: Sequence[Moment]) -> tuple[Moment, ...]:
    """`moments` with their place, and with the role `appointment` only for those that the words around make one: a time of
    day, and a word like meeting or dinner in the sentence, beside it, or in the subject."""
    every = list(sentences(text, language))
    theme = _meets(language, subject)
    return tuple(_judged(text, every, moment, language, theme) for moment in moments)


def is_called_off(text: str, subject: str, language: str) -> bool:
    """Whether a mail says that something does not take place; not whether it tells how to call it off ("if you have to
    cancel, …")."""
    every = [each.said for each in sentences(text, language)]
    cancels = spotter(language, "called_off")
    conditional = spotter(language, "conditional")
    return bool(cancels.search(plain(subject))) or any(
        cancels.search(each) and not conditional.search(each) for each in every
    )


def _judged(text: str, every: Sequence[Sentence], moment: Moment, language: str, theme: bool) -> Moment:
    if moment.role != "appointment":
        return moment
    place = next((i for i, each in enumerate(every) if quote(each.text) == moment.quote), None)
    if place is None:
        return moment.model_copy(update={"role": "mention"})
    around = " ".join(each.said for each in every[max(0, place - 1) : place + 2])
    if not (theme or _meets(language, around)):
        return moment.model_copy(update={"role": "mention"})
    return moment.model_copy(update={"location": _location(text, every[place], language)})


def _meets(language: str, said: str) -> bool:
    return bool(spotter(language, "meeting").search(plain(said)))


def _location(text: str, sentence: Sentence, language: str) -> str:
    if labelled := _labelled(language).search(text):
        return line(labelled["place"], 200)
    said = sentence.said
    if language == "ja":
        match = _JAPANESE_PLACE.search(said)
        return line(match["place"], 200) if match else ""
    clock = max((match.end() for match in re.finditer(r"\d", said)), default=0)
    times = [
        match.end() for match in re.finditer(r"\d{1,2}[:.h]\d{2}|\d\s?(?:am|pm|uhr|uur|h)(?!\w)", said, re.IGNORECASE)
    ]
    start = times[-1] if times else clock
    named = _named(language).search(said, start)
    if named:
        return _TRAILING.sub("", line(sentence.text[named.start("place") : named.end("place")], 200))
    described = _described(language).search(said, start)
    return line(sentence.text[described.start("place") : described.end("place")], 200) if described else ""


@cache
def _labelled(language: str) -> re.Pattern[str]:
    labels = alternatives(lexicon(language).place_labels)
    return re.compile(rf"^\s*(?:{labels})\s*[:：]\s*(?P<place>\S.{{1,198}})$", re.IGNORECASE | re.MULTILINE)


@cache
def _named(language: str) -> re.Pattern[str]:
    return re.compile(rf"(?i:{alternatives(lexicon(language).place_before)}){_PLACE}")


@cache
def _described(language: str) -> re.Pattern[str]:
    """A place in small letters counts where it has a number in it, as addresses do."""
    before = alternatives(lexicon(language).place_before)
    return re.compile(rf"(?i:{before})\s+(?P<place>(?=[^.;!?\n]{{0,80}}\d)[^.;!?\n]{{3,100}})")
