"""Pictures and files of ours at Slack, by the upload in three steps (docs.slack.dev/messaging/working-with-files). A picture becomes a block of its message; a
file is shared beneath it. What Slack does not take is said in words instead."""

import asyncio
import logging
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bots.kit import clean, raster
from bots.kit.outbound import Letter, SlowDown
from bots.kit.parts import Parts
from bots.slack.teams import AWAY, Refusal, Team, Teams

log = logging.getLogger(__name__)
ALT, TITLE = 2000, 200
PICTURES = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"GIF8": "gif"}
"""What an image block shows, by how it begins."""
LONGEST_SIDE = 6000
KEPT = 500
SHARE_PAUSES = (0.5, 2.0, 5.0)


@dataclass(frozen=True)
class Attached:
    """What belongs to a message: a block that shows a picture, the id of a file that is shared beneath it, or neither, because Slack took it not (`missing`)."""

    picture: dict[str, Any] | None = None
    file: str | None = None
    missing: bool = False


class Attachments:
    """Brings them there. A picture that was brought once is not brought again by this process."""

    def __init__(self, parts: Parts, teams: Teams) -> None:
        self._parts, self._teams = parts, teams
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def of(self, letter: Letter, team: Team, new_file: bool) -> Attached:
        """Brings what belongs to the screen to Slack; nothing is seen of it there yet. A file only where it is a `new_file`. Raises SlowDown, NotInstalled, and
        connection errors as they are: nothing was sent then."""
        screen = letter.screen
        if screen.document is None and screen.picture is None:
            return Attached()
        try:
            if screen.document is not None:
                return Attached(file=await self._file(letter, team) if new_file else None)
            return Attached(picture=await self._picture(letter, team))
        except (Refusal, ValueError) as refused:
            log.warning("Slack took a picture or a file not: %s", refused, extra={"delivery": str(letter.delivery.id)})
            return Attached(missing=True)

    async def share(self, team: Team, channel: str, thread: str | None, file: str, title: str) -> bool:
        """Shows a file that was brought before; False when that did not do, for now a message stands there without it."""
        place = {"channel_id": channel, **({"thread_ts": thread} if thread else {})}
        named = [{"id": file, "title": clean.cut(title, TITLE)}]
        for pause in (*SHARE_PAUSES, None):
            with suppress(SlowDown, *AWAY):
                try:
                    await self._teams.ask(team, "files.completeUploadExternal", files=named, **place)
                except Refusal as refused:
                    log.warning("Slack shared a file not: %s", refused)
                    return False
                return True
            if pause is not None:
                await asyncio.sleep(pause)
        return False

    def forget(self, team: Team, letter: Letter) -> None:
        """The picture is brought anew the next time: Slack does not know it any more."""
        if letter.screen.picture is not None:
            self._known.pop((team.id, letter.screen.picture.blob), None)

    async def _file(self, letter: Letter, team: Team) -> str:
        document = letter.screen.document
        assert document is not None
        content = await self._parts.hop(self._bytes, letter, document.blob)
        return await self._bring(team, document.name, content)

    async def _picture(self, letter: Letter, team: Team) -> dict[str, Any]:
        picture = letter.screen.picture
        assert picture is not None
        place = (team.id, picture.blob)
        known = self._known.get(place)
        if known is None:
            content = await self._parts.hop(self._pixels, letter)
            known = await self._bring(team, f"picture.{_suffix(content)}", content)
            named = [{"id": known, "title": clean.cut(picture.alt or "Nod", TITLE)}]
            await self._teams.ask(team, "files.completeUploadExternal", files=named)
            self._known[place] = known
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        alt = clean.cut(clean.line(picture.alt), ALT, clean.utf16) or "Nod"
        return {"type": "image", "slack_file": {"id": known}, "alt_text": alt}

    async def _bring(self, team: Team, name: str, content: bytes) -> str:
        promised = await self._teams.ask(team, "files.getUploadURLExternal", filename=name, length=len(content))
        await self._teams.hand_over(str(promised["upload_url"]), content)
        return str(promised["file_id"])

    def _bytes(self, letter: Letter, blob: str) -> bytes:
        return self._parts.storage.blobs(letter.delivery.workspace_id, letter.delivery.user_id).get(blob)

    def _pixels(self, letter: Letter) -> bytes:
        picture = letter.screen.picture
        assert picture is not None
        content = self._bytes(letter, picture.blob)
        if picture.kind == "photo":
            return content
        sharp = raster.SHARP if raster.height(content) * raster.SHARP <= LONGEST_SIDE else raster.ENOUGH
        return raster.png(content, sharp)


def _suffix(content: bytes) -> str:
    """Raises ValueError for what no image block shows."""
    found = next((suffix for begin, suffix in PICTURES.items() if content.startswith(begin)), None)
    if found is None:
        raise ValueError("not a picture that Slack shows")
    return found
