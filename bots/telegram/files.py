"""Fetches what a person sent as a file."""

from dataclasses import dataclass
from typing import Any

import telegram
from telegram.error import BadRequest

LIMIT = 20_000_000
"""Bytes that a bot can fetch (core.telegram.org/bots/api#getfile)."""
NAME_LIMIT = 200


class NotTaken(Exception):
    """The file cannot be had; `code` and `data` say why."""

    def __init__(self, code: str, data: dict[str, Any]) -> None:
        super().__init__(code)
        self.code, self.data = code, data


@dataclass(frozen=True)
class SentFile:
    """A file at Telegram. `size` None: Telegram did not say."""

    id: str
    name: str
    size: int | None


def file_of(message: telegram.Message) -> SentFile | None:
    """The file of a message, a photo in its largest size; None for words."""
    if message.photo:
        largest = message.photo[-1]
        return SentFile(largest.file_id, "photo.jpg", largest.file_size)
    for kind in ("document", "audio", "video", "voice"):
        file = getattr(message, kind)
        if file is not None:
            name = str(getattr(file, "file_name", None) or kind)
            return SentFile(file.file_id, name.replace("\\", "/").rsplit("/", 1)[-1][:NAME_LIMIT], file.file_size)
    return None


async def fetch(bot: telegram.Bot, file: SentFile) -> bytes:
    """Its bytes. Raises NotTaken."""
    if file.size is not None and file.size > LIMIT:
        raise NotTaken("telegram.file_too_large", {"name": file.name, "size": file.size, "limit": LIMIT})
    try:
        there = await bot.get_file(file.id)
        content = bytes(await there.download_as_bytearray(read_timeout=60))
    except BadRequest as refused:
        if "too big" in refused.message.lower():
            size = file.size or LIMIT
            raise NotTaken("telegram.file_too_large", {"name": file.name, "size": size, "limit": LIMIT}) from None
        raise NotTaken("telegram.file_gone", {"name": file.name}) from None
    return content
