"""Files that were sent, by anyone, until the emulator stops."""

from __future__ import annotations

import itertools
import mimetypes
import struct

from .message import SentFile
from .refusals import bad_request

UPLOAD_LIMIT = 50 * 1024 * 1024
PHOTO_LIMIT = 10 * 1024 * 1024
DOWNLOAD_LIMIT = 20 * 1024 * 1024


class Files:
    def __init__(self) -> None:
        self._by_id: dict[str, SentFile] = {}
        self._by_path: dict[str, SentFile] = {}
        self._numbers = itertools.count(1)

    def keep(self, kind: str, name: str, mime: str, content: bytes, size: tuple[int, int] = (0, 0)) -> SentFile:
        number = next(self._numbers)
        suffix = f".{name.rpartition('.')[2]}" if "." in name else mimetypes.guess_extension(mime) or ""
        file = SentFile(
            file_id=f"BQACAgIAAxkBAAI{number:06d}emulated",
            unique_id=f"AgAD{number:06d}",
            kind=kind,
            name=name,
            mime=mime,
            content=content,
            path=f"{kind}s/file_{number}{suffix}",
            width=size[0],
            height=size[1],
        )
        self._by_id[file.file_id] = self._by_path[file.path] = file
        return file

    def by_id(self, file_id: str) -> SentFile | None:
        return self._by_id.get(file_id)

    def by_path(self, path: str) -> SentFile | None:
        return self._by_path.get(path)


def image_size(content: bytes) -> tuple[int, int]:
    """Width and height of a PNG or JPEG in pixels; refused as the server refuses what it cannot read as a picture."""
    if content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
    elif content.startswith(b"\xff\xd8"):
        width, height = _jpeg_size(content)
    else:
        raise bad_request("IMAGE_PROCESS_FAILED")
    if width + height > 10_000 or max(width, height) > 20 * min(width, height):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return width, height


def _jpeg_size(content: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker, length = (content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big"))
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + length
    raise bad_request("IMAGE_PROCESS_FAILED")
