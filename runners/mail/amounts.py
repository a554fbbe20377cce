"""Finds amounts of money in text and reads their numbers, however the country groups and separates digits."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from core.kernel.money import Money
from runners.mail.lexicon import plain

_SIGNS = {
    "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR",
    "us$": "USD", "usd": "USD", "$": "USD", "dollars": "USD", "ca$": "CAD", "c$": "CAD", "cad": "CAD", "a$": "AUD", "au$": "AUD", "aud": "AUD",
    "nz$": "NZD", "nzd": "NZD", "£": "GBP", "gbp": "GBP", "chf": "CHF", "fr.": "CHF", "sfr": "CHF", "zł": "PLN", "zl": "PLN", "pln": "PLN",
    "¥": "JPY", "円": "JPY", "jpy": "JPY", "cny": "CNY", "rmb": "CNY", "元": "CNY", "r$": "BRL", "brl": "BRL", "kč": "CZK", "czk": "CZK",
    "sek": "SEK", "nok": "NOK", "dkk": "DKK", "huf": "HUF", "ft": "HUF", "inr": "INR", "₹": "INR", "mxn": "MXN", "₺": "TRY",
    "₴": "UAH", "uah": "UAH", "sgd": "SGD", "hkd": "HKD", "ron": "RON", "lei": "RON", "₩": "KRW", "krw": "KRW", "zar": "ZAR",
}  # fmt: skip
_ANY_SIGN = "|".join(sorted((re.escape(sign) for sign in _SIGNS), key=len, reverse=True))
_NUMBER = r"\d{1,3}(?:[.,' ]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d{1,3})?(?![\d])"
_BEFORE = re.compile(rf"(?<!\w)(?P<sign>{_ANY_SIGN})\s?(?P<number>-?(?:{_NUMBER}))(?![a-z])(?:,-)?", re.IGNORECASE)
_AFTER = re.compile(
    rf"(?<![\w.,])(?P<number>-?(?:{_NUMBER}))(?:,-{{1,2}}|,–)?\s?(?P<sign>{_ANY_SIGN})(?!\w)", re.IGNORECASE
)
_WHOLE = frozenset(("JPY", "KRW", "HUF"))


@dataclass(frozen=True)
class Priced:
    """An amount and where it stands in the text."""

    money: Money
    start: int
    end: int


def amounts(text: str) -> list[Priced]:
    """The amounts that name their currency, in order; none twice."""
    said = plain(text)
    found: list[Priced] = []
    for pattern in (_BEFORE, _AFTER):
        for match in pattern.finditer(said):
            currency = _SIGNS[match["sign"].casefold()]
            value = number(match["number"], whole=currency in _WHOLE)
            if value is not None and not any(one.start < match.end() and match.start() < one.end for one in found):
                found.append(Priced(Money(amount=value, currency=currency), match.start(), match.end()))
    return sorted(found, key=lambda one: one.start)


def number(written: str, whole: bool = False) -> Decimal | None:
    """The value of digits with separators: the last separator with one or two digits after it is the decimal mark.
    `whole`: the currency has no fractions."""
    digits = written.replace(" ", "").replace("'", "")
    last = max(digits.rfind("."), digits.rfind(","))
    if last >= 0:
        mark, after = digits[last], len(digits) - last - 1
        decimal = after in (1, 2) and not whole and digits.count(mark) == 1
        before = digits[:last].replace(".", "").replace(",", "")
        digits = (
            f"{before}.{digits[last + 1 :]}"
            if decimal
            else before + digits[last + 1 :].replace(".", "").replace(",", "")
        )
    try:
        value = Decimal(digits)
    except InvalidOperation:
        return None
    return value.quantize(Decimal(1) if whole else Decimal("0.01")) if abs(value) < 10**12 else None
