"""Which language a text is written in, among those that are understood."""

import re
from functools import cache
from threading import Lock

from runners.mail.lexicon import languages

_KANA = re.compile("[\u3040-\u30ff]")
_WORDS = re.compile(r"[^\W\d_]{2,}")
_NOISE = re.compile(r"https?://\S+|\S+@\S+|[\d#_*=>|-]+")
_SURE = 0.75
_lock = Lock()


def detected(text: str, hint: str = "", fallback: str = "en") -> str:
    """An ISO 639-1 code. `hint` is what the mail itself says (Content-Language, `lang` in HTML), believed where the text is too
    short to tell; `fallback` the person's own language."""
    if _KANA.search(text):
        return "ja"
    sample = _NOISE.sub(" ", text[:3000])
    words = len(_WORDS.findall(sample))
    spare = next((code for code in (hint[:2].lower(), fallback[:2].lower()) if code in languages()), "en")
    if words < 3:
        return spare
    code, sure = _classify(sample)
    return code if sure >= _SURE or (words >= 6 and sure >= 0.4) else spare


def _classify(text: str) -> tuple[str, float]:
    with _lock:  # the identifier's tables are built on first use
        label, sure = _identifier().classify(text)
    return str(label), float(sure)


@cache
def _identifier():
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # a second to load: only when a mail is read

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(languages()))
    return identifier
