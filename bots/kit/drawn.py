"""What every drawing of ours has: 360 wide for a phone, light and dark, words for who does not see it, and nothing from outside as markup."""

from xml.sax.saxutils import escape

from bots.kit import clean

WIDTH, MARGIN = 360, 14
STYLE = "text{font:13px system-ui,sans-serif;fill:#1c2421}.note{font-size:11px;fill:#55625c}"
DARK = "text{fill:#e9eeeb}.note{fill:#a5b2ac}"


def svg(height: float, title: str, description: str, inside: str, style: str, dark: str) -> bytes:
    """The drawing around `inside` (markup, all of whose texts came by `fitting` or `said`); `style` is CSS, `dark` what differs at night."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}" role="img" '
        f'aria-labelledby="t d"><title id="t">{said(title)}</title><desc id="d">{said(description)}</desc>'
        f"<style>:root{{color-scheme:light dark}}{STYLE}{style}@media(prefers-color-scheme:dark){{{DARK}{dark}}}</style>{inside}</svg>"
    ).encode()


def fitting(text: str, wide: float, letter: float) -> str:
    """As much of a text as fits into `wide` pixels, where a letter takes `letter` in the mean."""
    return escape(clean.line(_plain(text), max(3, int((wide - 12) / letter))))


def said(text: str) -> str:
    """All of a text, on one line."""
    return escape(_plain(text))


def _plain(text: str) -> str:
    return " ".join(clean.text(text).split())
