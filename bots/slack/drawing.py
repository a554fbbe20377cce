"""A screen as a message of Slack's: what does not fit shows its beginning, a form is a button that opens it, and what Slack is not given is said."""

from collections.abc import Callable
from typing import Any

from bots.dialogs import rating
from bots.kit.addresses import page
from bots.kit.outbound import Letter
from bots.kit.screen import Block, Button, Paragraph, Screen
from bots.kit.tokens import Tokens
from bots.slack import blocks, modal
from bots.slack.attachments import Attached
from bots.slack.pieces import fits, pieces

QUIET: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False, "parse": "none", "link_names": False}


class Drawing:
    """Draws letters; buttons carry tokens that are bound to their chat."""

    def __init__(self, tokens: Tokens, public_url: str | None) -> None:
        self._tokens, self._public_url = tokens, public_url

    def message(self, letter: Letter, attached: Attached) -> dict[str, Any]:
        """What does not fit into one message is shown as far as it goes, with *Read all* in the place of the other buttons."""
        screen, say = self._in_words(letter, attached), letter.say
        if not fits(screen, say):
            parts = pieces(screen, say)
            note = Paragraph(text=say("slack.part", part=1, parts=len(parts)), muted=True)
            read = Button(label=say("slack.read_all", n=len(parts)), action="slack.read", style="primary")
            screen = screen.model_copy(update={"blocks": (*parts[0].blocks, note), "buttons": ((read,),)})
        made = blocks.drawn(screen.blocks, say)
        if attached.picture is not None:
            made.append(attached.picture)
        made += blocks.buttons(screen.buttons, self._token(letter), self._address, say.place.language)
        made += self._rating(letter)
        return {
            "text": blocks.fallback(screen),
            "blocks": made or [{"type": "section", "text": blocks.plain("…")}],
            **QUIET,
        }

    def _rating(self, letter: Letter) -> list[dict[str, Any]]:
        """Under what a run gave: whether it helped, as the small buttons that Slack has for that."""
        delivery = letter.delivery
        if delivery.subject_kind != "run" or letter.screen.tone != "done" or letter.room is not None:
            return []
        return blocks.rating(*rating.ask(letter.say, delivery.subject_id), self._token(letter))

    def controls(self, letter: Letter) -> list[dict[str, Any]]:
        """The buttons alone."""
        return blocks.buttons(letter.screen.buttons, self._token(letter), self._address, letter.say.place.language)

    def _token(self, letter: Letter) -> Callable[[Button], str]:
        return lambda button: self._tokens.pack(button, letter.link.id)

    def _address(self, url: str) -> str | None:
        return page(url, self._public_url)

    def _in_words(self, letter: Letter, attached: Attached) -> Screen:
        screen, say = letter.screen, letter.say
        more: list[Block] = []
        rows = list(screen.buttons)
        if screen.form is not None:
            try:
                modal.check(screen.form)
                rows.insert(0, (Button(label=say("slack.form.open"), action="slack.form", style="primary"),))
            except modal.NotHere as elsewhere:
                more.append(Paragraph(text=say(elsewhere.code)))
                if self._address("/"):
                    rows.insert(0, (Button(label=say("slack.form.open_page"), url="/", style="primary"),))
        if screen.accepts_file:
            rows.insert(0, (Button(label=say("slack.file.open"), action="slack.file", style="primary"),))
        picture = screen.picture if screen.document is None else None
        if picture is not None and picture.alt and picture.kind == "photo":
            more.append(Paragraph(text=picture.alt, muted=True))
        if attached.missing:
            more.append(Paragraph(text=say("slack.file_elsewhere"), muted=True))
        return screen.model_copy(update={"blocks": (*screen.blocks, *more), "buttons": tuple(rows), "form": None})
